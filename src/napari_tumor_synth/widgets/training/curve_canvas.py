"""Curves of a run, drawn in the colours of the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_tumor_synth.widgets.training.curve_groups import AxisContent, thinned

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent, QShowEvent, QWheelEvent

    from napari_tumor_synth.widgets.training.curve_groups import Curve

_HEIGHT, _LONE_HEIGHT = 150, 210  # pixels of one of several axes, and of a single one
_LETTERS = 7.0  # points
_TITLE: dict[str, Any] = {"fontsize": _LETTERS + 0.5, "pad": 3.0}
_LEFT, _RIGHT, _TOP, _BOTTOM, _BETWEEN = 50, 12, 18, 28, 22  # pixels
_LEGEND_ROW = 15  # pixels
_IN_A_ROW = 2  # names of a legend
_RECOLOURS = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)
# Okabe and Ito's colours, which colour-blind people tell apart, on dark and on light ground
_ON_DARK = ("#56b4e9", "#e69f00", "#2bc59a", "#f0e442", "#ff8a5c", "#e3a0cc", "#dddddd", "#9aa7ff")
_ON_LIGHT = ("#0072b2", "#b36b00", "#00795a", "#8a7f00", "#c84a00", "#a6508a", "#444444", "#4a4ac0")
_STYLES: Any = ("-", "--", ":", "-.")


class CurveCanvas(QWidget):
    """A figure with one axis above the other; drawn only while it is seen.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figure = Figure(dpi=100)
        self.canvas = _Canvas(self.figure)
        self.canvas.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(200)
        self._axes: Sequence[AxisContent] = ()
        self._curves: Mapping[str, Curve] = {}
        self._log = False
        self._outdated = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._draw)
        self.setFixedHeight(_LONE_HEIGHT)

    def show_curves(
        self, axes: Sequence[AxisContent], curves: Mapping[str, Curve], *, log: bool
    ) -> None:
        """Draw these, by their names; `log` scales hold what is above zero."""
        self._axes, self._curves, self._log = axes, curves, log
        height = len(axes) * _HEIGHT if len(axes) > 1 else _LONE_HEIGHT
        if self.height() != height:
            self.setFixedHeight(height)
        self._fill()
        self._draw_soon()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came while nobody looked."""
        super().showEvent(event)
        if self._outdated:
            self._draw_soon()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the margins."""
        super().resizeEvent(event)
        self.canvas.setGeometry(self.rect())
        self._place_axes()
        self._draw_soon()

    def changeEvent(self, event: QEvent) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if event.type() in _RECOLOURS:
            self._colour()
            self._draw_soon()

    def _fill(self) -> None:
        """Make the axes anew if others are wanted, and move the lines to where the curves are."""
        titles = [content.title for content in self._axes]
        if [axis.get_title(loc="left") for axis in self.figure.axes] != titles:
            self.figure.clear()
            for number, title in enumerate(titles, start=1):
                axis = self.figure.add_subplot(len(titles), 1, number)
                axis.set_title(title, loc="left", **_TITLE)
                axis.tick_params(labelsize=_LETTERS, length=2, pad=2)
                axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
                axis.tick_params(labelbottom=number == len(titles))
                axis.grid(True, linewidth=0.4, alpha=0.4)
            self._place_axes()
        for axis, content in zip(self.figure.axes, self._axes, strict=True):
            self._fill_axis(axis, content)
        if self.figure.axes:
            self.figure.axes[-1].set_xlabel("step", fontsize=_LETTERS, labelpad=1)
        self._colour()

    def _fill_axis(self, axis: Any, content: AxisContent) -> None:
        known = {line.get_label(): line for line in axis.get_lines()}
        if set(known) != set(content.curves.values()):
            for line in known.values():
                line.remove()
            known = {
                label: axis.plot([], [], label=label, linewidth=1.2)[0]
                for label in content.curves.values()
            }
        for name, label in content.curves.items():
            steps, values = thinned(self._curves[name])
            known[label].set_data(steps, values)
            known[label].set_marker("." if len(steps) < 3 else "")
        log = self._log and any((line.get_ydata() > 0).any() for line in known.values())
        if log:
            axis.set_yscale("log", nonpositive="mask")
        else:
            axis.set_yscale("linear")
        if not log:
            axis.yaxis.set_major_formatter(lambda value, place: f"{value:.3g}")
        axis.relim()
        axis.set_autoscaley_on(True)
        axis.autoscale_view()
        self._leave_room(axis, len(known), log=log)
        spread = [line.get_xdata() for line in known.values() if len(line.get_xdata())]
        if spread:
            first, last = min(s[0] for s in spread), max(s[-1] for s in spread)
            axis.set_xlim((first, last) if last > first else (first - 1, last + 1))

    def _leave_room(self, axis: Any, names: int, *, log: bool) -> None:
        """Keep the legend off the curves."""
        rows = -(-names // _IN_A_ROW)
        height = self.height() / len(self._axes) - _TOP - _BETWEEN
        share = min(rows * _LEGEND_ROW / height, 0.6)
        low, high = axis.get_ylim()
        if log:
            axis.set_ylim(low, high * (high / low) ** (share / (1 - share)))
        else:
            axis.set_ylim(low, high + (high - low) * share / (1 - share))

    def _place_axes(self) -> None:
        width, height = max(self.width(), 1), max(self.height(), 1)
        count = len(self.figure.axes)
        if not count or width < _LEFT + _RIGHT + 20:
            return
        each = (height - _TOP - _BOTTOM - (count - 1) * _BETWEEN) / count
        for number, axis in enumerate(self.figure.axes):
            low = _BOTTOM + (count - 1 - number) * (each + _BETWEEN)
            axis.set_position(
                (_LEFT / width, low / height, (width - _LEFT - _RIGHT) / width, each / height)
            )

    def _colour(self) -> None:
        """Take the colours of the window; lines differ by their dashes as well."""
        palette = self.palette()
        words, ground = palette.windowText().color(), palette.window().color()
        text, back = words.name(), ground.name()
        colours = _ON_DARK if ground.lightness() < words.lightness() else _ON_LIGHT
        self.figure.set_facecolor(back)
        for axis in self.figure.axes:
            axis.set_facecolor(back)
            axis.set_title(axis.get_title(loc="left"), loc="left", color=text, **_TITLE)
            axis.xaxis.label.set_color(text)
            axis.tick_params(colors=text, which="both")
            for spine in axis.spines.values():
                spine.set_color(text)
                spine.set_linewidth(0.6)
            for number, line in enumerate(axis.get_lines()):
                line.set_color(colours[number % len(colours)])
                line.set_linestyle(_STYLES[number // 4 % len(_STYLES)])
            if axis.get_lines():
                axis.legend(
                    fontsize=_LETTERS - 0.5, loc="upper right", ncols=_IN_A_ROW, facecolor=back,
                    edgecolor="none", framealpha=0.7, labelcolor=text, handlelength=1.4,
                    columnspacing=0.8, borderpad=0.2, labelspacing=0.2,
                )  # fmt: skip

    def _draw_soon(self) -> None:
        self._outdated = True
        if self.isVisible():
            self._soon.start(0)

    def _draw(self) -> None:
        if self.isVisible():
            self._outdated = False
            self.canvas.draw_idle()


class _Canvas(FigureCanvasQTAgg):
    """Lets the wheel scroll the panel."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
