"""How long one waits for an answer that needs no network: help, a configuration, a completion, a mistake.

    python benchmarks/start_up.py

Each is a process of its own, timed whole, in turn, beside a Python that imports torch and does nothing; medians.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

TURNS = 9
GRAFT = str(Path(sys.executable).with_name("graft"))
COMMANDS = {
    "graft --help": [GRAFT, "--help"],
    "graft train --help": [GRAFT, "train", "--help"],
    "graft train --cfg job": [GRAFT, "train", "--cfg", "job"],
    "completion of a key": [GRAFT, "-sc", "query=bash"],
    "a value of the wrong type": [GRAFT, "train", "optimizer.lr=high"],
    "a key that does not exist": [GRAFT, "train", "trainer.max_epoch=3"],
    "a choice that does not exist": [GRAFT, "train", "backbone=resnet81"],
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
}


def main():
    seconds = {name: [] for name in COMMANDS}
    typed = os.environ | {"COMP_LINE": "graft train optimizer.", "COMP_POINT": "22"}
    for _ in range(TURNS):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, env=typed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - started)
    for name, turns in seconds.items():
        print(f"{name:<30}{statistics.median(turns):6.2f} s")


if __name__ == "__main__":
    main()
