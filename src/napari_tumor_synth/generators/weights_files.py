"""Weights of networks from files, read without running code that they may hold."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor, nn

from napari_tumor_synth.errors import InputError


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Read named tensors from ``.safetensors``, or from a file of `torch.save`.

    Raises
    ------
    InputError
        The file is missing or damaged, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return load(path.read_bytes())  # `load_file` knows no tensors without content
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle fails in any way there is
        raise InputError(
            f"The weights {path.name} cannot be read: {_first_line(error)}",
            "Check the path, and give a state dict saved as .safetensors or by torch.save.",
        ) from error
    if not isinstance(content, Mapping):
        raise InputError(
            f"The weights {path.name} hold a {type(content).__name__}, not named tensors.",
            "Give a state dict.",
        )
    return content


def fill(network: nn.Module, weights: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    """Put weights into a network, all of them.

    Parameters
    ----------
    network : torch.nn.Module
    weights : mapping of str to tensor
    path : Path
        Where they are from.
    remedy : str
        What to do when they are those of another network.

    Raises
    ------
    InputError
        They are.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(
            f"The weights {path.name} belong to another network: {_second_line(error)}",
            remedy,
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".") + "."


def _second_line(error: Exception) -> str:
    """Return the first detail: the first line only repeats the name of the class."""
    lines = str(error).splitlines()
    return lines[min(1, len(lines) - 1)].strip()[:200]
