"""Activations of a frozen network, computed once."""

from graft.features.extract import extract

__all__ = ["extract"]
