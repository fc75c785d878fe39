"""Where to compute: what was proven to work here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_tumor_synth.widgets.jobs import Job

if TYPE_CHECKING:
    from napari_tumor_synth.generators.devices import DeviceReport
    from napari_tumor_synth.progress import OnProgress


class DeviceChoice(QComboBox):
    """Lists devices once they were probed; before that, what the user prefers.

    Parameters
    ----------
    preferred : str
        "auto" or torch's name.
    """

    chosen = Signal(str)  # "auto" or torch's name
    unusable = Signal(str)  # the chosen one does not work here, and was given up

    def __init__(self, preferred: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._probe = Job(self)
        self._probe.succeeded.connect(self._list)
        self.setToolTip("Where to compute; each was proven by a 3D convolution.")
        self.addItem("automatic", "auto")
        if preferred != "auto":  # the probe is still to come
            self.addItem(preferred, preferred)
            self.setCurrentIndex(1)
        self.currentIndexChanged.connect(
            lambda index: self.chosen.emit(self.itemData(index) or "auto")
        )

    def probe(self) -> None:
        """Find out where can be computed, in the background."""

        def work(on_progress: OnProgress) -> list[DeviceReport]:
            from napari_tumor_synth.generators.devices import device_names, probe

            return [probe(name) for name in device_names()]

        self._probe.start(work)

    def close_jobs(self) -> None:
        """Stop probing."""
        self._probe.close()

    def _list(self, reports: list[DeviceReport]) -> None:
        wanted = self.currentData()
        while self.count() > 1:
            self.removeItem(1)
        for report in reports:
            memory = f", {report.free_gigabytes:.1f} GB free" if report.free_gigabytes else ""
            if report.works:
                self.addItem(f"{report.name}: {report.description}{memory}", report.name)
        self.setCurrentIndex(max(self.findData(wanted), 0))
        if self.findData(wanted) < 0:
            self.unusable.emit(wanted)
