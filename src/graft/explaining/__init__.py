"""What a trained network looked at: heat maps of images, attributions of words, and the page of both."""
