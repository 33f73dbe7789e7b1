"""Which sample was learnt from, which one chose, which one judged: kept with the run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from graft.errors import GraftError
from graft.runs.atomic import replacing

_NAMED = 3  # samples to name in a message


def save_splits(path: Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Writes a table of `id` and `split`."""
    import pyarrow as pa  # heavy, and the folder of a run is opened before anything heavy is needed
    import pyarrow.parquet as pq

    ids = [name for names in splits.values() for name in names]
    labels = [split for split, names in splits.items() for _ in names]
    with replacing(path) as temporary:
        pq.write_table(pa.table({"id": ids, "split": labels}), temporary)


def check_splits(path: Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Makes sure that the data are split as when the run began.

    Raises:
        GraftError: They are not: samples came, went or changed sides, and a test would hold what was learnt from.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    before = dict(zip(table["id"].to_pylist(), table["split"].to_pylist(), strict=True))
    now = {name: split for split, names in splits.items() for name in names}
    changes = {
        "new": [name for name in now if name not in before],
        "gone": [name for name in before if name not in now],
        "in another split": [name for name in now if name in before and now[name] != before[name]],
    }
    if any(changes.values()):
        said = "; ".join(f"{len(names)} {what} ({_some(names)})" for what, names in changes.items() if names)
        raise GraftError(
            f"the data are not those that the run in {path.parent} began with, and are split otherwise: {said}. Put"
            " them back as they were, or start a new run."
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
