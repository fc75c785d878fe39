"""One run, looked at again and again while it goes on; loads nothing heavy."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.runs.curves import CurveReader
from napari_tumor_synth.training.runs.previews import Preview, preview_path, read_preview
from napari_tumor_synth.training.runs.record import read_record
from napari_tumor_synth.training.runs.status import STOP, RunSummary, log_tail, summary_of

Curve = NDArray[np.float64]
"""``(2, N)``: steps and values, in order."""

PREVIEWS = ("reconstructions", "samples")


@dataclass(frozen=True, eq=False)
class RunView:
    """What there is to see of a run.

    Attributes
    ----------
    summary : RunSummary
    stopping : bool
        It was asked to stop after its step, and has not yet.
    log : tuple of str
        Its last lines.
    curves : mapping of (str, str) to Curve
        By stage and name.
    previews : mapping of str to Preview
        Those that were asked for, of `PREVIEWS`.
    available : tuple of str
        Those of `PREVIEWS` that there are.
    diagnosis : tuple of str
        Sentences about the finished stages.
    patient_data : bool
        Whether its ROIs may come from patients.
    """

    summary: RunSummary
    stopping: bool = False
    log: tuple[str, ...] = ()
    curves: Mapping[tuple[str, str], Curve] = field(default_factory=dict)
    previews: Mapping[str, Preview] = field(default_factory=dict)
    available: tuple[str, ...] = ()
    diagnosis: tuple[str, ...] = ()
    patient_data: bool = True


class RunFollower:
    """Reads what is new in a run's folder; one call at a time, from any thread.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reader = CurveReader(folder)
        self._curves: Mapping[tuple[str, str], Curve] = {}
        self._previews: dict[str, tuple[int, Preview]] = {}

    def look(self, previews: tuple[str, ...] = ()) -> RunView:
        """Return what there is now; curves and previews are the same objects until they change.

        Parameters
        ----------
        previews : tuple of str
            Which of `PREVIEWS` to read.

        Raises
        ------
        TrainingError
            It is no run's folder, or no longer.
        """
        summary = summary_of(self.folder)
        if self._reader.poll():
            self._curves = {
                name: np.array(points, np.float64).T for name, points in self._reader.curves.items()
            }
        read = {name: found for name in previews if (found := self._preview(name)) is not None}
        return RunView(
            summary,
            stopping=summary.state == "running" and (self.folder / STOP).exists(),
            log=tuple(log_tail(self.folder)),
            curves=self._curves,
            previews=read,
            available=tuple(n for n in PREVIEWS if preview_path(self.folder, n).is_file()),
            diagnosis=self._diagnosis(),
            patient_data=self._patient_data(),
        )

    def _preview(self, name: str) -> Preview | None:
        try:
            written = preview_path(self.folder, name).stat().st_mtime_ns
        except OSError:
            return None
        before = self._previews.get(name)
        if before is not None and before[0] == written:
            return before[1]
        found = read_preview(self.folder, name)
        if found is not None:
            self._previews[name] = written, found
        return found

    def _diagnosis(self) -> tuple[str, ...]:
        try:
            noted = json.loads((self.folder / "diagnosis.json").read_text("utf-8"))
            return tuple(str(sentence) for sentence in noted["sentences"])
        except (OSError, ValueError, KeyError, TypeError):  # not yet; or damaged, and no loss
            return ()

    def _patient_data(self) -> bool:
        try:
            return read_record(self.folder).patient_data
        except TrainingError:  # it has hardly begun
            return True
