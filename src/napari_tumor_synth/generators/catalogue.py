"""The list of generators a user can run: those in the package and those in the user's own folders.

A catalogue is a folder with ``catalogue.json`` beside the checkpoint files that it names.
"""

import json
import math
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_tumor_synth.errors import CheckpointError, InputError, MemoryLimitError
from napari_tumor_synth.files import sha256_of_file, write_json
from napari_tumor_synth.folders import user_models_folder
from napari_tumor_synth.generators.seeds import BATCH_WIDTH

CATALOGUE_FILE = "catalogue.json"
FOLDERS_VARIABLE = "TUMOR_SYNTH_MODELS"


class CatalogueEntry(BaseModel):
    """One generator, as listed.

    Attributes
    ----------
    grid : tuple of int
        Voxels along (S, A, R).
    spacing_mm : float
        Edge of a voxel in millimetres.
    file : str
        Name of the checkpoint, beside the catalogue.
    sha256 : str
        Hash of the checkpoint, verified before every use.
    memory_mb : float, optional
        What sampling takes, as estimated from the networks' shapes, besides the program itself.
    decoding : dict
        The model's own settings of drawing, as `DecodingSettings` has them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    family: str
    description: str
    classes: tuple[str, ...]
    sequences: tuple[str, ...]
    grid: tuple[int, int, int]
    spacing_mm: Annotated[float, Field(gt=0)]
    licence: str
    training_data: str
    file: Annotated[str, Field(pattern=r"^[^/\\]+\.safetensors$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    megabytes: Annotated[float, Field(ge=0)]
    memory_mb: Annotated[float, Field(gt=0)] | None = None
    decoding: dict[str, str | float | int | None] = Field(default_factory=dict)
    model_card: str = ""


class Catalogue(BaseModel):
    """Content of a ``catalogue.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Annotated[int, Field(ge=1, le=1)] = 1
    models: tuple[CatalogueEntry, ...] = ()


class CatalogueModel(BaseModel):
    """An entry together with the folder it was found in."""

    model_config = ConfigDict(frozen=True)

    entry: CatalogueEntry
    folder: Path

    @property
    def path(self) -> Path:
        """The checkpoint file."""
        return self.folder / self.entry.file


def catalogue_folders() -> list[Path]:
    """Return where catalogues are looked for: the package, the user's data folder, a variable.

    The environment variable ``TUMOR_SYNTH_MODELS`` adds folders, separated as in ``PATH``.
    """
    named = os.environ.get(FOLDERS_VARIABLE, "")
    return [
        Path(str(resources.files("napari_tumor_synth") / "models")),
        user_models_folder(),
        *(Path(folder) for folder in named.split(os.pathsep) if folder),
    ]


def list_models(folders: Sequence[Path] | None = None) -> list[CatalogueModel]:
    """Return all generators of all catalogues; of equal names the first wins.

    Raises
    ------
    CheckpointError
        A ``catalogue.json`` does not follow the schema.
    """
    models: dict[str, CatalogueModel] = {}
    for folder in catalogue_folders() if folders is None else folders:
        for entry in _read_catalogue(folder).models:
            models.setdefault(entry.name, CatalogueModel(entry=entry, folder=folder))
    return list(models.values())


