import pytest
from omegaconf import OmegaConf

from graft.rates import scaled_rate


def config(**scaling):
    own = {"optimizer": {"lr": 0.1}, "trainer": {"accumulate_grad_batches": 2}, "datamodule": {"batch_size": 32}}
    return OmegaConf.create({**own, **({"lr_scaling": scaling} if scaling else {})})


@pytest.mark.parametrize(("rule", "rate"), [("none", 0.1), ("linear", 0.025), ("sqrt", 0.05)])
def test_rates_follow_the_samples_of_a_step(rule, rate):
    assert scaled_rate(config(rule=rule, base=256)) == pytest.approx(rate)


def test_a_run_from_before_there_was_scaling_keeps_its_rate():
    assert scaled_rate(config()) == 0.1


def test_the_optimizer_and_the_table_have_the_scaled_rate(tiny, read, capsys):
    own = ["optimizer.lr=0.1", "lr_scaling.rule=linear", "lr_scaling.base=32", "trainer.max_epochs=1", "test=false"]
    folder = tiny(*own, "scheduler=constant")
    assert "meant for 32 samples a step, and a step has 8" in " ".join(capsys.readouterr().out.split())
    head = next(row for row in read(folder, "stages.json") if row["stage"] == "head")
    assert head["lr"] == pytest.approx(0.025)
    assert ",0.025," in (folder / "metrics.csv").read_text()
