"""What is learnt: LightningModules over a backbone and a head."""

from graft.tasks.base import Task
from graft.tasks.classification import Classification
from graft.tasks.heads import Head
from graft.tasks.losses import FocalLoss
from graft.tasks.multilabel import MultiLabel
from graft.tasks.neighbours import NearestNeighbours
from graft.tasks.regression import Regression
from graft.tasks.supervised import Supervised

__all__ = ["Classification", "FocalLoss", "Head", "MultiLabel", "NearestNeighbours", "Regression", "Supervised", "Task"]
