"""Which sample was learnt from, which one chose, which one judged: kept with the run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graft.errors import GraftError
from graft.runs.atomic import replacing

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 10_000  # names that are in memory as texts
_NAMED = 3  # samples to name in a message


def save_splits(path: Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Writes a table of `id`, `split` and `digest`.

    Args:
        path: the file.
        splits: names of the samples by split. Where they have `digests`, hashes of the contents (n,), they are kept.
    """
    import pyarrow.parquet as pq  # heavy, and the folder of a run is opened before anything heavy is needed

    with replacing(path) as temporary:
        pq.write_table(_table(splits), temporary)


def check_splits(path: Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Makes sure that the data are, and are split, as when the run began.

    Raises:
        GraftError: They are not: samples came, went, changed sides, so that a test would hold what was learnt from, or
            have another content.
    """
    import pyarrow.parquet as pq

    before, now = pq.read_table(path), _table(splits)
    if "digest" not in before.column_names:  # of an older run
        now = now.drop_columns("digest")
    if before.sort_by("id").equals(now.sort_by("id")):
        return
    changes = _changes(_by_name(before), _by_name(now))
    if any(changes.values()):
        said = "; ".join(f"{len(names)} {what} ({_some(names)})" for what, names in changes.items() if names)
        raise GraftError(
            f"the data are not those that the run in {path.parent} began with: {said}. Put them back as they were, or"
            " start a new run."
        )


def _table(splits: Mapping[str, Sequence[str]]) -> "pa.Table":
    import pyarrow as pa

    parts = []
    for split, names in splits.items():
        digests = getattr(names, "digests", None)
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            hashes = [None] * len(some) if digests is None else digests[start : start + _AT_ONCE]
            columns = [pa.array(some, pa.string()), pa.array([split] * len(some)), pa.array(hashes, pa.uint64())]
            parts.append(pa.table(columns, names=["id", "split", "digest"]))
    return pa.concat_tables(parts)


def _by_name(table: "pa.Table") -> dict[str, tuple[str, int | None]]:
    digests = table["digest"].to_pylist() if "digest" in table.column_names else [None] * len(table)
    return dict(zip(table["id"].to_pylist(), zip(table["split"].to_pylist(), digests, strict=True), strict=True))


def _changes(before: dict[str, tuple[str, int | None]], now: dict[str, tuple[str, int | None]]) -> dict[str, list[str]]:
    both = [(name, before[name], now[name]) for name in now if name in before]
    return {
        "new": [name for name in now if name not in before],
        "gone": [name for name in before if name not in now],
        "in another split": [name for name, old, new in both if old[0] != new[0]],
        "with another content": [name for name, old, new in both if None not in (old[1], new[1]) and old[1] != new[1]],
    }


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
