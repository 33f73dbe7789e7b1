import pytest
from omegaconf import OmegaConf

from graft.config.resume import resumed_config
from graft.errors import ConfigError


@pytest.fixture
def saved(composed):
    """A run with keys that the default configuration has not, as its folder gives it back."""
    cfg = composed("datamodule=image_folder", "datamodule.root=data", "+optimizer.amsgrad=true", "paths.run_dir=old")
    return OmegaConf.create(OmegaConf.to_container(cfg, resolve=False))


def message(overrides, saved):
    with pytest.raises(ConfigError) as error:
        resumed_config(overrides, saved)
    return str(error.value)


def test_values_are_merged_onto_the_runs_own_config(saved):
    before = OmegaConf.to_yaml(saved)
    line = ["resume='old'", "trainer.max_epochs=9", "datamodule.root=moved", "hydra.run.dir='old'"]
    cfg = resumed_config([*line, "+trainer.max_time=00:01:00:00", "~callbacks.early_stopping"], saved)
    assert (cfg.resume, cfg.trainer.max_epochs, cfg.datamodule.root) == ("old", 9, "moved")
    assert cfg.optimizer.amsgrad is True
    assert cfg.trainer.max_time == "00:01:00:00"
    assert "early_stopping" not in cfg.callbacks
    assert cfg.callbacks.best.dirpath == "old/checkpoints"
    assert OmegaConf.to_yaml(saved) == before


def test_choices_of_a_group_are_refused_by_name(saved):
    told = message(["backbone=resnet18", "experiment=x", "seed=3"], saved)
    assert "'backbone=resnet18'" in told
    assert "'experiment=x'" in told
    assert "seed" not in told


def test_unknown_keys_and_wrong_values_are_told_together(saved):
    told = message(["trainer.max_epoch=9", "seed=abc", "trainer.gradient_clip_val=1,2"], saved)
    assert "trainer.max_epoch: unknown key. Did you mean 'trainer.max_epochs'" in told
    assert "seed: 'abc'" in told
    assert "trainer.gradient_clip_val=1,2' holds several values" in told


def test_without_overrides_the_config_is_the_runs_own(saved):
    assert resumed_config([], saved) == saved


@pytest.mark.parametrize(
    "override",
    ["optimizer.lr=0.5", "optimizer.weight_decay=0", "lr_scaling.rule=sqrt", "strategy.phases.0.lr_scale=2"],
)
def test_what_the_checkpoint_restores_cannot_be_given_anew(saved, override):
    assert f"'{override}': a run that goes on has these numbers in its checkpoint" in message([override], saved)
