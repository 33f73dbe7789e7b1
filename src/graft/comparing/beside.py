"""A second process, which imports scikit-learn while this one reads runs and draws: each takes seconds."""

import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context


@contextmanager
def process_beside() -> Iterator[Executor]:
    """Gives the process; it ends with the block."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        process.submit(_load)
        yield process


def _load() -> None:
    # scikit-learn would import pandas where there is one, for data frames, and it takes a quarter of the time.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        for room in ("ensemble", "model_selection"):
            import_module(f"sklearn.{room}")
    finally:
        del sys.modules["pandas"]
