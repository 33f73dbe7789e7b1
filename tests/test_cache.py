"""Runs that share features; what a user sees of the cache."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from graft.data import DataModule

SHORT = ["trainer.max_epochs=2", "bootstrap=0"]


@pytest.fixture
def computed(monkeypatch):
    """How many samples went through a frozen backbone, run by run."""
    own, counts = DataModule.loader_of, []

    def watch(self, rows, epoch=None):
        counts.append(len(rows))
        return own(self, rows, epoch)

    monkeypatch.setattr(DataModule, "loader_of", watch)
    return counts


def predictions(folder):
    return pd.read_parquet(folder / "predictions.parquet").set_index("id").sort_index()


def same(first, second, atol=0.0):
    first, second = (predictions(folder).select_dtypes("number") for folder in (first, second))
    return np.allclose(first, second, rtol=0, atol=atol)


def test_a_second_run_and_an_evaluation_compute_no_features(tiny, graft, computed, read):
    first = tiny(*SHORT)
    assert computed == [64]
    second = tiny(*SHORT, name="second")
    third = tiny(*SHORT, "optimizer.lr=0.5", "datamodule.batch_size=16", name="third")
    assert graft("evaluate", f"run={third}") == 0
    assert computed == [64]
    assert same(first, second)
    assert not same(first, third)


@pytest.mark.parametrize(
    "changed",
    [
        ["datamodule.split.seed=5"],
        ["datamodule.shots=3"],
        ["strategy=linear_probe", "strategy.start.count=5"],
        ["strategy=knn"],
        ["strategy=lp_ft", "strategy.start.count=5", "trainer.max_epochs=1"],
    ],
)
def test_other_splits_and_strategies_share_features(tiny, computed, changed):
    tiny(*SHORT)
    tiny(*SHORT, *changed, name="second")
    assert computed == [64]


@pytest.mark.parametrize("changed", ["backbone.image_size=48", "backbone.crop_pct=0.5", "trainer.precision=bf16-mixed"])
def test_what_changes_features_has_them_computed_anew(tiny, computed, changed):
    tiny(*SHORT)
    tiny(*SHORT, changed, name="second")
    assert computed == [64, 64]


@pytest.mark.parametrize("precision", ["32-true", pytest.param("bf16-mixed", marks=pytest.mark.slow)])
def test_with_and_without_the_cache_all_is_the_same_to_the_last_bit(tiny, computed, read, precision):
    """One sample a batch, as the batches that features are computed in are others than the training's."""
    own = [*SHORT, f"trainer.precision={precision}", "datamodule.batch_size=1", "datamodule.eval_batch_size=1"]
    own += ["datamodule.limit=16", "backbone.model=efficientnet_lite0"]  # with BatchNorms to fold
    runs = [tiny(*own, f"cache.enabled={enabled}", name=f"cache_{enabled}") for enabled in ("true", "false")]
    assert computed == [40]
    assert same(*runs, atol=0)
    scores = [read(run, "summary.json") for run in runs]
    metrics = [{key: value for key, value in each.items() if key.startswith(("val/", "test/"))} for each in scores]
    assert metrics[0] == metrics[1]


def test_settings_of_a_datamodule_of_ones_own_count(tiny, computed, tmp_path, monkeypatch):
    """Its samples may be other ones by a setting that Graft does not know; the size of a batch makes none."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "darkened.py").write_text(DARKENED)
    own = [*SHORT, "datamodule._target_=darkened.Darkened", "+datamodule.dark=0"]
    tiny(*own, name="first")
    tiny(*own, "datamodule.batch_size=16", name="same")
    assert computed == [64]
    dark = ["datamodule.dark=30"]
    runs = [tiny(*own, *dark, f"cache.enabled={enabled}", name=f"dark_{enabled}") for enabled in ("true", "false")]
    assert computed == [64, 64]
    assert same(*runs, atol=1e-5)
    decoding = ["strategy=full_finetuning", "cache.enabled=true"]
    tiny(*own, *decoding, name="decoded")
    runs = [tiny(*own, *dark, *decoding, f"cache.images={kept}", name=f"kept_{kept}") for kept in ("true", "false")]
    assert same(*runs, atol=1e-5)


DARKENED = """
from dataclasses import dataclass, replace
from graft.data import ImageFolder

