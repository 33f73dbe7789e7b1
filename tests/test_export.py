"""A run's model in other formats, from its run folder alone, and what its card says."""

import json

import pytest


@pytest.mark.parametrize("form", ["onnx", "torch", "hub"])
def test_try(tiny, graft, form, capsys):
    trained = tiny("strategy=full_finetuning", "trainer.max_epochs=1", "optimizer.lr=1e-3")
    assert graft("export", f"run={trained}", f"format={form}") == 0
    print((trained / "exports" / form / "README.md").read_text())
    print(json.loads((trained / "exports" / form / "export.json").read_text()))
    print(capsys.readouterr().out)


@pytest.mark.parametrize("form", ["onnx", "torch", "hub"])
def test_text(tiny_text, graft, form, capsys):
    trained = tiny_text("trainer.max_epochs=1", "strategy=lora")
    assert graft("export", f"run={trained}", f"format={form}") == 0
    print(json.loads((trained / "exports" / form / "export.json").read_text()))
