import pytest
import torch

from graft.backbones.packing import packed, spread


@pytest.mark.parametrize("mask", [[[1, 1, 1, 0], [1, 0, 0, 0]], [[0, 1, 1, 1], [0, 0, 0, 1]]])
def test_states_come_back_to_their_tokens_and_nothing_else_does(mask):
    mask, states = torch.tensor(mask), torch.arange(1.0, 17).reshape(2, 4, 2)
    first = packed(states, mask)
    assert torch.equal(first[0, :3], states[0][mask[0].bool()])
    assert torch.equal(first[1, :1], states[1][mask[1].bool()])
    assert first[0, 3:].any() == first[1, 1:].any() == torch.tensor(False)
    wider = torch.cat([first, torch.full((2, 3, 2), 9.0)], dim=1)
    assert torch.equal(spread(wider, mask), states * mask.unsqueeze(-1))
