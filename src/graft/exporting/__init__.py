"""A trained network for other programs: ONNX, a program of torch's, tensors that a short script loads, a model card."""