def resolve_model(
    name_or_path: str | None = None, *, memory_cap_gb: float = 0
) -> tuple[Path, str | None]:
    """Find a checkpoint by the catalogue's name or by its path.

    Parameters
    ----------
    name_or_path : str, optional
        None takes the first model of the catalogue. A run folder stands for the checkpoint that
        its training exported.
    memory_cap_gb : float
        What a model of the catalogue may take; see `require_within`.

    Returns
    -------
    path : Path
        The checkpoint file.
    sha256 : str or None
        The hash it must have, when a catalogue promises one.

    Raises
    ------
    InputError
        No such model; the message lists those there are.
    MemoryLimitError
        It needs more memory than the cap allows.
    """
    models = {model.entry.name: model for model in list_models()}
    if name_or_path is None:
        if not models:
            raise InputError("No generator is installed.", "Name a checkpoint with --model PATH.")
        name_or_path = next(iter(models))
    if name_or_path in models:
        listed = models[name_or_path]
        require_within(listed.entry, memory_cap_gb)
        return listed.path, listed.entry.sha256
    path = Path(name_or_path)
    if path.is_dir() and (path / "checkpoint.safetensors").is_file():
        return path / "checkpoint.safetensors", None
    if path.is_file():
        return path, None
    if (path / "run.json").is_file():
        raise InputError(
            f"The training in {path} is not finished: it has no checkpoint yet.",
            "Go on with it by giving `tumor-synth train` the same arguments and --resume.",
        )
    raise InputError(
        f"There is no model {name_or_path!r}.",
        f"Choose one of: {', '.join(models) or 'none installed'}; or name a .safetensors file.",
    )


def require_within(entry: CatalogueEntry, cap_gb: float) -> None:
    """Refuse a model that needs more memory than the user allows.

    Parameters
    ----------
    entry : CatalogueEntry
        The model; one whose need is not known is not refused.
    cap_gb : float
        In gigabytes (10^9 bytes); 0 for no cap.

    Raises
    ------
    MemoryLimitError
        It needs more.
    """
    if cap_gb and entry.memory_mb is not None and entry.memory_mb > 1000 * cap_gb:
        raise MemoryLimitError(
            f"{entry.name} takes about {entry.memory_mb / 1000:.2g} GB of memory, and the memory "
            f"cap is {cap_gb:g} GB.",
            "Choose a smaller model, or raise the cap in Preferences > Plugins > Tumor Synth.",
        )


def add_to_catalogue(checkpoint: Path, entry_values: dict[str, object]) -> CatalogueEntry:
    """List a checkpoint in the catalogue of its own folder, in place of one of the same name.

    Parameters
    ----------
    checkpoint : Path
        A checkpoint; its settings give family, classes, sequences, grid and spacing.
    entry_values : dict
        ``name``, ``description``, ``licence``, ``training_data`` and optionally ``model_card``.
    """
    # here, because it loads torch, which takes seconds and which a list does not need
    import torch

    from napari_tumor_synth.generators.checkpoint import read_checkpoint
    from napari_tumor_synth.generators.families import family_of

    content = read_checkpoint(checkpoint)
    family = family_of(content, checkpoint.name)
    # at most: as it was trained, drawing as many samples together as ever
    memory = family.sampling_bytes(content, "float32", torch.device("cpu")).peak(BATCH_WIDTH)
    entry = CatalogueEntry.model_validate(
        {
            "family": content.family,
            "classes": content.settings["classes"],
            "sequences": content.settings["sequences"],
            "grid": content.settings["size"],
            "spacing_mm": content.settings["spacing_mm"],
            "file": checkpoint.name,
            "sha256": sha256_of_file(checkpoint),
            "megabytes": round(checkpoint.stat().st_size / 1e6, 2),
            "memory_mb": math.ceil(memory / 1e6),
            "decoding": content.settings["decoding"],
            **entry_values,
        }
    )
    others = [m for m in _read_catalogue(checkpoint.parent).models if m.name != entry.name]
    catalogue = Catalogue(models=(entry, *others))
    write_json(checkpoint.parent / CATALOGUE_FILE, catalogue.model_dump(mode="json"))
    return entry


def _read_catalogue(folder: Path) -> Catalogue:
    path = folder / CATALOGUE_FILE
    if not path.is_file():
        return Catalogue()
    try:
        return Catalogue.model_validate(json.loads(path.read_text("utf-8")))
    except (ValidationError, json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise CheckpointError(
            f"The model catalogue {path} cannot be read: {_first_line(error)}.",
            "Repair it after the schema in docs/catalogue.schema.json, or remove it.",
        ) from error


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).splitlines()[0]
