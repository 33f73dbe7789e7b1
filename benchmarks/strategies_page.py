"""The measured part of docs/strategies.md and its picture, from benchmarks/results/strategies.csv.

    python benchmarks/strategies_page.py

What stands above the mark in the page is written by hand and stays as it is.
"""

import statistics
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from on_any_page import FAINT, save

from strategies import METHODS, RATES, RESULTS, TASKS, lines

DOCS = Path(__file__).resolve().parents[1] / "docs"
MARK = "<!-- measured: python benchmarks/strategies_page.py -->\n"
SHOTS = ("5", "20", "100", "all")
FAMILIES = {
    "frozen features": ("feature_extraction", "linear_probe", "knn", "feature_extraction, random weights"),
    "everything learns": (
        "full_finetuning",
        "discriminative",
        "full_finetuning + l2sp",
        "lp_ft",
        "lp_ft + wise_ft",
        "gradual_unfreezing",
        "full_finetuning, random weights",
    ),
    "a part learns": ("layerwise", "surgical", "bitfit", "norm_only"),
    "something is added": ("lora", "dora", "ia3"),
}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito: for all eyes


def main():
    results = defaultdict(list)
    for row in lines(RESULTS):
        results[row["data"], row["method"], row["shots"]].append(row)
    page = DOCS / "strategies.md"
    by_hand = page.read_text(encoding="utf-8").split(MARK)[0]
    page.write_text(by_hand + MARK + "\n" + "\n".join(measured(results)), encoding="utf-8")
    draw(results, DOCS / "images" / "strategies.svg")


def measured(results):
    yield "![Accuracy by labelled examples a class, one column for each family of methods](images/strategies.svg)\n"
    for data in TASKS:
        yield f"## `{data}`: accuracy, %\n"
        yield from table(results, data, "test/accuracy")
        yield f"## `{data}`: macro-F1, %\n"
        yield from table(results, data, "test/macro_f1")
        yield f"## `{data}`: cost\n"
        yield from costs(results, data)


def table(results, data, metric):
    yield "| method | 5 a class | 20 | 100 | all |"
    yield "| --- | --- | --- | --- | --- |"
    for method in METHODS:
        cells = [spread([100 * float(row[metric]) for row in results[data, method, shots]]) for shots in SHOTS]
        yield f"| {named(method)} | {' | '.join(cells)} |"
    yield ""


def costs(results, data):
    rates = best_rates(data)
    yield "| method | learning rate | parameters that learn | seconds: 100 a class | all | MiB: 100 a class | all |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for method in METHODS:
        rows = [row for shots in SHOTS for row in results[data, method, shots]]
        size = f"{statistics.median_high([int(row['parameters/trainable']) for row in rows]):,}" if rows else ""
        cells = [
            f"{statistics.median(values):.0f}" if (values := column(results[data, method, shots], name)) else ""
            for name in ("seconds", "memory/peak_mib")
            for shots in ("100", "all")
        ]
        yield f"| {named(method)} | {rates.get(method, '')} | {size} | {' | '.join(cells)} |"
    yield ""


def best_rates(data):
    tried = defaultdict(dict)
    for row in lines(RATES):
        if row["data"] == data:
            tried[row["method"]][row["lr"]] = float(row["val/auroc"])
    return {method: max(scores, key=scores.get) for method, scores in tried.items()}


def column(rows, name):
    return [float(row[name]) for row in rows]


def spread(values):
    if len(values) < 2:
        return f"{values[0]:.1f}" if values else ""
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def named(method):
    first, *rest = method.split(" ")
    return " ".join([f"`{first.rstrip(',')}`{',' if first.endswith(',') else ''}", *rest])


def draw(results, path):
    """One row for each task; in each column one family in colour and all others faintly."""
    keys = {"svg.hashsalt": "graft", "axes.spines.top": False, "axes.spines.right": False, "font.size": 9}
    with mpl.rc_context(keys):
        figure = Figure(figsize=(13, 7.5), layout="tight")
        rows = figure.subplots(len(TASKS), len(FAMILIES), sharey="row")
        for panels, data in zip(rows, TASKS, strict=True):
            for panel, (family, methods) in zip(panels, FAMILIES.items(), strict=True):
                for other in set(METHODS) - set(methods):
                    panel.plot(*curve(results, data, other)[:2], **FAINT, linewidth=0.8, zorder=1)
                for number, method in enumerate(methods):
                    random, colour = "random" in method, COLOURS[number % len(COLOURS)]
                    places, means, deviations = curve(results, data, method)
                    places = [place + 0.05 * (number - len(methods) / 2) for place in places]  # beside one another
                    style = {"color": "#888888" if random else colour, "linestyle": "--" if random else "-"}
                    panel.errorbar(
                        places, means, deviations, label=method, capsize=2, marker="o", markersize=3, **style
                    )
                panel.set_xticks(range(len(SHOTS)), SHOTS)
                panel.set_xlim(-0.4, len(SHOTS) - 0.6)
                if data == next(iter(TASKS)):
                    panel.set_title(family)
                    panel.legend(frameon=False, fontsize=7, loc="lower right")  # of both rows: here there is room
            panels[0].set_ylabel(f"{data}: test accuracy, %")
        figure.supxlabel("labelled examples a class (mean and standard deviation over 5 seeds; all: 2)")
        save(figure, path)


def curve(results, data, method):
    means, deviations, places = [], [], []
    for place, shots in enumerate(SHOTS):
        if values := [100 * value for value in column(results[data, method, shots], "test/accuracy")]:
            places.append(place)
            means.append(statistics.mean(values))
            deviations.append(statistics.stdev(values) if len(values) > 1 else 0.0)
    return places, means, deviations


if __name__ == "__main__":
    main()
