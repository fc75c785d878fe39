"""Where a run stands, as it writes it itself and as others see it; loads nothing heavy."""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.runs.json_models import read_model
from napari_tumor_synth.training.runs.lock import is_locked
from napari_tumor_synth.training.runs.record import is_run, read_place, read_record

STATUS, LOG, STOP = "status.json", "log.txt", "stop"
CHECKPOINT = "checkpoint.safetensors"
_SILENT_S = 120.0
_LONGEST_LINE = 500  # bytes, on average: a log of weeks is not read whole each second

State = Literal["running", "stopped", "failed", "interrupted", "finished"]


class AlarmRecord(BaseModel):
    """An alarm that is on, see `stage.Alarm`."""

    model_config = ConfigDict(frozen=True)

    name: str
    sentence: str
    remedy: str


class RunStatus(BaseModel):
    """Content of ``status.json``.

    Attributes
    ----------
    state : {"running", "stopped", "failed", "finished"}
    stage : str
        Name of the stage, or what is done outside of one, such as ``"preparing the cohort"``.
    step, total : int
        Of the stage.
    stages, stages_done : tuple of str
        All stages of the run, where known, and those at their end.
    message : str
        What is being done, for a person.
    figures, review : dict of str to float
        Newest figures of a step, and of the newest review.
    alarms : tuple of AlarmRecord
        What is wrong now.
    skipped : int
        Steps of this stage that changed nothing.
    pid : int
        The process that trains, or trained last.
    started, updated : str
        When this process took up the run, and when it wrote this; UTC, ISO 8601.
    seconds_left : float, optional
        To the end of the stage, by the time of recent steps with all that belongs to them.
    error : str
        Why it failed.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=True, ser_json_inf_nan="strings")

    state: Literal["running", "stopped", "failed", "finished"]
    stage: str = ""
    step: int = 0
    total: int = 0
    stages: tuple[str, ...] = ()
    stages_done: tuple[str, ...] = ()
    message: str = ""
    figures: dict[str, float] = Field(default_factory=dict)
    review: dict[str, float] = Field(default_factory=dict)
    alarms: tuple[AlarmRecord, ...] = ()
    skipped: int = 0
    pid: int = 0
    started: str = ""
    updated: str = ""
    seconds_left: float | None = None
    error: str = ""

    @property
    def since(self) -> str:
        """When this process took up the run, for a person."""
        return f"{self.started[:19].replace('T', ' ')} UTC"


@dataclass(frozen=True)
class RunSummary:
    """A run as a list shows it.

    Attributes
    ----------
    folder : Path
    name : str
        Of the recipe; "" when the run's files do not tell.
    state : {"running", "stopped", "failed", "interrupted", "finished"}
        "interrupted": the process died, or the machine did, without a word.
    status : RunStatus
        What the run wrote last.
    checkpoint : Path, optional
        The finished model.
    """

    folder: Path
    name: str
    state: State
    status: RunStatus
    checkpoint: Path | None = None

    @property
    def stages_left(self) -> tuple[str, ...]:
        """Stages that come after the present one."""
        here = (*self.status.stages_done, self.status.stage)
        return tuple(name for name in self.status.stages if name not in here)

    @property
    def fraction(self) -> float:
        """How much of the present stage is done, 0 to 1."""
        return self.status.step / self.status.total if self.status.total else 0.0

    @property
    def can_resume(self) -> bool:
        """Whether `tumor-synth train --resume` would go on with it."""
        return self.state in ("stopped", "failed", "interrupted")


def read_status(folder: Path) -> RunStatus | None:
    """Return what a run wrote last; None if there is nothing that can be read."""
    try:
        return read_model(folder / STATUS, RunStatus, "")
    except TrainingError:
        return None


def is_running(folder: Path) -> bool:
    """Tell whether a living process trains in this folder."""
    try:
        return is_locked(folder)
    except OSError:  # another user's run: judge by its last word
        status = read_status(folder)
        return status is not None and status.state == "running" and _age_s(status) < _SILENT_S


def summary_of(folder: Path) -> RunSummary:
    """Return where the run in a folder stands.

    Raises
    ------
    TrainingError
        It is no run's.
    """
    if not is_run(folder):
        raise TrainingError(
            f"{folder} holds no training run.", "Name a folder that `tumor-synth train` made."
        )
    running = is_running(folder)  # before the status: a run that ends now is then seen as ended
    status = read_status(folder) or RunStatus(
        state="running" if running else "stopped", message="its status cannot be read"
    )
    checkpoint = folder / CHECKPOINT
    state: State = status.state
    if running:
        state = "running"
    elif status.state == "running":
        state = "interrupted"
    finished = checkpoint if checkpoint.is_file() and state == "finished" else None
    return RunSummary(folder, _name_of(folder), state, status, finished)


def find_runs(root: Path) -> list[RunSummary]:
    """Return the runs in a folder, or the one that it is; what was written last comes first."""
    if is_run(root):
        return [summary_of(root)]
    try:
        below = [path for path in root.iterdir() if path.is_dir() and is_run(path)]
    except OSError:
        return []
    runs = [summary_of(path) for path in below]
    return sorted(runs, key=lambda run: (run.status.updated, run.folder.name), reverse=True)


def log_tail(folder: Path, lines: int = 200) -> list[str]:
    """Return the last lines of a run's log."""
    try:
        with (folder / LOG).open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _LONGEST_LINE * lines))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]


def _name_of(folder: Path) -> str:
    for read in (read_record, read_place):
        try:
            found: Any = read(folder)
        except TrainingError:
            continue
        if found is not None:
            return str(found.recipe.get("name", ""))
    return ""


def _age_s(status: RunStatus) -> float:
    try:
        written = datetime.fromisoformat(status.updated)
    except ValueError:
        return _SILENT_S
    if written.tzinfo is None:
        written = written.replace(tzinfo=UTC)
    return time.time() - written.timestamp()
