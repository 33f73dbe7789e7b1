"""Where the time of a run goes, from the shell's view: a bar of parts for each of a few usual runs.

    python benchmarks/where_time_goes.py             docs/images/time.svg and the numbers

Each run is a process of its own. What a run's summary does not count is its start (Python, the libraries, the
configuration) and its report, which is drawn when all has been counted.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from on_any_page import save

PARTS = ("start and report", "setup", "features", "images", "training", "scoring")
RUNS = {  # by name: what is typed, and whether features are known from a run before
    "images: head, nothing known": ([], False),
    "images: head, features known": ([], True),
    "images: 2 epochs of full fine-tuning": (
        ["strategy=full_finetuning", "optimizer.lr=0.0003", "trainer.max_epochs=2"],
        False,
    ),
    "texts: head, nothing known": (["experiment=sentiment"], False),
    "texts: head, features known": (["experiment=sentiment"], True),
}
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "time.svg"


def main():
    arguments = parse()
    shutil.rmtree(arguments.logs, ignore_errors=True)
    measured = {name: measure(arguments.logs / str(row), *RUNS[name]) for row, name in enumerate(RUNS)}
    for name, parts in measured.items():
        print(f"{name:<38}{sum(parts.values()):7.1f} s  ", ", ".join(f"{part} {parts[part]:.1f}" for part in PARTS))
    draw(measured)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks/where_time_goes").absolute())
    return parser.parse_args()


def measure(folder, overrides, known):
    """Seconds by part."""
    if known:
        seconds_of(folder / "before", overrides, folder / "features")
    return seconds_of(folder / "run", overrides, folder / "features")


def seconds_of(folder, overrides, features):
    command = [Path(sys.executable).with_name("graft"), "train", *overrides]
    command += ["callbacks.progress=null", f"hydra.run.dir={folder}", f"cache.folder={features}"]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    whole = time.perf_counter() - started
    summary = json.loads((folder / "summary.json").read_text())
    parts = {part: summary.get(f"seconds/{part}", 0.0) for part in PARTS[1:]}
    return {"start and report": whole - sum(parts.values()), **parts}


def draw(measured):
    mpl.rcParams["svg.hashsalt"] = "graft"
    figure = Figure(figsize=(9, 0.55 * len(measured) + 1.2), layout="constrained")
    axes = figure.subplots()
    names = list(measured)
    left = [0.0] * len(names)
    for part in PARTS:
        seconds = [measured[name][part] for name in names]
        axes.barh(names, seconds, left=left, label=part)
        left = [begin + length for begin, length in zip(left, seconds, strict=True)]
    axes.bar_label(axes.containers[-1], [f"{end:.0f} s" for end in left], padding=3)
    axes.invert_yaxis()
    axes.set_xlabel("seconds, whole process")
    axes.margins(x=0.08)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(PARTS), frameon=False)
    save(figure, PICTURE)


if __name__ == "__main__":
    main()
