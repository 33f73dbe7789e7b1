"""Pretrained networks without their heads, behind one contract."""

from graft.backbones.base import Backbone
from graft.backbones.timm import TimmBackbone

__all__ = ["Backbone", "TimmBackbone"]
