"""How the segmentation lies over the image: filled or outlined, how strong, which labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QCheckBox, QFormLayout, QSlider, QWidget

from napari_tumor_synth.widgets.label_boxes import LabelBoxes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Labels

_COLOURS = {
    1: (0.90, 0.33, 0.33, 1.0),
    2: (0.35, 0.75, 0.45, 1.0),
    3: (0.98, 0.80, 0.30, 1.0),
    4: (0.98, 0.80, 0.30, 1.0),
}
"""Of BraTS's labels; enhancing tumour is 4 or 3."""
_OTHER = (0.40, 0.65, 0.98, 1.0)
_HIDDEN = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class SegmentationLook:
    """How a segmentation is shown.

    Attributes
    ----------
    outline : bool
        The edge of each label alone, in planes.
    opacity : float
        0 to 1.
    hidden : frozenset of int
        Labels that are not shown.
    """

    outline: bool = False
    opacity: float = 0.4
    hidden: frozenset[int] = frozenset()

    def apply_to(self, layer: Labels) -> None:
        """Show a layer like this."""
        colours: dict[int | None, tuple[float, ...]] = {None: _OTHER, 0: _HIDDEN}
        for label, colour in _COLOURS.items():
            colours[label] = colour
        for label in self.hidden:
            colours[label] = _HIDDEN
        if not _has_colours(layer, colours):
            layer.colormap = DirectLabelColormap(color_dict=colours)
        layer.opacity = self.opacity
        if layer.contour != self.outline:
            layer.contour = int(self.outline)


class SegmentationView(QWidget):
    """Chooses the look of a segmentation."""

    changed = Signal(object)  # SegmentationLook

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.outline = QCheckBox("Outline")
        self.outline.setToolTip("Draw the edge of each label alone, in the planes.")
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(40)
        self.opacity.setToolTip("Opacity of the segmentation in %.")
        self.labels = LabelBoxes("Show label {label}, {name}.", _colour_of)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Segmentation", self.outline)
        form.addRow("Opacity", self.opacity)
        form.addRow(self.labels)
        self.outline.toggled.connect(self._tell)
        self.opacity.valueChanged.connect(self._tell)
        self.labels.changed.connect(self._tell)

    def set_labels(self, labels: Mapping[int, str]) -> None:
        """Offer these labels, all shown."""
        self.labels.set_labels(labels)

    def show_look(self, look: SegmentationLook) -> None:
        """Show what was chosen elsewhere."""
        with QSignalBlocker(self.outline), QSignalBlocker(self.opacity):
            self.outline.setChecked(look.outline)
            self.opacity.setValue(round(100 * look.opacity))
        self.labels.show_ticked(set(self.labels.labels) - look.hidden)

    @property
    def look(self) -> SegmentationLook:
        """What is chosen."""
        hidden = frozenset(self.labels.unticked)
        return SegmentationLook(self.outline.isChecked(), self.opacity.value() / 100, hidden)

    def _tell(self, ignored: object = None) -> None:
        self.changed.emit(self.look)


def _has_colours(layer: Labels, wanted: Mapping[int | None, tuple[float, ...]]) -> bool:
    """Return whether a layer has these colours already; new ones cost four canvases a drawing."""
    if not isinstance(layer.colormap, DirectLabelColormap):
        return False
    present = layer.colormap.color_dict
    return set(present) == set(wanted) and all(
        np.allclose(present[label], colour) for label, colour in wanted.items()
    )


def _colour_of(label: int) -> QColor:
    return QColor.fromRgbF(*_COLOURS.get(label, _OTHER))
