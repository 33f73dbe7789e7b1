import re
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

from graft.config.compose import check_command_line
from graft.config.explain import LAUNCHERS
from graft.config.locate import configs_dir
from graft.errors import ConfigError


def message(*overrides: str, command: str = "train", **options) -> str:
    with pytest.raises(ConfigError) as error:
        check_command_line(command, list(overrides), **options)
    return str(error.value)


def test_a_right_line_passes_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = HydraConfig.instance().cfg
    check_command_line("train", ["backbone=resnet18", "optimizer.lr=1e-2", "logger=[wandb,tensorboard]"])
    assert list(tmp_path.iterdir()) == []
    assert HydraConfig.instance().cfg is before
    assert not GlobalHydra.instance().is_initialized()


def test_mistakes_of_every_kind_are_told_together():
    told = message("backbone=resnet81", "optimizer.lrr=1", "seed=abc", "experiment=nope", "datamodule=image_folder")
    assert "the configuration has 5 problems" in told
    assert "backbone=resnet81: no such choice. Did you mean 'resnet18'" in told
    assert "backbone=timm backbone.model=resnet81" in told
    assert "optimizer.lrr: unknown key. Did you mean 'optimizer.lr'?" in told
    assert "seed: 'abc' is not a whole number" in told
    assert "experiment=nope: " in told
    assert "datamodule.root: has no value yet" in told


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("lr=0.1", "lr: unknown key. Did you mean 'optimizer.lr'?"),
        ("dropout=0.1", "dropout: unknown key. Did you mean 'task.head.dropout'?"),
        ("optimiser.lr=0.1", "optimiser.lr: unknown key. Did you mean 'optimizer.lr'"),
        ("bakbone=resnet18", "bakbone: unknown key. Did you mean 'backbone'"),
        ("+trainer.limit_val_batches=0", "trainer.limit_val_batches: 0 would validate nothing"),
        ("callbacks.early_stoping.patience=3", "Did you mean 'callbacks.early_stopping.patience'"),
        ("callbacks.early_stopping.patience=abc", "callbacks.early_stopping.patience: 'abc' is not a whole number"),
        ("+callbacks.early_stopping.min_delt=1", "Did you mean 'callbacks.early_stopping.min_delta'"),
        ("callbacks.best.save_top_k=many", "callbacks.best.save_top_k: 'many' is not a whole number"),
        ("callbacks.progress.refresh_rate=-1", "callbacks.progress.refresh_rate: -1 is not a whole number"),
        ("callbacks.learning_rate.logging_interval=epochs", "'epochs' is not step | epoch or null"),
        (
            "optimizer.momentum=0.9",
            "Known here: lr, weight_decay, fused. To add it as a new one: +optimizer.momentum=…",
        ),
        ("callbacks.swa._target_=a.B", "To add it as a new one: +callbacks.swa._target_=…"),
        ("seed.x=1", "seed.x: unknown key."),
        ("hydra.run.dirr=x", "Did you mean 'hydra.run.dir'"),
        ("~optimizer.lrr", "optimizer.lrr: unknown key. Did you mean 'optimizer.lr'?"),
        ("~datamodule.shots", "datamodule.shots: is null, there is nothing to delete."),
        ("+seed=1", "'+seed=1': seed is there already; leave out the `+`."),
        ("+backbone=timm", "'+backbone=timm': backbone is there already; leave out the `+`."),
        ("seed=1,2", "'seed=1,2' holds several values: add -m to try one after the other"),
        (
            "cache.folder=/x/a,b",
            "or write a list as cache.folder=[…]. One path with a comma in it: \"cache.folder='/x/a,b'\"",
        ),
        ("seed=range(3)", "'seed=range(3)' holds several values: add -m"),
        ("logger=null", "None at all: logger=[]."),
        ("optimizer=3", "'optimizer=3': optimizer takes the name of a file in its group."),
        ("logger=[wandb,tensorbord]", "logger=tensorbord: no such choice. Did you mean 'tensorboard'?"),
        ("trainer=a/b", "trainer=a/b: no such choice. Choices: auto, cpu"),
        ("strategy.phases.7.epochs=1", "'strategy.phases.7.epochs=1': list index out of range."),
        ("++trainer.max_epoch=3", "trainer.max_epoch: unknown key. Did you mean 'trainer.max_epochs'"),
    ],
)
def test_a_mistake_is_told_with_the_nearest_valid_key(override, expected):
    assert expected in message(override)


