"""What a run is (``run.json``, which may be shared) and where it lives (``place.json``)."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.runs.json_models import read_model

RECORD, PLACE = "run.json", "place.json"


class RunRecord(BaseModel):
    """How a run began; no path, user name or patient is in it.

    Attributes
    ----------
    recipe : dict
        The recipe as `VqganRecipe.recorded` gives it: files are named by their SHA-256.
    data : str
        Hash of the cache's manifest.
    rois : dict of str to int
        ROIs of each split.
    classes : tuple of str
    patient_data : bool
        Whether the ROIs may come from patients.
    environment : dict of str to str
        Versions and commit it began with.
    continued_with : tuple of dict
        Environments of other code that it was allowed to go on with.
    started : str
        UTC, ISO 8601.
    """

    model_config = ConfigDict(frozen=True)

    recipe: dict[str, Any]
    data: str
    rois: dict[str, int] = Field(default_factory=dict)
    classes: tuple[str, ...] = ()
    patient_data: bool = True
    environment: dict[str, str] = Field(default_factory=dict)
    continued_with: tuple[dict[str, str], ...] = ()
    started: str = ""

    @property
    def newest_environment(self) -> dict[str, str]:
        """The environment it last went on with."""
        return self.continued_with[-1] if self.continued_with else self.environment


class RunPlace(BaseModel):
    """What going on with a run needs to know of this machine; nothing to share.

    Attributes
    ----------
    recipe : dict
        The whole recipe, with the paths of its files.
    data : str
        Absolute path of the cache, or of the cohort that one is made from.
    machine : MachineSettings
    save_minutes : float
        Time between saved states.
    review_steps : int
        Steps between reviews.
    kept_states : int
        Last states of a stage that are kept.
    """

    model_config = ConfigDict(frozen=True)

    recipe: dict[str, Any]
    data: str
    machine: MachineSettings = MachineSettings()
    save_minutes: float = Field(default=10.0, ge=0)
    review_steps: int = Field(default=500, ge=1)
    kept_states: int = Field(default=2, ge=1)


def read_record(folder: Path) -> RunRecord:
    """Return how the run in a folder began.

    Raises
    ------
    TrainingError
        There is no run, or its record is damaged.
    """
    return read_model(
        folder / RECORD, RunRecord, "Name the folder of a run that `tumor-synth train` made."
    )


def read_place(folder: Path) -> RunPlace | None:
    """Return where the run in a folder lives; None if it was moved here without saying.

    Raises
    ------
    TrainingError
        The file is damaged.
    """
    if not (folder / PLACE).is_file():
        return None
    return read_model(
        folder / PLACE,
        RunPlace,
        "Remove that file, and resume with the recipe, --data and --out.",
    )


def is_run(folder: Path) -> bool:
    """Tell whether a folder is that of a run, even one that has hardly begun."""
    return (folder / RECORD).is_file() or (folder / PLACE).is_file()
