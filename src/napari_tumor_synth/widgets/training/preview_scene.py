"""Shows previews of a run in a viewer, and newer ones in their place."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from napari_tumor_synth.widgets.model_choice import grid_text
from napari_tumor_synth.widgets.shown_layers import show
from napari_tumor_synth.widgets.training.preview_layers import preview_rows

if TYPE_CHECKING:
    from napari_tumor_synth.imaging.display_frame import DisplayFrame
    from napari_tumor_synth.widgets.planes_link import PlanesLink
    from napari_tumor_synth.widgets.shown_layers import ShownLayers
    from napari_tumor_synth.widgets.training.preview_layers import ShownPreview
    from napari_tumor_synth.widgets.viewer_look import ViewerLook

_KEY = "training preview"


class PreviewScene:
    """Hides what else the scene shows while a preview is there.

    Parameters
    ----------
    shown : ShownLayers
    planes : PlanesLink
    look : ViewerLook
    """

    def __init__(self, shown: ShownLayers, planes: PlanesLink, look: ViewerLook) -> None:
        self._shown, self._planes, self._look = shown, planes, look
        self._kind = ""

    def is_key(self, key: Hashable | None) -> bool:
        """Tell whether a layer is one of these."""
        return isinstance(key, tuple) and key[0] == _KEY

    def show(self, preview: ShownPreview | None, frame: DisplayFrame) -> None:
        """Show a preview; the cameras move only when it is another kind than before."""
        rows = [] if preview is None else list(preview_rows(preview, frame))
        wanted = {(_KEY, row.label) for row in rows}
        for key, layer in self._shown:
            if self.is_key(key) and key not in wanted:
                self._shown.drop(key)
            elif not self.is_key(key) and rows:
                show(layer, False)
        for row in rows:
            self._shown.put((_KEY, row.label), row.layer)
        before, self._kind = self._kind, "" if preview is None else preview.kind + preview.run
        if preview is None:
            return
        badges = (preview.badge, grid_text(preview.grid, preview.preview.spacing_mm))
        self._planes.set_badges(badges)
        self._planes.set_boxes(tuple(row.box for row in rows))
        self._look.show_notice(badges)
        if self._kind != before:
            self._planes.fit()
            self._planes.move_to(rows[-1].first)
