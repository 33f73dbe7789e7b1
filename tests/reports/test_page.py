"""The report of real runs: nothing from elsewhere, nothing that could run, every part that it promises."""

import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from graft.data.table import Kind
from graft.reports.contents import Error, Predicted
from graft.reports.figures import figures
from graft.reports.page import bound, facet_tables, rendered
from graft.runs.folder import RunFolder

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Tags, attributes and text; fails where tags are not closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.pieces, self.text = [], [], [], [], ""
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
        self.pieces.append(data)


def page_of(folder):
    return checked((folder / "report.html").read_text())


def made(contents):
    return checked(rendered(contents, figures(contents)))


def checked(text):
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


def cells(page, heading):
    """The words after a heading, cell by cell."""
    return " ".join(page.pieces[page.pieces.index(heading) + 1 :]).split()


def test_the_report_of_an_image_run_has_every_part(tiny, read):
    folder = tiny("report=true", "bootstrap=40", "trainer.max_epochs=2", "augmentation=flips")
    page = page_of(folder)
    parts = ["Learning curves", "Confusion", "ROC curves", "Precision and recall", "Reliability", "What learns"]
    for part in [*parts, "The worst errors", "Augmentation", "To repeat it", "Configuration", "Environment"]:
        assert part in page.text, part
    summary, scores = read(folder, "summary.json"), read(folder, "scores.json")
    for name, (low, high) in scores["intervals"].items():
        assert low <= summary[f"test/{name}"] <= high, name
        written = [f"{low:.{places}f} to {high:.{places}f}" for places in (2, 3)]
        assert any(each in page.text for each in written), name
    assert scores["intervals"].keys() == {"accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision",
                                          "calibration_error"}  # fmt: skip
    pictures = [value for name, value in page.attributes if name == "src"]
    assert all(each.startswith("data:image/jpeg") for each in pictures)
    assert len(pictures) == len(re.findall("said ", page.text)) + 1  # the preview of augmentation
    assert len(max(pictures, key=len)) < (folder / "augmentation.png").stat().st_size / 2
    assert "done" in page.text
    assert "2 epochs" in page.text
    drawn = [value for name, value in page.attributes if name == "aria-label"]
    assert drawn[:2] == ["Learning curves: loss", "Learning curves: AUROC"]
    assert summary["name"] == folder.name


def test_what_the_data_say_is_shown_and_never_run(tiny_text, reviews, tmp_path):
    lines = reviews.read_text().splitlines()
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    rows = [f"{line.split(',')[0]},{attack} {line.split(',')[1]},{line.split(',')[2]}$<b>" for line in lines[1:]]
    path = tmp_path / "attack.csv"
    path.write_text("\n".join([lines[0], *rows]))
    folder = tiny_text("report=true", f"datamodule.path={path}", "trainer.max_epochs=1", "name='a <i>run'")
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
    page = page_of(tiny_text(*words, "report=true", "trainer.max_epochs=1"))
    assert ("ROC curves" if task == "multilabel" else "Predicted and true values") in page.text
    assert "The worst errors" in page.text
    if task == "regression":
        assert "farthest from the truth" in page.text


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([(224, 160), (40, 224)], "Small images, from 40 × 224 pixels on, are shown enlarged."),
        ([(224, 160), (150, 20)], ""),
    ],
)
def test_it_is_said_where_small_images_are_shown_enlarged(contents, sizes, said):
    errors = []
    for size in sizes:
        file = io.BytesIO()
        Image.new("RGB", size).save(file, format="JPEG")
        told = {"prediction": "rose", "probability/rose": 0.9, "target": "tulip"}
        errors.append(Error("7", None, file.getvalue(), told))
    page = made(contents(["rose", "tulip"], [0, 1], [1, 0], errors=errors))
    told = " ".join(page.text[page.text.index("The worst errors") :].split())
    assert ("enlarged" in told) == bool(said)
    assert said in told


def test_only_the_labels_that_are_wrong_are_told_of_a_sample(contents):
    values = Predicted(np.array([[1.0, 0, 0]]), np.array([[0.2, 0.9, 0.1]]))
    said = {"target/odd": True, "target/<b>": False, "target/calm": False}
    error = Error(
        "7", "a text", None, {**said, "probability/odd": 0.2, "probability/<b>": 0.9, "probability/calm": 0.1}
    )
    page = made(contents(["odd", "<b>", "calm"], [0], [0], kind=Kind.MULTI_LABEL, predictions={"test": values},
                         errors=[error]))  # fmt: skip
    told = " ".join(page.text[page.text.index("The worst errors") :].split())
    assert "missed odd (20 %), which it is said <b> (90 %), which it is not 7" in told
    assert "calm" not in told


