"""Checkpoint files: one safetensors file that describes itself.

The header's metadata hold the format version, the generator family, its settings and its provenance
as JSON. A checkpoint never holds a pickle, a path, a user name or a patient's identity.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_tumor_synth.errors import CheckpointError, OutputError
from napari_tumor_synth.files import atomic_file, sha256_of_file

FORMAT = "napari-tumor-synth"
FORMAT_VERSION = 1
_RETRAIN = "Use a checkpoint written by `tumor-synth train`, or one listed by `tumor-synth models`."


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes
    ----------
    family : str
        Name of the generator family, e.g. ``"vqgan"``.
    settings : mapping
        Everything that is needed to rebuild the networks (JSON types).
    provenance : mapping
        How the weights came to be: data hash, recipe, commit, metrics, licence (JSON types).
    tensors : mapping of str to torch.Tensor
        Weights by name; stored floating-point types are kept. Read from the file when asked for.
    sha256 : str
        Hash of the file, or "" before it is written.
    """

    family: str
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor] = field(repr=False)
    sha256: str = ""

    def in_memory(self) -> "Checkpoint":
        """Return the same with copies of its tensors, which need the file no longer."""
        return replace(self, tensors={name: t.clone() for name, t in self.tensors.items()})


def write_checkpoint(checkpoint: Checkpoint, path: Path | str) -> str:
    """Write the file, whole or not at all, and return its SHA-256.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "family": checkpoint.family,
        "settings": json.dumps(checkpoint.settings, sort_keys=True),
        "provenance": json.dumps(checkpoint.provenance, sort_keys=True),
    }
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()
    }
    with atomic_file(path) as temporary:
        try:
            save_file(tensors, temporary, metadata)
            _put_header_in_order(temporary)
        except SafetensorError as error:  # how the library tells of a full disk
            raise OutputError(
                f"Cannot write {path}: {error}.", "Free space and try again."
            ) from error
    return sha256_of_file(path)


def _put_header_in_order(path: Path) -> None:
    """Sort the metadata, whose order the library leaves to chance: same content, same hash."""
    with path.open("r+b") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) <= length:
            stream.seek(8)
            stream.write(text.ljust(length))


def read_checkpoint(
    path: Path | str, *, expected_sha256: str | None = None, family: str | None = None
) -> Checkpoint:
    """Read and verify a checkpoint.

    Parameters
    ----------
    path : path
        A ``.safetensors`` file.
    expected_sha256 : str, optional
        Hash that the catalogue promises; checked before anything in the file is used.
    family : str, optional
        Family that the caller can use.

    Raises
    ------
    CheckpointError
        Missing, a pickle, damaged, altered, of another family or of a newer format.
    """
    path = Path(path)
    version = version_of_file(path) if path.is_file() else (0, 0)
    sha256 = _verified_hash(path, expected_sha256)
    try:
        with safe_open(path, framework="pt", device="cpu") as stream:
            metadata = stream.metadata() or {}
            _require_format(path, metadata, family)
            names = tuple(stream.keys())
        return Checkpoint(
            family=metadata["family"],
            settings=_object(metadata, "settings"),
            provenance=_object(metadata, "provenance"),
            tensors=StoredTensors(path, names, version),
            sha256=sha256,
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path.name} is damaged or not a safetensors checkpoint ({error}).", _RETRAIN
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error


class StoredTensors(Mapping[str, torch.Tensor]):
    """Tensors of a checkpoint file, each mapped into memory when it is asked for.

    So that a large model is not in memory twice while it is being loaded. Nothing of the file stays
    mapped when its tensors are gone.

    Parameters
    ----------
    path : Path
        A safetensors file.
    names : tuple of str
        Of its tensors.
    version : tuple of int
        `version_of_file` when its hash was verified.
    """

    def __init__(self, path: Path, names: tuple[str, ...], version: tuple[int, int]) -> None:
        self._path, self._names, self._version = path, names, version

    def __getitem__(self, name: str) -> torch.Tensor:
        if name not in self._names:
            raise KeyError(name)
        if version_of_file(self._path) != self._version:
            raise CheckpointError(
                f"The checkpoint file {self._path} changed while it was in use.",
                "Load the model again.",
            )
        try:
            with safe_open(self._path, framework="pt", device="cpu") as stream:
                tensor: torch.Tensor = stream.get_tensor(name)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"The checkpoint file {self._path} cannot be read: {error}.", _RETRAIN
            ) from error
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def version_of_file(path: Path) -> tuple[int, int]:
    """Return time and size, which tell whether a checkpoint file is still the same.

    Raises
    ------
    CheckpointError
        It is missing or cannot be reached.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return state.st_mtime_ns, state.st_size


def _object(metadata: Mapping[str, str], name: str) -> dict[str, Any]:
    content = json.loads(metadata[name])
    if not isinstance(content, dict):
        raise ValueError(f"{name} are no JSON object")
    return content


def _verified_hash(path: Path, expected: str | None) -> str:
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint file {path}.", _RETRAIN)
    if path.suffix != ".safetensors":
        raise CheckpointError(
            f"{path.name} is not a .safetensors file; pickled checkpoints can run code and are "
            "refused.",
            "Convert weights that you trust with `tumor-synth convert`.",
        )
    try:
        sha256 = sha256_of_file(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    if expected is not None and sha256 != expected:
        raise CheckpointError(
            f"{path.name} has the SHA-256 {sha256[:12]}…, but {expected[:12]}… is expected.",
            "The file was altered, cut short or is another version: install the right one again.",
        )
    return sha256


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"The checkpoint file {path} cannot be read: {error.strerror or error}.",
        "Put it back, or choose another model.",
    )


def _require_format(path: Path, metadata: Mapping[str, str], family: str | None) -> None:
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path.name} was not written by this program.", _RETRAIN)
    version = metadata.get("format_version", "")
    if not version.isdecimal() or int(version) > FORMAT_VERSION:
        raise CheckpointError(
            f"{path.name} has the checkpoint format {version or '?'}; this version reads up to "
            f"{FORMAT_VERSION}.",
            "Update napari-tumor-synth.",
        )
    if family is not None and metadata.get("family") != family:
        raise CheckpointError(
            f"{path.name} belongs to the family {metadata.get('family')!r}, not {family!r}.",
            _RETRAIN,
        )
