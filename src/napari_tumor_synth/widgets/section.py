"""A part of a panel that folds, as tall as its words need when they wrap."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QSize
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

_INDENT = 5
_MAY_CHANGE_HEIGHT = (QEvent.Type.LayoutRequest, QEvent.Type.Resize)


class Section(QCollapsible):
    """Like its base, which cuts the last rows off where words wrap: it knows no height for a width.

    Parameters
    ----------
    title : str
        What is clicked.
    panel : QWidget
        What is folded.
    """

    def __init__(self, title: str, panel: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        empty = self.content()
        self.setContent(_AsTallAsNeeded())
        empty.setParent(None)
        empty.deleteLater()
        self.addWidget(panel)
        policy = QSizePolicy.Policy.Preferred
        self.setSizePolicy(policy, policy)


class _AsTallAsNeeded(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(_INDENT, 0, 0, 0)
        self.setMaximumHeight(0)  # folded

    def sizeHint(self) -> QSize:
        """Return the preferred size, its height for the width that there is."""
        hint = super().sizeHint()
        if self._column.hasHeightForWidth() and self.width():
            hint.setHeight(self._column.totalHeightForWidth(self.width()))
        return hint

    def event(self, event: QEvent | None) -> bool:
        """Grow and shrink with what is inside, and with its width."""
        done = super().event(event)
        if event is not None and event.type() in _MAY_CHANGE_HEIGHT and self.maximumHeight():
            self.setMaximumHeight(self.sizeHint().height())
        return done
