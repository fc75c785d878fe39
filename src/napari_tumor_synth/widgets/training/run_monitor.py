"""One run: where it stands, its curves, its pictures and its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_tumor_synth.widgets.section import Section
from napari_tumor_synth.widgets.training.curve_view import CurveView
from napari_tumor_synth.widgets.training.log_view import LogView
from napari_tumor_synth.widgets.training.run_words import headline
from napari_tumor_synth.widgets.words import WrappedLabel

if TYPE_CHECKING:
    from pathlib import Path

    from napari_tumor_synth.workflows.follow_run import RunView

_PARTS = 1000  # of the bar
_PREVIEWS = {
    "reconstructions": ("Reconstructions", "Held-out ROIs, and what the autoencoder makes of them"),
    "samples": ("Samples", "What the transformer draws so far"),
}


class RunMonitor(QWidget):
    """Shows a `RunView`, and the next one in its place; knows no run's folder but its own."""

    preview_asked = Signal(str)  # one of `PREVIEWS`, or "" for none
    install_asked = Signal(str)  # another name for the model, or ""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self.words, self.bar, self.alarms = WrappedLabel(), QProgressBar(), WrappedLabel()
        self.bar.setRange(0, _PARTS)
        self.bar.setTextVisible(False)
        self.bar.setToolTip("Steps done of the present stage.")
        self.curves, self.log, self.diagnosis = CurveView(), LogView(), WrappedLabel()
        self.previews = {
            name: _preview_button(title, about) for name, (title, about) in _PREVIEWS.items()
        }
        self.open_button = QPushButton("Open folder")
        self.open_button.setToolTip("Open the folder of the run: sheets, curves, log and states.")
        self.name, self.install_button = QLineEdit(), QPushButton("Add to Generate")
        self.name.setToolTip("Name of the model in the list; empty: as the recipe says.")
        self.name.setPlaceholderText("name of the recipe")
        self.name.setAccessibleName("Name of the model")
        self.install_button.setToolTip("List the finished model among those to generate with.")
        self._lay_out()
        for name, button in self.previews.items():
            button.clicked.connect(lambda shown, name=name: self._on_preview(name, shown))
        self.open_button.clicked.connect(self._open)
        self.install_button.clicked.connect(
            lambda: self.install_asked.emit(self.name.text().strip())
        )

    def turn_to(self, folder: Path) -> None:
        """Show another run as soon as it is read."""
        self.folder = folder
        self.words.setText("Reading the run…")
        self.bar.hide()
        self.curves.clear()
        self.log.show_lines(())
        self.name.clear()
        for part in (self.alarms, self._diagnosis, self._finished, *self.previews.values()):
            part.hide()

    def show_view(self, view: RunView) -> None:
        """Show where the run stands now."""
        run = view.summary
        if run.folder != self.folder:
            return
        _say(self.words, headline(view))
        running = run.state == "running"
        self.bar.setVisible(running)
        self.bar.setValue(round(_PARTS * run.fraction))
        alarms = "\n".join(f"⚠ {alarm.sentence} {alarm.remedy}" for alarm in run.status.alarms)
        if run.status.skipped:
            alarms += f"\n⚠ {run.status.skipped} steps were skipped: the log says why."
        _say(self.alarms, alarms.strip())
        self.alarms.setVisible(bool(alarms))
        self.curves.show_curves(view.curves, run.status.stages)
        self.log.show_lines(view.log)
        _say(self.diagnosis, "\n".join(view.diagnosis))
        self._diagnosis.setVisible(bool(view.diagnosis))
        self._finished.setVisible(run.checkpoint is not None)
        for name, button in self.previews.items():
            button.setVisible(name in view.available)

    def mark_preview(self, shown: str) -> None:
        """Show which preview the viewer shows; "" for none."""
        for name, button in self.previews.items():
            button.setChecked(name == shown)

    def _on_preview(self, name: str, shown: bool) -> None:
        self.mark_preview(name if shown else "")
        self.preview_asked.emit(name if shown else "")

    def _open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.folder)))

    def _lay_out(self) -> None:
        self._finished, self._diagnosis = QWidget(), Section("Diagnosis", self.diagnosis)
        self.log_section = Section("Log", self.log)
        add = QHBoxLayout(self._finished)
        add.setContentsMargins(0, 0, 0, 0)
        add.addWidget(self.name, 1)
        add.addWidget(self.install_button)
        looks = QHBoxLayout()
        for button in self.previews.values():
            looks.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.words, self.bar, self.alarms, self._finished, self.curves):
            layout.addWidget(part)
        layout.addLayout(looks)
        layout.addWidget(self.open_button)
        layout.addWidget(self._diagnosis)
        layout.addWidget(self.log_section)


def _preview_button(title: str, about: str) -> QPushButton:
    button = QPushButton(title)
    button.setCheckable(True)
    button.setToolTip(f"{about}, in the viewer; newer ones take their place as they come.")
    return button


def _say(label: WrappedLabel, text: str) -> None:
    """Say something else; the same again would paint the window."""
    if label.text() != text:
        label.setText(text)
