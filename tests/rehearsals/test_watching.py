from types import SimpleNamespace

import pytest

from graft.rehearsals.watching import Losses


def watched(losses, accumulated=1):
    """Shows losses of batches, as Lightning hands them on; returns what was noted, and whether to stop."""
    steps = []
    watch = Losses(lambda: steps.append(None))
    trainer = SimpleNamespace(accumulate_grad_batches=accumulated, global_step=0, should_stop=False)
    for number, loss in enumerate(losses, start=1):
        trainer.global_step = number // accumulated
        watch.on_train_batch_end(trainer, None, {"loss": loss / accumulated}, None, 0)
        if trainer.should_stop:
            break
    assert len(steps) == len(watch.values)
    return watch.values, trainer.should_stop


def test_the_loss_of_a_step_is_the_mean_over_its_batches():
    assert watched([0.5, 0.7, 0.1, 0.3], accumulated=2)[0] == pytest.approx([0.6, 0.2])


def test_a_loss_that_diverges_ends_the_test_and_one_that_varies_does_not():
    assert watched([0.5, 1.5, 0.4, 0.9] * 10) == ([0.5, 1.5, 0.4, 0.9] * 10, False)
    values, stopped = watched([0.5] * 10 + [9.0] * 10)
    assert stopped
    assert len(values) == 12
