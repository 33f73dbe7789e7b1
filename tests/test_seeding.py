from types import SimpleNamespace

import torch

from graft.seeding import SeedEachStep


def draw(seed=0, epoch=0, rank=0, batch=0):
    trainer = SimpleNamespace(current_epoch=epoch, global_rank=rank)
    module = SimpleNamespace(device=torch.device("cpu"))
    SeedEachStep(seed).on_train_batch_start(trainer, module, None, batch)
    return torch.rand(4).tolist()


def test_what_a_step_draws_depends_on_seed_epoch_process_and_batch_alone():
    first = draw()
    torch.rand(99)
    assert draw() == first
    others = [draw(seed=1), draw(epoch=1), draw(rank=1), draw(batch=1)]
    assert len({tuple(each) for each in [first, *others]}) == 5
