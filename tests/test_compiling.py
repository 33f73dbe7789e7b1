"""trainer.compile: the same training, by kernels that are kept."""

import shutil

import pytest
import torch

# By SGD: the biases of attention's keys have no gradient but rounding, of which Adam makes whole steps.
TRAINED = ["strategy=full_finetuning", "optimizer=sgd", "trainer.max_epochs=1", "callbacks.early_stopping=null"]
TRAINED += ["test=false"]


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="no C++ compiler here")
def test_a_compiled_training_ends_with_the_same_weights(tiny, weights, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "kernels"))
    plain = tiny(*TRAINED, name="plain")
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    compiled = tiny(*TRAINED, "trainer.compile=true", name="compiled")
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > before
    assert any((tmp_path / "kernels").rglob("*.so"))
    for name, value in weights(plain).items():
        torch.testing.assert_close(weights(compiled)[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_without_a_compiler_it_says_what_to_do(tiny, monkeypatch, capsys):
    monkeypatch.setenv("CXX", "/nowhere/c++")
    tiny(*TRAINED, "trainer.compile=true", code=2)
    assert "trainer.compile=true needs a C++ compiler" in capsys.readouterr().err
