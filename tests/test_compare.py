"""`graft compare` as one types it: the table, CSV, page, and what stands in the way of them."""

import csv
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = (ROOT / "docs" / "compare.md").read_text()
RECORDED = ROOT / "tests" / "comparing" / "recorded"


@pytest.fixture
def sweep(tmp_path):
    """Makes a sweep of so many runs of some rates; the higher rate is better, odd seeds are worse."""

    def make(count, *, name="sweep", lines=("",), rates=(0.001, 0.01, 0.02)):
        for number in range(count):
            folder = tmp_path / name / str(number)
            shutil.copytree(RECORDED, folder)
            rate, seed = rates[number % len(rates)], number // len(rates)
            config = (folder / "config.yaml").read_text().replace("lr: 0.01\n", f"lr: {rate}\n")
            (folder / "config.yaml").write_text(config.replace("seed: 0\n", f"seed: {seed}\n", 1) + "\n".join(lines))
            summary = (folder / "summary.json").read_text()
            score = 0.5 + 10 * rate + 0.01 * (seed % 2) + number * 1e-5
            summary = re.sub(r'("val/auroc": )[\d.]+', rf"\g<1>{score}", summary)
            (folder / "summary.json").write_text(re.sub(r'("seconds": )[\d.]+', rf"\g<1>{20 + 300 * rate}", summary))
        return tmp_path / name

    return make


