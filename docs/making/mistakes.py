"""Makes docs/errors.md: thirty mistakes, each made for real, with what Graft says to it.

    python docs/making/mistakes.py

Commands run in this process, one after another, in an empty folder; nothing is fetched. A test makes those again that
need no data and no network, and compares.
"""

import io
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

PAGE = Path(__file__).resolve().parents[1] / "errors.md"
RUN = "logs/runs/flowers/first"

Preparation = Callable[[Path], None]


@dataclass(frozen=True)
class Mistake:
    """A command line that goes wrong.

    Attributes:
        what: The mistake, in a few words.
        line: As typed.
        before: Makes the files that it needs, in the folder that it is given.
        without: A package that is not to be installed.
    """

    what: str
    line: str
    before: Preparation | None = None
    without: str | None = None

    @property
    def light(self) -> bool:
        """Whether it is found before anything heavy is imported."""
        return self.before is None and self.without is None and not self.line.endswith(" ")


def flowers(folder: Path) -> None:
    """64 small pictures of two classes; the class is the brighter side."""
    from PIL import Image, ImageDraw

    for number in range(64):
        image = Image.new("RGB", (48, 40), (number, 60, 90))
        ImageDraw.Draw(image).rectangle((24 * (number % 2), 0, 24 * (number % 2) + 23, 39), fill=(200, 3 * number, 160))
        path = folder / "data" / "flowers" / ("rose", "tulip")[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)


def one_class(folder: Path) -> None:
    flowers(folder)
    shutil.rmtree(folder / "data/flowers/tulip")


def empty_class(folder: Path) -> None:
    flowers(folder)
    (folder / "data/flowers/lily").mkdir()


def broken_image(folder: Path) -> None:
    flowers(folder)
    path = folder / "data/flowers/rose/02.png"
    path.write_bytes(path.read_bytes()[:60])


def few_of_a_class(folder: Path) -> None:
    flowers(folder)
    for path in sorted((folder / "data/flowers/tulip").iterdir())[2:]:
        path.unlink()


def unknown_class(folder: Path) -> None:
    """A validation split with a class that the training split has not."""
    flowers(folder)
    for split in ("train", "val"):
        shutil.copytree(folder / "data/flowers", folder / "data" / "split" / split)
    (folder / "data/split/train/tulip").rename(folder / "data/split/train/lily")
    shutil.rmtree(folder / "data/flowers")
    (folder / "data/split").rename(folder / "data/flowers")


def tickets(folder: Path, separator: str = ",") -> None:
    """A table of 60 texts with a class and a number each."""
    rows = [f"the {('bill', 'parcel')[row % 2]} of order {row} is wrong" for row in range(60)]
    lines = [separator.join((text, ("billing", "delivery")[row % 2], f"{row * 0.7:.1f}")) for row, text in enumerate(rows)]
    (folder / "tickets.csv").write_text("\n".join([separator.join(("text", "label", "hours")), *lines]))


def semicolons(folder: Path) -> None:
    tickets(folder, ";")


def trained(folder: Path) -> None:
    """A finished run on the flowers."""
    flowers(folder)
    words = f"train datamodule=image_folder datamodule.root=data/flowers name=flowers hydra.run.dir={RUN}"
    small = "backbone=timm backbone.model=test_vit backbone.weights=none backbone.image_size=32 trainer=cpu"
    quick = "trainer.max_epochs=1 datamodule.num_workers=0 datamodule.batch_size=8 bootstrap=0 report=false"
    quiet = "callbacks.progress=null logger=[] cache.enabled=false trainer.precision=32-true"
    code, said = called(f"graft {words} {small} {quick} {quiet}")
    if code:
        raise RuntimeError(said)


def moved_data(folder: Path) -> None:
    trained(folder)
    (folder / "data/flowers").rename(folder / "data/roses_and_tulips")


def changed_data(folder: Path) -> None:
    trained(folder)
    (folder / "data/flowers/rose/02.png").unlink()


def damaged_checkpoint(folder: Path) -> None:
    trained(folder)
    path = folder / RUN / "checkpoints/best.ckpt"
    path.write_bytes(path.read_bytes()[:2000])


def other_weights(folder: Path) -> None:
    """Weights of another network than the one that is chosen."""
    import timm
    from safetensors.torch import save_file

    save_file(timm.create_model("test_vit").state_dict(), folder / "mine.safetensors")


