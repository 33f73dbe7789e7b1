"""What int8 weights of `graft export` cost and gain beside float32: the size, the scores, the speed.

    python benchmarks/int8.py                                     trains both default runs, then measures them
    python benchmarks/int8.py logs/runs/<name>/<date_time> …      runs that are there

Prints the rows of the table in docs/export.md. Size and scores are those of the export, on the validation split. Both
programs are then loaded from their files and timed in turn, with as many threads as torch takes; a speed is float32's
median over int8's. Beside them torchao's int8 of weights and activations, outside of compiled code, as a program is.
Runs and exports that are in --logs already are not made once more.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import torch
from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_, swap_conv2d_1x1_to_linear

from graft.build import build_datamodule
from graft.exporting.examples import real_examples
from graft.exporting.network import Network
from graft.exporting.programs import program_runner
from graft.exporting.quantizing import _is_linear_in_disguise, seconds_of_both
from graft.restoring import restored_task
from graft.runs.folder import RunFolder

GRAFT = Path(sys.executable).with_name("graft")
RUNS = {"elpv": [], "sentiment": ["experiment=sentiment"]}


def main():
    arguments = parse()
    print(f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")
    for run in arguments.runs or [trained(arguments.logs / name, words) for name, words in RUNS.items()]:
        print(measured(run, arguments), flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*", help="folders of finished runs")
    parser.add_argument("--turns", type=int, default=5, help="of 15 batches each")
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks/int8"))
    return parser.parse_args()


def trained(folder, words):
    if not (folder / "summary.json").exists():
        call("train", *words, f"hydra.run.dir={folder}", "callbacks.progress=null", "logger.wandb=null")
    return folder


def call(*words):
    subprocess.run([GRAFT, *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def measured(run, arguments):
    """A row of the table."""
    exports = {name: arguments.logs / "exports" / run.name / name for name in ("float32", "int8")}
    for name, words in (("float32", []), ("int8", ["quantize=int8"])):
        if not exports[name].exists():
            call("export", f"run={run}", "format=torch", *words, f"to={exports[name]}")
    told = json.loads((exports["int8"] / "export.json").read_text())["int8"]
    size = (exports["float32"] / "model.pt2").stat().st_size / 1e6
    scores = [" → ".join(f"{each:.4f}".lstrip("0") for each in told["scores"][name]) for name in ("accuracy", "auroc")]
    cells = [run.name, f"{size:.1f} MB", f"{told['size']:.2f} times", *scores, *speeds(run, exports, arguments.turns)]
    return f"| {' | '.join(cells)} |"


def speeds(run, exports, turns):
    """Of each batch, how many times as fast int8 weights are, and int8 of weights and activations."""
    cfg, task = restored_task(RunFolder.open(run), "best")
    task.float().eval()
    examples = real_examples(build_datamodule(cfg, task.backbone))
    plain, small = (program_runner(exports[name] / "model.pt2") for name in ("float32", "int8"))
    activations = of_activations(Network(task, examples.keys))
    cells = []
    for batch in examples.batches:
        weights, both = (ratio_of_medians(plain, other, batch, turns) for other in (small, activations))
        cells.append(f"{weights:.2f} times (activations too: {both:.2f} times)")
    return cells


def ratio_of_medians(first, second, batch, turns):
    seconds = zip(*(seconds_of_both(first, second, batch) for _ in range(turns)), strict=True)
    slow, quick = map(statistics.median, seconds)
    return slow / quick


def of_activations(network):
    swap_conv2d_1x1_to_linear(network.backbone, _is_linear_in_disguise)
    quantize_(network, Int8DynamicActivationInt8WeightConfig(set_inductor_config=False))

    def run(batch):
        with torch.inference_mode():
            return network(*batch.values())

    return run


if __name__ == "__main__":
    main()
