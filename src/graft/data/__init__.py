"""What is learnt from: tables of samples, their splits, checks, loaders; one file per kind of source."""

from graft.data.augmentation import OnBatches, chain, mixes
from graft.data.datamodule import DataModule
from graft.data.elpv import ELPV
from graft.data.huggingface import HuggingFace
from graft.data.image_folder import ImageFolder
from graft.data.known import Known
from graft.data.sentiment import Sentiment
from graft.data.streaming import Streaming
from graft.data.tables import ImageTable, TextTable
from graft.data.torchvision_sets import Torchvision

__all__ = [
    "ELPV",
    "DataModule",
    "HuggingFace",
    "ImageFolder",
    "ImageTable",
    "Known",
    "OnBatches",
    "Sentiment",
    "Streaming",
    "TextTable",
    "Torchvision",
    "chain",
    "mixes",
]
