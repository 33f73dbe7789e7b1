"""No training is lost by its tracker."""

import logging
from typing import Any

from pytorch_lightning.loggers import Logger

_LOG = logging.getLogger(__name__)
_CALLED = ("log_metrics", "log_hyperparams", "log_graph", "save", "finalize", "after_save_checkpoint")


def surviving(logger: Logger) -> Logger:
    """Returns the tracker; where what Lightning calls would raise, it warns from now on, once for each method."""
    for name in _CALLED:
        setattr(logger, name, _Surviving(getattr(logger, name), f"{type(logger).__name__}.{name}"))
    return logger


class _Surviving:
    def __init__(self, method: Any, name: str) -> None:
        self._method = method
        self._name = name
        self._failed = False

    def __call__(self, *arguments: Any, **named: Any) -> None:
        try:
            self._method(*arguments, **named)
        except Exception as error:
            if not self._failed:
                told = f"{type(error).__name__}: {error}"
                _LOG.warning("%s: the tracker failed, the training goes on: %s", self._name, told)
            self._failed = True
