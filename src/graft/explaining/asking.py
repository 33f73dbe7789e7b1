"""The network as it is asked for explanations: the numbers that are explained."""

from types import ModuleType
from typing import Any, cast

from torch import Tensor

from graft.data.table import Kind
from graft.errors import GraftError
from graft.tasks import Supervised


def captum() -> ModuleType:
    """Imports `captum.attr`.

    Raises:
        GraftError: The extra is not installed.
    """
    try:
        import captum.attr
    except ImportError as error:
        raise GraftError("graft explain needs the extra `explain`: pip install 'graft[explain]'") from error
    return cast("ModuleType", captum.attr)


def scores(task: Supervised, inputs: Any) -> Tensor:
    """Returns what is explained, `(batch, outputs)`: logits, or values in the unit of the targets.

    Not `task(…)`, which runs a frozen backbone by a copy that no gradient reaches.
    """
    outputs: Tensor = task.head(task.backbone(inputs)).float()
    return task.predict(outputs) if task.kind is Kind.REGRESSION else outputs
