"""Some steps of a training beforehand, of which nothing stays: what they show, and what they take."""
