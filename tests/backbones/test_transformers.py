"""The families of the named text backbones, of two layers each: without network their own weights cannot be had."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    FNetConfig,
    NomicBertConfig,
    RobertaConfig,
)

from graft.backbones.transformers import TransformersBackbone
from graft.backbones.upper import NotCut

TEXTS = ["the film was great", "the film was very very very dull", "bad"]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
FAMILIES = {
    "bert_base": BertConfig(max_position_embeddings=32, **SIZES),
    "distilbert": DistilBertConfig(dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=32),
    "deberta_v3_small": DebertaV2Config(  # as in microsoft/deberta-v3-small, but for the sizes
        relative_attention=True,
        position_buckets=8,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type="p2c|c2p",
        position_biased_input=False,
        type_vocab_size=0,
        max_position_embeddings=32,
        **SIZES,
    ),
    "roberta": RobertaConfig(max_position_embeddings=40, **SIZES),
}


MIXING = {name: value for name, value in SIZES.items() if name != "num_attention_heads"}


def made(config, small_bert, tmp_path):
    """The settings of a network of a folder as a download would leave it."""
    config.vocab_size, config.pad_token_id = 200, 0
    torch.manual_seed(0)
    folder = shutil.copytree(small_bert, tmp_path / config.model_type)
    (folder / "model.safetensors").unlink()
    AutoModel.from_config(config).save_pretrained(folder)
    settings = {"package": None, "pooling": "mean", "max_length": None, "dropout": None}
    return {"model": str(folder), "weights": "hub", **settings}


@pytest.fixture(params=FAMILIES)
def folder(request, small_bert, tmp_path):
    """A folder as a download would leave it."""
    return Path(made(FAMILIES[request.param], small_bert, tmp_path)["model"])


@pytest.fixture
def backbone(folder):
    settings = {"package": None, "pooling": "mean", "max_length": None, "dropout": None}
    return TransformersBackbone(model=str(folder), weights="hub", **settings).eval()


def features(backbone, texts):
    tokenization = backbone.preprocess(train=False)
    with torch.inference_mode():
        return backbone(tokenization.collate([tokenization(text) for text in texts]))


def test_the_weights_are_those_of_the_folder_and_lie_in_embeddings_and_layers(folder, backbone):
    saved = {name: value for name, value in load_file(folder / "model.safetensors").items() if "pooler" not in name}
    own = backbone.model.state_dict()
    assert saved.keys() == own.keys()
    assert all(torch.equal(value, own[name]) for name, value in saved.items())
    assert [stage.name for stage in backbone.stages] == ["stem", "block_1", "block_2"]
    for number, stage in enumerate(backbone.stages[1:]):
        assert {f".{number}." in name for name in stage.parameters} == {True}
    assert all(
        "embeddings" in name or "rel_embeddings" in name or ".LayerNorm." in name
        for name in backbone.stages[0].parameters
    )


def test_features_of_a_text_do_not_depend_on_the_texts_beside_it(backbone):
    together = features(backbone, TEXTS)
    assert together.shape == (3, 16)
    for row, text in enumerate(TEXTS):
        assert torch.allclose(features(backbone, [text])[0], together[row], atol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-3)


def test_the_activation_behind_a_layer_is_what_the_next_takes_in(backbone):
    tokenization = backbone.preprocess(train=False)
    inputs = tokenization.collate([tokenization(text) for text in TEXTS])
    states = backbone.forward_to("block_1", inputs)
    assert states.shape == (*inputs["input_ids"].shape, 16)


def test_states_that_were_kept_go_into_other_batches(backbone):
    tokenization = backbone.preprocess(train=False)
    alone, together = (
        [tokenization.collate([tokenization(text) for text in texts]) for texts in sets]
        for sets in (
            ([text] for text in TEXTS),
            [TEXTS],
        )
    )
    try:
        backbone.enter("block_1", alone[1])
    except NotCut:
        assert "deberta" in type(backbone.model).__name__.lower()  # its layers are handed more than states
        return
    with torch.no_grad():
        kept = torch.zeros(len(TEXTS), 12, 16)  # longer than any of them
        for row, inputs in zip(kept, alone, strict=True):
            states = backbone.forward_to("block_1", inputs)[0]
            row[: len(states)] = states
        assert torch.allclose(backbone.forward_from("block_1", kept, together[0]), backbone(together[0]), atol=1e-5)


def test_a_network_that_mixes_padding_in_is_told_from_those_that_do_not(backbone, small_bert, tmp_path):
    def example(network):
        tokenization = network.preprocess(train=False)
        return tokenization.collate([tokenization(text) for text in TEXTS])

    assert backbone.is_alike_in_any_batch(example(backbone))
    mixing = TransformersBackbone(**made(FNetConfig(max_position_embeddings=32, **MIXING), small_bert, tmp_path))
    assert not mixing.is_alike_in_any_batch(example(mixing))
    with pytest.raises(NotCut, match="how long the others of a batch are"):
        mixing.enter("block_1", example(mixing))


@pytest.mark.parametrize("config", [BertConfig(max_position_embeddings=32, **SIZES)])
def test_padding_is_tried_on_the_tokenizers_side_and_with_more_than_a_token(config, small_bert, tmp_path):
    """Positions are counted from the left, so that padding there moves a text."""
    network = TransformersBackbone(**made(config, small_bert, tmp_path))
    tokenization = network.preprocess(train=False)
    one_token = {"input_ids": torch.tensor([[5], [6]]), "attention_mask": torch.ones(2, 1, dtype=torch.int64)}
    assert network.is_alike_in_any_batch(one_token)
    tokenization.tokenizer.padding_side = "left"
    assert not network.is_alike_in_any_batch(one_token)


def test_a_network_whose_lower_part_hands_on_more_for_as_many_tokens_is_not_cut(small_bert, tmp_path):
    rotary = NomicBertConfig(max_position_embeddings=64, **SIZES)
    network = TransformersBackbone(**made(rotary, small_bert, tmp_path) | {"weights": "none"})
    tokenization = network.preprocess(train=False)
    alike = tokenization.collate([tokenization(text) for text in TEXTS[:1] * 2])
    with pytest.raises(NotCut):
        network.enter("block_1", alike)


def test_the_last_layer_learns_and_nothing_below(folder, tiny_text, weights):
    overrides = [f"backbone.model={folder}", "backbone.weights=hub", "strategy=layerwise", "strategy.k=1"]
    state = weights(tiny_text(*overrides, "trainer.max_epochs=1", "optimizer.lr=0.01"))
    for name, value in load_file(folder / "model.safetensors").items():
        if "pooler" not in name:
            assert torch.equal(state[f"backbone.model.{name}"], value) == (".1." not in name), name


def test_code_that_comes_with_a_model_is_not_run_nor_asked_about(tmp_path, tiny_text, small_bert, capsys):
    folder = shutil.copytree(small_bert, tmp_path / "strange")
    (folder / "config.json").write_text(
        json.dumps({"model_type": "strange", "auto_map": {"AutoConfig": "own.Strange", "AutoModel": "own.Net"}})
    )
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    tiny_text(f"backbone.model={folder}", code=1)
    error = capsys.readouterr().err
    assert f"{folder} comes with code of its own" in error
    assert "Traceback" not in error
    assert not (tmp_path / "ran").exists()
