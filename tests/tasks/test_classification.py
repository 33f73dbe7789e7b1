from functools import partial

import pytest
import pytorch_lightning as pl
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from graft.errors import GraftError
from graft.expected_warnings import ignore_expected_warnings

QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


def samples(count=24, **extra):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 3, generator=generator)
    rows = [{"inputs": inputs[i], "target": (inputs[i, 0] > 0).long(), "index": torch.tensor(i)} for i in range(count)]
    return [row | {name: values[i] for name, values in extra.items()} for i, row in enumerate(rows)]


def loader(rows, batch_size=8):
    return DataLoader(rows, batch_size=batch_size)


@pytest.fixture
def trainer(tmp_path):
    ignore_expected_warnings()
    return pl.Trainer(max_epochs=30, default_root_dir=tmp_path, **QUIET)


def test_it_learns_and_scores_what_was_learnt(make_task, trainer):
    task = make_task()
    trainer.fit(task, loader(samples()), loader(samples()))
    assert trainer.callback_metrics["val/accuracy"] > 0.9
    trainer.test(task, loader(samples(), batch_size=7), verbose=False)
    assert task.scores["accuracy"] > 0.9
    assert task.scores.keys() == {"accuracy", "auroc", "loss"}


def test_scores_are_those_of_all_samples_whatever_the_batches(make_task, trainer):
    task = make_task().eval()
    rows = samples(23)
    trainer.test(task, loader(rows, batch_size=5), verbose=False)
    target = torch.stack([row["target"] for row in rows])
    with torch.no_grad():
        logits = task.head(task.backbone(torch.stack([row["inputs"] for row in rows])))
    assert task.scores["accuracy"] == pytest.approx(float((logits.argmax(1) == target).float().mean()))
    assert task.scores["loss"] == pytest.approx(float(cross_entropy(logits, target)), rel=1e-5)
    assert torch.equal(task.predictions.index, torch.arange(23))
    assert torch.allclose(task.predictions.values, logits.softmax(1), atol=1e-6)


def test_a_fused_optimizer_clips_in_mixed_precision_as_any_other(make_task, tmp_path):
    def trained(fused):
        task = make_task()
        task._optimizer = partial(torch.optim.AdamW, lr=0.05, fused=fused)
        trainer = pl.Trainer(
            **QUIET, default_root_dir=tmp_path, max_epochs=3, precision="bf16-mixed", gradient_clip_val=0.01
        )
        trainer.fit(task, loader(samples()), loader(samples()))
        return torch.cat([parameter.detach().flatten() for parameter in task.parameters()])

    assert torch.allclose(trained(True), trained(False), atol=1e-5)


def test_features_stand_in_for_inputs(make_task):
    task = make_task().eval()
    inputs = torch.randn(4, 3)
    with torch.no_grad():
        features = task.backbone(inputs)
        calls = task.backbone.calls
        assert torch.equal(task({"features": features}), task({"inputs": inputs}))
    assert task.backbone.calls == calls + 1


def test_weights_count(make_task):
    task = make_task().eval()
    rows = samples(8)
    batch = next(iter(loader(rows)))
    with torch.no_grad():
        each = cross_entropy(task(batch), batch["target"], reduction="none")
        weight = torch.tensor([1.0, 0, 0, 0, 0, 0, 0, 0.5])
        loss, _ = task._step(batch | {"weight": weight})
    assert loss == pytest.approx(float((each[0] + 0.5 * each[7]) / 8))


def test_weighted_scores_do_not_depend_on_how_the_samples_lie_in_batches(make_task, trainer):
    """Nor, then, on how processes share them."""
    task = make_task()
    rows = samples(12, weight=torch.linspace(0, 2, 12))
    seen = []
    for batch_size in (1, 3, 4, 12):
        trainer.test(task, loader(rows, batch_size), verbose=False)
        seen.append(task.scores["loss"])
    assert seen == pytest.approx([seen[0]] * 4, rel=1e-5)


def test_scores_are_of_the_mean_probabilities_over_all_looks(make_task, trainer):
    looks = {"turned": lambda inputs: inputs.flip(1), "far": lambda inputs: 3 * inputs}
    task = make_task(looks=looks)
    rows = samples(8)
    batch = next(iter(loader(rows)))
    with torch.no_grad():
        each = [task({"inputs": look(batch["inputs"])}).softmax(1) for look in (lambda x: x, *looks.values())]
    trainer.test(task, loader(rows), verbose=False)
    mean = sum(each) / 3
    assert torch.allclose(task.predictions.values, mean, atol=1e-6)
    assert task.scores["loss"] == pytest.approx(float(-mean.log()[range(8), batch["target"]].mean()), abs=1e-5)
    assert not torch.allclose(mean, each[0], atol=1e-3)


def test_a_nan_loss_stops_the_training_before_the_weights_are_spoilt(make_task, trainer):
    task = make_task()
    rows = samples()
    rows[-1]["inputs"] = torch.full((3,), float("nan"))
    with pytest.raises(GraftError, match="training loss became nan in epoch 1, step 2"):
        trainer.fit(task, loader(rows), loader(samples()))
    assert all(parameter.isfinite().all() for parameter in task.parameters())


def test_hyperparameters_are_plain_values(make_task):
    assert make_task(classes=("a", "b", "c")).hparams == {"classes": ["a", "b", "c"]}


def test_the_head_is_the_last_stage_and_every_parameter_is_in_the_optimizer(make_task, trainer):
    task = make_task(train="head")
    trainer.fit(task, loader(samples()), loader(samples()))
    assert [stage.name for stage in task.stages] == ["stem", "block_1", "head"]
    grouped = {id(value) for group in trainer.optimizers[0].param_groups for value in group["params"]}
    assert grouped == {id(parameter) for parameter in task.parameters()}


def test_class_weights_count_in_the_loss_of_each_sample(make_task):
    plain, weighted = make_task(), make_task(class_weights=[0.5, 2.0])
    outputs = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    classes = torch.tensor([0, 1])
    losses = plain.losses(outputs, {"target": classes})
    assert torch.allclose(weighted.losses(outputs, {"target": classes}), losses * torch.tensor([0.5, 2.0]))
    mixed = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    expected = plain.losses(outputs, {"target": mixed}) * torch.tensor([1.25, 2.0])
    assert torch.allclose(weighted.losses(outputs, {"target": mixed}), expected)
