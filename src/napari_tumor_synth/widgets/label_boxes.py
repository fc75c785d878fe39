"""A box to tick for each label of a segmentation."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import QCheckBox, QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from qtpy.QtGui import QColor

_SQUARE = 12  # pixels
_WIDEST = 28  # characters of a line: a dock is narrow, and boxes do not wrap


class LabelBoxes(QWidget):
    """Ticked or not, one below the other.

    Parameters
    ----------
    tip : str
        Tooltip of a box, with the places ``{label}`` and ``{name}``.
    colour_of : callable, optional
        Colour of a label, shown as a square before its name.
    """

    changed = Signal()

    def __init__(self, tip: str, colour_of: Callable[[int], QColor] | None = None) -> None:
        super().__init__()
        self._tip, self._colour_of = tip, colour_of
        self._boxes: dict[int, QCheckBox] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    @property
    def ticked(self) -> tuple[int, ...]:
        """The labels whose box is ticked."""
        return tuple(label for label, box in self._boxes.items() if box.isChecked())

    @property
    def unticked(self) -> tuple[int, ...]:
        """The labels whose box is not."""
        return tuple(label for label, box in self._boxes.items() if not box.isChecked())

    def set_labels(self, labels: Mapping[int, str]) -> None:
        """Offer these labels, all ticked."""
        for box in self._boxes.values():
            self._layout.removeWidget(box)
            box.deleteLater()
        self._boxes = {}
        for label, name in labels.items():
            text = name if name == f"label {label}" else f"{label}: {name}"
            box = QCheckBox(fill(text, _WIDEST))
            box.setChecked(True)
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            if self._colour_of is not None:
                square = QPixmap(_SQUARE, _SQUARE)
                square.fill(self._colour_of(label))
                box.setIcon(QIcon(square))
            box.setToolTip(self._tip.format(label=label, name=name))
            box.toggled.connect(lambda ticked: self.changed.emit())
            self._layout.addWidget(box)
            self._boxes[label] = box

    @property
    def labels(self) -> tuple[int, ...]:
        """All that are offered."""
        return tuple(self._boxes)

    def show_ticked(self, labels: Collection[int]) -> None:
        """Tick these labels alone, without saying that anything changed."""
        for label, box in self._boxes.items():
            with QSignalBlocker(box):
                box.setChecked(label in labels)

    def tick(self, label: int, ticked: bool = True) -> None:
        """Tick the box of a label, or not."""
        self._boxes[label].setChecked(ticked)
