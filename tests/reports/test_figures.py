import numpy as np
import pytest

from graft.data.table import Kind
from graft.reports.contents import Predicted
from graft.reports.drawing import as_svg, style
from graft.reports.figures import figures, learning_curves
from graft.reports.judging import LEAST_TEMPERATURE, MOST_TEMPERATURE

LONG = "_a name " + "that goes on " * 9


def legend(figure):
    return [text.get_text() for each in figure.legends for text in each.get_texts()]


@pytest.mark.parametrize(("mode", "best"), [("max", (20, 0.9)), ("min", (10, 0.7))])
def test_the_best_checkpoint_is_ringed_the_first_of_equal_ones(contents, mode, best):
    history = {"val/auroc": (np.array([9.0, 19.0, 29.0]), np.array([0.7, 0.9, 0.9]))}
    figure = learning_curves(contents("ab", [0, 1], [0, 1], history=history, mode=mode), "auroc")
    (ring,) = [line for line in figure.axes[0].lines if line.get_label() == "best checkpoint"]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == best


def test_loss_and_monitored_metric_have_a_picture_each_so_that_a_phone_can_show_them(contents):
    history = {name: (np.arange(3.0), np.ones(3)) for name in ("train/loss", "val/loss", "val/auroc", "train/lr")}
    drawn = figures(contents("ab", [0, 1], [0, 1], history=history, predictions={}))
    assert list(drawn) == ["Learning curves: loss", "Learning curves: AUROC"]
    assert all(len(figure.axes) == 1 for figure in drawn.values())
    alone = figures(contents("ab", [0, 1], [0, 1], history=history, predictions={}, monitor="val/loss"))
    assert list(alone) == ["Learning curves: loss"]


def test_no_name_of_a_class_covers_a_curve_or_is_lost(contents):
    with style():
        drawn = figures(contents([LONG, "b", "c"], [0, 1, 2, 0], [0, 1, 2, 1]))
    for title in ("ROC curves", "Precision and recall"):
        axes = drawn[title].axes[0]
        assert axes.get_legend() is None
        assert sorted(text.split(": ")[1][:7] for text in legend(drawn[title])) == ["_a name", "b", "c"]
        drawn[title].draw_without_rendering()
        width = axes.get_window_extent().width / drawn[title].bbox.width
        assert width > 0.8, title


def test_every_value_has_a_picture_of_its_own(contents):
    values = Predicted(np.arange(6.0).reshape(3, 2), np.arange(6.0).reshape(3, 2))
    drawn = figures(contents(["price", "<b>"], [0], [0], kind=Kind.REGRESSION, predictions={"test": values}))
    assert list(drawn) == ["Predicted and true values: price", "Predicted and true values: <b>"]
    assert drawn["Predicted and true values: <b>"].axes[0].get_xlabel() == "true <b>"


def test_a_title_is_escaped_and_its_picture_shares_no_id_with_another(contents):
    drawn = figures(contents("ab", [0, 1], [0, 1]))
    first, second = (as_svg(drawn["ROC curves"], title) for title in ('a "b" <c>', "a  b  c"))
    assert 'aria-label="a &quot;b&quot; &lt;c&gt;"' in first
    assert "#010203" not in first
    assert "currentColor" in first

    def ids(svg):
        return {part.split('"')[0] for part in svg.split(' id="')[1:]}

    assert ids(first)
    assert not ids(first) & ids(second)


@pytest.mark.parametrize(("right", "written"), [(0.501, f"< {LEAST_TEMPERATURE}"), (0.1, f"> {MOST_TEMPERATURE:.0f}")])
def test_a_temperature_that_has_no_bound_is_not_given_one(contents, right, written):
    predicted = Predicted(np.zeros(8, int), np.tile([right, 1 - right], (8, 1)))
    drawn = figures(contents("ab", [0, 1], [0, 1], predictions={"val": predicted, "test": predicted}))
    assert any(text.endswith(f"with temperature {written}") for text in legend(drawn["Reliability"]))


def test_what_was_chosen_is_ringed_among_what_was_tried(contents):
    start = {"setting": "C", "chosen": 0.1, "candidates": [0.01, 0.1, 1.0], "held_out_accuracy": [0.6, 0.8, 0.7]}
    mean = {"chosen": 0.5, "alphas": [0.0, 0.5, 1.0], "values": [0.7, 0.9, 0.8]}
    stages = {"stem": 0.9, "block_1": 0.4}
    told = {"start": start, "stage_choice": stages, "interpolation": mean, "mode": "min", "predictions": {}}
    drawn = figures(contents("ab", [0, 1], [0, 1], **told))
    rings = {
        title: (figure.axes[0].lines[1].get_xdata()[0], figure.axes[0].lines[1].get_ydata()[0], *legend(figure))
        for title, figure in drawn.items()
    }
    assert rings == {
        "Choices: Strength of the head": (0.1, 0.8, "chosen: 0.1"),
        "Choices: Stage": (1, 0.4, "chosen: block_1"),
        "Choices: Mean with the start": (0.5, 0.9, "chosen: 0.5"),
    }


def test_what_was_no_choice_is_not_drawn(contents):
    start = {"setting": "k", "chosen": 9, "candidates": [9], "held_out_accuracy": []}
    assert figures(contents("ab", [0, 1], [0, 1], start=start, predictions={})) == {}


def test_what_was_found_before_the_training_is_drawn_with_a_ring_on_the_curve(contents):
    rate = {"rates": [1e-4, 1e-2, 1.0], "losses": [0.8, 0.4, 9.0], "smoothed": [0.7, 0.5, 8.0], "chosen": 1e-3}
    size = {"sizes": [8, 16, 32], "per_second": [10.0, 18.0, 19.0], "chosen": 32}
    drawn = figures(contents("ab", [0, 1], [0, 1], found={"lr": rate, "batch_size": size}, predictions={}))
    assert list(drawn) == ["Choices: Batch size", "Choices: Learning rate"]
    axes = drawn["Choices: Learning rate"].axes[0]
    (ring,) = [line for line in axes.lines if str(line.get_label()).startswith("chosen")]
    assert (ring.get_xdata()[0], round(float(ring.get_ydata()[0]), 3)) == (1e-3, 0.6)
    assert axes.get_ylim()[1] < 2  # where the loss diverges is no part of it
    assert legend(drawn["Choices: Batch size"]) == ["chosen: 32"]
