"""The folder of one training run.

::

    RUN/run.json            recipe, manifest hash, versions; what `--resume` needs
    RUN/curves.csv          stage, step, name, value
    RUN/state/<stage>-<step>.safetensors   the last states, to resume from
    RUN/<stage>.done.json   a stage that came to its end
    RUN/sheets/             reconstructions and samples to look at
    RUN/checkpoint.safetensors             what `tumor-synth generate --model RUN` uses
"""

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_tumor_synth.errors import OutputError, TrainingError
from napari_tumor_synth.files import writable_folder, write_json
from napari_tumor_synth.training.state_file import read_state, write_state

_STATE_NAME = re.compile(r"^(?P<stage>[a-z-]+)-(?P<step>\d{9})\.safetensors$")


class RunFolder:
    """Where a run keeps what it is and what it has reached.

    Parameters
    ----------
    path : Path
        The folder.
    kept_states : int
        How many states of a stage are kept; older ones are removed after a newer one is whole.
    """

    def __init__(self, path: Path | str, *, kept_states: int = 2) -> None:
        self.path = Path(path)
        self.kept_states = kept_states

    @property
    def checkpoint(self) -> Path:
        """The exported checkpoint."""
        return self.path / "checkpoint.safetensors"

    def start(self, description: Mapping[str, Any], *, resume: bool) -> None:
        """Begin a run, or make sure that it is this one which goes on.

        Raises
        ------
        TrainingError
            A run exists and `resume` is not asked for, none exists but it is, or the recipe or
            data differ from those the run began with.
        """
        record = self.path / "run.json"
        if not record.is_file():
            if resume:
                raise TrainingError(
                    f"{self.path} holds no training run to resume.",
                    "Leave out --resume to start one, or name the folder of a run.",
                )
            writable_folder(self.path)
            write_json(record, description)
            return
        if not resume:
            raise TrainingError(
                f"{self.path} holds a training run already.",
                "Go on with it by --resume, or choose another folder.",
            )
        begun = self.description()
        for key in ("recipe", "data"):
            if begun.get(key) != json.loads(json.dumps(description[key])):
                raise TrainingError(
                    f"The {key} differs from the one that this run began with.",
                    "Start a new run in another folder.",
                )

    def description(self) -> dict[str, Any]:
        """Return what the run began with.

        Raises
        ------
        TrainingError
            There is no run here, or its record is damaged.
        """
        try:
            content: dict[str, Any] = json.loads((self.path / "run.json").read_text("utf-8"))
        except (OSError, json.JSONDecodeError) as error:
            raise TrainingError(
                f"{self.path} is not the folder of a training run ({error}).",
                "Name a folder that `tumor-synth train` made.",
            ) from error
        return content

    def save_state(self, stage: str, step: int, state: Any) -> None:
        """Keep the state reached after `step` steps, and forget the oldest."""
        write_state(state, self.path / "state" / f"{stage}-{step:09d}.safetensors")
        for old in self._states(stage)[: -self.kept_states]:
            old.unlink(missing_ok=True)

    def latest_state(self, stage: str) -> tuple[int, Any] | None:
        """Return the newest state that can be read and its step, or None.

        A damaged file (the disk was full, the machine died) is passed over for the one before.
        """
        problem: TrainingError | None = None
        for path in reversed(self._states(stage)):
            match = _STATE_NAME.match(path.name)
            try:
                return int(match["step"]) if match else 0, read_state(path)
            except TrainingError as error:
                problem = error
        if problem is not None:
            raise problem
        return None

    def finish(self, stage: str, summary: Mapping[str, Any]) -> None:
        """Note that a stage came to its end."""
        write_json(self.path / f"{stage}.done.json", summary)

    def finished(self, stage: str) -> bool:
        """Tell whether a stage came to its end."""
        return (self.path / f"{stage}.done.json").is_file()

    def summary(self, stage: str) -> dict[str, Any]:
        """Return what was noted of a finished stage."""
        path = self.path / f"{stage}.done.json"
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return content

    def append_curves(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Add figures of one step to ``curves.csv``."""
        path = self.path / "curves.csv"
        try:
            is_new = not path.is_file()
            with path.open("a", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream)
                if is_new:
                    writer.writerow(["stage", "step", "name", "value"])
                writer.writerows([stage, step, name, f"{v:.6g}"] for name, v in values.items())
        except OSError as error:
            raise OutputError(
                f"Cannot write {path}: {error.strerror or error}.",
                "Free space and resume the run with --resume.",
            ) from error

    def _states(self, stage: str) -> list[Path]:
        folder = self.path / "state"
        matches = [(p, _STATE_NAME.match(p.name)) for p in sorted(folder.glob("*.safetensors"))]
        return [path for path, match in matches if match and match["stage"] == stage]
