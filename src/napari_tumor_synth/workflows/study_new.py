"""Make a reader study from a prepared cohort and folders of samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.progress import OnProgress, ignore_progress
from napari_tumor_synth.study.design import StudyDesign
from napari_tumor_synth.study.making import MadeStudy, make_study
from napari_tumor_synth.study.study_file import read_json_object
from napari_tumor_synth.workflows.study_pools import real_pool, require_unseen, synthetic_pool

_LARGEST_DESIGN = 1_000_000  # bytes
_WHAT_A_DESIGN_IS = "The page on reader studies (docs/studies.md) lists the fields of a design."


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """What a study is made from.

    Attributes
    ----------
    design : StudyDesign
    real : Path
        Prepared cohort.
    synthetic : tuple of (str or None, Path)
        Name and folder of each generator's samples.
    out : Path
        The study folder.
    key : Path or None
        By default beside the study folder, with its name and ``.key.json``.
    sequence : str or None
        That is shown; the first one by default.
    splits : tuple of str
        Of the cohort; empty takes all.
    """

    design: StudyDesign
    real: Path
    synthetic: tuple[tuple[str | None, Path], ...]
    out: Path
    key: Path | None = None
    sequence: str | None = None
    splits: tuple[str, ...] = ()

    @property
    def key_file(self) -> Path:
        """Where the key goes."""
        out = self.out.resolve()
        return self.key or out.with_name(f"{out.name}.key.json")


def new_study(request: StudyRequest, on_progress: OnProgress = ignore_progress) -> MadeStudy:
    """Make a study folder and its key file.

    Raises
    ------
    StudyError, CohortError, InputError
        The pools cannot be read, do not fit each other or the design, or a patient would be shown
        whom a generator was trained on.
    OutputError
        The files cannot be written.
    """
    if not request.synthetic:
        raise StudyError("There are no synthetic ROIs.", "Name a folder of samples: --synthetic.")
    real, cache = real_pool(request.real, request.sequence, request.splits)
    found = [
        synthetic_pool(name, folder, request.sequence, on_progress)
        for name, folder in request.synthetic
    ]
    doubts = require_unseen(cache, real, {pool.generator: rois for pool, rois in found})
    return make_study(
        request.design,
        real,
        [pool for pool, _ in found],
        request.out,
        request.key_file,
        sequence=request.sequence or cache.sequences[0],
        doubts=doubts,
        on_progress=on_progress,
    )


def design_from(path: Path | None, changes: Mapping[str, Any]) -> StudyDesign:
    """Return a design from a JSON file, or the default one, with changes.

    Raises
    ------
    StudyError
        The file is no design, or a value is not allowed.
    """
    content: dict[str, Any] = {}
    if path is not None:
        content = read_json_object(path, _LARGEST_DESIGN, _WHAT_A_DESIGN_IS)
    try:
        return StudyDesign.model_validate({**content, **changes})
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        raise StudyError(
            f"{path or 'The design'}: {_problem(field, first['type'], first['msg'])}.",
            _WHAT_A_DESIGN_IS,
        ) from error


def _problem(field: str, kind: str, message: str) -> str:
    """Say what is wrong with a field, without the words of the library that found it."""
    if kind == "extra_forbidden":
        return f"there is no field {field}; the fields are {', '.join(StudyDesign.model_fields)}"
    if field == "readers":
        return "readers are one or more codes of letters, digits, - and _, at most 40 each"
    message = message.removeprefix("Value error, ")
    return f"{field}: {message}" if field else message


def parse_pool(text: str) -> tuple[str | None, Path]:
    """Return the name and the folder of ``NAME=FOLDER``, or of a folder alone."""
    name, sign, folder = text.partition("=")
    if not sign or Path(text).exists():
        return None, Path(text)
    return name, Path(folder)


def lines_of(made: MadeStudy) -> Sequence[str]:
    """Return what is to be told of a study that was made."""
    study = made.study.file
    shown = len(study.readers[0].presentations)
    return [
        f"study  {made.study.folder}: {len(study.readers)} readers x {shown} cases"
        f" ({len(study.training)} to learn by before)",
        f"key    {made.key}: keep it from readers",
    ]
