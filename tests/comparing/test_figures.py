import numpy as np
import pytest

from graft.comparing.coordinates import scale
from graft.comparing.figures import learning_curves, score_against
from graft.comparing.grouping import compared
from graft.comparing.reading import read_runs
from graft.reports.drawing import PALETTE, style


@pytest.fixture
def comparison(folder):
    """Eight configurations of a seed each, the best one first and dearest."""
    paths = [folder(n, 0.9 - n / 100, config={"optimizer.lr": n + 1.0}, summary={"seconds": 80 - n}) for n in range(8)]
    return compared(*read_runs(paths), "val/auroc", "max")


def test_the_best_have_colours_and_no_number_of_runs_or_epochs_makes_a_page_heavy(comparison):
    many = compared(comparison.runs * 60, {}, "val/auroc", "max")
    curves = {run.path: [(epoch, 0.5) for epoch in range(1, 5001)] for run in many.runs}
    with style():
        (axes,) = learning_curves(many, curves).axes
    assert [line.get_color() for line in axes.lines[::20]] == list(reversed(PALETTE))
    assert len(axes.lines) == 20 * len(PALETTE)
    assert max(len(line.get_xdata()) for line in axes.lines) <= 200
    (faint,) = axes.collections
    assert len(faint.get_segments()) == 120
    assert max(map(len, faint.get_segments())) <= 60


def test_the_dotted_line_is_the_best_that_so_much_can_buy(comparison):
    with style():
        (axes,) = score_against(comparison, "seconds", "seconds").axes
    (front,) = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert front.get_xdata().tolist() == list(range(73, 81))
    with style():
        (axes,) = score_against(compared(comparison.runs, {}, "val/auroc", "min"), "seconds", "seconds").axes
    (front,) = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert front.get_xdata().tolist() == [73]


def test_half_a_second_is_no_500m(folder):
    runs, _ = read_runs([folder(n, 0.9, config={"optimizer.lr": n}, summary={"seconds": 0.5 + n}) for n in range(2)])
    with style():
        figure = score_against(compared(runs, {}, "val/auroc", "max"), "seconds", "seconds")
    written = figure.axes[0].xaxis.get_major_formatter()
    assert [written(cost) for cost in (0.5, 1.25, 250, 20_000, 3e6)] == ["0.5", "1.25", "250", "20k", "3M"]


def test_a_mean_without_all_its_seeds_is_hollow_and_buys_nothing(folder):
    lacking = [folder(0, 0.9, 0, summary={"seconds": 5}), folder(1, None, 1, state="failed")]
    runs, _ = read_runs([*lacking, folder(2, 0.8, 0, {"optimizer.lr": 0.2}, {"seconds": 7})])
    with style():
        (axes,) = score_against(compared(runs, {}, "val/auroc", "max"), "seconds", "seconds").axes
    (front,) = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert front.get_xdata().tolist() == [7]
    fills = {line.get_xdata()[0]: line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"}
    assert fills == {5: "none", 7: PALETTE[1]}


@pytest.mark.parametrize(
    ("values", "places", "ticks"),
    [
        ([0.0, 0.5, 0.25], [0, 1, 0.5], ["0", "0.25", "0.5"]),
        ([1e-4, 1e-2, 1e-3], [0, 1, 0.5], ["0.0001", "0.001", "0.01"]),
        ([None, 2, 3], [0, 0.14, 1], ["–", "2", "3"]),
        (["b", "a", True], [0.5, 0.1667, 0.8333], ["a", "b", "true"]),
        ([7, None], [0.75, 0.25], ["–", "7"]),
    ],
)
def test_values_stand_where_they_belong(values, places, ticks):
    found = scale(values)
    assert found.places == pytest.approx(places, abs=1e-3)
    assert [found.ticks[place] for place in sorted(found.ticks)] == sorted(ticks, key=ticks.index)
    assert all(0 <= place <= 1 for place in np.array(found.places))
