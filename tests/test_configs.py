"""Every file in configs/ composes, instantiates, opens with its command, and every experiment has been run."""

import re
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_class
from omegaconf import OmegaConf

from graft.build import build_backbone, build_trainer
from graft.config.instantiate import build, build_all
from graft.config.validate import validate
from graft.data.table import Kind

CONFIGS = Path(__file__).parents[1] / "configs"
GROUPS = sorted(
    str(path.relative_to(CONFIGS).with_suffix(""))
    for path in CONFIGS.glob("*/*.yaml")
    if path.parent.name not in ("hydra", "paths", "local")
)
SUPPLIED = {  # what the user has to say
    "backbone.model": "resnet18",
    "datamodule.root": "data",
    "datamodule.path": "table.csv",
    "datamodule.dataset": "CIFAR10",
    "datamodule.folder": "shards",
}
TOLD = {Kind.SINGLE_LABEL: {"num_classes": 3}, Kind.MULTI_LABEL: {"num_labels": 3}, Kind.REGRESSION: {}}
"""What the metrics of a task are told of the data."""


def composed(choice):
    group, name = choice.split("/")
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose("train", [f"{group}={name}", "paths.run_dir=run"])
    for key in OmegaConf.missing_keys(cfg):
        OmegaConf.update(cfg, key, SUPPLIED[key])
    return cfg


@pytest.mark.parametrize("choice", GROUPS)
def test_every_choice_composes_and_instantiates(choice, small_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    cfg = composed(choice)
    validate(cfg)
    group = choice.split("/")[0]
    if group == "backbone":
        if "Transformers" in cfg.backbone._target_ and cfg.backbone.package is None:
            cfg.backbone.model = small_bert  # its configuration and its tokenizer would come from the hub
        cfg.backbone.weights = "none"
        assert build_backbone(cfg).num_features > 0
    elif group == "trainer":
        if cfg.trainer.accelerator in ("cpu", "auto"):  # the others refuse to be made without their device
            build_trainer(cfg, [], [], enable_checkpointing=False)
    elif group == "callbacks":
        assert build_all(cfg.callbacks).keys() == cfg.callbacks.keys()
    elif group == "strategy":
        if cfg.strategy.get("stage") == "auto":
            cfg.strategy.stage = "block_1"  # as a run replaces it
        assert build(cfg.strategy, stages=["stem", "block_1", "block_2", "head"]).name == choice.split("/")[1]
    elif group in ("optimizer", "scheduler"):
        assert callable(build(cfg[group]))
    elif group == "augmentation":
        build_all(cfg.augmentation)
    elif group == "task":
        told = TOLD[get_class(cfg.task._target_).kind]
        assert set(build_all(cfg.task.metrics, **told)) == set(cfg.task.metrics)
        build(cfg.task.loss)


def test_the_looks_of_the_fine_tuning_of_cells_are_the_eight_symmetries_of_a_square():
    looks = build_all(OmegaConf.load(CONFIGS / "experiment" / "elpv_finetuning.yaml").task.test_time_augmentation)
    image = torch.arange(9.0).view(1, 1, 3, 3)
    seen = {tuple(look(image).flatten().tolist()) for look in looks.values()} | {tuple(image.flatten().tolist())}
    assert len(seen) == len(looks) + 1 == 8


@pytest.mark.parametrize("loss", [path.stem for path in CONFIGS.glob("task/loss/*.yaml")])
def test_every_loss_composes_and_instantiates(loss):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose("train", [f"task/loss={loss}", "paths.run_dir=run"])
    validate(cfg)
    assert isinstance(build(cfg.task.loss), torch.nn.Module)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("**/*.yaml")), ids=lambda path: str(path.relative_to(CONFIGS)))
def test_every_file_opens_with_what_it_is_for(path):
    head = [line for line in path.read_text().splitlines()[:12] if line.startswith("#")]
    assert head, "a comment comes first"
    if path.relative_to(CONFIGS).parts[0] not in ("hydra", "paths"):
        assert any("graft " in line for line in head), "the header shows the command"


def test_no_experiment_goes_untested():
    here = Path(__file__).parent
    files = [*here.glob("test_experiments.py"), *here.glob("experiments/test_*.py")]
    tests = [name for file in files for name in re.findall(r"^def test_(\w+)", file.read_text(), re.MULTILINE)]
    assert {path.stem for path in CONFIGS.glob("experiment/*.yaml")} == set(tests)
