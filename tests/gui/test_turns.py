"""Work in the thread of the window: one thing a turn, and the 3D view after the rest."""

import pytest

pytest.importorskip("qtpy.QtWidgets")

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_tumor_synth.widgets.held_back import HeldBack
from napari_tumor_synth.widgets.turns import Turns

pytestmark = pytest.mark.gui


def test_things_are_done_in_order_with_turns_of_the_event_loop_between(qtbot):
    done = []
    ticks = QTimer()
    ticks.timeout.connect(lambda: done.append("tick") if done[-1:] != ["tick"] else None)
    ticks.start(0)
    turns = Turns()
    turns.add(lambda: done.append("a"), lambda: done.append("b"))
    assert done == ["a"], "the first is done at once"
    turns.add(lambda: done.append("c"))
    qtbot.waitUntil(lambda: "c" in done, timeout=5000)
    ticks.stop()
    assert done[: done.index("c") + 1] == ["a", "tick", "b", "tick", "c"]


def test_a_failure_does_not_stop_what_comes_after_it(qtbot):
    done = []

    def fail():
        raise ValueError("broken")

    turns = Turns()
    with qtbot.capture_exceptions() as caught:
        turns.add(lambda: done.append("a"), fail, lambda: done.append("b"))
        qtbot.waitUntil(lambda: "b" in done, timeout=5000)
    assert done == ["a", "b"]
    assert [kind for kind, *_ in caught] == [ValueError]


def test_a_held_widget_is_painted_after_its_rest_and_never_left_behind(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    held = HeldBack(widget)
    held.hold()
    held.rest(20)
    held.hold()  # again, before the rest was over
    qtbot.wait(60)
    assert not widget.updatesEnabled()
    held.rest(20)
    qtbot.waitUntil(lambda: widget.updatesEnabled(), timeout=5000)
    held.hold()
    held.release()
    assert widget.updatesEnabled()
