"""What trainer.precision=auto costs in accuracy: the same runs in float32, over seeds.

    python benchmarks/precision.py                  head on frozen features and full fine-tuning, images and texts
    python benchmarks/precision.py --seeds 3
    python benchmarks/precision.py --precision bf16-mixed --recipes "texts, frozen"      emulated where it must be

Each seed has a split of its own, which both precisions share, so that differences are of pairs. Full fine-tuning is
short, that all ends in 20 minutes on two cores: what is asked is whether precisions differ, not how good it gets. Where
the processor has no bf16, auto is float32, and all differences are 0.
"""

import argparse
import statistics
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from strategies import sweep

SHORT = ["augmentation=dihedral", "backbone.image_size=96", "trainer.max_epochs=2", "optimizer.lr=0.0003"]
RECIPES = {
    "images, frozen": ["experiment=elpv_feature_extraction"],
    "images, full": ["experiment=elpv_feature_extraction", "strategy=full_finetuning", *SHORT],
    "texts, frozen": ["experiment=sentiment"],
    "texts, full": [
        *("experiment=sentiment", "strategy=full_finetuning", "optimizer.lr=0.0003", "datamodule.shots=200"),
        *("trainer.max_epochs=4", "datamodule.limit=1000"),
    ],
}
QUIET = ["callbacks.progress=null", "callbacks.last=null", "logger.wandb=null", "bootstrap=0"]
METRICS = ("test/accuracy", "test/auroc")


def main():
    arguments = parse()
    precisions = ("32-true", arguments.precision)
    for name in arguments.recipes:
        with ThreadPoolExecutor(len(precisions)) as pool:  # a thread each
            both = pool.map(lambda precision, name=name: scored(arguments, name, RECIPES[name], precision), precisions)
        first, second = both
        for metric in METRICS:
            single, other = ([run[metric] for run in runs] for runs in (first, second))
            apart = [two - one for one, two in zip(single, other, strict=True)]
            said = f"float32 {spread(single)}  {arguments.precision} {spread(other)}  apart {spread(apart)}"
            print(f"{name:<16}{metric:<15}{said}", flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--precision", default="auto", help="beside float32")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks/precision"))
    return parser.parse_args()


def scored(arguments, name, recipe, precision):
    """The summaries of all seeds."""
    seeds = [str(seed) for seed in range(arguments.seeds)]
    own = [*recipe, *QUIET, f"trainer.precision={precision}", "datamodule.split.seed=${seed}"]
    return list(sweep(arguments.logs / name / precision, own, "seed", seeds).values())


def spread(values):
    return f"{100 * statistics.mean(values):6.2f} ± {100 * statistics.stdev(values):.2f} %"


if __name__ == "__main__":
    main()
