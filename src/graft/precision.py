"""Which arithmetic `trainer.precision: auto` means on this machine."""

import torch


def resolve(precision: str, accelerator: str) -> str:
    """Returns Lightning's name of a precision; `auto` becomes bf16-mixed where the processor computes in bf16.

    Elsewhere bf16 is emulated, at a tenth of the speed of float32.
    """
    if precision != "auto":
        return precision
    cuda = accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    fast = torch.cuda.is_bf16_supported(including_emulation=False) if cuda else _cpu_has_bf16(accelerator)
    return "bf16-mixed" if fast else "32-true"


def _cpu_has_bf16(accelerator: str) -> bool:
    if accelerator == "mps" or (accelerator == "auto" and torch.backends.mps.is_available()):
        return False
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
