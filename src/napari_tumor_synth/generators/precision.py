"""In which precision a model samples, and which is the default on which device."""

from typing import Literal, get_args

import torch

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.packed.matrices import Precision

PrecisionChoice = Literal["auto", "float32", "bfloat16", "int8"]


def choose_precision(choice: str, device: torch.device, *, causal: bool) -> Precision:
    """Return the precision to sample in.

    Parameters
    ----------
    choice : {"auto", "float32", "bfloat16", "int8"}
        "auto" takes the fastest that held in the comparison of `docs/performance.md`: on a
        processor int8 for causal transformers; float32 for others, and on other devices, for which
        nothing was compared.
    device : torch.device
        To sample on.
    causal : bool
        Whether the model draws one token after the other. int8 is for those, on a processor.

    Raises
    ------
    InputError
        There is no such precision, or not on that device, or not for that model.
    """
    if choice == "auto":
        return "int8" if causal and device.type == "cpu" else "float32"
    for known in get_args(Precision):
        if choice == known:
            break
    else:
        raise InputError(
            f"There is no precision {choice!r}.",
            f"Choose one of: {', '.join(get_args(PrecisionChoice))}.",
        )
    if known == "int8" and not (causal and device.type == "cpu"):
        where = "models with parallel decoding" if not causal else f"the device {device.type}"
        raise InputError(
            f"int8 is not available for {where}.", "Choose bfloat16 or float32, or leave it out."
        )
    return known  # type: ignore[no-any-return]


def decoder_precision(precision: Precision, device: torch.device) -> Precision:
    """Return in which precision the decoder computes: bfloat16 where that is faster, or float32."""
    if precision == "float32" or (device.type == "cpu" and not has_bfloat16()):
        return "float32"
    return "bfloat16"


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 numbers itself, rather than by detours."""
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def dtype_of(precision: Precision) -> torch.dtype:
    """Return torch's name of a precision that networks compute in."""
    return torch.bfloat16 if precision == "bfloat16" else torch.float32
