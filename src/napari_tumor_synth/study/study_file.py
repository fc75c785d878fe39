"""The study itself: what readers' programs need, and nothing that tells real from synthetic.

``study.json`` lies in the study folder with the display copies. The truth, the seed of the orders
and the meaning of tokens are in a key file (`key_file`), which is kept elsewhere.
"""

import hashlib
import json
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.files import write_json
from napari_tumor_synth.study.design import ReaderName, StudyDesign
from napari_tumor_synth.study.display import voxels_of

STUDY, IMAGES, READINGS = "study.json", "images", "readings"
FORMAT = 1
Token = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_LARGEST = 100_000_000  # bytes
_WHOLE_AGAIN = "Copy the whole study folder again from where it was made."


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Presentation(_Record):
    """One case as it is shown: one display copy, or the left and the right one of a pair."""

    token: Token
    images: Annotated[tuple[Token, ...], Field(min_length=1, max_length=2)]


class TrainingCase(_Record):
    """A case with feedback; its truth is no secret, and it is never scored.

    Attributes
    ----------
    presentation : Presentation
    answer : {"real", "synthetic", "left", "right"}
        What it is, or which one of a pair is synthetic.
    """

    presentation: Presentation
    answer: Literal["real", "synthetic", "left", "right"]


class ReaderPlan(_Record):
    """What one reader sees, block by block."""

    reader: ReaderName
    blocks: tuple[tuple[Presentation, ...], ...]

    @property
    def presentations(self) -> tuple[Presentation, ...]:
        """All of them, in order."""
        return tuple(one for block in self.blocks for one in block)


class DisplayRecipe(_Record):
    """How display copies were made, the same for all.

    Attributes
    ----------
    shape : tuple of int
        (S, A, R) voxels.
    spacing_mm : float
    sequence : str
    levels : int
        Of intensity, background (0) among them.
    edge_voxels : int
        See `StudyDesign`.
    extent : tuple of int
        (S, A, R) voxels in the middle of the grid that hold all tumours of the study: all cases are
        shown as much larger.
    """

    shape: tuple[int, int, int]
    spacing_mm: float
    sequence: str
    levels: int
    edge_voxels: int
    extent: tuple[int, int, int]


class StudyFile(_Record):
    """What ``study.json`` holds.

    Attributes
    ----------
    format : int
    study_id : str
        32 hexadecimal digits from the operating system's randomness.
    created : str
        UTC.
    software : dict of str to str
        Versions.
    design : StudyDesign
    display : DisplayRecipe
    training : tuple of TrainingCase
    readers : tuple of ReaderPlan
    images : dict of str to str
        SHA-256 of the file of each display copy.
    leak_audit : {"passed", "unclear", "warned"}
        What the audit of the display copies said. What it found is in the key file: a reader who
        knows what to look for is no longer blind.
    """

    format: Annotated[int, Field(ge=1, le=FORMAT)] = FORMAT
    study_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    created: str
    software: dict[str, str]
    design: StudyDesign
    display: DisplayRecipe
    training: tuple[TrainingCase, ...]
    readers: tuple[ReaderPlan, ...]
    images: dict[Token, Sha256]
    leak_audit: Literal["passed", "unclear", "warned"]

    @property
    def sha256(self) -> str:
        """Of all that it says: logs and the key belong to this very study."""
        return sha256_of_json(self.model_dump(mode="json"))

    def plan_of(self, reader: str) -> ReaderPlan:
        """Return what a reader sees.

        Raises
        ------
        StudyError
            The study has no such reader.
        """
        for plan in self.readers:
            if plan.reader == reader:
                return plan
        names = ", ".join(plan.reader for plan in self.readers)
        raise StudyError(f"The study has no reader {reader}.", f"Take one of its codes: {names}.")


class Study:
    """A study folder.

    Parameters
    ----------
    folder : Path
    file : StudyFile
    """

    def __init__(self, folder: Path, file: StudyFile) -> None:
        self.folder, self.file = folder, file

    @classmethod
    def open(cls, folder: Path | str) -> "Study":
        """Open a study folder.

        Raises
        ------
        StudyError
            There is no study, or it was altered.
        """
        folder = Path(folder)
        return cls(folder, read_study_file(folder / STUDY))

    @property
    def readings(self) -> Path:
        """Where reading logs are."""
        return self.folder / READINGS

    def log_of(self, reader: str) -> Path:
        """Return where the reading log of a reader is."""
        return self.readings / f"{reader}.jsonl"

    def image(self, token: str) -> NDArray[np.uint8]:
        """Return a display copy (S, A, R), 0 where there is no tumour.

        Raises
        ------
        StudyError
            Its file is missing, or not the one that the study was made with.
        """
        path = self.folder / IMAGES / f"{token}.npy"
        try:
            stored = path.read_bytes()
        except OSError as error:
            raise StudyError(f"{path} cannot be read: {error.strerror}.", _WHOLE_AGAIN) from error
        if hashlib.sha256(stored).hexdigest() != self.file.images.get(token):
            raise StudyError(f"{path} is not the display copy of the study.", _WHOLE_AGAIN)
        return voxels_of(stored, self.file.display.shape)

    def require_whole(self) -> None:
        """Make sure that all display copies are those of the study.

        Raises
        ------
        StudyError
            One is missing or altered.
        """
        for token in self.file.images:
            self.image(token)


def new_token() -> str:
    """Return a name that means nothing, from the operating system's randomness."""
    return secrets.token_hex(8)


def sha256_of_json(content: Any) -> str:
    """Return the SHA-256 of what JSON can hold, however it is laid out in a file."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write_study_file(path: Path, file: StudyFile) -> None:
    """Write ``study.json`` with its hash."""
    write_json(path, {"sha256": file.sha256, **file.model_dump(mode="json")})


def read_study_file(path: Path) -> StudyFile:
    """Read ``study.json``.

    Raises
    ------
    StudyError
        It is missing, of a newer format, or was altered.
    """
    if not path.is_file():
        raise StudyError(
            f"There is no study in {path.parent}.",
            "Name the folder that `tumor-synth study new` wrote.",
        )
    content = read_json_object(path, _LARGEST)
    told = content.pop("sha256", None)
    if isinstance(found := content.get("format"), int) and found > FORMAT:
        raise StudyError(f"{path} was written by a newer version.", "Update napari-tumor-synth.")
    try:
        file = StudyFile.model_validate(content)
    except ValidationError as error:
        raise StudyError(f"{path} is no study file, or damaged.", _WHOLE_AGAIN) from error
    if file.sha256 != told:
        raise StudyError(f"{path} was altered after it was made.", _WHOLE_AGAIN)
    return file


def read_json_object(path: Path, largest: int, remedy: str = _WHOLE_AGAIN) -> dict[str, Any]:
    """Read an object from a JSON file.

    Raises
    ------
    StudyError
        It is missing, cannot be read, is too large, or is no object.
    """
    if not path.is_file():
        raise StudyError(f"There is no file {path}.", remedy)
    try:
        if path.stat().st_size > largest:
            raise ValueError("far too large")
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise StudyError(f"{path} cannot be read as JSON.", remedy) from error
    if not isinstance(content, dict):
        raise StudyError(f"{path} cannot be read as JSON.", remedy)
    return content
