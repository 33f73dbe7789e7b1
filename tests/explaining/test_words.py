"""Attributions of texts add up, wherever the tokens are."""

import pytest
import torch

from graft.backbones.transformers import TransformersBackbone
from graft.errors import GraftError
from graft.explaining.asking import scores
from graft.explaining.explanation import Said, explained_text
from graft.explaining.words import IntegratedGradients

TEXT = "the  great film was dull, unheard"


@pytest.fixture
def task(small_bert, asked):
    words = {"package": None, "pooling": "mean", "max_length": 8, "dropout": None}
    return asked(TransformersBackbone(model=str(small_bert), weights="hub", **words))


def test_attributions_add_up_to_the_difference_of_the_scores(task):
    found = IntegratedGradients(task)(TEXT, 1)
    ids = task.backbone.preprocess(train=False)(TEXT)
    nothing = torch.where(ids.lt(4) & ids.ne(1), ids, 0)  # what is no word stays, such as [CLS]; [UNK] is a word
    batch = torch.stack([ids, nothing])
    there, nowhere = scores(task, {"input_ids": batch, "attention_mask": torch.ones_like(batch)})[:, 1].tolist()
    assert abs(there - nowhere) > 1e-3
    assert found.difference == pytest.approx(there - nowhere, abs=1e-5)
    assert sum(found.values) == pytest.approx(there - nowhere, rel=0.02)
    assert [TEXT[start:end] for start, end in found.spans] == ["the", "great", "film", "was", "dull", ","]
    assert found.is_cut


def test_a_text_is_shown_as_it_stands_there(task):
    attribution = IntegratedGradients(task)(TEXT, 0)
    shown = explained_text(Said("1", "good", 0.5, False), TEXT, attribution)
    assert "".join(piece.text for piece in shown.pieces) + shown.cut == TEXT
    assert shown.cut == " unheard"
    assert max(abs(piece.strength) for piece in shown.pieces) == 1
    assert [piece.text for piece in shown.pieces if piece.value is None] == ["  ", " ", " ", " "]


@torch.no_grad()
def decided_by(task, word):
    """Makes of BERT a bag of words of which one speaks for the second class, and the others for nothing."""
    network, direction = task.backbone.model, torch.randn(16, generator=torch.Generator().manual_seed(1))
    for layer in network.encoder.layer:
        for dense in (layer.attention.output.dense, layer.output.dense):
            dense.weight.zero_()
            dense.bias.zero_()
    row = task.backbone.preprocess(train=False).tokenizer.convert_tokens_to_ids(word)
    network.embeddings.word_embeddings.weight[row] += direction
    task.head.weight.copy_(torch.stack([-direction, direction]))


@pytest.mark.parametrize("word", ["great", "dull"])
def test_the_word_that_decides_is_the_strongest(task, word):
    decided_by(task, word)
    method = IntegratedGradients(task)
    for target, sign in ((0, -1), (1, 1)):
        found = method(TEXT, target)
        values = {TEXT[start:end]: sign * value for (start, end), value in zip(found.spans, found.values, strict=True)}
        assert max(values, key=values.get) == word
        assert values.pop(word) > 3 * max(map(abs, values.values()))


def test_a_backbone_without_tokenizer_is_told(looking, asked):
    with pytest.raises(GraftError, match="the preprocessing of Looking has no attribute `tokenizer`"):
        IntegratedGradients(asked(looking("tokens")))
