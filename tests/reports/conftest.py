"""What a run might have left, without the run."""

from pathlib import Path

import numpy as np
import pytest

from graft.data.table import Kind
from graft.reports.contents import Contents, Predicted
from graft.runs.status import State, Status


@pytest.fixture
def contents():
    """Makes the contents of a run over given classes; `said`: (n,) predicted classes of as many samples."""

    def make(classes, target, said, **more):
        values = np.full((len(target), len(classes)), 0.1 / len(classes))
        values[np.arange(len(target)), said] += 0.9
        predicted = Predicted(np.array(target), values)
        told = {
            "path": Path("runs/made"),
            "name": "made",
            "status": Status(State.DONE, "2026-11-24T23:13:38+00:00"),
            "config": "",
            "monitor": "val/auroc",
            "mode": "max",
            "summary": {},
            "history": {},
            "sessions": [],
            "kind": Kind.SINGLE_LABEL,
            "classes": list(classes),
            "data": {},
            "stages": [],
            "start": {},
            "stage_choice": {},
            "interpolation": {},
            "forgetting": {},
            "predictions": {"val": predicted, "test": predicted},
            "scores": {"intervals": {}, "facets": {}},
        }
        return Contents(**{**told, **more})

    return make
