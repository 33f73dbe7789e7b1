"""What is learnt: LightningModules over a backbone and a head."""

from graft.tasks.base import Task
from graft.tasks.classification import Classification
from graft.tasks.heads import Head

__all__ = ["Classification", "Head", "Task"]
