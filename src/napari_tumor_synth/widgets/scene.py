"""What the viewer shows of a session: layers, planes, badges, and where the crosshair is."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.imaging.region import Roi
from napari_tumor_synth.imaging.roi import regrid_roi
from napari_tumor_synth.widgets.garbage import no_long_search
from napari_tumor_synth.widgets.layer_data import image_layer, labels_layer, roi_layer
from napari_tumor_synth.widgets.model_choice import grid_text
from napari_tumor_synth.widgets.places import affine_at, affine_beside, box_of, middle_of
from napari_tumor_synth.widgets.planes_link import PlanesLink
from napari_tumor_synth.widgets.scene_layers import importance_layer, preview_layer, sample_layer
from napari_tumor_synth.widgets.shown_layers import ShownLayers, show
from napari_tumor_synth.widgets.training.preview_scene import PreviewScene
from napari_tumor_synth.widgets.viewer_look import ViewerLook

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

    from napari_tumor_synth.generators.synthetic import SyntheticRoi
    from napari_tumor_synth.widgets.importance_overlay import ImportanceLook
    from napari_tumor_synth.widgets.segmentation_view import SegmentationLook
    from napari_tumor_synth.widgets.session import Session
    from napari_tumor_synth.widgets.training.preview_layers import ShownPreview
    from napari_tumor_synth.workflows.open_case import OpenCase

Slot = Callable[..., None]
OF_A_CASE = ("image", "segmentation", "roi")
BESIDE = "beside"
"""What the layer of a real ROI beside a synthetic one is kept under."""


def _planes_first(*, more_follows: bool = False) -> Callable[[Slot], Slot]:
    """Paint the planes before the 3D view, and keep napari's searches for garbage short."""

    def changed(change: Slot) -> Slot:
        @wraps(change)
        def change_quietly(scene: Scene, *arguments: Any) -> None:
            with scene.planes.first(more_follows), no_long_search():
                change(scene, *arguments)

        return change_quietly

    return changed


