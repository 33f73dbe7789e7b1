"""The report of real runs: nothing from elsewhere, nothing that could run, every part that it promises."""

import json
import re
from html.parser import HTMLParser

import pytest

from graft.runs.folder import RunFolder

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Tags, attributes and text; fails where tags are not closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page_of(folder):
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert len(text) < 5_000_000
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    from_elsewhere = [
        value
        for name, value in page.attributes
        if name in ("src", "href") and not (value or "").startswith(("data:", "#"))
    ]
    assert not from_elsewhere
    assert not re.search(r"url\((?!#)|@import", text)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes
    return page


def test_the_report_of_an_image_run_has_every_part(tiny, read):
    folder = tiny("trainer.max_epochs=2", "augmentation=flips")
    page = page_of(folder)
    parts = ["Learning curves", "Confusion", "ROC curves", "Precision and recall", "Reliability", "What learns"]
    for part in [*parts, "The worst errors", "Augmentation", "To repeat it", "Configuration", "Environment"]:
        assert part in page.text, part
    summary, scores = read(folder, "summary.json"), read(folder, "scores.json")
    assert f"{summary['test/auroc']:.4g}" in page.text
    for name, (low, high) in scores["intervals"].items():
        assert low <= summary[f"test/{name}"] <= high, name
        assert f"{low:.4g} to {high:.4g}" in page.text
    assert scores["intervals"].keys() == {"accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision",
                                          "calibration_error"}  # fmt: skip
    pictures = [value for name, value in page.attributes if name == "src"]
    assert len([each for each in pictures if each.startswith("data:image/jpeg")]) == len(re.findall("said ", page.text))
    assert "done" in page.text


def test_what_the_data_say_is_shown_and_never_run(tiny_text, reviews, tmp_path):
    lines = reviews.read_text().splitlines()
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    rows = [f"{line.split(',')[0]},{attack} {line.split(',')[1]},{line.split(',')[2]}$<b>" for line in lines[1:]]
    path = tmp_path / "attack.csv"
    path.write_text("\n".join([lines[0], *rows]))
    folder = tiny_text(f"datamodule.path={path}", "trainer.max_epochs=1", "name='a <i>run'")
    page = page_of(folder)
    assert attack in page.text
    assert "good$<b>" in page.text
    assert "a <i>run" in page.text
    assert "i" not in page.tags


@pytest.mark.parametrize(("task", "labels"), [("multilabel", "[urgent,odd]"), ("regression", "number")])
def test_labels_and_values_have_a_report(tiny_text, reviews, tmp_path, task, labels):
    lines = [line.split(",") for line in reviews.read_text().splitlines()[1:]]
    path = tmp_path / "more.csv"
    rows = [f"{number},{text},{int(number) % 3 == 0},{int(number) % 2}" for number, text, _ in lines]
    path.write_text("\n".join(["number,text,urgent,odd", *rows]))
    words = [f"task={task}", f"datamodule.columns.labels={labels}", f"datamodule.path={path}"]
    page = page_of(tiny_text(*words, "trainer.max_epochs=1"))
    assert ("ROC curves" if task == "multilabel" else "Predicted and true values") in page.text
    assert "The worst errors" in page.text


def test_a_run_that_failed_has_a_report_that_says_why(tiny):
    folder = tiny("trainer.max_epochs=2", "optimizer.lr=1e30", "task.head.hidden=[8]", code=1)
    page = page_of(folder)
    assert "failed" in page.text
    assert json.loads((folder / "status.json").read_text())["message"] in page.text


def test_a_report_that_cannot_be_made_costs_no_run(tiny, read, monkeypatch):
    import graft.reports.page

    monkeypatch.setattr(graft.reports.page, "rendered", lambda *_: 1 / 0)
    folder = tiny("trainer.max_epochs=1")
    assert read(folder, "status.json")["state"] == "done"
    assert "no report was made: ZeroDivisionError" in (folder / "train.log").read_text()
    assert not RunFolder(folder).report.exists()