def test_thirty_classes_have_a_confusion_with_numbers_for_columns_and_the_pairs_confused_most(contents):
    classes = [f"species {number}" for number in range(30)]
    target = np.repeat(np.arange(30), 4)
    said = target.copy()
    said[:3] = 17  # of the four of class 0
    page = made(contents(classes, target, said))
    assert "1 species 0" in page.text
    assert "Curves: one class against the rest, of the 6 classes with most samples" in " ".join(page.text.split())
    assert "of the true class species 0 species 17 3 75 %" in " ".join(cells(page, "Confused most"))
    assert ("class", "pairs") in page.attributes  # so that long names wrap in both columns
    few = made(contents(classes[:3], [0, 1, 2], [0, 1, 1]))
    assert "Confused most" not in few.text
    assert "1 species 0" not in few.text


def test_a_column_of_scores_has_the_same_digits_from_row_to_row(contents):
    facets = {"language": {"de": {"samples": 1300, "auroc": 1.0, "macro_f1": None},
                           "en": {"samples": 21, "auroc": 0.4636, "macro_f1": 0.05}}}  # fmt: skip
    tables = facet_tables(contents("ab", [0, 1], [0, 1], scores={"intervals": {}, "facets": facets}))
    assert tables == {
        "language": (
            ["samples", "auroc", "macro_f1"],
            [("de", ["1,300", "1.000", "–"]), ("en", ["21", "0.464", "0.0500"])],
        )
    }


@pytest.mark.parametrize(
    ("interval", "written"),
    [
        ([0.84139, 0.90254], ["0.871", "0.841 to 0.903"]),
        ([0.62, 0.95], ["0.87", "0.62 to 0.95"]),
        (None, ["0.871"]),
        ([0.87093719, 0.87093721], ["0.871", "0.871 to 0.871"]),
    ],
)
def test_a_score_is_written_as_finely_as_its_interval_is_narrow(contents, interval, written):
    scores = {"split": "test", "intervals": {"auroc": interval} if interval else {}, "facets": {}}
    page = made(contents("ab", [0, 1], [0, 1], scores=scores, summary={"test/auroc": 0.8709372, "val/auroc": 0.92,
                "seed": 0, "epochs": 1, "steps": 1, "seconds": 1.0}))  # fmt: skip
    shown = " ".join(page.text[page.text.index("AUROC") :].split())
    places = len(written[0]) - 2
    assert shown.startswith(" ".join(["AUROC", *written, f"validation {0.92:.{places}f}"]))
    assert "1 epoch, 1 step," in page.text


def test_samples_that_two_splits_hold_are_named(contents):
    duplicates = {"exact": 0, "near": 2, "examples": [["a.png", "train", "b.png", "val"]]}
    data = {"samples": {"train": 2, "val": 1}, "counts": {}, "duplicates": duplicates, "skipped": [],
            "sizes": {"unit": "px", "min": 300, "median": 300, "p95": 300, "max": 300}}  # fmt: skip
    page = made(contents("ab", [0, 1], [0, 1], data={**data, "counts": {"train": {}}}))
    assert "a.png (train) and b.png (val)" in page.text
    assert "Longer side of the images: 300 px." in " ".join(page.text.split())


def test_a_run_that_failed_has_a_report_that_says_why(tiny):
    folder = tiny("report=true", "trainer.max_epochs=2", "optimizer.lr=1e30", "task.head.hidden=[8]", code=1)
    page = page_of(folder)
    assert "failed" in page.text
    assert page.text.split()[0] == "tiny:"
    assert "Learning curves" not in page.text
    assert json.loads((folder / "status.json").read_text())["message"] in page.text


def test_a_report_that_cannot_be_made_costs_no_run(tiny, read, monkeypatch):
    import graft.reports.page

    monkeypatch.setattr(graft.reports.page, "rendered", lambda *_: 1 / 0)
    folder = tiny("report=true", "trainer.max_epochs=1")
    assert read(folder, "status.json")["state"] == "done"
    assert "no report was made: ZeroDivisionError" in (folder / "train.log").read_text()
    assert not RunFolder(folder).report.exists()


@pytest.mark.parametrize(
    ("wait", "step", "said"),
    [
        (3.0, 1.0, "Training waited for data in 75% of its time"),
        (1.0, 3.0, "Training computed most of its time: it waited for data in 25%"),
        (0.0, 0.0, ""),
    ],
)
def test_what_bounds_a_training_is_said(wait, step, said):
    assert bound({"pace/data_wait": wait, "pace/step": step}).startswith(said)
    assert bound({}) == ""
