"""`graft explain`: what a run's model looked at, from its folder alone."""

import io
import json
import re
import shutil
import sys

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from graft.backbones.evaluating import evaluating
from graft.data.inputs import read_inputs
from graft.data.table import Kind, Targets
from graft.errors import ConfigError
from graft.explain import chosen
from graft.explaining.samples import Asked, explained_images, explained_texts
from graft.restoring import restored_task
from graft.runs.folder import RunFolder


def state_of(task):
    return (
        {name: value.clone() for name, value in task.state_dict().items()},
        [module.training for module in task.modules()],
        [(parameter.requires_grad, parameter.grad) for parameter in task.parameters()],
        [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in task.modules()],
    )


def asked_of(table):
    """All samples, to be explained in their first class."""
    return Asked(table.ids, table.load, torch.full((len(table.ids), 2), 0.5), [0] * len(table.ids))


def assert_same(before, after):
    assert all(torch.equal(value, after[0][name]) for name, value in before[0].items())
    assert before[1:] == after[1:]


def test_each_image_has_a_picture_and_a_place_on_the_page(tiny, graft, flowers, tmp_path, capsys):
    run = tiny("strategy=lora", "trainer.max_epochs=1")
    some = tmp_path / "some"
    (some / "in <b>").mkdir(parents=True)
    first, second = sorted(flowers.rglob("*.png"))[:2]
    Image.open(first).save(some / "a.png")
    Image.open(second).convert("L").save(some / "in <b>" / "a.png")
    (some / "broken.png").write_bytes(b"no image")
    assert graft("predict", f"run={run}", f"inputs={some}", f"output={tmp_path}/said.csv") == 0
    said = {row["id"]: row for row in pyarrow.csv.read_csv(tmp_path / "said.csv").to_pylist()}
    assert graft("explain", f"run={run}", f"inputs={some}") == 0
    (folder,) = (run / "explanations").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["0001_a.png", "0002_a.png", "explanations.html"]
    with Image.open(folder / "0001_a.png") as picture:
        assert picture.width == 2 * 320 + 8
    page = (folder / "explanations.html").read_text()
    assert page.count("<img") == 4
    assert "<b>/a.png" not in page
    assert "in &lt;b&gt;/a.png" in page
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    for name in ("a.png", "in <b>/a.png"):
        likeliest = said[name]["prediction"]
        assert f"<b>{likeliest}, {100 * said[name][f'probability/{likeliest}']:.0f}" in page
    assert "broken.png: not an image" in " ".join((run / "train.log").read_text().split())
    capsys.readouterr()
    assert graft("explain", f"run={run}", f"inputs={some}", f"output={folder}") == 2
    assert "exists already" in capsys.readouterr().err
    other = "rose" if said["a.png"]["prediction"] == "tulip" else "tulip"
    words = [f"run={run}", f"inputs={some}/a.png", f"target={other}", f"output={tmp_path}/other"]
    assert graft("explain", *words) == 0
    page = (tmp_path / "other" / "explanations.html").read_text()
    assert f"<b>{other}, " in page
    assert f"predicted: {said['a.png']['prediction']}, " in page
    assert graft("explain", f"run={run}", f"inputs={some}", "target=ros") == 2
    assert "target=ros is none of the classes of the run. Did you mean 'rose'?" in capsys.readouterr().err
    _, task = restored_task(RunFolder.open(run), "best")
    before = state_of(task)
    with evaluating(task):
        assert len(list(explained_images(task, asked_of(read_inputs(flowers, "images", "path").table)))) == 64
    assert_same(before, state_of(task))


def test_the_worst_errors_are_explained_in_the_report(tiny, graft, flowers, tmp_path, capsys):
    copy = shutil.copytree(flowers, tmp_path / "flowers")
    run = tiny("trainer.max_epochs=1", "optimizer.lr=0", f"datamodule.root={copy}")
    before = pq.read_table(run / "errors.parquet").to_pylist()
    copy.rename(tmp_path / "moved")
    assert graft("explain", f"run={run}") == 2
    assert "say with data=… where they are now" in capsys.readouterr().err
    assert graft("explain", f"run={run}", f"data={tmp_path}/moved") == 0
    after = pq.read_table(run / "errors.parquet").to_pylist()
    said = {row["id"]: row["prediction"] for row in pq.read_table(run / "predictions.parquet").to_pylist()}
    assert [(row["id"], row["image"]) for row in after] == [(row["id"], row["image"]) for row in before]
    assert [row["explained"] for row in after] == [said[row["id"]] for row in before]
    shown = [row["map"] for row in after]
    assert (run / "report.html").read_text().count('alt="its heat map"') == len(shown) > 1
    (pictures,) = (run / "explanations").iterdir()
    with Image.open(sorted(pictures.glob("*.png"))[1]) as both, Image.open(io.BytesIO(shown[1])) as own:
        right = np.asarray(both.convert("RGB"), dtype=float)[:320, 328:]
        assert np.abs(right - np.asarray(own, dtype=float)).mean() < 8  # that of this very error, but for JPEG
    assert graft("explain", f"run={run}", f"data={tmp_path}/moved", "checkpoint=last") == 2
    assert "the errors of a run are those of its best" in capsys.readouterr().err
    assert graft("explain", f"run={run}", f"data={tmp_path}/moved", "target=rose") == 0
    assert {row["explained"] for row in pq.read_table(run / "errors.parquet").to_pylist()} == {"rose"}


