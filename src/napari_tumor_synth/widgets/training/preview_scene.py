"""Shows previews of a run in a viewer, and newer ones in their place."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from napari_tumor_synth.widgets.garbage import no_long_search
from napari_tumor_synth.widgets.model_choice import grid_text
from napari_tumor_synth.widgets.shown_layers import show
from napari_tumor_synth.widgets.training.preview_layers import preview_rows
from napari_tumor_synth.widgets.turns import Turns

if TYPE_CHECKING:
    from napari_tumor_synth.imaging.display_frame import DisplayFrame
    from napari_tumor_synth.widgets.planes_link import PlanesLink
    from napari_tumor_synth.widgets.shown_layers import ShownLayers
    from napari_tumor_synth.widgets.training.preview_layers import PreviewRow, ShownPreview
    from napari_tumor_synth.widgets.viewer_look import ViewerLook

_KEY = "training preview"


class PreviewScene:
    """Hides what else the scene shows while a preview is there; a row of ROIs a turn.

    Parameters
    ----------
    shown : ShownLayers
    planes : PlanesLink
    look : ViewerLook
    """

    def __init__(self, shown: ShownLayers, planes: PlanesLink, look: ViewerLook) -> None:
        self._shown, self._planes, self._look = shown, planes, look
        self._turns = Turns()
        self._preview: ShownPreview | None = None
        self._kind = ""

    def is_key(self, key: Hashable | None) -> bool:
        """Tell whether a layer is one of these."""
        return isinstance(key, tuple) and key[0] == _KEY

    def show(self, preview: ShownPreview | None, frame: DisplayFrame) -> None:
        """Show a preview; the cameras move only when it is another kind than before."""
        self._preview = preview
        labels = () if preview is None else tuple(preview.preview.volumes)
        for key, layer in self._shown:
            if self.is_key(key) and key not in {(_KEY, label) for label in labels}:
                self._shown.drop(key)
            elif not self.is_key(key) and preview is not None:
                show(layer, False)
        if preview is None:
            self._kind = ""
            return
        rows = preview_rows(preview, frame)
        done: list[PreviewRow] = []
        self._turns.add(*(partial(self._put_next, preview, rows, done) for _ in labels))
        self._turns.add(partial(self._finish, preview, done))

    def _put_next(
        self, preview: ShownPreview, rows: Iterator[PreviewRow], done: list[PreviewRow]
    ) -> None:
        if preview is self._preview:
            with self._planes.first(more_follows=True), no_long_search():
                row = next(rows)
                self._shown.put((_KEY, row.label), row.layer)
                done.append(row)

    def _finish(self, preview: ShownPreview, rows: list[PreviewRow]) -> None:
        """Say what it is, and look at it if it is another kind."""
        if preview is not self._preview:
            return
        badges = (preview.badge, grid_text(preview.grid, preview.preview.spacing_mm))
        self._planes.set_badges(badges)
        self._planes.set_boxes(tuple(row.box for row in rows))
        self._look.show_notice(badges)
        self._planes.set_origin(rows[-1].first)  # for it has no place in a patient
        before, self._kind = self._kind, f"{preview.kind} of {preview.run}"
        if self._kind != before:
            self._planes.fit()
            self._planes.move_to(rows[-1].first)
