import pytest
from omegaconf import OmegaConf, open_dict

from graft.config.validate import validate
from graft.errors import ConfigError


def message(cfg, command="train"):
    with pytest.raises(ConfigError) as error:
        validate(cfg, command)
    assert error.value.exit_code == 2
    return str(error.value)


def test_one_error_lists_everything(composed):
    cfg = composed("backbone=timm", "datamodule=image_folder", "seed=abc", "trainer.precision=bf17")
    with open_dict(cfg):
        cfg.trainer.max_epoch = 3
    told = message(cfg)
    assert told.startswith("the configuration has 5 problems:\n")
    assert "backbone.model: has no value yet; give it one: backbone.model=…" in told
    assert "datamodule.root: has no value yet" in told
    assert "seed: 'abc' is not a whole number" in told
    assert "trainer.max_epoch: unknown key. Did you mean 'trainer.max_epochs'" in told
    assert "trainer.precision: 'bf17' is not auto | 32-true | bf16-mixed" in told


def test_one_problem_is_the_whole_message(composed):
    assert message(composed("task.head.dropout=2")) == "task.head.dropout: 2 is not a number from 0 to 1."


def test_the_top_is_closed(composed):
    cfg = composed()
    with open_dict(cfg):
        cfg.trainr = {"max_epochs": 3}
    assert "trainr: unknown key. Did you mean 'trainer'" in message(cfg)


def test_an_absent_key_is_an_error_even_where_nothing_is_unknown(composed):
    assert message(composed("~datamodule.bad_files")) == "datamodule.bad_files: the key is absent."


def test_a_file_of_the_users_own_is_checked_against_the_schema_of_its_target(composed):
    cfg = composed()
    with open_dict(cfg):
        cfg.backbone = {**cfg.backbone, "chanels_last": True}
    assert "backbone.chanels_last: unknown key. Did you mean 'backbone.channels_last'" in message(cfg)


def test_targets_of_others_pass(composed):
    cfg = composed()
    with open_dict(cfg):
        cfg.backbone = {"_target_": "my_package.MyBackbone", "whatever": 1}
        cfg.callbacks.mine = {"_target_": "my_package.Watcher", "anything": [1]}
    validate(cfg)


def test_an_optimizer_may_have_further_keys_but_needs_a_rate(composed):
    validate(composed("+optimizer.betas=[0.9,0.99]"))
    assert message(composed("optimizer.lr=fast")) == "optimizer.lr: 'fast' is not a number of at least 0."
    assert message(composed("~optimizer._partial_")) == "optimizer._partial_: the key is absent."


@pytest.mark.parametrize("overrides", [["monitor=val/accuracy"], ["monitor=val/loss", "mode=min"]])
def test_what_is_computed_can_be_monitored(composed, overrides):
    validate(composed(*overrides))


def test_a_metric_that_is_not_computed_cannot_be_monitored(composed):
    told = message(composed("monitor=val/acuracy"))
    assert told.startswith("monitor: 'val/acuracy' is not computed. Did you mean 'val/accuracy'")
    assert "Known: val/loss, val/accuracy," in told
    switched_off = message(composed("monitor=val/accuracy", "task.metrics.accuracy=null"))
    assert "'val/accuracy' is not computed" in switched_off
    assert "val/accuracy" not in switched_off.partition("Known:")[2]


def test_the_smallest_loss_is_the_best(composed):
    assert "with monitor=val/loss say mode=min" in message(composed("monitor=val/loss"))


def test_interpolations_are_followed_in_nodes_of_others_too(composed):
    told = message(composed("callbacks.best.filename=${monitr}"))
    assert told == (
        "callbacks.best.filename: ${monitr} cannot be resolved: there is no key 'monitr'. Did you mean 'monitor'?"
    )


def test_an_interpolation_to_a_missing_value_is_told_as_the_missing_value_only(composed):
    assert message(composed("datamodule=image_folder", "name=${datamodule.root}")) == (
        "datamodule.root: has no value yet; give it one: datamodule.root=…"
    )


def test_a_wrong_value_is_told_once_where_it_stands(composed):
    told = message(composed("mode=maxx", "scheduler=plateau"))
    assert told == "mode: 'maxx' is not max | min. Did you mean 'max'?"


def test_an_unset_environment_variable_is_named(composed):
    assert "GRAFT_NOT_SET" in message(composed("name=${oc.env:GRAFT_NOT_SET}"))


def test_a_wrong_split_is_told_before_evaluating(composed):
    cfg = composed("run=somewhere", "split=tset", command="evaluate")
    assert message(cfg, "evaluate") == "split: 'tset' is not train | val | test. Did you mean 'test'?"


def test_an_empty_configuration_names_what_is_absent():
    assert "seed: the key is absent." in message(OmegaConf.create({}))


@pytest.mark.parametrize("name", ["../../evil", "a/b", "..", "a\\b"])
def test_a_name_leads_out_of_no_folder(composed, name):
    assert message(composed(f"name='{name}'")).startswith(f"name: '{name}' cannot name a folder")


@pytest.mark.parametrize(
    "override", ["optimizer.lr=inf", "optimizer.lr=nan", "trainer.max_epochs=0", "trainer.max_epochs=-5"]
)
def test_what_no_training_can_use_is_refused(composed, override):
    key, _, value = override.partition("=")
    assert message(composed(override)).startswith(f"{key}: {value} is not ")


@pytest.mark.parametrize("epochs", ["-1", "1", "null"])
def test_epochs_may_be_left_to_something_else(composed, epochs):
    validate(composed(f"trainer.max_epochs={epochs}"))


@pytest.mark.parametrize("task", ["graft.tasks.MultiLabel", "graft.tasks.Regression"])
@pytest.mark.parametrize("loss", ["graft.tasks.FocalLoss", "torch.nn.CrossEntropyLoss"])
def test_a_loss_of_single_classes_is_refused_for_other_tasks(composed, task, loss):
    cfg = composed("task=multilabel")
    with open_dict(cfg):
        cfg.task._target_ = task
        cfg.task.loss = {"_target_": loss} | ({"gamma": 2.0} if "Focal" in loss else {})
    assert f"task.loss: {loss} is for one class a sample" in message(cfg)
