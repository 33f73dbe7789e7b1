"""Files with which things go wrong, each made in a folder of its own; the current folder is that one."""

import shutil
from pathlib import Path

from calling import called

RUN = "logs/runs/flowers/first"


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
    """One class only."""
    flowers(folder)
    shutil.rmtree(folder / "data/flowers/tulip")


def empty_class(folder: Path) -> None:
    """A class folder without images."""
    flowers(folder)
    (folder / "data/flowers/lily").mkdir()


def broken_image(folder: Path) -> None:
    """An image that was cut off."""
    flowers(folder)
    path = folder / "data/flowers/rose/02.png"
    path.write_bytes(path.read_bytes()[:60])


def several_faults(folder: Path) -> None:
    """Two class folders without images, and an image that was cut off."""
    broken_image(folder)
    for name in ("lily", "poppy"):
        (folder / "data/flowers" / name).mkdir()


def few_of_a_class(folder: Path) -> None:
    """Two images of one class."""
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
    lines = [
        separator.join((text, ("billing", "delivery")[row % 2], f"{row * 0.7:.1f}")) for row, text in enumerate(rows)
    ]
    (folder / "tickets.csv").write_text("\n".join([separator.join(("text", "label", "hours")), *lines]))


def bars(folder: Path) -> None:
    """The table with another separator."""
    tickets(folder, "|")


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
    """A run whose images lie elsewhere now."""
    trained(folder)
    (folder / "data/flowers").rename(folder / "data/roses_and_tulips")


def changed_data(folder: Path) -> None:
    """A run of whose images one is gone."""
    trained(folder)
    (folder / "data/flowers/rose/02.png").unlink()


def damaged_checkpoint(folder: Path) -> None:
    """A run whose best checkpoint was cut off."""
    trained(folder)
    path = folder / RUN / "checkpoints/best.ckpt"
    path.write_bytes(path.read_bytes()[:2000])


def other_weights(folder: Path) -> None:
    """Weights of another network than the one that is chosen."""
    import timm
    from safetensors.torch import save_file

    save_file(timm.create_model("test_vit").state_dict(), folder / "mine.safetensors")