def test_a_label_that_is_wrong_is_explained_where_there_are_several(tiny_text, graft, reviews, tmp_path):
    lines = [line.split(",") for line in reviews.read_text().splitlines()[1:]]
    path = tmp_path / "labels.csv"
    rows = [f"{number},{text},{int(number) % 3 == 0},{int(number) % 2}" for number, text, _ in lines]
    path.write_text("\n".join(["number,text,urgent,odd", *rows]))
    words = ["task=multilabel", "datamodule.columns.labels=[urgent,odd]", f"datamodule.path={path}"]
    run = tiny_text(*words, "trainer.max_epochs=1", "optimizer.lr=0")
    assert graft("explain", f"run={run}") == 0
    said = {row["id"]: row for row in pq.read_table(run / "predictions.parquet").to_pylist()}
    for error in pq.read_table(run / "errors.parquet").to_pylist():
        row, name = said[error["id"]], error["explained"]
        assert (row[f"probability/{name}"] > 0.5) != row[f"target/{name}"]


def test_the_words_of_the_worst_errors_are_coloured_in_the_report(tiny_text, graft, read):
    run = tiny_text("trainer.max_epochs=1", "optimizer.lr=0", "report=true")
    assert "<mark" not in (run / "report.html").read_text()
    assert graft("explain", f"run={run}") == 0
    errors = pq.read_table(run / "errors.parquet").to_pylist()
    for error in errors:
        pieces = json.loads(error["pieces"])
        assert "".join(piece["text"] for piece in pieces) + error["cut"] == error["text"]
        assert any(piece["value"] for piece in pieces)
    report = (run / "report.html").read_text()
    assert report.count("<blockquote") == len(errors)
    assert report.count("<mark") > 3 * len(errors)


def test_texts_are_shown_in_the_terminal_and_on_the_page(tiny_text, graft, tmp_path, capsys):
    run = tiny_text("trainer.max_epochs=1")
    texts = tmp_path / "texts.txt"
    texts.write_text("the film was <b>superb</b>\n\nthe dull film\n")
    assert graft("explain", f"run={run}", f"inputs={texts}", f"output={tmp_path}/out", "target=good") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert re.search(r"good, \d+ %.* 1 the film was <b>superb</b> .*good, \d+ %.* 3 the dull film .*it: ", told)
    page = (tmp_path / "out" / "explanations.html").read_text()
    assert re.search(r"<mark[^>]* style=\"background: rgb\([\d ]+/ [\d.]+\)\" title=\"[+-][\d.]+\">superb</mark>", page)
    assert "<b>superb" not in page
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    _, task = restored_task(RunFolder.open(run), "best")
    before = state_of(task)
    with evaluating(task):
        assert len(list(explained_texts(task, asked_of(read_inputs(texts, "texts", "text").table)))) == 2
    assert_same(before, state_of(task))


def test_what_is_explained():
    some = ["a", "b"]
    assert chosen(None, Targets(Kind.MULTI_LABEL, some)) is None
    assert chosen("b", Targets(Kind.SINGLE_LABEL, some)) == 1
    assert chosen(None, Targets(Kind.REGRESSION, ["a"], mean=[0.0], std=[1.0])) == 0
    with pytest.raises(ConfigError, match="which of the values is to be explained: a, b"):
        chosen(None, Targets(Kind.REGRESSION, some, mean=[0.0] * 2, std=[1.0] * 2))


def test_mistakes_are_told(graft, tmp_path, capsys, monkeypatch):
    assert graft("explain", f"run={tmp_path}", "inputs=x") == 2
    assert "is not the folder of a run" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    from graft.errors import GraftError
    from graft.explaining.asking import captum

    with pytest.raises(GraftError, match=r"pip install 'graft\[explain\]'"):
        captum()
