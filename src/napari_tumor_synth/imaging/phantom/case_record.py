"""What lies beside a written phantom case: which program and settings made it."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from napari_tumor_synth.imaging.phantom.settings import PhantomSettings, SequenceName

PHANTOM_FORMAT = 1
"""To be raised whenever the same class, seed and settings give another case than before."""


class CaseRecord(BaseModel):
    """The JSON beside a case: neither paths nor dates.

    Attributes
    ----------
    phantom_format : int
        `PHANTOM_FORMAT` of the program that made the case.
    settings : PhantomSettings
        Whose `sequences` are all that the case has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    phantom_format: int = PHANTOM_FORMAT
    settings: PhantomSettings

    @property
    def sequences(self) -> tuple[SequenceName, ...]:
        """The sequences that the case has."""
        return self.settings.sequences

    def is_of(self, settings: PhantomSettings) -> bool:
        """Tell whether these settings would give the same case, up to its choice of sequences."""
        return self.phantom_format == PHANTOM_FORMAT and (
            settings == self.settings.model_copy(update={"sequences": settings.sequences})
        )


def read_case_record(path: Path) -> CaseRecord | None:
    """Read a record; None when there is none that this program understands."""
    try:
        return CaseRecord.model_validate(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, RecursionError):  # then the case is made once more
        return None
