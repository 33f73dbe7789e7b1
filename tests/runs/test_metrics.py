import csv
import itertools

import pytest
import torch

from graft.errors import GraftError
from graft.runs.metrics import MetricsCSV


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.csv"


@pytest.fixture
def metrics(path):
    return MetricsCSV(path)


def test_every_row_is_in_the_file_at_once(metrics, path):
    metrics.log_metrics({"train/loss": 0.1, "epoch": 0}, 0)
    assert table(path) == [{"epoch": "0", "step": "0", "train/loss": "0.1"}]
    metrics.log_metrics({"train/loss": torch.tensor(0.5), "epoch": 0}, 1)
    assert table(path)[1] == {"epoch": "0", "step": "1", "train/loss": "0.5"}


def test_what_is_logged_in_parts_for_one_step_is_one_row(metrics, path):
    metrics.log_metrics({"train/loss": 0.1, "epoch": 0}, 0)
    metrics.log_metrics({"lr": 0.01}, 1)
    metrics.log_metrics({"train/loss": 0.2, "epoch": 0}, 1)
    metrics.log_metrics({"val/auroc": 0.9, "epoch": 0}, 1)
    metrics.log_metrics({"lr": 0.02}, 2)
    rows = table(path)
    assert [row["step"] for row in rows] == ["0", "1", "2"]
    assert rows[1] == {"epoch": "0", "step": "1", "train/loss": "0.2", "lr": "0.01", "val/auroc": "0.9"}
    assert rows[0] == {"epoch": "0", "step": "0", "train/loss": "0.1", "lr": "", "val/auroc": ""}


def test_a_second_value_for_one_step_overwrites_nothing(metrics, path):
    metrics.log_metrics({"val/auroc": 0.8}, 4)
    metrics.log_metrics({"val/auroc": 0.9}, 4)
    assert [row["val/auroc"] for row in table(path)] == ["0.8", "0.9"]


def test_metrics_without_a_step_are_kept(metrics, path):
    metrics.log_metrics({"val/auroc": 0.8}, 4)
    metrics.log_metrics({"test/auroc": 0.9})
    assert table(path)[1] == {"epoch": "", "step": "", "val/auroc": "", "test/auroc": "0.9"}


def test_numbers_keep_all_their_digits(metrics, path):
    values = [1 / 3, 1e-30, float("nan"), float("inf"), 7]
    for step, value in enumerate(values):
        metrics.log_metrics({"x": value}, step)
    assert [row["x"] for row in table(path)] == ["0.3333333333333333", "1e-30", "nan", "inf", "7"]


def test_a_name_with_a_comma_and_quotes_is_one_column(metrics, path):
    metrics.log_metrics({'a,"b"': 1.0}, 0)
    metrics.log_metrics({'a,"b"': 2.0}, 1)
    assert [row['a,"b"'] for row in table(path)] == ["1.0", "2.0"]


def test_another_process_goes_on_after_the_last_row(metrics, path):
    metrics.log_metrics({"a": 1.0}, 0)
    again = MetricsCSV(path)
    again.log_metrics({"b": 2.0}, 0)
    again.log_metrics({"a": 3.0}, 1)
    assert table(path) == [
        {"epoch": "", "step": "0", "a": "1.0", "b": "2.0"},
        {"epoch": "", "step": "1", "a": "3.0", "b": ""},
    ]


def test_going_on_from_a_checkpoint_drops_what_came_after_it(metrics, path):
    for step in range(6):
        metrics.log_metrics({"a": float(step)}, step)
    again = MetricsCSV(path)
    again.rewind(3)
    assert [row["step"] for row in table(path)] == ["0", "1", "2"]
    again.log_metrics({"a": 33.0}, 3)
    assert [row["a"] for row in table(path)] == ["0.0", "1.0", "2.0", "33.0"]


def test_rewinding_keeps_all_when_nothing_came_after(metrics, path):
    metrics.log_metrics({"a": 1.0}, 0)
    metrics.log_metrics({"test/a": 1.0})
    before = path.read_bytes()
    metrics.rewind(1)
    assert path.read_bytes() == before


def test_rewinding_without_a_file_makes_none(metrics, path):
    metrics.rewind(5)
    assert not path.exists()


def test_a_row_that_was_cut_short_is_dropped(path):
    path.write_text("epoch,step,a\n0,0,1.0\n0,1,2.")
    MetricsCSV(path).log_metrics({"a": 5.0}, 1)
    assert [row["a"] for row in table(path)] == ["1.0", "5.0"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_kill_at_any_moment_leaves_a_readable_table(path, killed_after):
    start = 0

    def log_for_ever():
        metrics = MetricsCSV(path)
        for step in itertools.count(start):
            metrics.log_metrics({"train/loss": 1 / 3, "epoch": step // 10}, step)
            metrics.log_metrics({"val/auroc": 2 / 3}, step)
            if step % 50 == 0:
                metrics.log_metrics({f"late/{step}": 1.0}, step)

    for attempt in range(15):
        killed_after(0.05 + 0.007 * attempt, path, log_for_ever)
        rows = table(path)
        assert len(rows) >= start  # of none more, where the machine was busy elsewhere
        assert [row["step"] for row in rows] == [str(number) for number in range(len(rows))]
        assert {row["train/loss"] for row in rows} == {repr(1 / 3)}
        unfinished = [row for row in rows if not row["val/auroc"]]
        assert len(unfinished) <= attempt + 1, "at most the one that was killed"
        start = len(rows)
    assert start > 15


@pytest.mark.parametrize("second", [{"a": 2.0}, {"b": 2.0}, {"a": 1.0, "c": 2.0}])
def test_a_full_disk_leaves_the_rows_so_far(metrics, path, full_disk, second):
    metrics.log_metrics({"a": 1.0, "b": 1.0, "c": 3.0}, 0)
    metrics.log_metrics({"a": 1.0}, 1)
    before = path.read_bytes()
    with full_disk(len(before) + 2), pytest.raises(GraftError, match=r"disk full while writing .*metrics.csv"):
        metrics.log_metrics(second, 1)
    assert path.read_bytes() == before
    metrics.log_metrics(second, 1)
    assert "2.0" in table(path)[-1].values()


def test_a_full_disk_leaves_the_rows_so_far_with_a_new_column_too(metrics, path, full_disk):
    metrics.log_metrics({"a": 1.0}, 0)
    before = path.read_bytes()
    with full_disk(len(before)), pytest.raises(GraftError, match="disk full"):
        metrics.log_metrics({"new": 1.0}, 1)
    assert path.read_bytes() == before
    metrics.log_metrics({"new": 1.0}, 1)
    assert table(path)[1]["new"] == "1.0"


def test_other_processes_write_nothing(metrics, path, monkeypatch):
    from pytorch_lightning.utilities import rank_zero_only

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    metrics.log_metrics({"a": 1.0}, 0)
    metrics.rewind(0)
    assert list(path.parent.iterdir()) == []
