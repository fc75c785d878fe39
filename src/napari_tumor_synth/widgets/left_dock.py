"""A widget that belongs on the left of the window, where it scrolls and shares the place."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtWidgets import QComboBox, QScrollArea, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.arrange import dock_of, share_the_left_side
from napari_tumor_synth.widgets.leaving import LeavingWidget

_LETTERS = 8  # of a list that are shown at least
_WIDEST = 400  # pixels that the panels may ask for


class LeftDockWidget(LeavingWidget):
    """Shows panels below each other, once it is in a dock: napari docks all plugins on the right.

    Attributes
    ----------
    area : QScrollArea
        Around `column`, in which the panels stand.
    column : QVBoxLayout
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        inner = QWidget()
        self.column = QVBoxLayout(inner)
        self.area = _AsWideAsNeeded()
        self.area.setWidget(inner)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.area)
        self._soon = QTimer(self)  # not a timer of its own: this widget may be gone by then
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._arrange)
        self._soon.start(0)

    def keep_narrow(self) -> None:
        """Keep long names in lists from widening the dock."""
        for box in self.area.findChildren(QComboBox):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(_LETTERS)

    def _arrange(self) -> None:
        if (dock := dock_of(self)) is not None:
            share_the_left_side(dock)


class _AsWideAsNeeded(QScrollArea):
    """Scrolls up and down only, and so cuts nothing off at its side."""

    def minimumSizeHint(self) -> QSize:
        """Return a size in which the panels fit beside the scroll bar."""
        hint = super().minimumSizeHint()
        if (inner := self.widget()) is not None:
            needed = inner.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
            hint.setWidth(min(needed + 2 * self.frameWidth(), _WIDEST))
        return hint
