"""Records of samples: how a 3D-VQGAN writes them, and which it accepts: its own, unaltered."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.generators.provenance import DecodingSettings, Provenance, now, versions
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings

_AS_WRITTEN = "Use the record as it was written."


def require_unaltered(record: Provenance) -> None:
    """Refuse a record whose seal is broken; one without a seal passes.

    Raises
    ------
    InputError
        The record was changed after it was written.
    """
    if record.seal is not None and not record.is_unaltered:
        raise InputError("The record was changed after it was written.", _AS_WRITTEN)


def tokens_of(record: Provenance, settings: VqganGeneratorSettings) -> Tensor:
    """Return the tokens ``(length, levels)`` int64 of a record, which anybody may have edited.

    Raises
    ------
    InputError
        They, or the grid, are not of such a model.
    """
    tokens, like = _tensor_of(record.tokens), settings.transformer
    token_grid = settings.autoencoder.latent_shape(settings.size)
    told = (record.token_grid, record.grid, record.spacing_mm, record.sequences)
    fits = told == (token_grid, settings.size, settings.spacing_mm, settings.sequences)
    fits = fits and tokens.shape == (like.length, like.levels)
    if not fits or not 0 <= int(tokens.min()) <= int(tokens.max()) < like.codes:
        raise InputError(
            f"Tokens or grid of the record do not fit {settings.name}.",
            "Use the record as it was written, and the model that it names.",
        )
    return tokens


def require_drawn(record: Provenance, tokens: Tensor, drawn: Tensor, device: str) -> None:
    """Refuse tokens that are not what class, seed and settings of their record draw.

    On another kind of device, or with another torch, a draw may tip by rounding. Then they cannot
    be told from changed ones, and the sentence says where they could.

    Parameters
    ----------
    tokens, drawn : Tensor
        ``(length, levels)`` of the record, and drawn anew.
    device : str
        Kind of device that they were drawn anew on.

    Raises
    ------
    InputError
        They differ.
    """
    if torch.equal(tokens, drawn):
        return
    torch_version = record.versions.get("torch")
    at_home = (record.device, torch_version) == (device, versions()["torch"])
    raise InputError(
        f"For the class {record.class_name} and the seed {record.seed} other tokens are drawn here "
        "than the record holds.",
        _AS_WRITTEN
        if at_home
        else f"Whether it was changed can be told on the device {record.device} with torch "
        f"{torch_version or '?'}, where it was written.",
    )


def _tensor_of(tokens: Sequence[Sequence[int]]) -> Tensor:
    """Return a whole table as a tensor, and anything else as an empty one."""
    if len({len(codes) for codes in tokens}) != 1:
        return torch.empty(0, dtype=torch.long)
    return torch.tensor([[min(max(code, -1), 2**31) for code in codes] for codes in tokens])


class Model(Protocol):
    """What a record tells of the generator."""

    name: str
    sha256: str
    sequences: tuple[str, ...]
    size: tuple[int, int, int]
    spacing_mm: float
    precision: str
    decoder_precision: str
    grid: tuple[int, int, int]

    @property
    def device(self) -> torch.device:
        """Where it computes."""


def new_record(
    model: Model, class_name: str, seed: int, decoding: DecodingSettings, tokens: Tensor
) -> Provenance:
    """Write the sealed record of a sample, whose tokens are (length, levels)."""
    return Provenance(
        model_name=model.name,
        model_sha256=model.sha256,
        family="vqgan",
        class_name=class_name,
        seed=seed,
        sequences=model.sequences,
        grid=model.size,
        spacing_mm=model.spacing_mm,
        decoding=decoding,
        device=model.device.type,
        precision=model.precision,
        decoder_precision=model.decoder_precision,
        versions=versions(),
        created=now(),
        tokens=tuple(tuple(codes) for codes in tokens.tolist()),
        token_grid=model.grid,
    ).sealed()
