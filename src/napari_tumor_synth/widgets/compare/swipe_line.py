"""The line of a pane that shows one image at its left and another at its right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QWidget

from napari_tumor_synth.widgets.planes.anatomy import ORDER, Convention, orientation_2d
from napari_tumor_synth.widgets.planes.pane_mouse import LEFT

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

    from napari_tumor_synth.widgets.planes.crosshair import Position
    from napari_tumor_synth.widgets.planes.slice_pane import SlicePane

_LINE, _TAG = QColor(140, 255, 140), QColor(255, 159, 26)
_GRAB = 8  # pixels from the line at which the mouse takes it
_KNOB = 6
_MARGIN = 6


class SwipeLine(QWidget):
    """Drawn over a pane; dragged with the left button, which elsewhere moves the crosshair.

    Parameters
    ----------
    pane : SlicePane
        Goes with it.
    """

    moved = Signal(float)  # share of the tumours' width that lies left of it

    def __init__(self, pane: SlicePane) -> None:
        super().__init__(pane.overlay)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self._pane = pane
        self._axis = ORDER[pane.plane][2]
        self._limits: tuple[Position, Position] | None = None
        self._toward_right = False
        self._share, self._kinds = 0.5, ("", "")
        callbacks = pane.model.mouse_drag_callbacks
        self._others = list(callbacks)
        callbacks[:] = [self._on_drag]
        pane.overlay.installEventFilter(self)
        self.resize(pane.overlay.size())
        self.hide()

    @property
    def on_grid(self) -> tuple[int, float, bool]:
        """The horizontal axis of (S, A, R), the place on it in mm, and whether it points right."""
        return self._axis, self._place_of(self._share), self._toward_right

    def tell(
        self,
        limits: tuple[Position, Position],
        share: float,
        kinds: tuple[str, str],
        convention: Convention,
    ) -> None:
        """Say where it is, and what is on its left and on its right."""
        self._limits, self._share, self._kinds = limits, share, kinds
        self._toward_right = orientation_2d(self._pane.plane, convention)[1] == "right"
        self.update()

    @property
    def share(self) -> float:
        """Share of the tumours' width that lies left of it."""
        return self._share

    @property
    def x(self) -> float:
        """Pixels from the left of the pane."""
        return self._pixel_of(self._share)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay as large as the pane."""
        if event.type() == QEvent.Type.Resize:
            self.resize(event.size())
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line, its knob, and what is on either side."""
        if self._limits is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        try:
            x = self.x
            ends = painter.fontMetrics().height() + 2 * _MARGIN  # the letters are there
            painter.setPen(QPen(_LINE, 2))
            painter.drawLine(QPointF(x, ends), QPointF(x, self.height() - ends))
            painter.setBrush(_LINE)
            painter.drawEllipse(QPointF(x, self.height() / 2), _KNOB, _KNOB)
            self._draw_tags(painter, x)
        finally:
            painter.end()

    def _draw_tags(self, painter: QPainter, x: float) -> None:
        """Name each side at the line, where there is something of it to see."""
        metrics = painter.fontMetrics()
        height = metrics.height() + 4
        for text, right in zip(self._kinds, (False, True), strict=True):
            if self._share in ((1.0,) if right else (0.0,)):
                continue
            width = metrics.horizontalAdvance(text) + 12
            left = x + _MARGIN if right else x - _MARGIN - width
            left = min(max(left, 0), self.width() - width)
            box = QRectF(left, self.height() - 2 * height - 2 * _MARGIN, width, height)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_TAG)
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(QColor("black"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _place_of(self, share: float) -> float:
        assert self._limits is not None
        low, high = (corner[self._axis] for corner in self._limits)
        return low + (share if self._toward_right else 1 - share) * (high - low)

    def _pixel_of(self, share: float) -> float:
        place = [0.0, 0.0, 0.0]
        place[self._axis] = self._place_of(share)
        return self._pane.to_pixels((place[0], place[1], place[2]))[0]

    def _on_drag(self, model: Any, event: Any) -> Iterator[None]:
        mine = self._limits is not None and not self.isHidden() and event.button == LEFT
        if not mine or "Shift" in event.modifiers or abs(event.pos[0] - self.x) > _GRAB:
            for other in self._others:
                yield from other(model, event)
            return
        released = False
        while not released:
            yield
            released = event.type == "mouse_release"
            begin, end = self._pixel_of(0), self._pixel_of(1)
            share = (float(event.pos[0]) - begin) / (end - begin)
            self.moved.emit(min(max(share, 0.0), 1.0))
