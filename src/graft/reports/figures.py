"""The pictures of a report, by matplotlib: without a window, in the colours of the page that they lie in."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

from graft.data.table import Kind
from graft.reports.contents import Contents, Floats
from graft.reports.judging import fitted_temperature, reliability

_INK = "#010203"  # stands for the colour of the page's text
_PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito: for all eyes
_POINTS = 600  # of a curve; more are not seen and make the page heavy
_CURVES = 6  # classes that a picture shows one by one
_SCATTERED = 1500


@contextmanager
def style() -> Iterator[None]:
    """Sets what all pictures share."""
    keys = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    own: Any = {
        **dict.fromkeys(keys, _INK),
        "svg.fonttype": "none",  # text stays text: it is found, copied and read out
        "svg.hashsalt": "graft",
        "text.parse_math": False,  # a dollar in the name of a class is a dollar
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=_PALETTE),
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "legend.frameon": False,
        "lines.linewidth": 1.8,
    }
    with mpl.rc_context(own):
        yield


def figures(contents: Contents) -> dict[str, Figure]:
    """Draws what a run has come to; each picture by the title that it bears on the page."""
    drawn: dict[str, Figure] = {}
    with style():
        if any(name.endswith("/loss") for name in contents.history):
            drawn["Learning curves"] = learning_curves(contents)
        if contents.predictions:
            drawn |= _of_predictions(contents)
    return drawn


def _of_predictions(contents: Contents) -> dict[str, Figure]:
    if contents.kind is Kind.REGRESSION:
        return {"Predicted and true values": predicted_and_true(contents)}
    curves = {"ROC curves": roc_curves(contents), "Precision and recall": precision_recall_curves(contents)}
    if contents.kind is Kind.SINGLE_LABEL:
        curves["Reliability"] = reliability_diagram(contents)
    return curves


def as_svg(figure: Figure, label: str) -> str:
    """Returns a picture as an SVG element; its ink is the text colour of the page around.

    Args:
        figure: The picture.
        label: What it shows, for those who do not see it.
    """
    buffer = io.StringIO()
    with style():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Pictures on one page must not share names of their parts.
    prefix = re.sub(r"\W+", "-", label.lower())
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def learning_curves(contents: Contents) -> Figure:
    """Draws loss and monitored metric of training and validation over optimizer steps."""
    figure, (left, right) = _axes(2)
    metric = contents.monitor.split("/", 1)[1]
    for axes, name in ((left, "loss"), (right, metric)):
        for split in ("train", "val"):
            if f"{split}/{name}" in contents.history:
                steps, values = (_thinned(each) for each in contents.history[f"{split}/{name}"])
                axes.plot(steps + 1, values, label=split, marker="." if len(steps) < 40 else "")
        axes.set(xlabel="optimizer steps", ylabel=name)
        axes.legend()
    if name == "loss":  # the monitored metric is the loss
        figure.delaxes(right)
    return figure


def roc_curves(contents: Contents) -> Figure:
    """Draws true against false positives, one class against the rest."""
    figure, (axes,) = _axes(1)
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
    for name, positive, score in _one_against_rest(contents):
        false, true, _ = roc_curve(positive, score)
        axes.plot(_thinned(false), _thinned(true), label=f"{name} (area {auc(false, true):.3f})")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.legend(loc="lower right")
    return figure


def precision_recall_curves(contents: Contents) -> Figure:
    """Draws precision against recall, one class against the rest; dotted, what chance would give."""
    figure, (axes,) = _axes(1)
    for number, (name, positive, score) in enumerate(_one_against_rest(contents)):
        precision, recall, _ = precision_recall_curve(positive, score)
        area, colour = average_precision_score(positive, score), _PALETTE[number]
        axes.plot(_thinned(recall), _thinned(precision), color=colour, label=f"{name} (average {area:.3f})")
        axes.axhline(positive.mean(), color=colour, linewidth=0.8, linestyle=":")
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.legend(loc="lower left")
    return figure


def reliability_diagram(contents: Contents) -> Figure:
    """Draws accuracy against confidence, as it is and with the temperature that fits the validation split."""
    figure, (axes,) = _axes(1)
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
    predicted = contents.predictions[contents.split]
    as_is = reliability(predicted)
    axes.plot(as_is.confidence, as_is.accuracy, marker="o", label=f"as it is (error {as_is.error:.3f})")
    if contents.split != "val" and "val" in contents.predictions:
        temperature = fitted_temperature(contents.predictions["val"])
        scaled = reliability(predicted, temperature)
        label = f"temperature {temperature:.2f} (error {scaled.error:.3f})"
        axes.plot(scaled.confidence, scaled.accuracy, marker="s", label=label)
    axes.bar(as_is.confidence, as_is.share, width=0.02, color=_INK, alpha=0.25, label="share of samples")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(-0.01, 1.01), ylim=(0, 1.01))
    axes.legend(loc="upper left")
    return figure


def predicted_and_true(contents: Contents) -> Figure:
    """Draws predicted against true values, a panel for each value."""
    predicted = contents.predictions[contents.split]
    shown = contents.classes[:_CURVES]
    figure, panels = _axes(len(shown))
    rows = np.linspace(0, len(predicted.target) - 1, min(len(predicted.target), _SCATTERED)).astype(int)
    for number, (name, axes) in enumerate(zip(shown, panels, strict=True)):
        true, said = predicted.target[rows, number], predicted.values[rows, number]
        ends = [min(true.min(), said.min()), max(true.max(), said.max())]
        axes.plot(ends, ends, color=_INK, linewidth=0.8, linestyle=":")
        axes.plot(true, said, linestyle="", marker=".", alpha=0.5)
        axes.set(xlabel=f"{name}: true", ylabel="predicted")
    return figure


def _axes(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(4.6 * count, 3.4), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _one_against_rest(contents: Contents) -> Iterator[tuple[str, Floats, Floats]]:
    """Gives name, truth (n,) of 0 and 1, and score (n,) of the classes to show: those with most samples.

    Of two classes only the second: the curve of the other says the same.
    """
    predicted = contents.predictions[contents.split]
    single = contents.kind is Kind.SINGLE_LABEL
    truth = np.eye(len(contents.classes))[predicted.target] if single else predicted.target
    numbers = np.argsort(-truth.sum(axis=0), kind="stable")[:_CURVES]
    if single and len(contents.classes) == 2:
        numbers = np.array([1])
    for number in numbers.tolist():
        if 0 < truth[:, number].sum() < len(truth):  # else neither curve exists
            yield contents.classes[number], truth[:, number], predicted.values[:, number]


def _thinned(values: Floats) -> Floats:
    if len(values) <= _POINTS:
        return values
    thinned: Floats = values[np.linspace(0, len(values) - 1, _POINTS).astype(int)]
    return thinned
