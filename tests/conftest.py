"""A small real task for whole runs: image files on disk, a tiny network, the command line."""

import json
import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of each test process: together they have two cores
import torch
import yaml
from PIL import Image

os.fsync = lambda descriptor: None  # a tenth of a short run: tests kill processes, but cut no power
ROOT = Path(__file__).parents[1]
TINY = [
    "datamodule=image_folder",
    "datamodule.num_workers=0",
    "datamodule.batch_size=8",
    "backbone=timm",
    "backbone.model=test_vit",  # 0.4 million parameters, no batch statistics
    "backbone.weights=none",
    "backbone.image_size=32",
    "bootstrap=10",
    "trainer.max_epochs=5",
    "report=false",  # a fifth of such a run; tests/reports ask for it
    "callbacks.progress=null",
    "logger.wandb=null",
    "trainer=cpu",
    "trainer.precision=32-true",
]


GOOD, BAD = ["great", "lovely", "superb"], ["awful", "dull", "bad"]
TINY_TEXT = [
    "datamodule=text_table",
    "datamodule.batch_size=8",
    "backbone=transformers",
    "backbone.weights=none",
    "bootstrap=10",
    "trainer.max_epochs=5",
    "report=false",
    "callbacks.progress=null",
    "logger.wandb=null",
    "trainer=cpu",
    "trainer.precision=32-true",
]


@pytest.fixture(scope="session")
def flowers(tmp_path_factory):
    """64 images in two class folders; the class is the brighter half."""
    root = tmp_path_factory.mktemp("flowers")
    generator = torch.Generator().manual_seed(0)
    for number in range(64):
        image = torch.randint(0, 120, (3, 40, 48), generator=generator, dtype=torch.uint8)
        side = number % 2
        image[:, side * 20 : side * 20 + 20] += 100
        target = root / ("rose" if side else "tulip") / f"{number:02d}.png"
        target.parent.mkdir(exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(target)
    return root


@pytest.fixture(scope="session")
def tiny_task(flowers):
    """The overrides of the tiny task with its data, for fixtures that several tests share."""
    return [*TINY, f"datamodule.root={flowers}"]


@pytest.fixture
def tiny_words(tmp_path):
    """The overrides of the tiny task."""
    return [*TINY, f"cache.folder={tmp_path}/features"]


@pytest.fixture
def graft(monkeypatch, tmp_path):
    """Calls the command line in this process, with logs below `tmp_path`; returns the exit code."""
    from graft.cli import main

    monkeypatch.setenv("GRAFT_ROOT", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["graft", *map(str, words)])
        return main()

    return call


@pytest.fixture
def tiny(graft, flowers, tmp_path, tiny_words):
    """Trains the tiny task; returns its run folder. `code`: the exit code; None: any but 0."""

    def train(*overrides, name="tiny", code=0):
        folder = tmp_path / name
        words = [
            "train",
            *tiny_words,
            f"datamodule.root={flowers}",
            f"hydra.run.dir={folder}",
            f"name={name}",
            *overrides,
        ]
        assert (graft(*words) == code) if code is not None else graft(*words)
        return folder

    return train


@pytest.fixture(scope="session")
def small_bert(tmp_path_factory):
    """A folder with a BERT of 2 layers, its weights and its tokenizer, as a hub's download would leave it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("small_bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *GOOD, *BAD, "the", "film", "was", "very", *map(str, range(80))]
    tokenizer = Tokenizer(models.WordLevel({word: row for row, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=32, **named).save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=32, pad_token_id=0, **sizes)).save_pretrained(
        folder
    )
    return folder


@pytest.fixture(scope="session")
def reviews(tmp_path_factory):
    """A table of 80 texts of two classes; what is said of the film tells the class."""
    path = tmp_path_factory.mktemp("reviews") / "reviews.csv"
    rows = []
    for row in range(80):
        label, words = (("bad", BAD), ("good", GOOD))[row % 2]
        word = words[row % 3]
        rows.append(f"{row},the {word} film {row} was {'very ' * (row % 5)}{word} {word},{label}")
    path.write_text("\n".join(["number,text,label", *rows]))
    return path


@pytest.fixture
def tiny_text_words(small_bert, reviews, tmp_path):
    """The overrides of the tiny task on texts."""
    return [
        *TINY_TEXT,
        f"cache.folder={tmp_path}/features",
        f"backbone.model={small_bert}",
        f"datamodule.path={reviews}",
    ]


@pytest.fixture
def tiny_text(graft, tiny_text_words, tmp_path):
    """Trains the same on texts; returns its run folder. `code`: the exit code; None: any but 0."""

    def train(*overrides, name="tiny_text", code=0):
        folder = tmp_path / name
        words = ["train", *tiny_text_words, f"hydra.run.dir={folder}", f"name={name}", *overrides]
        assert (graft(*words) == code) if code is not None else graft(*words)
        return folder

    return train


@pytest.fixture
def read():
    """Reads a JSON file of a run folder."""
    return lambda folder, name: json.loads((folder / name).read_text())


@pytest.fixture
def weights():
    """The weights in a checkpoint of a run folder."""

    def load(folder, name="last"):
        path = folder / "checkpoints" / f"{name}.ckpt"
        return torch.load(path, map_location="cpu", weights_only=True)["state_dict"]

    return load


@pytest.fixture(scope="session")
def settings():
    """A backbone's keywords, as its config files give them."""

    def load(name="timm", **changes):
        merged = {}
        for file in ("timm", name):
            merged |= yaml.safe_load((ROOT / "configs" / "backbone" / f"{file}.yaml").read_text())
        return {
            key: value for key, value in (merged | changes).items() if key not in ("_target_", "defaults", "license")
        }

    return load
