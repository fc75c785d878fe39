"""The folder of one training run.

::

    RUN/run.json            recipe, manifest hash, versions: may be shared
    RUN/place.json          what `train --resume` needs of this machine
    RUN/status.json         where it stands; RUN/log.txt: what happened
    RUN/curves.csv          stage, step, name, value
    RUN/state/<stage>-<step>.safetensors   the last states, to resume from
    RUN/<stage>.done.json   a stage that came to its end
    RUN/sheets/             reconstructions and samples to look at
    RUN/checkpoint.safetensors             what `tumor-synth generate --model RUN` uses
    RUN/lock                held by the process that trains; RUN/stop: it is asked to stop
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import RootModel

from napari_tumor_synth.errors import OutputError, TrainingError
from napari_tumor_synth.files import atomic_file, writable_folder, write_json
from napari_tumor_synth.training.runs.curves import CURVES, append_rows, cut_back
from napari_tumor_synth.training.runs.json_models import read_model
from napari_tumor_synth.training.runs.lock import RunLock
from napari_tumor_synth.training.runs.record import PLACE, RECORD, RunPlace, RunRecord, read_record
from napari_tumor_synth.training.runs.reporter import RunReporter
from napari_tumor_synth.training.runs.state_folder import StateFolder
from napari_tumor_synth.training.runs.status import CHECKPOINT, STOP, read_status

_README = {
    True: (
        "PATIENT DATA. This folder holds the training of a model on regions cut from MRI of\n"
        "patients: pictures of them, tokens that they can be drawn from again, and weights that\n"
        "learned them. Keep it as you keep the images themselves: do not publish it, and do not\n"
        "put it under version control. What may be shared is what `tumor-synth export` writes,\n"
        "if the owner of the data allows it.\n"
    ),
    False: (
        "Simulated data. This folder holds the training of a model on phantoms that\n"
        "napari-tumor-synth made; nothing in it comes from a patient.\n"
    ),
}


class RunFolder:
    """Where a run keeps what it is and what it has reached.

    Parameters
    ----------
    path : Path
        The folder.
    kept_states : int
        How many states of a stage are kept; older ones are removed after a newer one is whole.
    writes : bool
        False for one that only reads, as do all processes of a distributed run but the first.
    """

    def __init__(self, path: Path | str, *, kept_states: int = 2, writes: bool = True) -> None:
        self.path = Path(path)
        self.writes = writes
        self.states = StateFolder(self.path / "state", kept_states)
        self.reporter = RunReporter(self.path, self._require_there, writes=writes)
        self._mark: tuple[int, int] | None = None

    @property
    def checkpoint(self) -> Path:
        """The exported checkpoint."""
        return self.path / CHECKPOINT

    @property
    def stop_file(self) -> Path:
        """Asks the run to stop after the present step."""
        return self.path / STOP

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep all other processes from training in this folder; it is made if need be.

        Raises
        ------
        TrainingError
            One does so now.
        OutputError
            The folder cannot be written.
        """
        if not self.writes:
            yield
            return
        lock = RunLock(writable_folder(self.path))
        try:
            is_mine = lock.acquire()
        except OSError as error:
            raise OutputError(
                f"{self.path} cannot be locked: {error.strerror or error}.",
                "Choose a folder that you may write to.",
            ) from error
        if not is_mine:
            status = read_status(self.path)
            who = f"process {status.pid} since {status.since}" if status else "another process"
            raise TrainingError(
                f"{self.path} is being trained by {who}.",
                "Wait for its end or stop it, or choose another folder.",
            )
        try:
            yield
        finally:
            lock.release()

    def require(self, *, resume: bool) -> None:
        """Make sure that there is a run to resume, or none in the way of a new one.

        Raises
        ------
        TrainingError
            As the sentence says.
        """
        exists = (self.path / RECORD).is_file()
        if resume and not exists and not (self.path / PLACE).is_file():
            raise TrainingError(
                f"{self.path} holds no training run to resume.",
                "Leave out --resume to start one, or name the folder of a run.",
            )
        if exists and not resume:
            raise TrainingError(
                f"{self.path} holds a training run already.",
                "Go on with it by --resume, or choose another folder.",
            )

    def settle(self, place: RunPlace) -> None:
        """Note what going on needs of this machine, and that the run is alive."""
        if not self.writes:
            return
        self.stop_file.unlink(missing_ok=True)
        self._require_there()
        write_json(self.path / PLACE, place.model_dump(mode="json"))
        self.reporter.change()

    def start(self, record: RunRecord) -> None:
        """Keep what the run is; from now on, it is noticed when the folder goes."""
        if self.writes:
            write_json(self.path / RECORD, record.model_dump(mode="json"))
            with atomic_file(self.path / "README.txt") as temporary:
                temporary.write_text(_README[record.patient_data], "utf-8")
        self._mark = self._record_mark()

    def description(self) -> dict[str, Any]:
        """Return what the run began with, as JSON types.

        Raises
        ------
        TrainingError
            There is no run here, or its record is damaged.
        """
        return read_record(self.path).model_dump(mode="json")

    def save_state(self, stage: str, step: int, state: Any) -> None:
        """Keep the state reached after `step` steps, and forget the oldest."""
        if self.writes:
            self._require_there()
            self.states.save(stage, step, state)
            self.reporter.log(f"{stage}: state saved at step {step}")

    def latest_state(self, stage: str) -> tuple[int, Any] | None:
        """Return the newest state that can be read and its step, or None.

        A damaged file (the disk was full, the machine died) is passed over for the one before.
        """
        return self.states.latest(stage, set_aside=self.writes)

    def finish(self, stage: str, summary: Mapping[str, Any]) -> None:
        """Note that a stage came to its end."""
        if self.writes:
            self._require_there()
            write_json(self.path / f"{stage}.done.json", summary)
            self.reporter.end_stage(stage)

    def finished(self, stage: str) -> bool:
        """Tell whether a stage came to its end."""
        return (self.path / f"{stage}.done.json").is_file()

    def summary(self, stage: str) -> dict[str, Any]:
        """Return what was noted of a finished stage.

        Raises
        ------
        TrainingError
            The note is missing or damaged.
        """
        path = self.path / f"{stage}.done.json"
        again = "Remove that file; the stage then goes on from its last state."
        return read_model(path, RootModel[dict[str, Any]], again).root

    def append_curves(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Add figures of one step to ``curves.csv``."""
        if self.writes and values:
            self._require_there()
            append_rows(self.path / CURVES, stage, step, values)

    def cut_curves(self, stage: str, step: int) -> None:
        """Forget the figures of a stage after `step`, which it takes again."""
        if self.writes:
            cut_back(self.path / CURVES, stage, step)

    def _record_mark(self) -> tuple[int, int] | None:
        try:
            found = (self.path / RECORD).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _require_there(self) -> None:
        """Refuse to write into a folder that was removed, or replaced, while the run went on."""
        gone = not self.path.is_dir()
        if gone or (self._mark is not None and self._record_mark() != self._mark):
            raise OutputError(
                f"The run folder {self.path} was removed or replaced while its training went on.",
                "Put it back and go on with --resume, or start a new run.",
            )
