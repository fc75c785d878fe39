"""Fourth step: the real ROIs that the selected one is most like, and what that says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.compare.build_form import BuildForm
from napari_tumor_synth.widgets.compare.chosen_roi import ChosenRoi
from napari_tumor_synth.widgets.compare.compare_dock import CompareDock
from napari_tumor_synth.widgets.compare.gallery_choice import GalleryChoice
from napari_tumor_synth.widgets.compare.gallery_words import for_the_panel
from napari_tumor_synth.widgets.compare.look_up import Found, Listed
from napari_tumor_synth.widgets.compare.look_up_job import LookUpJob
from napari_tumor_synth.widgets.compare.match_list import MatchList
from napari_tumor_synth.widgets.compare.pair_words import titled
from napari_tumor_synth.widgets.compare.pairing import Pairing
from napari_tumor_synth.widgets.compare.pictures import EDGE, picture_of
from napari_tumor_synth.widgets.compare.result_words import (
    DEFINITION_TIP,
    headline,
    verdict_text,
)
from napari_tumor_synth.widgets.message import MessageBox
from napari_tumor_synth.widgets.section import Section
from napari_tumor_synth.widgets.words import WrappedLabel

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent

    from napari_tumor_synth.errors import TumorSynthError
    from napari_tumor_synth.evaluation.gallery import Gallery
    from napari_tumor_synth.widgets.scene import Scene

_NOTHING = "Select a synthetic ROI, the ROI of the case, or a layer that is a saved ROI."


class ComparePanel(QWidget):
    """A gallery, the ROI that is selected in the viewer, and the real ROIs it is most like.

    What is listed and shown is always of that ROI as it is now; it is looked up as soon as the
    panel is unfolded.

    Parameters
    ----------
    scene : Scene
        Whose layers are looked up, and in whose window both are compared.
    """

    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = scene.session
        self._scene = scene
        self.look_up, self.pairing = LookUpJob(self), Pairing(self)
        self.chosen, self.dock = ChosenRoi(scene, self), CompareDock(scene, self)
        self.choice, self.form = GalleryChoice(), BuildForm()
        self.message, self.about_gallery = MessageBox(), MessageBox()  # of looking up; of galleries
        self.building = Section("Build a gallery", self.form)
        self.about, self.picture = WrappedLabel(_NOTHING), QLabel()
        self.transforms = QCheckBox("Mirrored, turned and shifted as well")
        self.transforms.setToolTip(
            "Compare the ROI mirrored, turned by 30° and shifted by voxels, too: a copy may be "
            "hidden so. Takes some seconds."
        )
        self.state, self.headline, self.verdict = WrappedLabel(), WrappedLabel(), WrappedLabel()
        self.headline.setAccessibleName("Verdict")
        self.verdict.setAccessibleName("Evidence of the verdict")
        self.matches, self.definition = MatchList(), WrappedLabel()
        self.definition.setToolTip(DEFINITION_TIP)
        self._folded = False
        self.found: Found | None = None
        self._lay_out()

        self.choice.opened.connect(self._on_gallery)
        self.choice.failed.connect(self.about_gallery.fail)
        self.choice.job.started.connect(self.about_gallery.clear)
        self.form.built.connect(self._on_built)
        self.form.failed.connect(self.about_gallery.fail)
        self.form.said.connect(self.about_gallery.note)
        self.building.toggled.connect(self._suggest)
        self.chosen.changed.connect(self._on_chosen)
        self.transforms.toggled.connect(self._follow)
        self.look_up.began.connect(self.message.clear)
        self.look_up.said.connect(self._on_said)
        self.look_up.found.connect(self._on_found)
        self.look_up.failed.connect(self._on_failed)
        self.pairing.ready.connect(self.dock.show)
        self.pairing.failed.connect(self._on_pair_failed)
        self.matches.asked.connect(self.compare)
        self.matches.turned_to.connect(self._on_turned)
        self.dock.closed.connect(self._on_dock_closed)
        scene.planes.convention_changed.connect(self._on_convention)
        self._on_chosen()

    def set_unfolded(self, unfolded: bool) -> None:
        """Look up while the panel can be seen, and not otherwise."""
        self._folded = not unfolded
        self._try_again()

    def showEvent(self, event: QShowEvent) -> None:
        """Look up what was chosen meanwhile, and again what could not be."""
        super().showEvent(event)
        self._try_again()

    def open_gallery(self, folder: Path) -> None:
        """Compare with this gallery."""
        self.choice.open(folder)

    def compare(self, listed: Listed) -> None:
        """Show a real ROI beside the selected one."""
        found = self.found
        if found is None or listed not in found.listed:
            return
        self.matches.mark(listed)
        self.message.clear()
        self.pairing.ask(found, listed)

    def close_jobs(self) -> None:
        """Stop everything, and take real ROIs away; the panel is going away."""
        self._scene.planes.convention_changed.disconnect(self._on_convention)
        self.chosen.close()
        self.choice.close_jobs()
        self.form.close_jobs()
        self.look_up.close()
        self.pairing.close()
        self.dock.end()

    @property
    def _is_seen(self) -> bool:
        return self.isVisible() and not self._folded

    def _on_chosen(self) -> None:
        query, problem = self.chosen.query, self.chosen.problem
        self._forget()
        if query is not None:
            self.about.setText(titled(query.kind, query.name))
        else:
            self.about.setText(_NOTHING if problem is None else f"⚠ {problem}")
        self._follow()

    def _on_gallery(self, gallery: Gallery) -> None:
        self.definition.setText(f"How the figures are computed: {gallery.plan.definition}.")
        self._forget()
        self._follow()

    def _on_built(self, folder: Path) -> None:
        self.about_gallery.note("The gallery is built.")
        self.building.collapse(animate=False)
        self.choice.open(folder)

    def _on_convention(self, convention: str) -> None:
        self.matches.set_convention(self._scene.planes.convention)
        self._draw_query()

    def _follow(self, ignored: object = None) -> None:
        """Look up what is chosen, unless that is done or not wanted."""
        if self._is_seen:
            self.choice.open_remembered()
        query, gallery = self.chosen.query, self.choice.gallery
        if query is None or gallery is None or self.choice.reopen_if_changed():
            self._forget()
            return
        asked = query, gallery, self.transforms.isChecked()
        if self.look_up.is_of(*asked):
            return
        self._forget()
        if self._is_seen:
            self.look_up.ask(*asked)

    def _try_again(self) -> None:
        if self.look_up.has_failed:
            self.look_up.drop()
        self._follow()

    def _forget(self) -> None:
        """Show nothing of what was found: it is of something else."""
        self.found = None
        self.look_up.drop()
        self.pairing.drop()
        self.dock.clear()
        self._tell()

    def _on_said(self, words: str) -> None:
        self.state.setText(words)
        self.state.show()

    def _on_found(self, found: Found) -> None:
        self.message.clear()
        self.found = found
        self._tell()

    def _on_failed(self, error: TumorSynthError) -> None:
        self.state.hide()
        self.message.fail(for_the_panel(error))

    def _on_turned(self, listed: Listed) -> None:
        if self.dock.view is not None:
            self.compare(listed)

    def _on_pair_failed(self, error: TumorSynthError) -> None:
        self.matches.mark(self.pairing.shown)
        self.message.fail(for_the_panel(error))

    def _on_dock_closed(self) -> None:
        self.pairing.drop()
        self.matches.mark(None)

    def _tell(self) -> None:
        found = self.found
        self.matches.show_found(found, self._scene.planes.convention)
        self.state.hide()
        for widget in (self.headline, self.verdict, self.definition):
            widget.setVisible(found is not None)
        if found is not None:
            self.headline.setText(headline(found.verdict))
            self.verdict.setText(verdict_text(found))
        self._draw_query()

    def _draw_query(self) -> None:
        self.picture.setVisible(self.found is not None)
        if self.found is not None:
            convention = self._scene.planes.convention
            self.picture.setPixmap(picture_of(self.found.thumbnail, convention))

    def _suggest(self, unfolded: bool) -> None:
        """Cut ROIs for a new gallery as the one that is chosen, or as the model makes them."""
        query, model = self.chosen.query, self.session.model
        if unfolded and query is not None:
            settings = query.roi.settings
            self.form.suggest(settings.size[0], settings.spacing_mm, query.roi.sequences[0])
        elif unfolded and model is not None:
            self.form.suggest(model.grid[0], model.spacing_mm, model.sequences[0])

    def _lay_out(self) -> None:
        bold = self.headline.font()
        bold.setBold(True)
        self.headline.setFont(bold)
        self.picture.setFixedSize(EDGE, EDGE)
        self.picture.setToolTip("The selected ROI, in the axial plane that shows most of it.")
        about = QHBoxLayout()
        about.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        about.addWidget(self.about, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.choice)
        layout.addWidget(self.building)
        layout.addWidget(self.about_gallery)
        layout.addLayout(about)
        layout.addWidget(self.transforms)
        for widget in (self.state, self.headline, self.verdict, self.matches, self.definition):
            layout.addWidget(widget)
        layout.addWidget(self.message)
