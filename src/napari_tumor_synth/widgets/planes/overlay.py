"""What is drawn over a pane: letters, crosshair, position, badges and the ruler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QPainter, QPen
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

    from napari_tumor_synth.widgets.planes.anatomy import EdgeLetters

Pixel = tuple[float, float]
DrawnBox = tuple[Pixel, Pixel, str]

_LETTER = QColor(255, 214, 102)
_CROSSHAIR = QColor(120, 200, 255, 150)
_RULER = QColor(140, 255, 140)
_BADGE = QColor(255, 159, 26)
_BOX = QColor(255, 159, 26, 200)
_MARGIN = 6
_GAP = 6  # pixels around the centre of the crosshair that stay free


@dataclass
class OverlayContent:
    """What to draw; positions in pixels of the pane.

    Attributes
    ----------
    letters : EdgeLetters
    crosshair : tuple of float, optional
        x, y.
    shows_crosshair : bool
        Whether it is drawn.
    text : str
        Lower left corner.
    title : str
        Upper left corner.
    badges : tuple of str
        Upper right corner, one below the other.
    ruler : tuple, optional
        Both ends (x, y) and the label.
    boxes : tuple of DrawnBox
        Two opposite corners (x, y) of each ROI's box, and its caption.
    """

    letters: EdgeLetters
    crosshair: tuple[float, float] | None = None
    shows_crosshair: bool = True
    text: str = ""
    title: str = ""
    badges: tuple[str, ...] = ()
    ruler: tuple[tuple[float, float], tuple[float, float], str] | None = None
    boxes: tuple[DrawnBox, ...] = ()


class PaneOverlay(QWidget):
    """Draws over a canvas and lets the mouse through."""

    def __init__(self, parent: QWidget, content: OverlayContent) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.content = content

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw everything."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        try:
            self._draw(painter)
        finally:
            painter.end()

    def _draw(self, painter: QPainter) -> None:
        content = self.content
        for one, other, caption in content.boxes:
            self._draw_box(painter, one, other, caption)
        if content.crosshair is not None and content.shows_crosshair:
            self._draw_crosshair(painter, *content.crosshair)
        if content.ruler is not None:
            self._draw_ruler(painter, *content.ruler)
        font = QFont(self.font())
        font.setBold(True)
        painter.setFont(font)
        letters = content.letters
        for letter, where in (
            (letters.top, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter),
            (letters.bottom, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter),
            (letters.left, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter),
            (letters.right, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
        ):
            self._draw_text(painter, letter, where, _LETTER)
        painter.setFont(self.font())
        top_left = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        self._draw_text(painter, content.title, top_left, QColor("white"))
        bottom_left = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft
        self._draw_text(painter, content.text, bottom_left, QColor("white"))
        self._draw_badges(painter, content.badges)

    def _draw_text(self, painter: QPainter, text: str, where: Qt.AlignmentFlag, colour: QColor
                   ) -> None:  # fmt: skip
        area = QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        painter.setPen(QColor(0, 0, 0, 200))
        painter.drawText(area.translated(1, 1), where, text)  # legible on bright voxels
        painter.setPen(colour)
        painter.drawText(area, where, text)

    def _draw_crosshair(self, painter: QPainter, x: float, y: float) -> None:
        painter.setPen(QPen(_CROSSHAIR, 1))
        width, height = self.width(), self.height()
        for begin, end in (
            ((0, y), (x - _GAP, y)),
            ((x + _GAP, y), (width, y)),
            ((x, 0), (x, y - _GAP)),
            ((x, y + _GAP), (x, height)),
        ):
            painter.drawLine(QPointF(*begin), QPointF(*end))

    def _draw_box(self, painter: QPainter, one: Pixel, other: Pixel, caption: str) -> None:
        painter.setPen(QPen(_BOX, 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        area = QRectF(QPointF(*one), QPointF(*other)).normalized()
        painter.drawRect(area)
        if caption:
            line = painter.fontMetrics().height()
            above_letters = self.height() - 2 * _MARGIN - line
            self._draw_tag(
                painter, caption, area.left() + 3, min(area.bottom() - 3, above_letters) - line - 4
            )

    def _draw_ruler(
        self, painter: QPainter, begin: tuple[float, float], end: tuple[float, float], label: str
    ) -> None:
        painter.setPen(QPen(_RULER, 2))
        painter.drawLine(QPointF(*begin), QPointF(*end))
        for x, y in (begin, end):
            painter.drawEllipse(QPointF(x, y), 3, 3)
        for colour, shift in ((QColor(0, 0, 0, 200), 1), (_RULER, 0)):  # legible on bright voxels
            painter.setPen(colour)
            painter.drawText(QPointF(end[0] + 8 + shift, end[1] - 4 + shift), label)

    def _draw_badges(self, painter: QPainter, badges: tuple[str, ...]) -> None:
        metrics = painter.fontMetrics()
        top = float(_MARGIN)
        for badge in badges:
            width = metrics.horizontalAdvance(badge) + 12
            top += self._draw_tag(painter, badge, self.width() - width - _MARGIN, top) + 3

    def _draw_tag(self, painter: QPainter, text: str, left: float, top: float) -> float:
        """Draw words on a patch of colour; return its height."""
        metrics = painter.fontMetrics()
        box = QRectF(left, top, metrics.horizontalAdvance(text) + 12, metrics.height() + 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_BADGE)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor("black"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        return float(box.height())
