"""What a new training is: data, recipe, device and folder, with what it will take."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.widgets.device_choice import DeviceChoice
from napari_tumor_synth.widgets.jobs import Job
from napari_tumor_synth.widgets.message import MessageBox
from napari_tumor_synth.widgets.preferences import preferences
from napari_tumor_synth.widgets.section import Section
from napari_tumor_synth.widgets.training.data_choice import DataChoice
from napari_tumor_synth.widgets.training.machine_fields import MachineFields
from napari_tumor_synth.widgets.training.recipe_choice import RecipeChoice
from napari_tumor_synth.widgets.training.recipe_fields import RecipeFields
from napari_tumor_synth.widgets.training.run_place import RunPlaceField
from napari_tumor_synth.widgets.training.run_words import forecast_text

if TYPE_CHECKING:
    from napari_tumor_synth.progress import OnProgress
    from napari_tumor_synth.training.recipes.main_settings import MainSetting
    from napari_tumor_synth.training.runs.background import TrainingRequest
    from napari_tumor_synth.workflows.training_forecast import Forecast

_REST_MS = 700  # a field that has not changed for this long rests


class NewRunForm(QWidget):
    """Asks for everything, and tells what it will take as soon as the fields rest.

    Nothing loads torch before the user chooses data or a recipe, or looks at settings.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.data, self.recipe, self.fields = DataChoice(), RecipeChoice(), RecipeFields()
        self.device, self.machine = DeviceChoice(preferences().device), MachineFields()
        self.place = RunPlaceField()
        self.estimate = MessageBox()
        self._read, self._forecast = Job(self), Job(self)
        self._fields_of: str | Path | None = None
        self._probed = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._tell)
        self._lay_out()

        self.data.changed.connect(self._on_changed)
        self.recipe.changed.connect(self._on_recipe)
        self.fields.changed.connect(self._on_changed)
        self.machine.changed.connect(self._on_changed)
        self.place.changed.connect(self._on_changed)
        self.device.chosen.connect(self._on_changed)
        self.device.unusable.connect(self._on_changed)
        self._read.succeeded.connect(self._on_settings)
        self._read.failed.connect(self.estimate.fail)
        self._forecast.succeeded.connect(self._on_forecast)
        self._forecast.failed.connect(self._on_no_forecast)
        self._suggest_place()

    @property
    def is_ready(self) -> bool:
        """Whether there is something to learn from."""
        return self.data.value is not None

    def request(self) -> TrainingRequest:
        """Return what is asked for."""
        from napari_tumor_synth.training.runs.background import TrainingRequest

        assert self.data.value is not None
        return TrainingRequest(
            out=self.place.folder(datetime.now()),
            recipe=self.recipe.value,
            data=self.data.value,
            changes=self.fields.changes,
            machine=self.machine.settings(self.device.currentData() or "auto"),
            save_minutes=self.machine.save_minutes.value(),
            review_steps=self.machine.review_steps.value(),
        )

    def close_jobs(self) -> None:
        """Stop reading; the form is going away."""
        self._rest.stop()
        for job in (self._read, self._forecast):
            job.close()
        self.device.close_jobs()

    def _on_recipe(self) -> None:
        self.fields.clear()
        self._fields_of = None
        self._read_settings()
        self._on_changed()

    def _read_settings(self) -> None:
        """Show the recipe's settings, which loads torch."""
        recipe = self.recipe.value
        if self._fields_of == recipe:
            return
        self._fields_of = recipe

        def work(on_progress: OnProgress) -> tuple[str | Path, tuple[MainSetting, ...]]:
            from napari_tumor_synth.workflows.training_forecast import settings_of

            return recipe, settings_of(recipe)

        self._read.start(work)

    def _on_settings(self, found: tuple[str | Path, tuple[MainSetting, ...]]) -> None:
        recipe, settings = found
        if recipe == self.recipe.value:
            self.fields.show_settings(settings)

    def _on_changed(self, ignored: object = None) -> None:
        self._suggest_place()
        self.changed.emit()
        if self.is_ready:
            self._rest.start(_REST_MS)

    def _suggest_place(self) -> None:
        name = self.fields.changes.get("name", Path(str(self.recipe.value)).stem)
        self.place.suggest(str(name))

    def _tell(self) -> None:
        self._read_settings()
        request = self.request()
        if not self.estimate.text:
            self.estimate.note("Estimating what it takes…")

        def work(on_progress: OnProgress) -> Forecast:
            from napari_tumor_synth.workflows.training_forecast import forecast

            assert request.recipe is not None
            assert request.data is not None
            assert request.machine is not None
            return forecast(
                request.recipe, request.changes, request.data, request.out, request.machine
            )

        self._forecast.start(work)

    def _on_forecast(self, told: Forecast) -> None:
        self.estimate.note(forecast_text(told))
        self._probe_once()

    def _on_no_forecast(self, error: TumorSynthError) -> None:
        self.estimate.fail(error)
        self._probe_once()

    def _probe_once(self) -> None:
        """List the devices; not before torch is there in any case."""
        if not self._probed:
            self._probed = True
            self.device.probe()

    def _lay_out(self) -> None:
        settings = self.settings = Section("Settings of the recipe", self.fields)
        settings.toggled.connect(lambda shown: self._read_settings() if shown else None)
        advanced = self.advanced = Section("Advanced", self.machine)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Recipe", self.recipe)
        form.addRow(self.recipe.about)
        form.addRow("Device", self.device)
        form.addRow("Keep as", self.place)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.data)
        layout.addLayout(form)
        layout.addWidget(settings)
        layout.addWidget(advanced)
        layout.addWidget(self.estimate)
