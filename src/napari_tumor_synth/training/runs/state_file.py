"""The state of a running training as one safetensors file, without pickle.

Nested dictionaries, lists, numbers, strings and tensors, as module and optimiser state dicts are
made of. Tensors are stored as such, all else as JSON in the header.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_tumor_synth.errors import OutputError, TrainingError
from napari_tumor_synth.files import atomic_file

_TENSOR = "__tensor__"
_PAIRS = "__pairs__"  # dictionaries with keys that are no strings, such as an optimiser's state


def write_state(state: Any, path: Path) -> None:
    """Write a nested state, whole or not at all.

    Raises
    ------
    OutputError
        The folder cannot be written, or the disk is full.
    """
    tensors: dict[str, torch.Tensor] = {}
    structure = _take_apart(state, tensors)
    with atomic_file(path) as temporary:
        try:
            save_file(tensors, temporary, {"structure": json.dumps(structure)})
        except SafetensorError as error:  # how the library tells of a full disk
            raise OutputError(
                f"Cannot write {path}: {error}.", "Free space and go on with the run with --resume."
            ) from error


def read_state(path: Path) -> Any:
    """Read what `write_state` wrote; tensors come back on the processor.

    Raises
    ------
    TrainingError
        The file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as stream:
            structure = json.loads((stream.metadata() or {})["structure"])
            return _put_together(structure, stream)
    except (OSError, SafetensorError, LookupError, ValueError, TypeError) as error:
        raise TrainingError(
            f"The training state {path.name} cannot be read ({error}).",
            "Remove it, so that the run resumes from the one before.",
        ) from error


def _take_apart(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        name = f"t{len(tensors):06d}"
        # clone: tensors that share storage are refused by the format
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {_TENSOR: name}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _take_apart(item, tensors) for key, item in value.items()}
        return {_PAIRS: [[key, _take_apart(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_take_apart(item, tensors) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"A training state cannot hold {type(value).__name__}.")


def _put_together(structure: Any, stream: Any) -> Any:
    if isinstance(structure, dict):
        if _TENSOR in structure:
            return stream.get_tensor(structure[_TENSOR])
        if _PAIRS in structure:
            return {key: _put_together(item, stream) for key, item in structure[_PAIRS]}
        return {key: _put_together(item, stream) for key, item in structure.items()}
    if isinstance(structure, list):
        return [_put_together(item, stream) for item in structure]
    return structure
