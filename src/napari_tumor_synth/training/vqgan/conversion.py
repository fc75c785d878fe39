"""Turn a pickled state dict that the user trusts into a checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from napari_tumor_synth.errors import CheckpointError
from napari_tumor_synth.files import atomic_file
from napari_tumor_synth.generators.checkpoint import read_checkpoint
from napari_tumor_synth.generators.vqgan_checkpoint import load_vqgan, save_vqgan
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.vqgan.recipe import generator_settings

_PARTS = ("autoencoder", "transformer", "importance")


def convert_state_dict(
    weights: Path, recipe: Path, classes: tuple[str, ...], out: Path, *, licence: str
) -> str:
    """Write a checkpoint from a PyTorch file, reading tensors only.

    Parameters
    ----------
    weights : Path
        File with a state dict whose names begin with ``autoencoder.``, ``transformer.`` and,
        where the recipe has one, ``importance.``.
    recipe : Path
        The recipe that says what the networks are.
    classes : tuple of str
        Class names in the order of the class tokens.
    out : Path
        The ``.safetensors`` file.
    licence : str
        Licence of the weights.

    Returns
    -------
    str
        SHA-256 of the checkpoint.

    Raises
    ------
    CheckpointError
        The file holds more than tensors, or not those of the recipe. Nothing is written then.
    """
    states = _states_of(_tensors_of(weights))
    settings = generator_settings(load_recipe(recipe), classes)
    provenance: dict[str, Any] = {"converted_from": "state dict", "licence": licence}
    with atomic_file(out) as unproven:
        sha256 = save_vqgan(unproven, settings, states, provenance)
        proven = load_vqgan(read_checkpoint(unproven), out.stem, torch.device("cpu"))
        _ = proven.importance_network  # which is loaded when it is asked for
    return sha256


def _tensors_of(path: Path) -> Mapping[str, Tensor]:
    remedy = "Save only the state dict in a program that you trust: torch.save(model.state_dict())."
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # torch's reader raises nearly anything for a file that is none
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise CheckpointError(
            f"{path.name} cannot be read as tensors alone ({reason}).", remedy
        ) from error
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    ):
        raise CheckpointError(f"{path.name} is not a state dict of tensors.", remedy)
    return content


def _states_of(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    states: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part not in _PARTS:
            raise CheckpointError(
                f"The tensor {name!r} belongs to none of {', '.join(_PARTS)}.",
                "Rename the entries of the state dict.",
            )
        states.setdefault(part, {})[rest] = tensor
    return states
