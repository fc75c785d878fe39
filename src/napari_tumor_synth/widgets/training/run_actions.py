"""Start, stop and go on with runs: what waits for a process does so in a thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_tumor_synth.widgets.jobs import Job

if TYPE_CHECKING:
    from napari_tumor_synth.generators.catalogue import CatalogueEntry
    from napari_tumor_synth.progress import OnProgress
    from napari_tumor_synth.training.runs.background import TrainingRequest


class RunActions(QObject):
    """What a user asks of runs; the runs themselves are other processes."""

    begun = Signal(object)  # Path of the run that has started, or goes on
    installed = Signal(object)  # CatalogueEntry
    failed = Signal(object)  # TumorSynthError
    changed = Signal()  # something begins or ends

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._begin, self._end, self._install = Job(self), Job(self), Job(self)
        self._begin.succeeded.connect(self.begun)
        self._install.succeeded.connect(self.installed)
        for job in self._jobs:
            job.failed.connect(self.failed)
            job.started.connect(self.changed)
            job.ended.connect(self.changed)

    @property
    def is_beginning(self) -> bool:
        """Whether a process is being started: it is not known yet whether it will train."""
        return self._begin.is_running

    @property
    def is_ending(self) -> bool:
        """Whether a run is being told to stop."""
        return self._end.is_running

    @property
    def is_installing(self) -> bool:
        """Whether a model is being added to the list."""
        return self._install.is_running

    def begin(self, request: TrainingRequest) -> None:
        """Start or resume a run, unless another is being started."""
        if self.is_beginning:
            return

        def work(on_progress: OnProgress) -> Path:
            from napari_tumor_synth.training.runs.background import start_in_background
            from napari_tumor_synth.workflows.known_runs import remember_run

            folder = start_in_background(request).folder
            remember_run(folder)
            return folder

        self._begin.start(work)

    def stop(self, folder: Path, *, at_once: bool = False) -> None:
        """Ask a run to stop after its step, or end it at once."""

        def work(on_progress: OnProgress) -> None:
            from napari_tumor_synth.training.runs.background import request_stop, stop_now

            (stop_now if at_once else request_stop)(folder)

        self._end.start(work)

    def install(self, folder: Path, name: str = "") -> None:
        """Add the model of a finished run to the user's catalogue, by its own or another name."""

        def work(on_progress: OnProgress) -> CatalogueEntry | None:
            from napari_tumor_synth.training.runs.export import export_run

            return export_run(folder, install=True, name=name or None).entry

        self._install.start(work)

    def close(self) -> None:
        """Tell nobody of what comes; runs go on."""
        for job in self._jobs:
            job.close()

    @property
    def _jobs(self) -> tuple[Job, Job, Job]:
        return self._begin, self._end, self._install
