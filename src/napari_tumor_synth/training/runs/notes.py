"""Small things that a run notes once and needs again: how it fits into memory, its diagnosis."""

from collections.abc import Mapping
from typing import Any

from pydantic import RootModel

from napari_tumor_synth.files import write_json
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.json_models import read_model


def note(folder: RunFolder, name: str, content: Mapping[str, Any]) -> None:
    """Keep ``<name>.json`` in the folder of a run."""
    if folder.writes:
        write_json(folder.path / f"{name}.json", content)


def noted(folder: RunFolder, name: str) -> dict[str, Any]:
    """Return what was noted; {} if nothing was.

    Raises
    ------
    TrainingError
        The note is damaged.
    """
    path = folder.path / f"{name}.json"
    if not path.is_file():
        return {}
    return read_model(path, RootModel[dict[str, Any]], "Remove that file.").root
