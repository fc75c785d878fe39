"""How a synthetic file came to be.

The record holds everything that is needed to make the sample again, and the tokens to decode it
without sampling. It holds no path, user name or host name.
"""

import hashlib
import json
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_tumor_synth import __version__
from napari_tumor_synth.errors import InputError
from napari_tumor_synth.generators.copy_check import CopyCheck
from napari_tumor_synth.generators.seeds import MAX_SEED
from napari_tumor_synth.imaging.header_text import SYNTHETIC_NOTICE

__all__ = [
    "SYNTHETIC_NOTICE",
    "DecodingSettings",
    "Provenance",
    "now",
    "read_provenance",
    "versions",
]

FORMAT_VERSION = 1
_LARGEST_RECORD = 50_000_000  # bytes; one of the papers' models takes 50,000
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
SequenceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
"""Part of file names; checkpoints and records come from anywhere."""


class DecodingSettings(BaseModel):
    """How tokens are drawn.

    Models with `empty_positions = "zero"` decide first, with the learned probability, whether a
    position holds tumour; temperature, top-k and top-p then apply among the codes of tumours.

    Attributes
    ----------
    decode : {"auto", "autoregressive", "parallel"}
        One token after the other (causal models), or all at once in a few rounds (bidirectional
        models); "auto" takes the way that the model was trained for.
    temperature : float
        Divides the logits; 1 samples the learned distribution, smaller values are more typical.
    top_k : int or None
        Draw among the k likeliest codes only.
    top_p : float
        Draw among the likeliest codes that together hold this probability.
    steps : int
        Rounds of parallel decoding.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    decode: Literal["auto", "autoregressive", "parallel"] = "auto"
    temperature: Annotated[float, Field(gt=0, le=10)] = 1.0
    top_k: Annotated[int, Field(ge=1)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    steps: Annotated[int, Field(ge=1, le=64)] = 12

    def like(self, other: "DecodingSettings") -> bool:
        """Tell whether both mean the same for one model, whose own way of decoding is "auto"."""
        if "auto" not in (self.decode, other.decode):
            return self == other
        return self.model_copy(update={"decode": other.decode}) == other


class Provenance(BaseModel):
    """Record beside every synthetic ROI."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    notice: Literal["SYNTHETIC, not for clinical use"] = "SYNTHETIC, not for clinical use"
    format_version: Annotated[int, Field(ge=1, le=FORMAT_VERSION)] = FORMAT_VERSION
    model_name: str
    model_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    family: str
    class_name: str
    seed: Seed
    sequences: tuple[SequenceName, ...]
    grid: tuple[int, int, int]
    spacing_mm: float
    decoding: DecodingSettings
    device: str
    precision: str = "float32"
    """Of the weights that drew the tokens."""
    decoder_precision: str = "float32"
    """That the decoder computed in."""
    versions: dict[str, str]
    created: str
    tokens: tuple[tuple[int, ...], ...] = ()
    """Codes by position (raster scan over S, A, R), a tuple of levels each; if it has tokens."""
    token_grid: tuple[int, int, int] | None = None
    copy_check: CopyCheck | None = None
    """How near to a real ROI it is, where that was looked up before it was written."""
    files: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the files written with this record, by what they are."""
    seal: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of what is said of the sample; records of earlier versions have none."""

    def sealed(self) -> "Provenance":
        """Return the record with its seal, by which a later change is noticed.

        A seal is no signature: whoever forges a record can forge it too.
        """
        return self.model_copy(update={"seal": self._hash()})

    @property
    def is_unaltered(self) -> bool:
        """Whether the record is as it was sealed."""
        return self.seal == self._hash()

    def _hash(self) -> str:
        # without defaults, so that a setting that is added later breaks no seal
        content = self.model_dump(
            mode="json",
            exclude={"created", "files", "format_version", "seal"},
            exclude_defaults=True,
        )
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Return the versions that determine a sample."""
    return {
        "napari-tumor-synth": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": metadata.version("numpy"),
    }


def now() -> str:
    """Return the time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_provenance(path: Path | str) -> Provenance:
    """Read the record of a synthetic ROI.

    Raises
    ------
    InputError
        Missing, not JSON, or not such a record.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"There is no file {path}.",
            "Name the JSON file that `tumor-synth generate` wrote beside the image.",
        )
    try:
        if path.stat().st_size > _LARGEST_RECORD:
            raise OSError("the file is far too large")
        return Provenance.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        if _is_newer(path):
            raise InputError(
                f"{path.name} was written by a newer version, in a format that this one does not "
                "know.",
                "Update napari-tumor-synth.",
            ) from error
        raise InputError(
            f"{path.name} is not the provenance of a synthetic ROI: {_reason(error)}.",
            "Name the JSON file that `tumor-synth generate` wrote beside the image.",
        ) from error


def _is_newer(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_bytes())["format_version"] > FORMAT_VERSION)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False


def _reason(error: Any) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error.strerror or error)