class Tags(HTMLParser):
    """What a page has; fails where a tag is not closed in its order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open, self.text = [], [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page_of(path):
    text = path.read_text()
    page = Tags(text)
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [value for name, value in page.attributes if name in ("src", "href") and not value.startswith("#")]
    assert not re.search(r"url\((?!#)|@import", text)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes
    page.text = " ".join(page.text.split())
    return page


def test_a_finished_run_is_read_alone_and_beside_itself_anew(tiny, graft, capsys):
    first = tiny("trainer.max_epochs=1", "bootstrap=0")
    capsys.readouterr()
    assert graft("compare", first) == 0
    assert "1 run of 1 configuration: 1 done." in capsys.readouterr().out
    second = shutil.copytree(first, first.with_name("again"))
    (second / "config.yaml").write_text((second / "config.yaml").read_text().replace("seed: 0", "seed: 7", 1))
    (second / "environment.json").write_text((second / "environment.json").read_text().replace("numpy", "numbpy"))
    assert graft("compare", first, second) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 runs of 1 configuration: 2 done." in said
    assert re.search(r"configs .*│ seed │ 0 │ 7 │ .*environments .*│ packages\.numpy │ [\d.]+ │ – │", said)


def test_the_table_and_the_csv_say_the_same_in_the_order_of_scores(graft, sweep, capsys, tmp_path):
    folder = sweep(6)
    assert graft("compare", folder, "--csv", tmp_path / "table.csv") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if re.match(r"\s+[123]  ", line)]
    assert [(line[0], line[5]) for line in lines] == [("1", "0.02"), ("2", "0.01"), ("3", "0.001")]
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["optimizer.lr"] for row in rows] == ["0.02", "0.01", "0.001"]
    best = rows[0]
    assert (best["rank"], best["done"], best["seeds"]) == ("1", "2", "0; 1")
    values = [0.5 + 0.2 + 2e-5, 0.5 + 0.2 + 0.01 + 5e-5]
    assert float(best["val/auroc"]) == pytest.approx(sum(values) / 2)
    assert float(best["val/auroc sd"]) == pytest.approx((values[1] - values[0]) / 2**0.5)
    assert float(best["val/auroc low"]) < min(values) < max(values) < float(best["val/auroc high"])
    assert float(best["test/auroc"]) > 0
    assert best["folders"] == f"{folder}/2; {folder}/5"
    assert f"{float(best['val/auroc']):.4f}" == lines[0][1]


def test_a_configuration_that_lacks_a_seed_is_marked_in_table_csv_and_page(graft, sweep, capsys, tmp_path):
    folder = sweep(6)
    (folder / "5" / "summary.json").unlink()  # of the best rate
    (folder / "5" / "status.json").write_text('{"state": "failed", "started": "", "message": "out of memory"}')
    assert graft("compare", folder, "--csv", "--html") == 0
    out = capsys.readouterr().out
    assert re.search(r"1 +0\.7000 +1 of 2 +0\.02 .*\n +2 +0\.6050 .* 2 +0\.01", out)
    assert "rank 1 (1 of 2 seeds). The best is rank 2, with all its seeds." in " ".join(out.split())
    with (folder / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    told = [(row["seeds done"], row["seeds asked"], row["missing seeds"], row["seeds"]) for row in rows]
    assert told == [("1", "2", "1", "0"), ("2", "2", "", "0; 1"), ("2", "2", "", "0; 1")]
    text = (folder / "comparison.html").read_text()
    assert re.findall(r'<tr class="best"><td>(\d)', text) == ["2"]
    assert '<td class="bad">1 of 2</td>' in text
    page = page_of(folder / "comparison.html")
    assert "The best is rank 2, with all its seeds." in page.text
    assert f"{folder.parent.name}/sweep: 6 runs of 3 configurations" in page.text
    assert "○ lr 0.02 (1 of 2 seeds)" in page.text


def test_trials_that_failed_before_they_began_are_counted_with_their_reason(graft, tiny_words, monkeypatch, capsys):
    """A real sweep of two rates over two seeds; a job fails before it has a folder, and another trial as a whole."""
    from graft.train import claim

    def some(cfg):
        if (cfg.optimizer.lr == 0.01 and cfg.seed == 1) or cfg.optimizer.lr == 0.1:
            raise OSError("no room for a folder")
        return claim(cfg)

    def come_to_something(run, cfg, *_):
        run.save_summary({"val/auroc": 0.5 + cfg.optimizer.lr, "val/accuracy": None, "parameters/trainable": 1})

    monkeypatch.setattr("graft.train.claim", some)
    monkeypatch.setattr("graft.fitting.fit_and_score", come_to_something)
    words = [*tiny_words, "datamodule.root=.", "optimizer.lr=1e-3,1e-2,1e-1", "hydra.sweeper.seeds=2", "name=tiny"]
    assert graft("train", "sweep=grid", *words) == 1
    capsys.readouterr()
    folder = Path("logs/sweeps/tiny_grid").absolute()
    assert graft("compare", folder, "--html") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "6 runs of 2 configurations: 3 done, 3 failed; 3 of these stopped before they began." in out
    assert (
        f"Before they began: {folder}/1/seed_1: failed: OSError: no room for a folder {folder}/2/seed_0: failed" in out
    )
    assert re.search(r"1 0\.5100 1 of 2 0\.01 .* 1 2 0\.5010", out)
    assert "rank 1 (1 of 2 seeds). The best is rank 2" in out
    page = page_of(folder / "comparison.html")
    assert (
        f"failed: {folder}/1/seed_1, {folder}/2/seed_0, {folder}/2/seed_1: OSError: no room for a folder" in page.text
    )


def test_a_narrow_terminal_has_the_score_and_the_settings_in_full(graft, sweep, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "44")
    assert graft("compare", sweep(3)) == 0
    said = capsys.readouterr().out
    assert "…" not in said
    assert re.search(r"1 +0\.7000 +1 +0\.02", said)
    assert "no room for" in said
    assert "trainable" in said[said.index("no room for") :]


def test_what_differs_between_two_runs_has_the_width_of_the_page(graft, sweep, tmp_path):
    assert graft("compare", sweep(2), "--html", tmp_path / "page.html") == 0
    page = page_of(tmp_path / "page.html")
    assert ("class", "differing") in page.attributes
    assert ("class", "two") not in page.attributes, "a grid of two columns, in page.css"


def test_the_page_shows_all_parts_and_runs_nothing(graft, sweep, tmp_path, capsys):
    folder = sweep(14, lines=["note: '<img src=x onerror=alert(1)>'", ""])
    shutil.copytree(RECORDED, tmp_path / "sweep" / "<b>other")
    (tmp_path / "sweep" / "<b>other" / "status.json").write_text('{"state": "failed", "started": "", "message": "<i>"}')
    assert graft("compare", folder, "--html", tmp_path / "page.html") == 0
    page = page_of(tmp_path / "page.html")
    for part in (
        "The best against the runner-up",
        "Importance of settings",
        "Learning curves",
        "Score against seconds",
    ):
        assert part in page.text, part
    assert "Parallel coordinates" in [value for name, value in page.attributes if name == "aria-label"]
    assert "<img src=x onerror=alert(1)>" in page.text
    assert "<b>other: <i>" in page.text
    assert not {"b", "i", "img"} & set(page.tags)


def test_a_page_of_many_runs_is_made_by_two_processes_and_without_torch(sweep, tmp_path):
    """The command as a process of its own, with the one that it starts."""
    folder, page = sweep(60, rates=(0.001, 0.003, 0.01, 0.02, 0.03, 0.04)), tmp_path / "page.html"
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "if __name__ == '__main__':\n"
        "    from graft.cli import main\n"
        "    code = main()\n"
        "    print([name for name in ('torch', 'sklearn', 'pandas') if name in sys.modules])\n"
        "    sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, program, "compare", folder, "--html", page], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("[]\n")
    found = page_of(page)
    assert "optimizer.lr" in found.text[found.text.index("Importance of settings") :]
    assert "60 runs of 6 configurations" in found.text


def test_nothing_but_an_earlier_comparison_is_replaced(graft, sweep, tmp_path, capsys):
    folder = sweep(2)
    note = tmp_path / "note.csv"
    note.write_text("rank,mine\n1,2\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for kind in ("--csv", "--html"):
        assert graft("compare", folder, kind, note) == 2
        assert "it stays" in capsys.readouterr().err
        assert graft("compare", folder, kind, tmp_path / "no" / "where") == 2
        assert "there is no folder" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for said in ("written", "replaced"):
        assert graft("compare", "--html", folder, "--csv") == 0
        out = capsys.readouterr().out
        assert f"{said}: {folder}/comparison.html" in out
        assert f"{said}: {folder}/comparison.csv" in out
    assert before.items() <= {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}.items()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "name the folder of a sweep"),
        (["swep"], 2, "Did you mean 'sweep'?"),
        (["sweep", "--tops", "3"], 2, "--tops"),
        (["sweep", "--monitor", "test/auroc"], 2, "the test split"),
        (["sweep", "--mode", "best"], 2, "--mode"),
        (["damaged"], 1, "none of the runs can be read"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(graft, sweep, tmp_path, capsys, words, code, said):
    sweep(1)
    (sweep(1, name="damaged") / "0" / "summary.json").write_text("{")
    assert graft("compare", *words) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("error: ")


def test_commands_of_the_docs_work(graft, sweep, tmp_path, capsys):
    runs = sweep(2, name="logs/runs/cells")
    names = {"logs/sweeps/<name>": str(sweep(2, name="logs/sweeps/cells")), "<name>/<first>": "cells/0",
             "<name>/<second>": "cells/1"}  # fmt: skip
    commands = re.findall(r"^graft (compare .*?)(?:\s{2,}#.*)?$", DOCS, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        for shown, there in names.items():
            command = command.replace(shown, there)
        assert graft(*shlex.split(command)) == 0, command
    assert runs.is_dir()
    assert (tmp_path / "all.html").exists()
    assert graft("compare", "--help") == 0
    assert "--monitor" in capsys.readouterr().out
