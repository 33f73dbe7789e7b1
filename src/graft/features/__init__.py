"""Activations of a frozen network, computed once."""
