"""A copy of this repository becomes a project with a name of its own."""
