"""The nearest real ROIs as a list: a picture, the case and its figures in each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QWidget

from napari_tumor_synth.widgets.compare.pictures import EDGE, icon_of
from napari_tumor_synth.widgets.compare.result_words import row_text, row_tip

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent, QShowEvent

    from napari_tumor_synth.widgets.compare.look_up import Found, Listed
    from napari_tumor_synth.widgets.planes.anatomy import Convention

_TIP = (
    "Real ROIs that are most like the selected one, the most similar first. Click one, or choose "
    "it with the arrow keys and press Enter, to see both side by side."
)
_OPENING = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class MatchList(QListWidget):
    """As high as its rows, so that the panel scrolls and the list does not."""

    asked = Signal(object)  # Listed: show it
    turned_to = Signal(object)  # Listed: the row of the arrow keys

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(_TIP)
        self.setAccessibleName("Nearest real ROIs")
        self.setIconSize(QSize(EDGE, EDGE))
        self.setWordWrap(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._listed: tuple[Listed, ...] = ()
        self.itemClicked.connect(lambda item: self.asked.emit(self._listed[self.row(item)]))
        self.currentRowChanged.connect(self._on_row)
        self.hide()

    @property
    def listed(self) -> tuple[Listed, ...]:
        """What is in the list."""
        return self._listed

    def show_found(self, found: Found | None, convention: Convention) -> None:
        """List these, or nothing."""
        self._listed = () if found is None else found.listed
        with QSignalBlocker(self):
            self.clear()
            if found is not None:
                spacing = found.gallery.plan.settings.spacing_mm
                for listed in found.listed:
                    item = QListWidgetItem(row_text(listed, spacing))
                    item.setToolTip(row_tip(listed, spacing))
                    self.addItem(item)
        self.set_convention(convention)
        self.setVisible(bool(self._listed))
        self._fit()

    def set_convention(self, convention: Convention) -> None:
        """Draw the pictures with the patient's right on this side."""
        for row, listed in enumerate(self._listed):
            self.item(row).setIcon(icon_of(listed.thumbnail, convention))

    def mark(self, listed: Listed | None) -> None:
        """Mark what is shown beside the selected ROI, without asking for it."""
        with QSignalBlocker(self):
            self.setCurrentRow(self._listed.index(listed) if listed in self._listed else -1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Show the chosen row on Enter and Space."""
        row = self.currentRow()
        if event.key() in _OPENING and 0 <= row < len(self._listed):
            self.asked.emit(self._listed[row])
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the height of rows whose words wrap in another width."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Take the height of rows in the window's style, known from now on."""
        super().showEvent(event)
        self._fit()

    def _on_row(self, row: int) -> None:
        if 0 <= row < len(self._listed):
            self.turned_to.emit(self._listed[row])

    def _fit(self) -> None:
        heights = sum(self.sizeHintForRow(row) for row in range(self.count()))
        self.setFixedHeight(heights + 2 * self.frameWidth() + 2)