class Scene:
    """Keeps a viewer in step with a session until it is closed.

    Parameters
    ----------
    viewer : napari.Viewer
        Its look is given back by `close`.
    """

    def __init__(self, viewer: Viewer, session: Session, shown: ShownLayers) -> None:
        self.viewer, self.session = viewer, session
        self._look, self._shown = ViewerLook(viewer), shown
        self.planes = PlanesLink(viewer, session, self._importance_at)
        self.planes.open()
        self._previews = PreviewScene(shown, self.planes, self._look)
        self._links = (
            (session.case_changed, self._on_case),
            (session.roi_changed, self._on_roi),
            (session.sample_added, self._on_sample),
            (session.sample_removed, self._on_sample_removed),
            (session.selected_changed, self._on_selected),
            (session.beside_changed, self._on_beside),
            (session.segmentation_look_changed, self._on_segmentation_look),
            (session.importance_changed, self._on_importance),
            (session.importance_look_changed, self._on_importance_look),
            (session.preview_changed, self._on_preview),
        )
        for signal, slot in self._links:
            signal.connect(slot)
        viewer.layers.events.inserted.connect(self._on_layer_added, position="last")
        viewer.layers.events.removed.connect(self._on_layer_removed)
        viewer.layers.selection.events.active.connect(self._on_active)
        self.planes.look_from("A")
        self._take_over()

    def close(self, *, window_goes: bool = False) -> None:
        """Stop following; layers stay, the viewer is as it was."""
        for signal, slot in self._links:
            signal.disconnect(slot)
        self.viewer.layers.events.inserted.disconnect(self._on_layer_added)
        self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self.viewer.layers.selection.events.active.disconnect(self._on_active)
        self._look.give_back()
        self.planes.close(window_goes=window_goes)

    def shows(self, layer: Layer) -> bool:
        """Tell whether a layer is one that the scene has put into the viewer."""
        return self._shown.key_of(layer) is not None

    def layer_of(self, thing: Roi | SyntheticRoi | None) -> Layer | None:
        """Return the layer of the case's ROI or of a sample, if it is there."""
        if thing is None or isinstance(thing, Roi):
            return self._shown.get("roi") if thing is not None else None
        return self._shown.get(thing)

    @_planes_first(more_follows=True)  # its ROI
    def _on_case(self, case: OpenCase) -> None:
        self._shown.drop("importance")
        if self._shown.get("image") is None:  # removed by the user: it belongs below the labels
            self._shown.drop("segmentation")
        sequence, name = self.session.sequence, case.case.name
        about = {"case": name, "class": case.case.class_name, "sequence": sequence}
        image = case.images[sequence]
        self._shown.put("image", image_layer(image, case.frame, f"{name} {sequence}", about))
        labels = labels_layer(case.segmentation, case.frame, f"{name} segmentation", about)
        self._shown.put("segmentation", labels)
        self.session.select(None)
        self._go_to_lesion(case)

    def _on_segmentation_look(self, look: SegmentationLook) -> None:
        if isinstance(layer := self._shown.get("segmentation"), Labels):
            # napari says in the 3D view that outlines are not drawn there: the planes draw them
            warnings.filterwarnings("ignore", "Contours are not displayed during 3D rendering")
            look.apply_to(layer)

    @_planes_first()
    def _on_roi(self, roi: Roi | None) -> None:
        self._shown.drop("importance")
        case, frame = self.session.case, self.session.frame
        if roi is None or case is None:
            self._shown.drop("roi")
        else:
            visible = self._selected_sample() is None
            self._shown.put("roi", preview_layer(roi, frame, case.case.name, visible=visible))
        for sample in self.session.samples:  # each in the middle of the ROI
            self._shown.place(sample, roi_layer(self._as_shown(sample.roi), frame, "")[1])
        self._tell_selection()

    @_planes_first()
    def _on_sample(self, sample: SyntheticRoi) -> None:
        placed = self._as_shown(sample.roi)
        self._shown.put(sample, sample_layer(placed, self.session.frame, sample.provenance))

    @_planes_first()
    def _on_sample_removed(self, sample: SyntheticRoi) -> None:
        self._shown.drop(sample)

    @_planes_first()
    def _on_selected(self, selected: Roi | SyntheticRoi | None) -> None:
        if self.session.preview is not None:
            self.session.show_preview(None)  # which comes back here
            return
        self._shown.drop("importance")
        made = self._selected_sample()
        for key, layer in self._shown:
            show(layer, made is None if key in OF_A_CASE else key in (made, BESIDE))
        self._tell_selection()
        self.planes.fit()

    def _selected_sample(self) -> SyntheticRoi | None:
        selected = self.session.selected
        return None if selected is None or isinstance(selected, Roi) else selected

    def _tell_selection(self) -> None:
        """Draw boxes and badges of what is selected, and what belongs beside it."""
        made, frame, real = self._selected_sample(), self.session.frame, self.session.roi
        if made is not None:
            self.planes.set_origin(middle_of(self._as_shown(made.roi), frame))
        else:
            oblique = f"oblique, {frame.obliquity_degrees:.0f}°"
            self.planes.set_badges((oblique,) if frame.is_oblique else ())
            self.planes.set_boxes(() if real is None else (box_of(real, frame),))
            self.planes.set_origin(None)
            self._look.show_notice(())
        self._show_beside()

    def _take_over(self) -> None:
        """Go on with what a scene before this one has left in the viewer."""
        known = [key for key, _ in self._shown]
        for sample in [one for one in self.session.samples if one not in known]:
            self.session.remove_sample(sample)
        self._tell_selection()

    @_planes_first()
    def _on_beside(self, beside: bool) -> None:
        self._show_beside()
        if self._selected_sample() is not None:
            self.planes.fit()

    @_planes_first()
    def _show_beside(self) -> None:
        """Show the real ROI at the patient's right of the selected synthetic one, or not."""
        self._shown.drop(BESIDE)
        real, selected, frame = self.session.roi, self._selected_sample(), self.session.frame
        if selected is None:
            return
        made = selected.roi
        self.planes.set_boxes((box_of(self._as_shown(made), frame),))
        badges = ("SYNTHETIC", grid_text(made.shape, made.settings.spacing_mm))
        self.planes.set_badges(badges)
        self._look.show_notice(badges)
        if not self.session.beside or real is None:
            return
        try:
            like = regrid_roi(real, made.shape, made.settings.spacing_mm)
        except TumorSynthError as error:  # a lesion smaller than the model's voxels
            self.session.trouble.emit(error)
            return
        shown = replace(like, affine=affine_beside(made, frame, real))
        case = self.session.case
        kind = "SIMULATED" if case is not None and case.simulated else "REAL"
        name = f"{kind}, on the grid {grid_text(made.shape, made.settings.spacing_mm)}"
        self._shown.put(BESIDE, roi_layer(shown, frame, name, {"roi": True}))
        grid = grid_text(made.shape, made.settings.spacing_mm)
        self.planes.set_badges((grid,))  # each box says what is in it
        self._look.show_notice((f"{kind} at the patient's right,", "SYNTHETIC at the left", grid))
        self.planes.set_boxes(
            (
                box_of(self._as_shown(made), frame, "SYNTHETIC"),
                box_of(shown, frame, kind),
            )
        )

    def _as_shown(self, roi: Roi) -> Roi:
        return replace(roi, affine=affine_at(roi, self.session.frame, self.session.roi))

    @_planes_first()
    def _on_importance(self, found: tuple[Any, Roi] | None) -> None:
        self._shown.drop("importance")
        if found is None:
            return
        scores, roi = found
        shown = roi if roi is self.session.roi else self._as_shown(roi)
        self._shown.put("importance", importance_layer(scores, shown, self.session.frame))

    def _on_importance_look(self, look: ImportanceLook) -> None:
        if isinstance(layer := self._shown.get("importance"), Image):
            look.apply_to(layer)

    @_planes_first()
    def _on_preview(self, preview: ShownPreview | None) -> None:
        self._previews.show(preview, self.session.frame)
        if preview is None:
            self._on_selected(self.session.selected)

    def _on_layer_added(self, event: Any) -> None:
        if len(self.viewer.layers) == 1:  # with the first one napari looks from where it likes
            self.planes.look_from("A")

    def _on_layer_removed(self, event: Any) -> None:
        key = self._shown.forget(event.value)
        if key in self.session.samples:
            self.session.remove_sample(key)
        elif key == "importance":
            self.session.importance_changed.emit(None)
        elif self._previews.is_key(key):
            self.session.show_preview(None)

    def _on_active(self, event: Any) -> None:
        key = self._shown.key_of(self.viewer.layers.selection.active)
        if key in self.session.samples:
            self.session.select(key)
        elif key in OF_A_CASE:
            self.session.select(self.session.roi)

    def _go_to_lesion(self, case: OpenCase) -> None:
        inside = np.argwhere(case.segmentation.array > 0)
        placed = case.frame.place(case.segmentation.affine)
        middle = inside.mean(axis=0) * placed.scale + placed.translate
        self.viewer.fit_to_view()
        self.planes.fit()
        self.planes.move_to(tuple(middle.tolist()))

    def _importance_at(self, position: tuple[float, float, float]) -> str:
        scores = self._shown.get("importance")
        value = None if scores is None else scores.get_value(position, world=True)
        return f"   importance {value:.2f}" if value else ""
