import ast
import importlib.util
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from graft.config.check import check_fields
from graft.config.locate import configs_dir
from graft.config.schema import COMMANDS, TARGETS
from graft.config.schema.trainer import Trainer
from graft.config.validate import validate

GROUPS = [path for path in configs_dir().glob("*/*.yaml") if path.parent.name not in ("hydra", "local")]
NEEDED = {
    "timm": ["backbone.model=resnet18"],
    "transformers": ["backbone.model=somewhere"],
    "image_folder": ["datamodule.root=data"],
    "image_table": ["datamodule.path=table.csv"],
    "text_table": ["datamodule.path=table.csv"],
    "torchvision": ["datamodule.dataset=CIFAR10"],
    "huggingface": ["datamodule.dataset=somewhere"],
    "streaming": ["datamodule.folder=shards"],
}


@pytest.mark.parametrize("path", GROUPS, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_every_choice_of_every_group_keeps_to_the_schema(composed, path):
    group = path.parent.name
    validate(composed(f"{group}={path.stem}", *NEEDED.get(path.stem, [])))


@pytest.mark.parametrize(("command", "word"), [("evaluate", "run=somewhere"), ("shard", "to=somewhere")])
def test_the_configurations_of_other_commands_keep_to_the_schema(composed, command, word):
    validate(composed(word, command=command), command)


def test_the_trainers_keys_are_those_of_the_installed_lightning():
    package = Path(importlib.util.find_spec("pytorch_lightning").origin).parent
    tree = ast.parse((package / "trainer" / "trainer.py").read_text())
    trainer = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Trainer")
    init = next(node for node in trainer.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    own = {"compile"}
    assert {field.name for field in fields(Trainer)} == {argument.arg for argument in init.args.kwonlyargs} | own


def test_every_target_of_ours_in_the_configs_has_a_schema():
    named = {
        line.split("_target_:")[1].strip(" {},").partition(",")[0]
        for path in configs_dir().rglob("*.yaml")
        for line in path.read_text().splitlines()
        if "_target_: graft." in line
    }
    assert named
    assert {target for target in named - set(TARGETS) if not has_a_test_of_its_own(target)} == set()


def has_a_test_of_its_own(target):
    """Whether it is a family of a user's, as `graft new` writes it: its keys are checked by its signature."""
    _, room, *module, _ = target.split(".")
    return bool(module) and (Path(__file__).parents[1] / room / f"test_{module[-1]}.py").is_file()


@pytest.mark.parametrize(
    ("choice", "target"),
    [
        ("backbone=timm", "backbone"),
        ("datamodule=elpv", "datamodule"),
        ("datamodule=image_folder", "datamodule"),
        ("strategy=layerwise", "strategy"),
        ("scheduler=plateau", "scheduler"),
        ("logger=tensorboard", "logger.tensorboard"),
        ("logger=trackio", "logger.trackio"),
    ],
)
def test_the_files_say_every_key(composed, choice, target):
    """No default is hidden in Python: whatever key is taken out of a file is missed, but for parts that may be none."""
    cfg = composed(choice)
    for part in target.split("."):
        cfg = cfg[part]
    schema = TARGETS[cfg._target_]
    for field in (field for field in fields(schema) if field.default is MISSING):
        less = cfg.copy()
        less._set_flag("struct", False)
        del less[field.name]
        assert f"x.{field.name}: the key is absent." in list(check_fields(less, schema, "x"))


def test_every_command_has_a_primary_config():
    assert all((configs_dir() / f"{command}.yaml").is_file() for command in COMMANDS)
