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
