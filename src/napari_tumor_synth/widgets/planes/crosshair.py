"""The point that all panes look at."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal

Position = tuple[float, float, float]


class Crosshair:
    """A position (S, A, R) in mm along the axes of the display, told to whoever listens.

    Parameters
    ----------
    limits : callable
        Returns the corners of what there is to see, or None. Positions outside are moved to the
        edge, so that no pane loses the image.
    """

    moved = Signal(object)

    def __init__(self, limits: Callable[[], tuple[Position, Position] | None]) -> None:
        self._position: Position = (0.0, 0.0, 0.0)
        self._limits = limits

    @property
    def position(self) -> Position:
        """Where it is."""
        return self._position

    def move_to(self, position: Position) -> None:
        """Go to a position, and tell when it is another one."""
        if (limits := self._limits()) is not None:
            low, high = limits
            inside = [
                min(max(value, first), last)
                for value, first, last in zip(position, low, high, strict=True)
            ]
            position = (inside[0], inside[1], inside[2])
        if position != self._position:
            self._position = position
            self.moved.emit(position)

    def shift(self, axis: int, distance: float) -> None:
        """Go along one axis, by a distance in mm."""
        moved = list(self._position)
        moved[axis] += distance
        self.move_to((moved[0], moved[1], moved[2]))
