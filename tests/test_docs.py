"""The README and docs say what is so.

Of their code blocks, these are run, on small data: every sweep, the first lines of images.md, all YAML and Python,
lists and helps. What else `graft` is told is only composed or read, as when it begins, its lists by their first value;
so is what says that it needs more than a test has.
"""

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from graft.comparing.asking import understood
from graft.config.compose import check_command_line, composed
from graft.config.line import read_line
from graft.renaming.asking import understood as understood_init
from graft.scaffolding.asking import understood as understood_new
from graft.scaffolding.templates import files

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"
README = (ROOT / "README.md").read_text()
PAGES = {path.name: path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
NEEDS = {  # what a block may say that it needs, for no test to run it whole; its own commands are checked all the same
    "a network, to install",
    "a network and an account",
    "a browser",
    "a terminal",
    "GPUs",
    "hours",
    "Slurm, and the extra: pip install 'graft[slurm]'",
    "the extra: pip install 'graft[slurm]'",
    "the extra: pip install 'graft[ray]'",
}
OF_A_RUN = ("evaluate", "predict", "explain", "export", "demo")
AS_TRAIN = ("strategies", "doctor")  # take its words
FOLDERS = {"train": "resume", "shard": "to", **dict.fromkeys(OF_A_RUN, "run")}


class Block(NamedTuple):
    page: str
    needs: str
    language: str
    text: str


BLOCKS = [
    Block(page, *match)
    for page, text in PAGES.items()
    for match in re.findall(r"(?:^<!-- needs: (.+?) -->\n)?^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
]
LINES = [
    (block, line)
    for block in BLOCKS
    if block.language == "bash"
    for line in re.sub(r"\s{2,}#.*$", "", block.text, flags=re.MULTILINE).splitlines()
]


def blocks(page, language):
    return [block.text for block in BLOCKS if (block.page, block.language) == (page, language)]


def lines(page):
    return [line for block, line in LINES if block.page == page]


def test_ci_calls_the_readmes_test_command():
    assert "```bash\nuv run pytest\n```" in README
    assert "\nuv run pytest\n" in (ROOT / ".ci" / "run").read_text()
    assert "pip install uv && uv run graft train" in README


# --- each block is used


def test_every_block_is_of_a_kind_that_is_known_here_or_says_what_it_needs():
    """Layouts are `text`; Python and YAML are those that tests name; a shell's lines are Graft's own."""
    assert {block.language for block in BLOCKS} == {"bash", "python", "text", "yaml"}
    assert {block.needs for block in BLOCKS} - {""} <= NEEDS
    assert {block.page for block in BLOCKS if block.language == "python"} == {"export.md", "family.md", "predict.md"}
    assert {block.page for block in BLOCKS if block.language == "yaml"} == {"extend.md", "family.md"}
    strange = [line for block, line in LINES if not block.needs and not line.startswith("graft ")]
    assert set(strange) == {"pip install uv && uv run graft train", "uv run pytest"}, "the README's, which CI runs"


def is_checked_elsewhere(words):
    """Whether they choose files of groups and nothing else: tests/test_configs.py composes every file."""
    choices = [word.split("=") for word in words if word != "-m"]
    return all(len(parts) == 2 for parts in choices) and all(
        (CONFIGS / group / f"{choice}.yaml").is_file() for group, several in choices for choice in several.split(",")
    )


COMPOSED = {
    (command, *words)
    for _, line in LINES
    for name, command, *words in [shlex.split(re.sub(r"<\w+>", "some", line)) if line.count(" ") else ("", "")]
    if name == "graft" and command in (*FOLDERS, *AS_TRAIN) and not {"--help", "-h"} & set(words)
    if not is_checked_elsewhere(words) and "backbone=labnet" not in words
}


@pytest.mark.parametrize("line", sorted(COMPOSED), ids=" ".join)
def test_commands_of_the_docs_compose(line):
    command, *words = line
    command = "train" if command in AS_TRAIN else command
    words = [word if "," not in word or "[" in word else word.split(",")[0] for word in words if word != "-m"]
    check_command_line(command, read_line(command, words, FOLDERS[command]).overrides)


def is_sweep(line):
    return line.startswith("graft train ") and re.search(r" (-m|sweep=\w+)( |$)", line) is not None


def cut_to_two(word):
    """A word of a command line with the first two of its values."""
    return word if re.search(r"[\[(]", word) else ",".join(word.split(",")[:2])


SWEPT = {
    tuple(cut_to_two(word) for word in shlex.split(line)[2:] if not word.startswith("launcher"))
    for block, line in LINES
    if not block.needs and is_sweep(line)
}  # without launchers, which are tests/sweeps/test_launchers.py's


@pytest.mark.parametrize("words", sorted(SWEPT), ids=" ".join)
def test_sweeps_of_the_docs_run(words, graft, flowers, tmp_path, tiny_words, read):
    """On a tiny task, an epoch each, two trials of a search; the folders are not named here, but as a user's are."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/flowers").symlink_to(flowers)
    small = ["trainer.max_epochs=1", "bootstrap=0"]
    if any(word.startswith("sweep=") for word in words) and "sweep=grid" not in words:
        small.append("hydra.sweeper.n_trials=2")
    assert graft("train", *tiny_words, "datamodule.root=data/flowers", *words, *small) == 0
    runs = 2 ** (sum("," in word for word in words) or 1)
    statuses = sorted((tmp_path / "logs/sweeps").glob("*/*/*/status.json" if "-m" in words else "*/*/status.json"))
    assert len(statuses) == runs
    assert {read(path.parent, path.name)["state"] for path in statuses} == {"done"}


def test_the_lists_and_helps_of_the_docs_are_printed(graft, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    listing = {line for _, line in LINES if re.match(r"graft (cache|--help|\w+ --help)", line)}
    assert len(listing) > 4
    assert [line for line in listing if graft(*shlex.split(line)[1:]) != 0] == []


READ = {"compare": understood, "new": understood_new, "init": understood_init}


def test_the_other_commands_of_the_docs_are_understood(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs/sweeps/some").mkdir(parents=True)
    others = {line for _, line in LINES if re.match(rf"graft ({'|'.join(READ)})\b(?! --help)", line)}
    assert {line.split()[1] for line in others} == READ.keys()
    for line in others:
        _, command, *words = shlex.split(re.sub(r"<\w+>", "some", line))
        assert READ[command](words), line


def test_no_command_of_the_docs_is_left_out():
    commands = {line.split()[1] for _, line in LINES if line.startswith("graft ")}
    assert commands <= {*FOLDERS, *AS_TRAIN, *READ, "cache", "--help"}


@pytest.fixture
def how_to(graft, flowers, tmp_path, tiny_words):
    """Runs the first lines of a page as they stand, on small data; `<name>/<date_time>` is the first run."""

    def run(page, count):
        for line in lines(page)[:count]:
            command, *words = shlex.split(line.replace("<name>/<date_time>", "first"))[1:]
            if command == "train" and not any(word.startswith("resume=") for word in words):
                words = [
                    *tiny_words,
                    *words,
                    f"hydra.run.dir={tmp_path}/logs/runs/first",
                    "trainer.max_epochs=1",
                    "report=false",
                ]
            assert graft(command, *words) == 0, line
        return tmp_path / "logs/runs/first"

    for name in ("data/flowers", "photos"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(flowers)
    return run


def test_own_images_are_trained_on_evaluated_predicted_and_gone_on_with(how_to, monkeypatch):
    folder = how_to("images.md", 4)
    assert list((folder / "evaluations").iterdir())
    (predicted,) = (folder / "predictions").iterdir()
    assert predicted.suffix == ".parquet"
    (code,) = blocks("predict.md", "python")
    found: dict[str, object] = {}
    exec(code.replace("<name>/<date_time>", "first"), found)
    assert set(found["head"]) == {"head.1.weight", "head.1.bias"}


def test_what_w_and_bs_sweep_file_makes_agents_run_is_a_command_line_of_grafts():
    from wandb.sdk.launch.sweeps.utils import create_sweep_command_args  # as `wandb agent` does

    sweep = yaml.safe_load((ROOT / "docs" / "wandb_sweep.yaml").read_text())
    assert sweep["command"][:3] == ["${env}", "graft", "train"]
    assert sweep["command"][-1] == "${args_no_hyphens}"
    values = {key: told.get("values") or [told["min"], told["max"]] for key, told in sweep["parameters"].items()}
    for number in range(max(map(len, values.values()))):  # each value once
        given = {key: {"value": some[number % len(some)]} for key, some in values.items()}
        overrides = create_sweep_command_args({"args": given})["args_no_hyphens"]
        check_command_line("train", [*sweep["command"][3:-1], *overrides])
        cfg = composed("train", ["paths.run_dir=run", *overrides])
        assert (cfg.optimizer.lr, cfg.strategy.name) == (given["optimizer.lr"]["value"], given["strategy"]["value"])
    assert (sweep["metric"]["name"], sweep["metric"]["goal"]) == (cfg.monitor, f"{cfg.mode}imize")
    assert not list(CONFIGS.rglob("*wandb_sweep*")), "where Hydra looks, it would be a choice"


def test_pictures_are_drawn_for_light_and_dark_pages():
    for picture in (ROOT / "docs" / "images").glob("*.svg"):
        text = picture.read_text()
        assert "#ffffff" not in text, f"{picture.name} has a ground of its own: benchmarks/on_any_page.py"
        assert "#000000" not in text
        assert "prefers-color-scheme: dark" in text


@pytest.fixture
def documented(tmp_path):
    """Writes the YAML files of a page where Hydra looks for a user's own."""

    def write(page):
        blocks = re.findall(r"`configs/([\w/]+\.yaml)`:\n\n```yaml\n(.*?)```", PAGES[page], re.DOTALL)
        for name, text in blocks:
            path = tmp_path / "mine" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return {name for name, _ in blocks}

    return write


QUICK = ["backbone.weights=none", "trainer=cpu", "logger.wandb=null", "callbacks.progress=null"]
QUICK += ["datamodule.num_workers=0", "datamodule.batch_size=8", "datamodule.limit=16", "report=false"]


def test_a_dataset_a_backbone_and_a_strategy_take_one_yaml_file_each(documented, graft, flowers, tmp_path, read):
    named = {"datamodule/flowers.yaml", "backbone/resnet26d.yaml", "strategy/probe_then_tune.yaml"}
    assert documented("extend.md") == named
    words = ["datamodule=flowers", "backbone=resnet26d", "strategy=probe_then_tune", f"datamodule.root={flowers}"]
    words += ["backbone.image_size=32", "trainer.max_epochs=6", "datamodule.split.group=null"]
    folder = tmp_path / "run"
    assert graft("train", *words, *QUICK, f"hydra.run.dir={folder}", "--config-dir", tmp_path / "mine") == 0
    summary = read(folder, "summary.json")
    assert summary["name"] == "flowers_probe_then_tune"
    assert summary["parameters/trainable"] == summary["parameters/total"] > 13e6
    assert "phase 2 of strategy probe_then_tune begins" in (folder / "train.log").read_text()


def test_a_family_takes_one_python_file_and_one_yaml_file(documented, graft, flowers, tmp_path, read, monkeypatch):
    assert documented("family.md") == {"backbone/labnet.yaml"}
    (code,), (text,) = blocks("family.md", "python"), blocks("family.md", "yaml")
    config, module, _ = files(understood_new(["backbone", "labnet", "base=python"])).values()
    assert (code, text) == (module, config), "the page shows what `graft new` writes"
    (tmp_path / "labnet.py").write_text(code)
    spec = importlib.util.spec_from_file_location("graft.backbones.labnet", tmp_path / "labnet.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr("graft.backbones.labnet", module, raising=False)
    _, line = lines("family.md")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/flowers").symlink_to(flowers)
    words = [*shlex.split(line)[2:], *QUICK, "trainer.max_epochs=1", f"cache.folder={tmp_path}/cache"]
    folder = tmp_path / "run"
    assert graft("train", *words, f"hydra.run.dir={folder}", "--config-dir", tmp_path / "mine") == 0
    stages = {row["stage"]: row for row in read(folder, "stages.json")}
    assert list(stages) == ["stem", "block_1", "block_2", "block_3", "head"]


# --- what the pages name is there


def test_links_between_the_docs_lead_somewhere():
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())]
    assert any(link.endswith(".png") for _, link in links)
    missing = [(page.name, link) for page, link in links if not (page.parent / link).is_file()]
    assert not [each for each in missing if not each[1].startswith("reference/")], (
        "mkdocs makes the reference, and checks"
    )


def test_files_and_choices_that_the_docs_name_are_there():
    named = {path for text in PAGES.values() for path in re.findall(r"`((?:src|benchmarks|tests)/[\w/]+\.py)", text)}
    assert len(named) > 10
    made = {"labnet", *re.findall(r"graft new \w+ (\w+)", PAGES["extend.md"])}
    missing = {path for path in named if not (ROOT / path).exists()}
    assert not [path for path in missing if Path(path).stem.removeprefix("test_") not in made]
    groups = {path.parent.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*.yaml")}
    for page, text in PAGES.items():
        for group, choice in re.findall(r"`([a-z/]+)=([a-z_0-9]+)`", text):
            if group in groups:
                assert (CONFIGS / group / f"{choice}.yaml").is_file(), f"{page}: {group}={choice}"


CITED = re.compile(r"(\w[\w-]+(?: (?:&|and) \w+| et al\.))[^.;:()]{0,60}?((?:19|20)\d\d)")


def test_every_paper_that_configs_and_code_follow_is_on_the_page_of_citations():
    """By the first author and the year."""
    page = PAGES["citations.md"]
    cited = set()
    for path in [*CONFIGS.rglob("*.yaml"), *(ROOT / "src").rglob("*.py")]:
        text = re.sub(r"\s+#?\s*", " ", path.read_text())
        cited |= {(names.split()[0], year) for names, year in CITED.findall(text)}
    assert len(cited) > 40
    rows = [row for row in page.splitlines() if row.startswith("|")]
    missing = [(name, year) for name, year in cited if not any(name in row and year in row for row in rows)]
    assert missing == []
