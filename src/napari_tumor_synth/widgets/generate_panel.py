"""Third step: new synthetic ROIs of a chosen class."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_tumor_synth.errors import InputError, TumorSynthError
from napari_tumor_synth.generators.catalogue import list_models
from napari_tumor_synth.widgets.choices import (
    ClassSlider,
    DecodingOptions,
    SeedChoice,
)
from napari_tumor_synth.widgets.device_choice import DeviceChoice
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.widgets.live_mode import LiveMode
from napari_tumor_synth.widgets.message import MessageBox
from napari_tumor_synth.widgets.model_choice import ModelChoice
from napari_tumor_synth.widgets.run_bar import RunBar
from napari_tumor_synth.widgets.section import Section
from napari_tumor_synth.widgets.turns import Turns

if TYPE_CHECKING:
    from napari_tumor_synth.generators.catalogue import CatalogueEntry
    from napari_tumor_synth.generators.synthetic import SyntheticRoi
    from napari_tumor_synth.progress import OnProgress
    from napari_tumor_synth.widgets.session import Session

_Made = tuple[list["SyntheticRoi"], bool]  # and whether by live mode
_MOST = 32


class GeneratePanel(QWidget):
    """Model, class, seed and count; Generate or Cancel; save, and make again from a record."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.job = Job(self)
        self._turns = Turns(self)
        self.model, self.class_slider = ModelChoice(), ClassSlider()
        self.seed, self.decoding, self.count = SeedChoice(), DecodingOptions(), QSpinBox()
        self.count.setRange(1, _MOST)
        self.count.setToolTip("How many, with this seed and those after it.")
        self.device = DeviceChoice(session.device)
        self.live = LiveMode(self.job)
        self.beside = QCheckBox("Real ROI beside it")
        self.beside.setToolTip(
            "Shows the ROI of the open case on the same grid, to the right of the patient."
        )
        self.run = RunBar(self.job, "Generate")
        self.message = MessageBox()
        self.save_button, self.repeat_button = QPushButton("Save…"), QPushButton("Repeat…")
        self.save_button.setToolTip("Write the selected synthetic ROI: image, mask and record.")
        self.repeat_button.setToolTip("Make a sample again from its JSON record.")
        self._lay_out()

        self.model.changed.connect(self._on_model)
        self.device.chosen.connect(self._on_device)
        self.device.unusable.connect(self._on_unusable)
        self.run.asked.connect(self.generate)
        self.job.succeeded.connect(self._on_made)
        self.job.failed.connect(self.message.fail)
        self.job.started.connect(self.message.clear)
        self.save_button.clicked.connect(self._pick_folder)
        self.repeat_button.clicked.connect(self._pick_record)
        for signal in (self.class_slider.changed, self.seed.changed, self.decoding.changed):
            signal.connect(self.live.on_choice)
        self.live.asked.connect(self._generate_live)
        self.beside.setChecked(session.beside)
        self.beside.toggled.connect(session.set_beside)
        self._links = (
            (session.trouble, self.message.fail),
            (session.beside_changed, self._on_beside),
            (session.model_changed, self.model.set_entry),
            (session.models_changed, self.refresh_models),
            (session.sample_added, self._allow_save),
            (session.sample_removed, self._allow_save),
        )
        self._allow_save()
        self.refresh_models()
        for signal, slot in self._links:
            signal.connect(slot)

    def refresh_models(self) -> None:
        """Read the catalogues again."""
        try:
            self.model.set_entries([model.entry for model in list_models()], self.session.model)
        except TumorSynthError as error:
            self.message.fail(error)

    def generate(self) -> None:
        """Make what is chosen."""
        self._start(list(range(self.seed.value, self.seed.value + self.count.value())))

    def repeat(self, path: Path) -> None:
        """Make a sample again from its record."""
        session = self.session
        device = session.device

        def work(on_progress: OnProgress) -> _Made:
            from napari_tumor_synth.workflows.repeat import request_from_provenance

            request = request_from_provenance(path)
            assert request.repeat is not None
            made = session.generators.repeat(
                request.model, device, request.repeat, on_progress=on_progress
            )
            return [made], False

        self.live.on_start(live=False)
        self.job.start(work)

    def save(self, folder: Path) -> Any:
        """Write the selected sample; a sentence says why if that is not possible."""
        from napari_tumor_synth.generators.synthetic import SyntheticRoi
        from napari_tumor_synth.workflows.sample_files import save_sample

        selected = self.session.selected
        if not isinstance(selected, SyntheticRoi):
            self.message.fail(InputError("No synthetic ROI is selected.", "Generate one first."))
            return None
        try:
            files = save_sample(selected, folder)
        except TumorSynthError as error:
            self.message.fail(error)
            return None
        self.message.note(f"Saved as {files.image.name} with its mask and record.")
        return files

    def close_jobs(self) -> None:
        """Stop generating; the panel is going away."""
        self.job.close()
        self.device.close_jobs()
        for signal, slot in self._links:
            signal.disconnect(slot)

    def _start(self, seeds: list[int], *, live: bool = False) -> None:
        entry, session = self.model.entry, self.session
        if entry is None:
            self.message.fail(InputError("No model is installed.", "Add one to your folder."))
            return
        class_name, device = self.class_slider.value, session.device
        changes = self.decoding.changes

        def work(on_progress: OnProgress) -> _Made:
            made = session.generators.sample(
                entry.name, device, class_name, seeds, changes, on_progress=on_progress
            )
            return made, live

        self.live.on_start(live=live)
        self.job.start(work)

    def _generate_live(self) -> None:
        self._start([self.seed.value], live=True)

    def _on_made(self, made: _Made) -> None:
        samples, live = made
        self._turns.add(
            *(partial(self.session.add_sample, sample) for sample in samples),
            partial(self._show_last, samples),
        )
        if live and (outdated := self.live.take(samples[0])) is not None:
            self._turns.add(partial(self.session.remove_sample, outdated))

    def _on_beside(self, beside: bool) -> None:
        self.beside.setChecked(beside)

    def _allow_save(self, ignored: object = None) -> None:
        self.save_button.setEnabled(bool(self.session.samples))

    def _show_last(self, samples: list[SyntheticRoi]) -> None:
        """Select the last that the user has not removed since."""
        left = [sample for sample in samples if sample in self.session.samples]
        if left:
            self.session.select(left[-1])

    def _on_model(self, entry: CatalogueEntry | None) -> None:
        self.session.set_model(entry)
        self.class_slider.set_classes(entry.classes if entry else ())
        self.decoding.set_own(entry.decoding if entry else {})
        self.run.button.setEnabled(entry is not None)

    def _on_device(self, name: str) -> None:
        self.session.device = name

    def _on_unusable(self, name: str) -> None:
        self.message.warn([f"The device {name} does not work here: choosing automatically."])

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Model", self.model)
        form.addRow("Class", self.class_slider)
        form.addRow("Seed", self.seed)
        form.addRow("Count", self.count)
        more = QWidget()
        inner = QFormLayout(more)
        inner.addRow("Device", self.device)
        inner.addRow(self.decoding)
        advanced = Section("Advanced", more)
        advanced.toggled.connect(lambda shown: self.device.probe() if shown else None)
        files = QHBoxLayout()
        files.addWidget(self.save_button)
        files.addWidget(self.repeat_button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(advanced)
        layout.addWidget(self.live)
        layout.addWidget(self.beside)
        layout.addWidget(self.run)
        layout.addLayout(files)
        layout.addWidget(self.message)

    def _pick_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the synthetic ROI")
        if chosen:
            self.save(Path(chosen))

    def _pick_record(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Record of a sample", "", "Records (*.json)")
        if chosen:
            self.repeat(Path(chosen))
