"""The key: which case is real, kept away from those who read."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.files import atomic_file, json_text
from napari_tumor_synth.study.study_file import (
    STUDY,
    Sha256,
    StudyFile,
    Token,
    read_json_object,
    sha256_of_json,
)

FORMAT = 1
NOTICE = (
    "KEY of a blinded reader study: it tells real from synthetic and names cases. Keep it from "
    "readers, and as safe as patient data."
)
_LARGEST = 100_000_000  # bytes
_ITS_OWN = "Name the key file that was written when this very study was made."


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyImage(_Record):
    """What a display copy is.

    Attributes
    ----------
    case : str
        Name of the case; repeats have the name of their case.
    truth : {"real", "synthetic"}
    generator : str
        Empty for real ones.
    class_name : str
    volume_ml : float
        Of the tumour.
    source_sha256 : str
        Of the file that it was made from.
    is_repeat : bool
    """

    case: str
    truth: Literal["real", "synthetic"]
    generator: str
    class_name: str
    volume_ml: float
    source_sha256: str
    is_repeat: bool = False


class KeyFile(_Record):
    """What the key file holds.

    Attributes
    ----------
    format : int
    notice : str
    study_id, study_sha256 : str
        Of the study that it belongs to.
    order_seed : str
        Of all draws: cases, blocks, orders, sides; a number as hexadecimal digits.
    images : dict of str to KeyImage
        By token of the display copy.
    leak_audit : dict
        What the audit found.
    doubts : tuple of str
        What else the results must be read with.
    """

    format: Annotated[int, Field(ge=1, le=FORMAT)] = FORMAT
    notice: str = NOTICE
    study_id: str
    study_sha256: Sha256
    order_seed: Annotated[str, Field(pattern=r"^[0-9a-f]+$")]
    images: dict[Token, KeyImage]
    leak_audit: dict[str, Any] = Field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def require_outside(key: Path, study: Path) -> None:
    """Make sure that a key file does not go where readers get it.

    Raises
    ------
    StudyError
        It would lie in the study folder.
    """
    inside = key.resolve().is_relative_to(study.resolve())
    if inside or any((folder / STUDY).exists() for folder in key.resolve().parents):
        raise StudyError(
            f"The key file {key} would lie in a study folder, where readers find it.",
            "Choose a place for the key that readers have no access to.",
        )


def write_key_file(path: Path, key: KeyFile) -> None:
    """Write a key file that only its owner may read."""
    content = key.model_dump(mode="json")
    with atomic_file(path, 0o600) as temporary:
        temporary.chmod(0o600)
        temporary.write_text(json_text({"sha256": sha256_of_json(content), **content}), "utf-8")


def read_key_file(path: Path, study: StudyFile) -> KeyFile:
    """Read the key of a study.

    Raises
    ------
    StudyError
        It is missing or altered, or belongs to another study.
    """
    if not path.is_file():
        raise StudyError(f"There is no key file {path}.", _ITS_OWN)
    content = read_json_object(path, _LARGEST, _ITS_OWN)
    told = content.pop("sha256", None)
    try:
        key = KeyFile.model_validate(content)
    except ValidationError as error:
        raise StudyError(f"{path} is no key file, or damaged.", _ITS_OWN) from error
    if sha256_of_json(key.model_dump(mode="json")) != told:
        raise StudyError(f"The key file {path} was altered after it was made.", _ITS_OWN)
    if (key.study_id, key.study_sha256) != (study.study_id, study.sha256):
        raise StudyError(f"The key file {path} belongs to another study.", _ITS_OWN)
    return key
