"""What docs/making makes of the source: the rooms, the steps, the reference, and the page of mistakes."""

import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"
GROUPS = {path.parent.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*.yaml")}
sys.path.append(str(ROOT / "docs" / "making"))
choices, mistakes, reference, rooms, steps = map(import_module, ("choices", "mistakes", "reference", "rooms", "steps"))

PAGE = (ROOT / "docs" / "errors.md").read_text()
MADE = [mistake for section in mistakes.MISTAKES.values() for mistake in section]
AGAIN = {"a broken image", "an extra that is not installed"}
READ = [choices.read_choice(CONFIGS, path) for path in sorted(CONFIGS.rglob("*.yaml"))]


def test_no_room_knows_a_command_or_what_commands_are_made_of():
    found = rooms.read_rooms(ROOT / "src" / "graft")
    assert found.keys() > {"backbones", "config", "data", "runs", "strategies", "tasks"}
    assert {name: room.knows_above for name, room in found.items() if room.knows_above} == {}


def test_rooms_are_in_layers_over_those_that_they_know(tmp_path):
    for name, knows in {"low": "", "one": "two", "two": "one low", "high": "one low fitting"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f'"""Room {name}. More of it."""\n')
        (tmp_path / name / "module.py").write_text("".join(f"import graft.{each}.thing\n" for each in knows.split()))
    found = rooms.read_rooms(tmp_path)
    assert rooms.layers(found) == [["low"], ["one", "two"], ["high"]]
    assert rooms.arrows(found) == [("high", "one"), ("one", "two"), ("two", "low"), ("two", "one")]
    assert (found["high"].summary, found["high"].knows_above) == ("Room high", {"fitting"})


def test_the_steps_of_a_training_are_those_of_the_source_in_its_order():
    found = steps.steps(ROOT / "src", "graft.fitting", "fit_and_score")
    names = [step.name for step in found]
    order = ["build_backbone", "build_datamodule", "build_task", "build_trainer", "trainer.fit", "score_best"]
    assert [name for name in names if name in order] == order
    start = found[names.index("solve_head")]
    assert (start.part, start.condition) == ("start", "strategy.start is not None and (not resumed)")
    assert all(step.does for step in found)


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONFIGS)))
def test_the_reference_has_every_key_of_every_file(path):
    read = choices.read_choice(CONFIGS, path)
    told = {key.name.rpartition(".")[2] for key in read.keys}
    content = {name: value for name, value in (yaml.safe_load(path.read_text()) or {}).items() if name != "defaults"}
    assert told >= {name for name in content if not name.startswith("_")}
    assert read.says or path.parent.name == "hydra_logging"


def test_every_row_of_the_reference_says_what_it_means():
    """In the file, in one that it begins as or chooses, or in one that `graft train` chooses when nothing is said."""
    mute = [f"{choice.name}: {key.name}" for choice in READ for key in choice.keys if key.shown and not key.means]
    assert mute == []


def test_a_key_without_a_comment_means_what_it_means_where_its_file_comes_from(tmp_path):
    for name, text in {
        "train": "defaults:\n  - group: usual\nseed: 0  # of the run\n",
        "group/usual": "own: 1\nusual: 1  # by default\nbase: 1  # overruled\n",
        "group/base": "base: 1  # of the base\nlist:  # all\n  - inner: 1  # each\nlong: |\n  words\n# above\nb: 1\n",
        "group/choice": "defaults: [base]\nown: 2  # its own\nusual: 2\nbase: 2\nmute: 2\nopen:\n  x: 1  # inside\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text(text)
    base, choice = (
        {key.name: (key.means, key.shown) for key in choices.read_choice(tmp_path, tmp_path / "group" / name).keys}
        for name in ("base.yaml", "choice.yaml")
    )
    assert choice == {
        "group.own": ("its own", True),
        "group.usual": ("by default", True),
        "group.base": ("of the base", True),
        "group.mute": ("", True),
        "group.open": ("", False),
        "group.open.x": ("inside", True),
    }
    assert [means for means, _ in base.values()] == ["of the base", "all", "each", "", "above"]


def is_known(word, keys, leaves):
    name, _, value = word.lstrip("+~").partition("=")
    if name in GROUPS:
        return all((CONFIGS / name / f"{choice}.yaml").is_file() for choice in value.strip("[]").split(","))
    parts = name.split(".")
    return name in keys or any(".".join(parts[:length]) in leaves for length in range(2, len(parts)))


def test_the_commands_that_files_open_with_name_choices_and_keys_that_are_there():
    """Each file's own header; those of the pages compose, in tests/test_docs.py."""
    keys = {key.name for choice in READ for key in choice.keys}
    leaves = {key.name for choice in READ for key in choice.keys if not key.opens}  # such as a list, with places in it
    lines = [re.split(r"\s{2,}", line)[0] for choice in READ for line in choice.commands if line.startswith("graft ")]
    assert len(lines) > 100
    wrong = {
        (line, word)
        for line in lines
        for word in shlex.split(line)[2:]
        if "=" in word and not word.startswith("+") and not is_known(word, keys, leaves)
    }
    assert wrong == set()


def test_the_reference_says_what_a_key_holds_takes_and_means():
    pages = reference.reference(CONFIGS, ROOT / "docs")
    for row in (
        "<td><code>datamodule.<wbr>batch_size</code></td><td><code>32</code></td><td>a whole number of at least 1</td>"
        "<td>samples per optimizer step, over all processes together</td>",
        "<td><code>datamodule.<wbr>root</code></td><td><em>what the user has to say</em></td><td>text</td>",
    ):
        assert row in pages["datamodule"]
    assert (
        "<td><code>callbacks.<wbr>ema.<wbr>decay</code></td><td><code>0.999</code></td><td>a number from 0 to"
        in pages["average"]
    )
    assert 'see <a href="../performance.html">docs/performance.md</a>' in pages["datamodule"]
    assert (
        "<wbr>max_epochs</code></td><td><code>12</code></td><td>-1 or a whole number of at least 1"
        in pages["experiment"]
    )
    assert "<td>Score the best checkpoint on the test split when training is over.</td>" in pages["commands"]
    assert '<a href="strategy.html#full_finetuning">strategy=full_finetuning</a> says' in pages["strategy"]
    assert "Chooses [`task/head=linear`](task.md#head-linear)" in pages["task"]
    for group in pages.keys() - {"index", "commands"}:
        assert re.search(rf"^\| \[`{group}`\]\({group}\.md\) \| \w.+ \| \[", pages["index"], re.MULTILINE), group


# --- the page of mistakes


def test_the_page_has_every_mistake_and_an_answer_to_each():
    assert len(MADE) >= 30
    cells = [line.split(" | ")[0] for line in PAGE.splitlines() if "<br>`graft " in line]
    assert cells == [mistakes.row(mistake, 0, "").split(" | ")[0] for mistake in MADE]
    assert "Traceback" not in PAGE


@pytest.mark.parametrize(
    "mistake", [each for each in MADE if each.before is None or each.what in AGAIN], ids=lambda m: m.what
)
def test_a_mistake_is_told_as_the_page_says(mistake, tmp_path):
    assert mistakes.row(mistake, *mistakes.told(mistake, tmp_path.resolve())) in PAGE
