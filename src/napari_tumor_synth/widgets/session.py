"""What is open in one viewer: every panel reads and changes this, and none knows another."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from psygnal import Signal

from napari_tumor_synth.imaging.display_frame import DisplayFrame
from napari_tumor_synth.widgets.preferences import preferences

if TYPE_CHECKING:
    from napari_tumor_synth.generators.catalogue import CatalogueEntry
    from napari_tumor_synth.generators.synthetic import SyntheticRoi
    from napari_tumor_synth.imaging.roi import Roi
    from napari_tumor_synth.widgets.training.preview_layers import ShownPreview
    from napari_tumor_synth.workflows.open_case import OpenCase


class Session:
    """The open case, its ROI, and the synthetic ROIs made so far.

    Attributes
    ----------
    case : OpenCase or None
    sequence : str
        Of the case, that the ROI is cut from.
    roi : Roi or None
        Cut from the case.
    samples : list of SyntheticRoi
        In the order they were made.
    selected : Roi or SyntheticRoi or None
        What overlays and comparisons are about.
    model : CatalogueEntry or None
        Chosen to generate with; importance scores of a real ROI come from this model.
    device : str
        Where to compute, "auto" or torch's name.
    beside : bool
        Whether the real ROI is shown beside a synthetic one, on the same grid.
    preview : ShownPreview or None
        Of a training, shown instead of all that.
    """

    case_changed = Signal(object)
    roi_changed = Signal(object)
    sample_added = Signal(object)
    sample_removed = Signal(object)
    selected_changed = Signal(object)
    segmentation_look_changed = Signal(object)  # SegmentationLook
    model_changed = Signal(object)  # CatalogueEntry or None
    models_changed = Signal()  # others are listed in the catalogues
    beside_changed = Signal(bool)
    importance_look_changed = Signal(object)  # ImportanceLook
    trouble = Signal(object)  # TumorSynthError: what was asked for cannot be shown
    importance_changed = Signal(object)  # (array on the ROI's grid, its ROI) or None
    preview_changed = Signal(object)  # ShownPreview or None

    def __init__(self) -> None:
        self.case: OpenCase | None = None
        self.sequence = ""
        self.roi: Roi | None = None
        self.samples: list[SyntheticRoi] = []
        self.selected: Roi | SyntheticRoi | None = None
        self.model: CatalogueEntry | None = None
        self.device = preferences().device
        self.beside = False
        self.preview: ShownPreview | None = None
        self._generators: Any = None
        self._loading = Lock()
        self._to_be_cut = False

    @property
    def frame(self) -> DisplayFrame:
        """The axes of the display: those of the case, or of the patient without one."""
        return DisplayFrame(np.eye(3)) if self.case is None else self.case.frame

    @property
    def generators(self) -> Any:
        """The `GeneratorSession` of this viewer; asking for it loads torch, so do it in a job."""
        with self._loading:  # jobs of several panels may ask at the same time
            if self._generators is None:
                from napari_tumor_synth.workflows.generator_session import GeneratorSession

                self._generators = GeneratorSession(lambda: preferences().memory_cap_gb)
            return self._generators

    def open_case(self, case: OpenCase, sequence: str) -> None:
        """Show another case; its ROI is still to be cut."""
        self.case, self.sequence = case, sequence
        self._to_be_cut = True
        self.set_roi(None)
        self.case_changed.emit(case)

    def claim_cut(self) -> bool:
        """Tell whether the caller is to cut the ROI of the open case; one of several panels is."""
        claimed, self._to_be_cut = self._to_be_cut, False
        return claimed

    def set_roi(self, roi: Roi | None) -> None:
        """Show another ROI of the case."""
        was_selected = self.selected is not None and self.selected is self.roi
        self.roi = roi
        self.roi_changed.emit(roi)
        if was_selected or self.selected is None:
            self.select(roi)

    def set_model(self, model: CatalogueEntry | None) -> None:
        """Generate with another model."""
        if model != self.model:
            self.model = model
            self.model_changed.emit(model)

    def set_beside(self, beside: bool) -> None:
        """Show the real ROI beside synthetic ones, or not."""
        if beside != self.beside:
            self.beside = beside
            self.beside_changed.emit(beside)

    def add_sample(self, sample: SyntheticRoi) -> None:
        """Take one more synthetic ROI; it is shown when it is selected."""
        self.samples.append(sample)
        self.sample_added.emit(sample)

    def remove_sample(self, sample: SyntheticRoi) -> None:
        """Forget a synthetic ROI."""
        if sample not in self.samples:
            return
        self.samples.remove(sample)
        self.sample_removed.emit(sample)
        if self.selected is sample:
            self.select(self.samples[-1] if self.samples else self.roi)

    def select(self, thing: Roi | SyntheticRoi | None) -> None:
        """Turn to another ROI."""
        if thing is not self.selected:
            self.selected = thing
            self.selected_changed.emit(thing)

    def show_preview(self, preview: ShownPreview | None) -> None:
        """Show what a training has made so far, or no longer."""
        if preview is not self.preview:
            self.preview = preview
            self.preview_changed.emit(preview)

    def release(self) -> None:
        """Give the memory of the generator back."""
        if self._generators is not None:
            self._generators.release()


def viewer_itself(viewer: Any) -> Any:
    """Return the viewer behind the proxy that napari hands to widgets of plugins.

    What a proxy returns is wrapped in turn, and Qt refuses a wrapped dock; and a proxy is no key to
    remember a viewer by, because it goes before the viewer does.
    """
    return getattr(viewer, "__wrapped__", viewer)


_SESSIONS: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


def session_of(viewer: Any) -> Session:
    """Return the session of a viewer, the same for all of its panels."""
    return _SESSIONS.setdefault(viewer_itself(viewer), Session())
