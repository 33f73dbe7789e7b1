from functools import partial

import pytest
import torch
from torch import nn
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC

from graft.backbones.base import Backbone
from graft.backbones.stages import partition
from graft.strategies import Strategy
from graft.strategies.schedules import constant
from graft.tasks import Classification, Head


class VectorBackbone(Backbone):
    """Takes vectors, not images: the task must not care."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 6), nn.Linear(6, 5)
        self.num_features = 5
        self.stages = partition(self, [["first.weight", "first.bias"], ["second.weight", "second.bias"]])
        self.calls = 0

    def forward(self, inputs):
        self.calls += 1
        return self.second(torch.relu(self.first(inputs)))

    def preprocess(self, train):
        return lambda sample: sample


@pytest.fixture
def make_task():
    def make(train="all", classes=("no", "yes"), looks=None, class_weights=None, **head):
        torch.manual_seed(0)
        backbone = VectorBackbone()
        return Classification(
            backbone=backbone,
            head=Head(backbone.num_features, len(classes), **({"hidden": [], "dropout": 0.0} | head)),
            loss=nn.CrossEntropyLoss(reduction="none"),
            metrics={
                "accuracy": MulticlassAccuracy(num_classes=len(classes), average="micro"),
                "auroc": MulticlassAUROC(num_classes=len(classes)),
            },
            test_time_augmentation=looks or {},
            class_weights=class_weights,
            classes=list(classes),
            strategy=Strategy(
                "s",
                [{"train": train, "epochs": None, "lr_scale": 1.0, "lr_decay": 1.0}],
                [*(stage.name for stage in backbone.stages), "head"],
            ),
            penalties=[],
            optimizer=partial(torch.optim.SGD, lr=0.1, weight_decay=0.01),
            scheduler=constant,
        )

    return make
