"""Simulated cases as files."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from napari_tumor_synth.errors import InputError, OutputError, UnknownClassError
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
    UnknownClassError, InputError
        A class or sequence cannot be simulated.
    OutputError
        The folder cannot be written, or holds a case without the sequences asked for.
    """
    for class_name in classes:
        if class_name not in CLASSES:
            raise UnknownClassError(
                f"There is no phantom of class {class_name!r}.", f"Use {', '.join(CLASSES)}."
            )
    settings = _settings(sequences)
    with output_folder(out):
        folders = write_phantoms(
            out,
            count,
            seed,
            classes=classes or CLASSES,
            settings=settings,
            workers=workers,
            on_progress=on_progress,
        )
    for folder in folders:
        for sequence in settings.sequences:
            if not (folder / f"{folder.name}_{sequence}.nii.gz").is_file():
                raise OutputError(
                    f"{folder} was there already, without {sequence}.", "Choose another folder."
                )
    return folders


def _settings(sequences: Sequence[str]) -> PhantomSettings:
    try:
        return PhantomSettings.model_validate({"sequences": tuple(sequences) or SEQUENCES})
    except ValidationError as error:
        raise InputError(
            f"The sequences {', '.join(sequences)} cannot be simulated.",
            f"Name some of {', '.join(SEQUENCES)}.",
        ) from error
