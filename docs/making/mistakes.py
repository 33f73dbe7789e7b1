"""Makes docs/errors.md: mistakes, each made for real, with what Graft says to it.

    python docs/making/mistakes.py

Commands run in this process, one after another, each in an empty folder; nothing is fetched. A test makes those again
that need no data, and some of the others, and compares.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import files
from calling import called, elsewhere, without
from files import RUN, flowers, tickets, trained

PAGE = Path(__file__).resolve().parents[1] / "errors.md"
IMAGES = "graft train datamodule=image_folder datamodule.root=data/flowers"
TEXTS = "graft train datamodule=text_table datamodule.path=tickets.csv"


@dataclass(frozen=True)
class Mistake:
    """A command line that goes wrong.

    Attributes:
        what: The mistake, in a few words.
        line: As typed.
        before: Makes the files that it needs, in the folder that it is given; `None`: it needs none.
        lacks: A package that is not to be installed.
    """

    what: str
    line: str
    before: Callable[[Path], None] | None = None
    lacks: str | None = None


MISTAKES: dict[str, list[Mistake]] = {
    "On the command line": [
        Mistake("a command that is none", "graft tran"),
        Mistake("a choice that is none", "graft train backbone=resnet81"),
        Mistake("a key that is none", "graft train optimizer.lrr=1e-3"),
        Mistake("the wrong type", "graft train seed=abc"),
        Mistake("out of range", "graft train task.head.dropout=1.5"),
        Mistake("a number for a name", "graft train name=2026"),
        Mistake("special characters, not quoted", "graft train 'name=cells [2]'"),
        Mistake("several values without `-m`", "graft train seed=1,2"),
        Mistake("a comma in a path", f"{IMAGES}/pale,red"),
        Mistake("a group switched off", "graft train logger=null"),
        Mistake("a metric that is not computed", "graft train monitor=val/acc"),
    ],
    "In a sweep": [
        Mistake("a grid over an interval", "graft train sweep=grid 'optimizer.lr=interval(1e-4,1e-1)'"),
        Mistake("choosing by the test split", "graft train sweep=tpe test=true"),
        Mistake("comparing what is not there", "graft compare logs/sweeps/flowers"),
    ],
    "In the data": [
        Mistake("no data named", "graft train datamodule=image_folder"),
        Mistake("a folder that is not there", IMAGES.replace("flowers", "flower"), flowers),
        Mistake("one class only", IMAGES, files.one_class),
        Mistake("an empty class", IMAGES, files.empty_class),
        Mistake("a broken image", IMAGES, files.broken_image),
        Mistake("several at once", IMAGES, files.several_faults),
        Mistake("too few of a class to split", IMAGES, files.few_of_a_class),
        Mistake("a class in `val/` that `train/` lacks", IMAGES, files.unknown_class),
        Mistake("a column that is none", f"{TEXTS} backbone=minilm datamodule.columns.sample=txt", tickets),
        Mistake("another separator", f"{TEXTS} backbone=minilm", files.bars),
        Mistake("words, where values are learnt", f"{TEXTS} backbone=minilm task=regression monitor=val/r2", tickets),
        Mistake(
            "values, where classes are learnt", f"{TEXTS} backbone=minilm datamodule.columns.labels=hours", tickets
        ),
        Mistake("texts for a network of images", TEXTS, tickets),
    ],
    "In the network": [
        Mistake("a model that timm has not", "graft train backbone=timm backbone.model=resnet19", flowers),
        Mistake("weights from the hub, without a network", "graft train backbone=resnet18", flowers),
        Mistake("a weights file that is not there", "graft train backbone.weights=mine.safetensors", flowers),
        Mistake("weights of another network", "graft train backbone.weights=mine.safetensors", files.other_weights),
        Mistake("more stages than there are", "graft train strategy=layerwise strategy.k=99", flowers),
        Mistake("a penalty on what does not learn", "graft train penalty=l2sp", flowers),
        Mistake("an extra that is not installed", "graft train strategy=lora", flowers, lacks="peft"),
        Mistake("a GPU where there is none", f"{IMAGES} trainer=gpu", flowers),
        Mistake("W&B online without a key", f"{IMAGES} logger.wandb.mode=online", flowers),
    ],
    "With a run": [
        Mistake("a run that is not there", "graft train resume=logs/runs/flowers/frist", trained),
        Mistake("another choice for a run that goes on", f"graft train resume={RUN} backbone=resnet18", trained),
        Mistake("a folder that holds a run", f"graft train hydra.run.dir={RUN}", trained),
        Mistake("data that moved", f"graft evaluate run={RUN}", files.moved_data),
        Mistake("data that changed", f"graft evaluate run={RUN}", files.changed_data),
        Mistake("a damaged checkpoint", f"graft predict run={RUN} inputs=data/flowers", files.damaged_checkpoint),
        Mistake("inputs that are not there", f"graft predict run={RUN} inputs=photos", trained),
    ],
}


def told(mistake: Mistake, folder: Path) -> tuple[int, str]:
    """Makes a mistake in an empty folder.

    Returns:
        The exit code, and what was said; of paths, the folder's is `…`.
    """
    with elsewhere(folder):
        if mistake.before is not None:
            mistake.before(folder)
        with without(mistake.lacks):
            code, said = called(mistake.line)
    return code, said.replace(str(folder), "…")


def rows() -> Iterator[str]:
    """Yields the lines of the page's tables, making each mistake on the way."""
    for section, mistakes in MISTAKES.items():
        yield f'\n## {section}\n\n<div class="mistakes stacked" markdown>\n'
        yield "| mistake | Graft says | exit code |\n| --- | --- | --- |"
        for mistake in mistakes:
            with tempfile.TemporaryDirectory() as folder:
                yield row(mistake, *told(mistake, Path(folder).resolve()))
        yield "\n</div>"


def row(mistake: Mistake, code: int, said: str) -> str:
    """Returns a line of a table."""
    what = mistake.what + (f": {mistake.lacks}" if mistake.lacks else "")
    return f"| {what}<br>`{mistake.line}` | {_escaped(said)} | {code} |"


def _escaped(text: str) -> str:
    """A text as Markdown shows it, in a cell; what is between backticks is code there too."""
    parts = re.split(r"(`[^`]*`)", text.replace("|", r"\|"))
    parts[::2] = [re.sub(r"([*[\]])", r"\\\1", part.replace("<", "&lt;")) for part in parts[::2]]
    return "<br>".join(line.strip() for line in "".join(parts).splitlines())


HEAD = """\
# Mistakes, and what Graft says

Each of these was made, by a script, and what stands here is what Graft answered: on the error stream, `error: ` before
it, and no traceback. Exit code 2 is a mistake on the command line or in a configuration, found before anything was
made or as soon as it could be; 1 is one in files or on the machine. A defect of Graft's own prints its traceback.

`…` stands for the folder that `graft` was started in. `python docs/making/mistakes.py` makes them all again, a test
some of them.
"""


if __name__ == "__main__":
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HOME": tempfile.mkdtemp()}
    PAGE.write_text(HEAD + "\n".join(rows()) + "\n", encoding="utf-8")
