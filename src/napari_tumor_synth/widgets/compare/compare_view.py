"""An ROI and a real one that is like it: side by side, swiped over each other, or subtracted."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QSlider, QToolTip, QVBoxLayout, QWidget

from napari_tumor_synth.widgets.compare.compare_keys import (
    bind_modes,
    bind_panes,
    help_on_keys,
)
from napari_tumor_synth.widgets.compare.compare_tools import CompareToolBar, Mode
from napari_tumor_synth.widgets.compare.difference_colours import (
    DifferenceBar,
    absolute_colours,
    grey_colours,
    signed_colours,
)
from napari_tumor_synth.widgets.compare.pair import Pair
from napari_tumor_synth.widgets.compare.pair_content import (
    Content,
    difference,
    nothing,
    side_by_side,
    swiped,
)
from napari_tumor_synth.widgets.compare.pair_labels import PairLabels
from napari_tumor_synth.widgets.compare.pair_panes import PairPanes
from napari_tumor_synth.widgets.compare.pair_words import transform_badges
from napari_tumor_synth.widgets.compare.swipe_line import SwipeLine
from napari_tumor_synth.widgets.compare.windows import PairWindows
from napari_tumor_synth.widgets.leaving import LeavingWidget
from napari_tumor_synth.widgets.planes.anatomy import PLANES, Convention, Plane
from napari_tumor_synth.widgets.planes.crosshair import Crosshair, Position


class CompareView(LeavingWidget):
    """Shows a pair until it is told to show none; what it shows is in no list of layers.

    Parameters
    ----------
    convention : {"radiological", "neurological"}
        On which side the patient's right is.
    """

    ready = Signal()
    closed = Signal()

    def __init__(self, convention: Convention, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._convention: Convention = convention
        self._pair: Pair | None = None
        self._mode: Mode = "side"
        self._channel, self._absolute = 0, False
        self.windows = PairWindows()
        self.crosshair = Crosshair(lambda: None if self._pair is None else self._pair.limits)
        self.tools = CompareToolBar()
        self.panes = PairPanes(self.crosshair, convention)
        self.lines: dict[Plane, SwipeLine] = {}  # once the panes are there
        self.labels = PairLabels()
        self.swipe = QSlider(Qt.Orientation.Horizontal)
        self.swipe.setRange(0, 100)
        self.swipe.setValue(50)
        self.swipe.setToolTip("How much of the width shows the selected ROI, in %.")
        self.swipe.setAccessibleName("Swipe")
        self.bar = DifferenceBar()
        self._lay_out()
        self.tools.mode_changed.connect(self.set_mode)
        self.tools.absolute_changed.connect(self._set_absolute)
        self.tools.sequence_changed.connect(self._set_channel)
        self.tools.ruler_toggled.connect(self.panes.set_ruler)
        self.tools.reset_asked.connect(self.reset)
        self.tools.help_asked.connect(self._show_help)
        self.panes.window_dragged.connect(self._drag_window)
        self.swipe.valueChanged.connect(lambda value: self._swipe_soon.start(0))
        self.panes.made.connect(self._on_made)
        self._swipe_soon = QTimer(self)  # once a turn, however often the mouse moves
        self._swipe_soon.setSingleShot(True)
        self._swipe_soon.timeout.connect(self._swipe)
        self.crosshair.moved.connect(self._tell_position)
        bind_modes(self, self.set_mode)
        bind_panes(
            self.panes,
            reset=self.reset,
            ruler=self.tools.ruler.toggle,
            choose_window=self._choose_window,
        )
        self._show()
        self.panes.make()

    @property
    def is_ready(self) -> bool:
        """Whether the panes are there, and show what there is to show."""
        return bool(self.lines)

    @property
    def pair(self) -> Pair | None:
        """What is shown."""
        return self._pair

    @property
    def mode(self) -> Mode:
        """How it is shown."""
        return self._mode

    @property
    def words(self) -> str:
        """What is said of the pictures."""
        return self.labels.words.text()

    @property
    def position_words(self) -> str:
        """What is said of the place under the crosshair."""
        return self.labels.place.text()

    def show_pair(self, pair: Pair | None) -> None:
        """Show another pair, or nothing."""
        self._pair = pair
        self.panes.drop_rulers()
        if pair is not None:
            if self._channel >= len(pair.sequences):
                self._channel = 0
            self.tools.set_sequences(pair.sequences, self._channel)
        self._show()
        if pair is not None:
            self.panes.fit(pair.tumours)
            self.crosshair.move_to(pair.middle)

    def set_mode(self, mode: Mode) -> None:
        """Show the images side by side, swiped or subtracted."""
        self._mode = mode
        self.panes.drop_rulers()
        self.tools.show_mode(mode)
        self._show()

    def set_convention(self, convention: Convention) -> None:
        """Switch all panes between radiological and neurological."""
        self._convention = convention
        self._show()

    def reset(self) -> None:
        """Show all of the images, in their whole window."""
        self.windows.reset()
        if self._pair is not None:
            self.panes.fit(self._pair.tumours)
        self._look()

    def leave(self) -> None:
        """Take the real ROI away, and close the canvases."""
        self._pair = None
        self._swipe_soon.stop()
        self.crosshair.moved.disconnect(self._tell_position)
        self.panes.close_panes()
        self.closed.emit()

    def _show(self) -> None:
        """Fill the panes as the mode asks."""
        mode, pair = self._mode, self._pair
        self.panes.arrange(2 if mode == "side" else 1)
        self.swipe.setVisible(mode == "swipe")
        self.bar.setVisible(mode == "difference")
        for line in self.lines.values():
            line.setVisible(mode == "swipe" and pair is not None)
        mirror = None if pair is None else pair.transform.mirror
        self.panes.set_sides(self._convention, mirror)
        self.labels.tell(pair, mode, absolute=self._absolute)
        self._tell_position(self.crosshair.position)
        if self.is_ready:
            self.panes.fill(pair, self._content())
            self._look()

    def _content(self) -> Content:
        pair = self._pair
        if pair is None:
            return nothing()
        if self._mode == "side":
            return side_by_side(pair, self._channel)
        if self._mode == "difference":
            return difference(pair, self._channel, absolute=self._absolute)
        share = self.swipe.value() / 100
        changed = " (transformed)" if transform_badges(pair.transform) else ""
        tags = (pair.kinds[0] + changed, pair.kinds[1])
        for line in self.lines.values():
            line.tell(pair.tumours, share, tags, self._convention)
        lines = {plane: line.on_grid for plane, line in self.lines.items()}
        return swiped(pair, self._channel, lines)

    def _on_made(self) -> None:
        """Begin to show: the panes are there."""
        self.lines = {plane: SwipeLine(self.panes.panes[0, plane]) for plane in PLANES}
        for line in self.lines.values():
            line.moved.connect(lambda share: self.swipe.setValue(round(100 * share)))
        self.panes.set_ruler(self.tools.ruler.isChecked())
        self.show_pair(self._pair)
        self.ready.emit()

    def _swipe(self) -> None:
        if self._mode == "swipe" and self.is_ready:
            self.panes.fill(self._pair, self._content())

    def _look(self) -> None:
        limit = self.windows.limit
        if self._mode != "difference":
            self.panes.look(grey_colours(), self.windows.grey)
        elif self._absolute:
            self.panes.look(absolute_colours(), (0.0, limit))
        else:
            self.panes.look(signed_colours(), (-limit, limit))
        if self._pair is not None:
            self.bar.tell(limit, self._pair.kinds, absolute=self._absolute)

    def _tell_position(self, position: Position) -> None:
        self.labels.tell_place(self._pair, position, self._channel)

    def _drag_window(self, right: float, up: float) -> None:
        self.windows.drag(right, up, difference=self._mode == "difference")
        self._look()

    def _choose_window(self, number: int) -> None:
        if self._pair is not None and self._mode != "difference":
            images = (self._pair.chosen[self._channel], self._pair.match[self._channel])
            self.windows.choose(number, images)
            self._look()

    def _set_absolute(self, absolute: bool) -> None:
        self._absolute = absolute
        self._show()

    def _set_channel(self, channel: int) -> None:
        self._channel = channel
        self._show()

    def _show_help(self) -> None:
        where = self.tools.mapToGlobal(self.tools.rect().bottomLeft())
        QToolTip.showText(where, help_on_keys(), self.tools)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tools)
        names = QHBoxLayout()
        for label in self.labels.names:
            names.addWidget(label, 1)
        layout.addLayout(names)
        layout.addWidget(self.panes, 1)
        for widget in (self.swipe, self.bar, self.labels.words, self.labels.place):
            layout.addWidget(widget)
