import pytest
import torch

from graft.precision import resolve


def processor(monkeypatch, bf16):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)


@pytest.mark.parametrize(("bf16", "wanted"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_is_bf16_only_where_the_processor_computes_in_it(monkeypatch, bf16, wanted):
    processor(monkeypatch, bf16)
    assert resolve("auto", "auto") == resolve("auto", "cpu") == wanted


def test_what_is_asked_for_is_given(monkeypatch):
    processor(monkeypatch, bf16=True)
    assert resolve("32-true", "cpu") == "32-true"
    assert resolve("auto", "mps") == "32-true"
