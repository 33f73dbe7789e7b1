"""Graft: transfer learning from pretrained networks, composed by Hydra and run by Lightning."""
