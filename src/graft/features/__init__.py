"""Activations of a frozen network, computed once."""

from graft.features.build import parts_with
from graft.features.extract import extract, extracting
from graft.features.key import identity, key_of
from graft.features.parts import Features
from graft.features.store import Store, cache_folder

__all__ = ["Features", "Store", "cache_folder", "extract", "extracting", "identity", "key_of", "parts_with"]