def test_a_value_that_was_left_out_for_a_mistake_is_not_missed():
    told = message("datamodule=image_folder", "datamodule.root=a/b,c")
    assert told.startswith("'datamodule.root=a/b,c' holds several values")
    assert "no value yet" not in told
    assert "no value yet" in message("datamodule=image_folder", "seed=1,2")


def test_a_key_of_a_schema_is_never_offered_to_be_added():
    assert "+" not in message("backbone.depth=3")


@pytest.mark.parametrize("line", [["logger=[]", "callbacks=[]", "augmentation=[]"], ["callbacks.early_stopping=null"]])
def test_everything_in_a_dictionary_can_be_switched_off(line):
    check_command_line("train", line)


def test_each_value_of_a_sweep_is_checked():
    told = message("seed=0,a", "optimizer.lr=1,b", "backbone=resnet18,resnet81", multirun=True)
    assert "3 problems" in told
    assert "seed: 'a'" in told
    assert "optimizer.lr: 'b'" in told
    assert "backbone=resnet81" in told
    check_command_line("train", ["seed=0,1", "optimizer.lr=1e-3,1"], multirun=True)


def test_evaluate_has_its_own_schema():
    assert message(command="evaluate") == "run: has no value yet; give it one: run=…"
    assert "Did you mean 'checkpoint'" in message("run=x", "checkpint=last", command="evaluate")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "datamodule").mkdir()
    (tmp_path / "experiment").mkdir()
    return tmp_path


def test_files_of_the_users_own_are_found_and_checked(own):
    (own / "datamodule/mine.yaml").write_text("defaults: [image_folder]\nroot: data\nbatchsize: 3\n")
    told = message("datamodule=mine", config_dir=str(own))
    assert told.startswith("datamodule.batchsize: unknown key. Did you mean 'datamodule.batch_size'")


def test_a_search_of_the_users_own_leaves_the_test_split_alone_too(own):
    (own / "sweep").mkdir()
    (own / "sweep/mine.yaml").write_text("# @package _global_\ndefaults: [random]\ntest: true\n")
    told = message("sweep=mine", config_dir=str(own), multirun=True)
    assert "a sweep leaves the test split alone" in told


def test_an_experiment_with_a_misspelt_group_is_told(own):
    (own / "experiment/e.yaml").write_text("# @package _global_\ntrainr: {max_epochs: 3}\n")
    assert "trainr: unknown key. Did you mean 'trainer'" in message("experiment=e", config_dir=str(own))


def test_an_experiment_that_chooses_what_does_not_exist_is_told(own):
    (own / "experiment/e.yaml").write_text("# @package _global_\ndefaults: [{override /backbone: resnet81}]\n")
    told = message("experiment=e", config_dir=str(own))
    assert told.startswith("backbone: resnet81, in the defaults of a file: no such choice. Did you mean 'resnet18'")


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launcher_whose_package_is_not_installed_is_told_with_what_installs_it(launcher, monkeypatch):
    check_command_line("train", [f"launcher={launcher}"])
    known = ConfigStore.instance().repo["hydra"]["launcher"]
    monkeypatch.delitem(known, f"{launcher}.yaml")
    install = f"it needs a package that is not installed: pip install '{LAUNCHERS[launcher]}'."
    assert message(f"launcher={launcher}").endswith(install)
    assert message(f"hydra/launcher={launcher}") == f"hydra/launcher={launcher}: {install}"


def test_all_launchers_that_are_packages_are_known():
    texts = [path.read_text() for path in (configs_dir() / "launcher").glob("*.yaml")]
    chosen = {name for text in texts for name in re.findall(r"override /hydra/launcher: (\w+)", text)}
    assert chosen == LAUNCHERS.keys()


def test_broken_yaml_is_told_with_its_place(own):
    file = own / "optimizer/broken.yaml"
    file.write_text("_target_: torch.optim.SGD\nlr: [1\n")
    told = message("optimizer=broken", config_dir=str(own))
    assert f"{file}, line 3" in told
    assert "no valid YAML" in told


def test_a_folder_of_configs_that_is_not_there_is_told(tmp_path):
    assert message(config_dir=str(tmp_path / "nope")) == f"--config-dir: there is no folder {tmp_path / 'nope'}."


def test_a_primary_config_that_is_not_there_is_told():
    assert "foo" in message(config_name="foo")
