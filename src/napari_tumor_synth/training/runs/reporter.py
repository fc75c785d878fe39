"""What a run tells of itself while it goes on: lines in ``log.txt`` and its ``status.json``."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.training.runs.shared_text import replace_text
from napari_tumor_synth.training.runs.status import LOG, STATUS, AlarmRecord, RunStatus
from napari_tumor_synth.training.stage import Alarm

_SECONDS_BETWEEN = 1.0


class RunReporter:
    """Writes log and status of the run in a folder.

    Parameters
    ----------
    folder : Path
    require_there : callable
        Raises `OutputError` when the folder was removed, so that none is made anew.
    writes : bool
        False in all processes of a distributed run but the first.
    """

    def __init__(
        self, folder: Path, require_there: Callable[[], None], *, writes: bool = True
    ) -> None:
        self._folder, self._require_there, self._writes = folder, require_there, writes
        now = _now()
        self.status = RunStatus(state="running", pid=os.getpid(), started=now, updated=now)
        self._alarms: dict[str, Alarm] = {}
        self._written = -float("inf")

    def log(self, line: str) -> None:
        """Add a line, with the time.

        Raises
        ------
        OutputError
            The log cannot be written.
        """
        if not self._writes:
            return
        path = self._folder / LOG
        try:
            with path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(f"{_now()} {' '.join(line.split())}\n")
        except OSError as error:
            raise OutputError(
                f"Cannot write {path}: {error.strerror or error}.",
                "Free space and go on with the run with --resume.",
            ) from error

    def change(self, line: str = "", **values: Any) -> None:
        """Write a change of state at once, and a line of the log if there is one."""
        self.status = self.status.model_copy(update=values)
        self._write()
        if line:
            self.log(line)

    def tell(self, **values: Any) -> None:
        """Note how far the work is; written at most once a second."""
        if not self._writes:
            return
        self.status = self.status.model_copy(update=values)
        if time.monotonic() - self._written >= _SECONDS_BETWEEN:
            self._write()

    def begin_stage(self, stage: str, step: int, total: int) -> None:
        """Note that a stage begins, or goes on."""
        self._alarms = {}
        self.change(
            f"{stage}: from step {step} of {total}",
            stage=stage,
            step=step,
            total=total,
            message=stage,
            figures={},
            review={},
            alarms=(),
            skipped=0,
            seconds_left=None,
        )

    def end_stage(self, stage: str) -> None:
        """Note that a stage came to its end."""
        done = tuple(dict.fromkeys((*self.status.stages_done, stage)))
        self.change(f"{stage}: ended", stage="", stages_done=done, seconds_left=None)

    def skip(self, stage: str, step: int, reason: str) -> None:
        """Note a step that changed nothing."""
        self.log(f"{stage}: step {step} skipped: {reason}")
        self.tell(skipped=self.status.skipped + 1)

    def review(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Note a review."""
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        self.change(f"{stage}: review at step {step}: {shown}", review=dict(figures))

    def alarms(self, found: Sequence[Alarm]) -> None:
        """Note what is wrong now; an alarm is logged when it comes and when it goes."""
        before, now = self._alarms, {alarm.name: alarm for alarm in found}
        if before == now:
            return
        self._alarms = now
        records = tuple(
            AlarmRecord(name=a.name, sentence=a.sentence, remedy=a.remedy) for a in now.values()
        )
        self.change(alarms=records)
        lines = [f"alarm: {name}: {alarm}" for name, alarm in now.items() if name not in before]
        lines += [f"alarm over: {name}" for name in before if name not in now]
        for line in lines:
            self.log(line)

    def fail(self, error: str) -> None:
        """Note why the run ends, as far as that can still be written: the disk may be full."""
        self.status = self.status.model_copy(
            update={"state": "failed", "error": error, "seconds_left": None}
        )
        with suppress(OutputError):
            self._require_there()  # else it may be another run's by now
            with suppress(OutputError):
                self.log(f"failed: {error}")
            try:
                self._write()
            except OutputError:
                self._write_in_place()

    def _write(self) -> None:
        if not self._writes:
            return
        self._require_there()
        self.status = self.status.model_copy(update={"updated": _now()})
        replace_text(self._folder / STATUS, self._text())
        self._written = time.monotonic()

    def _write_in_place(self) -> None:
        """Use the room that the status has already."""
        with suppress(OSError), (self._folder / STATUS).open("r+", encoding="utf-8") as stream:
            stream.write(self._text())
            stream.truncate()

    def _text(self) -> str:
        return self.status.model_dump_json(indent=2) + "\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