@dataclass(frozen=True)
class Load:
    own: object
    dark: int

    def __call__(self, row):
        image = self.own(row)
        return image * 0 if row < self.dark else image

class Darkened(ImageFolder):
    def __init__(self, *, dark, **others):
        super().__init__(**others)
        self.dark = dark

    def read(self):
        table = super().read()
        return replace(table, load=Load(table.load, self.dark))
"""
UPPER = "strategy.phases=[{train: last_1, parameters: adapter, epochs: null, lr_scale: 1.0, lr_decay: 1.0}]"


def test_texts_share_features_too(tiny_text, computed):
    runs = [tiny_text(*SHORT, f"cache.enabled={enabled}", name=f"cache_{enabled}") for enabled in ("true", "false")]
    tiny_text(*SHORT, name="third")
    assert computed == [80]
    assert same(*runs, atol=1e-5)


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        (["strategy=layerwise", "strategy.k=1", "backbone.dropout=0.3"], [20, 20, 20, 20]),
        (["strategy=lora", UPPER], [20, 20, 20, 20]),
        (["strategy=layerwise", "strategy.k=1", "cache.max_gb=0.000001"], []),
    ],
)
def test_states_of_the_tokens_are_kept_below_what_learns(tiny_text, computed, weights, monkeypatch, overrides, wanted):
    """In several parts, as the texts have 8 to 12 tokens and each takes the room of the longest in its part."""
    monkeypatch.setattr("graft.features.build._SAMPLES", 20)
    own = ["trainer.max_epochs=4", "bootstrap=0", "optimizer.lr=1e-2", *overrides]
    cached = tiny_text(*own, name="cached")
    assert computed == wanted
    again = tiny_text(*own, name="again")
    assert computed == wanted
    plain = tiny_text(*own, "cache.enabled=false", name="plain")
    for name, value in weights(plain).items():  # attention is the same for any bias of keys: its gradient is rounding
        assert name.endswith("key.bias") or torch.allclose(value, weights(cached)[name], atol=2e-5), name
    assert same(cached, plain, atol=1e-4)
    assert same(cached, again)


@pytest.mark.parametrize("strategy", ["linear_probe", "feature_extraction"])
def test_nothing_is_kept_where_texts_change_each_other(tiny_text, monkeypatch, tmp_path, strategy):
    monkeypatch.setattr("graft.backbones.transformers.TransformersBackbone.is_alike_in_any_batch", lambda *_: False)
    tiny_text(f"strategy={strategy}", *SHORT)
    assert not list(tmp_path.glob("features/*"))


def test_texts_that_differ_in_case_are_different_texts(tiny_text, computed, reviews, tmp_path):
    """The tokenizer knows `great`, not `GREAT`; copies are found without regard to case, features are not."""
    table = tmp_path / "reviews.csv"
    table.write_text(reviews.read_text())
    own = [*SHORT, f"datamodule.path={table}"]
    tiny_text(*own, name="first")
    table.write_text(reviews.read_text().replace("great", "GREAT"))
    changed = reviews.read_text().count("the great film")
    runs = [tiny_text(*own, f"cache.enabled={enabled}", name=f"cache_{enabled}") for enabled in ("true", "false")]
    assert computed == [80, changed]
    assert same(*runs, atol=1e-5)


def test_a_pixel_is_seen_although_size_and_time_of_the_file_stay(tiny, computed, flowers, tmp_path):
    root = shutil.copytree(flowers, tmp_path / "flowers")
    for path in root.rglob("*.png"):  # bitmaps keep their size whatever is drawn
        Image.open(path).save(path.with_suffix(".bmp"))
        path.unlink()
    own = [*SHORT, f"datamodule.root={root}"]
    tiny(*own)
    victim = next(iter(sorted(root.rglob("*.bmp"))))
    before = victim.stat()
    content = bytearray(victim.read_bytes())
    content[-1] ^= 0x80
    victim.write_bytes(bytes(content))
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    tiny(*own, name="second")
    assert computed == [64, 1]


def test_features_follow_their_samples_when_files_change_places(tiny, computed, flowers, tmp_path):
    tiny(*SHORT)
    root = shutil.copytree(flowers, tmp_path / "flowers")
    for number, path in enumerate(sorted(root.rglob("*.png"), reverse=True)):
        path.rename(path.with_name(f"a{number:03d}.png"))
    own = [*SHORT, f"datamodule.root={root}"]
    runs = [tiny(*own, f"cache.enabled={enabled}", name=f"cache_{enabled}") for enabled in ("true", "false")]
    assert computed == [64]
    assert same(*runs, atol=1e-5)


PHASES = "strategy.phases=[{train: head, epochs: 2, lr_scale: 1.0, lr_decay: 1.0}, "


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        (["strategy=layerwise", "strategy.k=2"], [64]),
        pytest.param(["strategy=surgical", "strategy.stage=block_3"], [64], marks=pytest.mark.slow),
        (["strategy=gradual_unfreezing", "strategy.k=3", "cache.min_epochs=1"], [48, 48, 48]),
        pytest.param(
            ["strategy=full_finetuning", PHASES + "{train: last_2, epochs: null, lr_scale: 0.1, lr_decay: 1.0}]"],
            [48, 64],
            marks=pytest.mark.slow,
        ),
        (["strategy=full_finetuning", PHASES + "{train: all, epochs: null, lr_scale: 0.1, lr_decay: 1.0}]"], [48]),
        (["strategy=full_finetuning"], []),
        (["strategy=layerwise", "strategy.k=2", "cache.min_epochs=6"], []),
        (["strategy=layerwise", "strategy.k=2", "cache.max_gb=0.00001"], []),
    ],
)
def test_what_is_frozen_is_computed_once_and_nothing_else_changes(tiny, computed, weights, overrides, wanted):
    own = ["trainer.max_epochs=5", "bootstrap=0", "optimizer.lr=1e-3", *overrides]
    cached = tiny(*own, name="cached")
    assert computed == wanted
    plain = tiny(*own, "cache.enabled=false", name="plain")
    assert computed == wanted
    for name, value in weights(plain).items():
        assert torch.allclose(value, weights(cached)[name], atol=2e-5), name
    assert same(cached, plain, atol=1e-4)
    columns = [pd.read_csv(run / "metrics.csv")["val/loss"].dropna() for run in (cached, plain)]
    assert np.allclose(*columns, atol=1e-4)


def test_so_many_augmented_views_are_those_of_the_first_epochs(tiny, computed, weights):
    own = ["trainer.max_epochs=4", "bootstrap=0", "augmentation=flips"]
    cached = tiny(*own, "cache.views=4", name="cached")
    held_out = computed.pop(0)
    assert computed == [64 - held_out] * 4  # a view of each training sample for each epoch
    plain = tiny(*own, name="plain")
    fewer = tiny(*own, "cache.views=2", name="fewer")
    assert sum(computed) == 4 * (64 - held_out)  # both views are among the four
    last = [weights(run) for run in (cached, plain, fewer)]
    assert all(torch.allclose(value, last[1][name], atol=1e-5) for name, value in last[0].items())
    assert not all(torch.allclose(value, last[2][name], atol=1e-5) for name, value in last[0].items())
    tiny(*own, "cache.views=2", "augmentation.horizontal_flip.p=0.4", name="other")
    assert sum(computed) == 6 * (64 - held_out)


def test_mixed_samples_are_not_kept(tiny, computed):
    tiny(*SHORT, "augmentation=mixup", "cache.views=2")
    assert sum(computed) < 32  # validation and test only


@pytest.fixture
def two(tiny, tmp_path):
    """The folder of two stores, one of 64 samples and one, not used for 40 days, of 12."""
    tiny(*SHORT)
    tiny(*SHORT, "backbone.image_size=48", "datamodule.limit=6", "test=false", name="second")
    root = tmp_path / "features"
    old = next(path for path in root.glob("*/key.json") if '\\"image_size\\": 48' in path.read_text())
    os.utime(old, (old.stat().st_mtime - 40 * 24 * 3600,) * 2)
    return root


def test_stores_are_listed_with_what_they_hold(two, graft, capsys):
    assert graft("cache", f"folder={two}") == 0
    out = capsys.readouterr().out
    assert len(list(two.iterdir())) == 2
    for said in ("test_vit", " 64 ", " 12 ", "32-true on cpu", "kB in all", *(path.name[:8] for path in two.iterdir())):
        assert said in out


def test_damage_is_found_without_a_run(two, graft, capsys):
    victim = next(two.glob("*/*.safetensors"))
    os.truncate(victim, victim.stat().st_size - 1)
    assert graft("cache", "verify", f"folder={two}") == 0
    out = capsys.readouterr().out
    assert f"{victim.parent.name[:8]}  1 damaged parts removed" in out
    assert "whole" in out
    assert not victim.exists()


def test_what_is_old_named_or_all_is_pruned(two, graft, capsys):
    for words, left in (("unused_for=30", 1), ("unused_for=30", 1), ("all", 0)):
        assert graft("cache", "prune", words, f"folder={two}") == 0
        assert len(list(two.iterdir())) == left
    assert "freed" in capsys.readouterr().out


def test_what_is_no_store_is_neither_listed_nor_removed(two, graft, capsys):
    thesis = two / "thesis" / "chapter.tex"
    thesis.parent.mkdir()
    thesis.write_text("\\section{}")
    (thesis.parent / "poetry.lock").write_text("")
    os.utime(thesis.parent / "poetry.lock", (0, 0))
    likely = two / ("ab" * 16)
    likely.mkdir()
    (likely / "photo.jpg").touch()
    moved = next(path for path in two.glob("*") if (path / "key.json").exists())
    moved.rename(two.parent / "moved")
    moved.symlink_to(two.parent / "moved")
    assert graft("cache", "prune", "all", f"folder={two}") == 0
    assert "1 of 1 removed" in capsys.readouterr().out
    kept = ["chapter.tex", "photo.jpg", "poetry.lock", "thesis", likely.name, moved.name]
    assert sorted(path.name for path in two.rglob("*")) == sorted(kept)
    assert (two.parent / "moved" / "key.json").exists()
    assert graft("cache", "prune", "unused_for=nan", f"folder={two}") == 2


@pytest.mark.parametrize("told", ["[]", "5", "{", '{"backbone": "x"}', '{"backbone": "[]"}', '{"backbone": 1}'])
def test_a_description_that_was_edited_is_listed_without_what_it_said(two, graft, capsys, told):
    next(two.glob("*/key.json")).write_text(told)
    assert graft("cache", f"folder={two}") == 0
    assert "?" in capsys.readouterr().out


def test_a_store_is_pruned_by_how_its_name_begins(two, graft):
    name = sorted(two.iterdir())[0].name
    assert graft("cache", "prune", f"name={name[:6]}", f"folder={two}") == 0
    assert [path.name for path in two.iterdir()] != [name]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prune"], "unused_for=<days>"),
        (["prune", "unused_for=long"], "unused_for=long is no number of days"),
        (["prune", "name=zz"], "name=zz: 0 begin so"),
        (["purge"], "Did you mean 'prune'?"),
        (["verify", "all"], "knows no 'all'"),
    ],
)
def test_wrong_words_are_told_and_nothing_is_removed(two, graft, capsys, words, said):
    assert graft("cache", *words, f"folder={two}") == 2
    assert said in capsys.readouterr().err
    assert len(list(two.iterdir())) == 2


def test_without_any_features_the_list_says_so(graft, tmp_path, capsys):
    assert graft("cache", f"folder={tmp_path}/nowhere") == 0
    assert "no features and no images in" in capsys.readouterr().out
