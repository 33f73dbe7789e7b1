"""The pictures of a report: learning curves, choices, and what predictions are worth."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

from graft.data.table import Kind
from graft.reports.choices import of_choices
from graft.reports.contents import Contents, Floats
from graft.reports.drawing import INK, PALETTE, RING, legend_below, new_axes, style, thinned
from graft.reports.judging import LEAST_TEMPERATURE, MOST_TEMPERATURE, fitted_temperature, reliability
from graft.reports.wording import label, short

CURVES = 6  # classes that a picture shows one by one
_SCATTERED = 1500
_SPLIT_NAMES = {"train": "training", "val": "validation"}


def figures(contents: Contents) -> dict[str, Figure]:
    """Draws what a run has come to; each picture by the title that it bears on the page."""
    drawn: dict[str, Figure] = {}
    with style():
        for metric in dict.fromkeys(("loss", contents.monitored)):
            if any(_moves(contents, f"{split}/{metric}") for split in ("train", "val")):
                drawn[f"Learning curves: {label(metric)}"] = learning_curves(contents, metric)
        drawn |= {f"Choices: {title}": figure for title, figure in of_choices(contents)}
        if contents.predictions:
            drawn |= _of_predictions(contents)
    return drawn


def _moves(contents: Contents, metric: str) -> bool:
    """Whether there is a curve, and not the one point of a head that was solved for."""
    return metric in contents.history and (contents.summary.get("steps", 1) > 0)


def _of_predictions(contents: Contents) -> dict[str, Figure]:
    if contents.kind is Kind.REGRESSION:
        shown = enumerate(contents.classes[:CURVES])
        return {f"Predicted and true values: {name}": predicted_and_true(contents, row) for row, name in shown}
    curves = {"ROC curves": roc_curves(contents), "Precision and recall": precision_recall_curves(contents)}
    if contents.kind is Kind.SINGLE_LABEL:
        curves["Reliability"] = reliability_diagram(contents)
    return curves


def learning_curves(contents: Contents, metric: str) -> Figure:
    """Draws a metric of training and validation over optimizer steps; ringed, where the best checkpoint was taken."""
    figure, axes = new_axes()
    for split in ("train", "val"):
        if f"{split}/{metric}" in contents.history:
            steps, values = (thinned(each) for each in contents.history[f"{split}/{metric}"])
            axes.plot(steps + 1, values, label=_SPLIT_NAMES[split], marker="." if len(steps) < 40 else "")
    if metric == contents.monitored and contents.monitor in contents.history:
        step, value = _best(contents)
        axes.plot([step + 1], [value], color=INK, label="best checkpoint", **RING)
    axes.set(xlabel="optimizer steps", ylabel=label(metric))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    legend_below(figure, axes, columns=3)
    return figure


def roc_curves(contents: Contents) -> Figure:
    """Draws true against false positives, one class against the rest; dotted, what chance would give."""
    figure, axes = new_axes()
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for name, positive, score in _one_against_rest(contents):
        false, true, _ = roc_curve(positive, score)
        axes.plot(thinned(false), thinned(true), label=f"area {auc(false, true):.3f}: {short(name)}")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    legend_below(figure, axes)
    return figure


def precision_recall_curves(contents: Contents) -> Figure:
    """Draws precision against recall, one class against the rest; dotted, what chance would give."""
    figure, axes = new_axes()
    for number, (name, positive, score) in enumerate(_one_against_rest(contents)):
        precision, recall, _ = precision_recall_curve(positive, score)
        area, colour = average_precision_score(positive, score), PALETTE[number]
        beside = f"average precision {area:.3f}: {short(name)}"
        axes.plot(thinned(recall), thinned(precision), color=colour, label=beside)
        axes.axhline(positive.mean(), color=colour, linewidth=0.8, linestyle=":")
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    legend_below(figure, axes)
    return figure


def reliability_diagram(contents: Contents) -> Figure:
    """Draws accuracy against confidence, as it is and with the temperature that fits the validation split."""
    figure, axes = new_axes()
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    predicted = contents.predictions[contents.split]
    as_is = reliability(predicted)
    axes.plot(as_is.confidence, as_is.accuracy, marker="o", label=f"calibration error {as_is.error:.3f}: as it is")
    if contents.split != "val" and "val" in contents.predictions:
        temperature = fitted_temperature(contents.predictions["val"])
        scaled = reliability(predicted, temperature)
        beside = f"calibration error {scaled.error:.3f}: with temperature {_bounded(temperature)}"
        axes.plot(scaled.confidence, scaled.accuracy, marker="s", label=beside)
    axes.bar(as_is.confidence, as_is.share, width=0.02, color=INK, alpha=0.25, label="share of samples, as it is")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(-0.01, 1.01), ylim=(0, 1.01))
    legend_below(figure, axes)
    return figure


def predicted_and_true(contents: Contents, number: int) -> Figure:
    """Draws predicted against true values; dotted, where they are equal.

    Args:
        contents: Of the run.
        number: Of the value, where there are several.
    """
    figure, axes = new_axes()
    predicted = contents.predictions[contents.split]
    rows = np.linspace(0, len(predicted.target) - 1, min(len(predicted.target), _SCATTERED)).astype(int)
    true, said = predicted.target[rows, number], predicted.values[rows, number]
    ends = [min(true.min(), said.min()), max(true.max(), said.max())]
    axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle=":")
    axes.plot(true, said, linestyle="", marker=".", alpha=0.5)
    name = short(contents.classes[number])
    axes.set(xlabel=f"true {name}", ylabel=f"predicted {name}")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    return figure


def _bounded(temperature: float) -> str:
    """The temperature, unless it is a bound of the search: then no finite one, or none above 0, is the best."""
    if not LEAST_TEMPERATURE * 1.01 < temperature < MOST_TEMPERATURE / 1.01:
        return f"> {MOST_TEMPERATURE:.0f}" if temperature > 1 else f"< {LEAST_TEMPERATURE:.2f}"
    return f"{temperature:.2f}"


def _best(contents: Contents) -> tuple[float, float]:
    """Optimizer step and value of the best checkpoint: of equal ones the first."""
    steps, values = contents.history[contents.monitor]
    best = int((values if contents.mode == "min" else -values).argmin())
    return float(steps[best]), float(values[best])


def _one_against_rest(contents: Contents) -> Iterator[tuple[str, Floats, Floats]]:
    """Gives name, truth (n,) of 0 and 1, and score (n,) of the classes to show: those with most samples.

    Of two classes only the second: the curve of the other says the same.
    """
    predicted = contents.predictions[contents.split]
    single = contents.kind is Kind.SINGLE_LABEL
    truth = np.eye(len(contents.classes))[predicted.target] if single else predicted.target
    numbers = np.argsort(-truth.sum(axis=0), kind="stable")[:CURVES]
    if single and len(contents.classes) == 2:
        numbers = np.array([1])
    for number in numbers.tolist():
        if 0 < truth[:, number].sum() < len(truth):  # else neither curve exists
            yield contents.classes[number], truth[:, number], predicted.values[:, number]
