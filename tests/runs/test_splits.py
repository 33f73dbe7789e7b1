import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graft.errors import GraftError
from graft.runs.splits import check_splits, save_splits

SPLITS = {"train": ["a", "b", "ü"], "val": ["c"], "test": ["d"]}


def test_the_same_splits_pass_in_any_order(tmp_path):
    save_splits(tmp_path / "splits.parquet", SPLITS)
    check_splits(tmp_path / "splits.parquet", {**SPLITS, "train": ["ü", "a", "b"]})


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ({**SPLITS, "test": ["d", "e"]}, r"1 new \(e\)"),
        ({**SPLITS, "train": ["a"]}, r"2 gone \(b, ü\)"),
        ({"train": ["b", "ü", "d"], "val": ["c"], "test": ["a"]}, r"2 in another split"),
    ],
)
def test_other_data_or_other_splits_are_an_error_that_names_them(tmp_path, now, message):
    save_splits(tmp_path / "splits.parquet", SPLITS)
    with pytest.raises(GraftError, match=message):
        check_splits(tmp_path / "splits.parquet", now)


class Names(list):
    """As a datamodule gives them."""

    digests = None


def test_samples_with_another_content_are_an_error(tmp_path):
    train = Names(["a", "b"])
    train.digests = np.array([1, 2**63], dtype=np.uint64)
    save_splits(tmp_path / "splits.parquet", {"train": train, "test": ["c"]})
    check_splits(tmp_path / "splits.parquet", {"train": train, "test": ["c"]})
    train.digests = np.array([1, 3], dtype=np.uint64)
    with pytest.raises(GraftError, match=r"1 with another content \(b\)"):
        check_splits(tmp_path / "splits.parquet", {"train": train, "test": ["c"]})


def test_a_run_from_before_there_were_digests_goes_on(tmp_path):
    names = Names(["a"])
    names.digests = np.array([1], dtype=np.uint64)
    pq.write_table(pa.table({"id": ["a"], "split": ["train"]}), tmp_path / "splits.parquet")
    check_splits(tmp_path / "splits.parquet", {"train": names})