MISTAKES: dict[str, list[Mistake]] = {
    "On the command line": [
        Mistake("a command that is none", "graft tran"),
        Mistake("no command", "graft backbone=resnet18"),
        Mistake("a choice that is none", "graft train backbone=resnet81"),
        Mistake("a key that is none", "graft train optimizer.lrr=1e-3"),
        Mistake("the wrong type", "graft train seed=abc"),
        Mistake("out of range", "graft train task.head.dropout=1.5"),
        Mistake("a number for a name", "graft train name=2026"),
        Mistake("several values without `-m`", "graft train seed=1,2"),
        Mistake("a group switched off", "graft train logger=null"),
        Mistake("a metric that is not computed", "graft train monitor=val/acc"),
    ],
    "In a sweep": [
        Mistake("a grid over an interval", "graft train sweep=grid 'optimizer.lr=interval(1e-4,1e-1)'"),
        Mistake("a logarithmic scale from 0", "graft train sweep=tpe 'optimizer.lr=tag(log,interval(0,1))'"),
        Mistake("choosing by the test split", "graft train sweep=tpe test=true"),
    ],
    "In the data": [
        Mistake("no data named", "graft train datamodule=image_folder"),
        Mistake("a folder that is not there", "graft train datamodule=image_folder datamodule.root=data/flower", flowers),
        Mistake("one class only", "graft train datamodule=image_folder datamodule.root=data/flowers", one_class),
        Mistake("an empty class", "graft train datamodule=image_folder datamodule.root=data/flowers", empty_class),
        Mistake("a broken image", "graft train datamodule=image_folder datamodule.root=data/flowers", broken_image),
        Mistake("too few of a class to split", "graft train datamodule=image_folder datamodule.root=data/flowers", few_of_a_class),
        Mistake("a class in `val/` that `train/` lacks", "graft train datamodule=image_folder datamodule.root=data/flowers", unknown_class),
        Mistake("a table that is not there", "graft train datamodule=text_table datamodule.path=ticket.csv backbone=minilm", tickets),
        Mistake("a column that is none", "graft train datamodule=text_table datamodule.path=tickets.csv datamodule.columns.sample=txt backbone=minilm", tickets),
        Mistake("another separator", "graft train datamodule=text_table datamodule.path=tickets.csv backbone=minilm", semicolons),
        Mistake("words, where values are learnt", "graft train datamodule=text_table datamodule.path=tickets.csv backbone=minilm task=regression monitor=val/r2", tickets),
        Mistake("values, where classes are learnt", "graft train datamodule=text_table datamodule.path=tickets.csv datamodule.columns.labels=hours backbone=minilm", tickets),
        Mistake("texts for a network of images", "graft train datamodule=text_table datamodule.path=tickets.csv", tickets),
    ],
    "In the network": [
        Mistake("a model that timm has not", "graft train backbone=timm backbone.model=resnet19", flowers),
        Mistake("weights from the hub, without a network", "graft train backbone=resnet18", flowers),
        Mistake("a weights file that is not there", "graft train backbone.weights=mine.safetensors", flowers),
        Mistake("weights of another network", "graft train backbone.weights=mine.safetensors", other_weights),
        Mistake("more stages than there are", "graft train strategy=layerwise strategy.k=99", flowers),
        Mistake("a penalty on what does not learn", "graft train penalty=l2sp", flowers),
        Mistake("an extra that is not installed", "graft train strategy=lora", flowers, without="peft"),
        Mistake("a GPU where there is none", "graft train trainer=gpu", flowers),
        Mistake("W&B online without a key", "graft train logger.wandb.mode=online", flowers),
    ],
    "With a run": [
        Mistake("a run that is not there", "graft train resume=logs/runs/flowers/frist", trained),
        Mistake("another choice for a run that goes on", f"graft train resume={RUN} backbone=resnet18", trained),
        Mistake("a folder that holds a run", f"graft train hydra.run.dir={RUN}", trained),
        Mistake("data that moved", f"graft evaluate run={RUN}", moved_data),
        Mistake("data that changed", f"graft evaluate run={RUN}", changed_data),
        Mistake("a damaged checkpoint", f"graft predict run={RUN} inputs=data/flowers", damaged_checkpoint),
        Mistake("inputs that are not there", f"graft predict run={RUN} inputs=photos", trained),
        Mistake("a sweep that is not there", "graft compare logs/sweeps/flowers"),
    ],
}


def called(line: str) -> tuple[int, str]:
    """Runs a command line in this process.

    Returns:
        The exit code, and what was printed as the error.
    """
    from graft.cli import main

    said = io.StringIO()
    with mock.patch.object(sys, "argv", shlex.split(line)), redirect_stdout(said), redirect_stderr(said):
        code = main()
    text = said.getvalue()
    return code, text[text.rfind("error: ") :].removeprefix("error: ").strip() if "error: " in text else text


def told(mistake: Mistake, folder: Path) -> tuple[int, str]:
    """Makes a mistake in an empty folder; paths in the answer are those of the folder, shown as `…`."""
    with _elsewhere(folder):
        if mistake.before is not None:
            mistake.before(folder)
        with _without(mistake.without):
            code, said = called(mistake.line)
    return code, said.replace(str(folder), "…")


@contextmanager
def _without(package: str | None) -> Iterator[None]:
    """As if a package were not installed."""
    if package is None:
        yield
        return
    before = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment] # which makes importing it fail
    try:
        yield
    finally:
        del sys.modules[package]
        if before is not None:
            sys.modules[package] = before


@contextmanager
def _elsewhere(folder: Path) -> Iterator[None]:
    """In the folder, with caches of its own, without keys and without a hub."""
    own = {"XDG_CACHE_HOME": f"{folder}/cache", "HOME": str(folder), "GRAFT_ROOT": "."}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    with chdir(folder), mock.patch.dict(os.environ, kept | own, clear=True):
        yield
