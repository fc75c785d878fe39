"""Simulated cases as files."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.imaging.phantom.settings import CLASSES, SEQUENCES, PhantomSettings
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.progress import OnProgress, ignore_progress
from napari_tumor_synth.workflows.outputs import output_folder


def simulate_cases(
    out: Path,
    count: int,
    seed: int,
    *,
    classes: Sequence[str] = CLASSES,
    sequences: Sequence[str] = SEQUENCES,
    workers: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> list[Path]:
    """Simulate cases of some classes and return their folders; those that are there are kept.

    Raises
    ------
    UnknownClassError, InputError, OutputError
        A class or sequence cannot be simulated, or the folder cannot be written.
    """
    settings = _settings(sequences)
    with output_folder(out):
        return write_phantoms(
            out,
            count,
            seed,
            classes=tuple(dict.fromkeys(classes)) or CLASSES,
            settings=settings,
            workers=workers,
            on_progress=on_progress,
        )


def _settings(sequences: Sequence[str]) -> PhantomSettings:
    try:
        return PhantomSettings.model_validate({"sequences": tuple(sequences) or SEQUENCES})
    except ValidationError as error:
        raise InputError(
            f"The sequences {', '.join(sequences)} cannot be simulated.",
            f"Name some of {', '.join(SEQUENCES)}.",
        ) from error
