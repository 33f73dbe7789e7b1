"""The README and docs say what is so: their YAML is used as it stands, their commands compose."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from graft.config.compose import check_command_line, composed

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXTEND = (ROOT / "docs" / "extend.md").read_text()
PERFORMANCE = (ROOT / "docs" / "performance.md").read_text()
SWEEPS = (ROOT / "docs" / "sweeps.md").read_text()
CHOOSING = (ROOT / "docs" / "choosing.md").read_text()
TRACKERS = (ROOT / "docs" / "trackers.md").read_text()
PAGES = README + EXTEND + PERFORMANCE + CHOOSING + SWEEPS + TRACKERS
COMMANDS = re.findall(r"^graft ((?:train|shard) .*?)(?:\s{2,}#.*)?$", PAGES, re.MULTILINE)


def test_ci_calls_the_readmes_test_command():
    assert "```bash\nuv run pytest\n```" in README
    assert "\nuv run pytest\n" in (ROOT / ".ci" / "run").read_text()
    assert "pip install uv && uv run graft train" in README


@pytest.mark.parametrize("command", [command for command in COMMANDS if "<" not in command and "--help" not in command])
def test_commands_of_the_docs_compose(command, graft, capsys):
    words = [word.split(",")[0] for word in shlex.split(command) if word != "-m"]
    assert graft(*words, "--cfg", "job") == 0
    assert "datamodule" in capsys.readouterr().out


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
    assert not list((ROOT / "configs").rglob("*wandb_sweep*")), "where Hydra looks, it would be a choice"


@pytest.fixture
def documented(tmp_path):
    """The YAML files of docs/extend.md, written where Hydra looks for a user's own."""
    blocks = re.findall(r"`configs/([\w/]+\.yaml)`:\n\n```yaml\n(.*?)```", EXTEND, re.DOTALL)
    for name, text in blocks:
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {name for name, _ in blocks}


def test_a_dataset_a_backbone_and_a_strategy_take_one_yaml_file_each(documented, graft, flowers, tmp_path, read):
    assert documented == {"datamodule/flowers.yaml", "backbone/resnet26d.yaml", "strategy/probe_then_tune.yaml"}
    words = ["datamodule=flowers", "backbone=resnet26d", "strategy=probe_then_tune", f"datamodule.root={flowers}"]
    quick = ["backbone.weights=none", "backbone.image_size=32", "trainer=cpu", "trainer.max_epochs=6"]
    quiet = ["logger.wandb=null", "callbacks.progress=null", "datamodule.num_workers=0", "datamodule.batch_size=8"]
    named = ["datamodule.split.group=null", f"hydra.run.dir={tmp_path}/run", "datamodule.limit=16"]
    assert graft("train", *words, *quick, *quiet, *named, "--config-dir", tmp_path / "mine") == 0
    summary = read(tmp_path / "run", "summary.json")
    assert summary["name"] == "flowers_probe_then_tune"
    assert summary["parameters/trainable"] == summary["parameters/total"] > 13e6
    assert "phase 2 of strategy probe_then_tune begins" in (tmp_path / "run" / "train.log").read_text()


def test_links_between_the_docs_lead_somewhere():
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())]
    assert any(link.endswith(".png") for _, link in links)
    assert not [(page.name, link) for page, link in links if not (page.parent / link).is_file()]
