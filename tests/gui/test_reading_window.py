"""The reading window: keys, what is written down, and nothing that gives cases away."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel, QWidget

from made_up_study import made_up_study
from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.study.answers_table import gather
from napari_tumor_synth.study.case_clock import CaseClock
from napari_tumor_synth.study.event_chain import beginning_of, read_log
from napari_tumor_synth.study.key_file import read_key_file
from napari_tumor_synth.study.reading import open_reading
from napari_tumor_synth.study.reading_state import ReadingState
from napari_tumor_synth.workflows.study_report import report_on_study

pytestmark = pytest.mark.gui
K = Qt.Key
READER = Path(__file__).parents[1] / "scripted_reader.py"


@pytest.fixture
def begin(qtbot, tmp_path):
    """Open the window of a new study, at its first case to learn by."""
    from napari_tumor_synth.widgets.reading.window import ReadingWindow

    def opened(reader="R1", **design):
        study = tmp_path / "study"
        made = opened.made if study.exists() else made_up_study(tmp_path, **design)
        opened.made = made
        window = ReadingWindow(open_reading(made.study, reader))
        qtbot.addWidget(window)
        window.resize(1100, 700)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        if window.reading.phase == "consent":
            window.consent.consent.setChecked(True)
            window.consent.begin.click()
        return window

    return opened


def on_screen(qtbot, window):
    qtbot.waitUntil(lambda: window.is_on_screen(window.reading.step), timeout=20_000)
    for layer, token in zip(
        window.case.panes.images, window.reading.step.presentation.images, strict=True
    ):  # nothing, once the time is up
        assert np.array_equal(layer.data, window.reading.study.image(token)) or not layer.data.any()


def press(window, *keys, modifier=Qt.KeyboardModifier.NoModifier):
    for key in keys:
        QTest.keyClick(window.focusWidget() or window, key, modifier)


def to_scored_cases(qtbot, window):
    while window.reading.phase != "case":
        if window.reading.phase == "training":
            on_screen(qtbot, window)
            press(window, K.Key_3)
        press(window, K.Key_Return)
    on_screen(qtbot, window)


def events_of(window, *names):
    return [event for event in window.reading.log.events if event["event"] in names]


def test_a_case_is_answered_by_keys_alone(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    first = window.reading.step
    press(window, K.Key_Up, K.Key_Up, K.Key_Right, K.Key_Down, K.Key_F4, K.Key_V, K.Key_V)
    press(window, K.Key_2, K.Key_5)
    press(window, K.Key_1, modifier=Qt.KeyboardModifier.AltModifier)
    press(window, K.Key_C)
    QTest.keyClicks(window.case.answers.text, "smooth 4")
    press(window, K.Key_Return)
    qtbot.waitUntil(lambda: not window.case.answers.text.hasFocus())
    assert window.reading.draft.rating == 5  # the 4 was text
    assert window.reading.step is first
    press(window, K.Key_Return)
    assert window.reading.step is not first
    on_screen(qtbot, window)
    (done,) = events_of(window, "case_done")[2:]
    assert (done["rating"], done["reasons"], done["comment"]) == (5, ["texture"], "smooth 4")
    slices = [(event["plane"], event["index"]) for event in events_of(window, "slice")]
    middle = 12
    assert slices[-3:] == [("axial", middle + 1), ("axial", middle + 2), ("coronal", middle - 1)]
    assert len(events_of(window, "window")) == 1
    assert [event["maximised"] for event in events_of(window, "layout")] == ["coronal", ""]
    shown = [event for event in events_of(window, "case_shown") if event["token"] == done["token"]]
    touched = [e for e in events_of(window, "first_input") if e["token"] == done["token"]]
    assert len(shown) == len(touched) == 1


def test_nothing_is_confirmed_without_an_answer_or_before_it_is_on_screen(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    press(window, K.Key_Return, K.Key_7, K.Key_0, K.Key_X)
    assert len(events_of(window, "case_done")) == 2
    press(window, K.Key_1)
    step = window.reading.step
    press(window, K.Key_Return, K.Key_6, K.Key_Return)  # at once, before the next one is painted
    assert window.reading.step is not step
    assert len(events_of(window, "case_done")) == 3
    assert window.reading.draft.rating is None
    on_screen(qtbot, window)


def test_what_cannot_be_judged_needs_a_reason(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    press(window, K.Key_N)
    assert window.case.answers.text.hasFocus()
    press(window, K.Key_Return)
    assert not window.reading.draft.is_answer
    qtbot.waitUntil(lambda: not window.case.answers.text.hasFocus())
    press(window, K.Key_N)
    QTest.keyClicks(window.case.answers.text, "cut off")
    press(window, K.Key_Return)
    qtbot.waitUntil(lambda: not window.case.answers.text.hasFocus())
    press(window, K.Key_Return)
    on_screen(qtbot, window)
    done = events_of(window, "case_done")[-1]
    assert (done["rating"], done["cannot_judge"]) == (None, "cut off")


def test_training_cases_say_what_they_were_and_others_do_not(qtbot, begin):
    window = begin()
    told = window.case.answers._told
    while window.reading.phase == "training":
        on_screen(qtbot, window)
        truth = window.reading.step.truth
        press(window, K.Key_3, K.Key_Return)
        assert window.reading.phase == "feedback"
        assert truth in told.text()
        press(window, K.Key_Return)
    press(window, K.Key_Return)
    on_screen(qtbot, window)
    assert not told.isVisible()
    press(window, K.Key_3, K.Key_Return)
    on_screen(qtbot, window)
    assert not told.isVisible()


def test_a_pause_hides_the_case(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    shown = window.case.panes.images[0].data
    assert shown.any()
    press(window, K.Key_P)
    assert window.reading.is_paused
    assert not window.case.panes.images[0].data.any()
    assert not window.case.isVisible()
    press(window, K.Key_3)
    assert window.reading.draft.rating is None
    press(window, K.Key_Return)
    assert not window.reading.is_paused
    assert np.array_equal(window.case.panes.images[0].data, shown)
    press(window, K.Key_3)
    assert window.reading.draft.rating == 3


def test_closing_and_opening_goes_on_with_the_answer_so_far(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    press(window, K.Key_4)
    step = window.reading.step
    window.close()
    again = begin()
    on_screen(qtbot, again)
    assert again.reading.step == step
    assert again.reading.draft.rating == 4
    assert again.case.answers.degrees[4].isChecked()


def test_the_time_limit_hides_the_case_and_leaves_the_answer(qtbot, begin):
    window = begin(time_limit_s=1)
    to_scored_cases(qtbot, window)
    qtbot.waitUntil(lambda: bool(events_of(window, "time_up")), timeout=5000)
    assert not window.case.panes.images[0].data.any()
    press(window, K.Key_2, K.Key_Return)
    on_screen(qtbot, window)
    assert window.case.panes.images[0].data.any()


def test_a_pause_does_not_renew_the_time(qtbot, begin):
    window = begin(time_limit_s=1)
    to_scored_cases(qtbot, window)
    qtbot.wait(400)
    press(window, K.Key_P)
    qtbot.wait(800)
    assert not events_of(window, "time_up")
    press(window, K.Key_Return)
    assert window.case.panes.images[0].data.any()
    assert 0.4 <= window.reading.seconds_shown < 1
    qtbot.waitUntil(lambda: bool(events_of(window, "time_up")), timeout=5000)
    shown = [event["monotonic_ns"] for event in events_of(window, "case_shown")][-1]
    paused, continued, up = (event["monotonic_ns"] for event in events_of(
        window, "paused", "continued", "time_up"))  # fmt: skip
    assert (paused - shown) + (up - continued) >= 1e9
    press(window, K.Key_P, K.Key_Return)
    assert not window.case.panes.images[0].data.any()
    press(window, K.Key_D)
    assert not window.case._views[0].model.layers[0].data.any()


def test_opening_again_does_not_renew_the_time(qtbot, begin):
    window = begin(time_limit_s=1)
    to_scored_cases(qtbot, window)
    qtbot.waitUntil(lambda: bool(events_of(window, "time_up")), timeout=5000)
    window.close()
    again = begin()
    on_screen(qtbot, again)
    assert not again.case.panes.images[0].data.any()
    press(again, K.Key_2, K.Key_Return)
    on_screen(qtbot, again)
    assert again.case.panes.images[0].data.any()


def test_a_comment_that_was_not_entered_goes_with_its_case(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    press(window, K.Key_2, K.Key_C)
    QTest.keyClicks(window.case.answers.text, "ringing")
    window.case.answers.confirm.click()
    assert events_of(window, "case_done")[-1]["comment"] == "ringing"
    on_screen(qtbot, window)
    assert window.case.answers.text.text() == ""
    assert not window.case.answers.text.hasFocus()


def test_escape_takes_back_what_was_typed(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    press(window, K.Key_N)
    QTest.keyClicks(window.case.answers.text, "artef")
    press(window, K.Key_Escape)
    assert window.case.answers.text.text() == ""
    press(window, K.Key_C)
    QTest.keyClicks(window.case.answers.text, "sharp")
    press(window, K.Key_Return)
    assert window.reading.draft.comment == "sharp"
    assert window.reading.draft.cannot_judge == ""
    qtbot.waitUntil(lambda: not window.case.answers.text.hasFocus())
    press(window, K.Key_C)
    window.case.answers.text.clear()
    press(window, K.Key_Return)
    assert window.reading.draft.comment == ""


def test_a_held_enter_does_not_go_through_feedback(qtbot, begin):
    window = begin()
    on_screen(qtbot, window)
    press(window, K.Key_3, K.Key_Return)
    assert window.reading.phase == "feedback"
    held = QKeyEvent(QEvent.Type.KeyPress, K.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", True)
    QApplication.sendEvent(window, held)
    assert window.reading.phase == "feedback"
    press(window, K.Key_Return)
    assert window.reading.phase == "training"


def test_what_is_noted_is_forced_to_the_disk_soon(qtbot, begin, monkeypatch):
    window = begin()
    to_scored_cases(qtbot, window)
    forced = []
    monkeypatch.setattr(os, "fsync", forced.append)
    press(window, K.Key_Up, K.Key_Up, K.Key_Up)
    assert len(events_of(window, "slice")) >= 3
    qtbot.waitUntil(lambda: len(forced) == 1, timeout=3000)


def test_feedback_goes_on_after_the_window_was_closed(qtbot, begin):
    window = begin()
    on_screen(qtbot, window)
    press(window, K.Key_3, K.Key_Return)
    assert window.reading.phase == "feedback"
    window.close()
    again = begin()
    qtbot.waitUntil(lambda: "This one was" in again.case.answers._told.text())
    assert again.case.isVisible()
    assert again.case.panes.images[0].data.any()
    press(again, K.Key_Return)
    assert again.reading.phase == "training"
    on_screen(qtbot, again)


def test_feedback_shows_a_case_again_whose_time_was_up(qtbot, begin):
    window = begin(time_limit_s=1)
    on_screen(qtbot, window)
    qtbot.waitUntil(lambda: bool(events_of(window, "time_up")), timeout=5000)
    assert not window.case.panes.images[0].data.any()
    press(window, K.Key_3, K.Key_Return)
    assert window.reading.phase == "feedback"
    assert window.case.panes.images[0].data.any()


def test_the_time_until_the_window_is_there_does_not_count(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    window.close()
    before = window.reading.seconds_shown
    reading = open_reading(begin.made.study, "R1")
    time.sleep(1)
    reading.shown()
    assert reading.seconds_shown == before
    reading.close()


MEANS = {
    "a rating": lambda window: window.case.answers.degrees[4].click(),
    "a reason": lambda window: window.case.answers.reasons["noise"].click(),
    "confirm": lambda window: window.case.answers.confirm.click(),
    "a pane": lambda window: window.setFocus(),
    "closing": lambda window: window.close(),
    "a pause": lambda window: (window.setFocus(), press(window, K.Key_P)),
}


@pytest.mark.parametrize("means", MEANS)
def test_a_comment_is_kept_however_it_is_left(qtbot, begin, means):
    window = begin()
    to_scored_cases(qtbot, window)
    press(window, K.Key_2, K.Key_C)
    QTest.keyClicks(window.case.answers.text, "odd rim")
    if means in ("a rating", "a reason", "confirm"):  # a click takes the focus first
        window.setFocus()
    MEANS[means](window)
    comments = [event["text"] for event in events_of(window, "comment")]
    assert comments == ["odd rim"]


def test_a_rating_is_never_turned_into_what_cannot_be_judged(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    press(window, K.Key_2, K.Key_C)
    QTest.keyClicks(window.case.answers.text, "odd rim")
    press(window, K.Key_Return)
    qtbot.waitUntil(lambda: not window.case.answers.text.hasFocus())
    press(window, K.Key_N)
    assert window.reading.draft.rating == 2
    assert window.case.answers.text.text() == ""
    window.setFocus()
    window.case.answers.degrees[4].click()
    assert window.case.answers.text.text() == "odd rim"
    press(window, K.Key_C)
    QTest.keyClicks(window.case.answers.text, " left")
    press(window, K.Key_Return)
    assert window.reading.draft.rating == 4
    assert window.reading.draft.comment == "odd rim left"


@pytest.fixture
def full_disk(monkeypatch):
    """Let logs not be written, and again."""
    real = os.write
    state = {"full": False}

    def write(file, line):
        if state["full"] and b'"event"' in line:
            raise OSError(28, "No space left on device")
        return real(file, line)

    monkeypatch.setattr("napari_tumor_synth.study.reading_log.os.write", write)
    return state


def test_a_disk_that_is_full_when_a_case_is_shown_can_be_freed(qtbot, begin, full_disk):
    window = begin()
    to_scored_cases(qtbot, window)
    press(window, K.Key_2)
    window.reading.confirm()
    full_disk["full"] = True
    window.advance()
    qtbot.waitUntil(lambda: "No space left" in window.text.text.text())
    assert not window.case.isVisible()
    full_disk["full"] = False
    press(window, K.Key_Return)
    on_screen(qtbot, window)
    press(window, K.Key_3)
    assert window.reading.draft.rating == 3


def test_words_of_pages_are_not_cut_off(qtbot, begin):
    window = begin()
    while window.reading.phase != "break":
        on_screen(qtbot, window)
        press(window, K.Key_3, K.Key_Return, K.Key_Return)
    words = window.text.text
    assert "whether they are right" in words.text()
    assert words.height() >= words.heightForWidth(words.width()) > 20


def test_a_full_disk_is_told_wherever_the_reader_is(qtbot, begin, full_disk):
    window = begin(time_limit_s=60)
    to_scored_cases(qtbot, window)
    press(window, K.Key_2)
    full_disk["full"] = True
    press(window, K.Key_P)
    assert window.case.isVisible()
    assert "No space left" in window.case.answers._told.text()
    press(window, K.Key_Return)
    assert window.case.time_left.text() != ""
    full_disk["full"] = False
    press(window, K.Key_P)
    full_disk["full"] = True
    press(window, K.Key_Return)
    assert "No space left" in window.text._warning.text()
    assert window.reading.is_paused
    window.close()
    full_disk["full"] = False
    open_reading(begin.made.study, "R1").close()  # the log was let go


def test_time_on_screen_outlives_a_kill(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    qtbot.waitUntil(lambda: len(events_of(window, "still_shown")) >= 2, timeout=10_000)
    clock = CaseClock()
    for event in window.reading.log.events:  # what a killed program leaves
        clock.follow(event)
    assert clock.seconds[window.reading.step.presentation.token] >= 1


def test_shortcuts_are_no_answers(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    for modifier in (Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.MetaModifier):
        press(window, K.Key_5, K.Key_N, K.Key_P, K.Key_C, modifier=modifier)
    assert window.reading.draft.rating is None
    assert not window.reading.is_paused
    assert not window.case.answers.text.hasFocus()


def test_digits_of_a_keyboard_with_other_signs_rate(qtbot, begin, monkeypatch):
    """The fifth key of the top row of a French keyboard is a bracket."""
    window = begin()
    to_scored_cases(qtbot, window)
    none = Qt.KeyboardModifier.NoModifier
    signs = (
        ("linux", K.Key_ParenLeft, 14, 5), ("win32", K.Key_Eacute, 3, 2),
        ("linux", K.Key_Minus, 15, 6), ("linux", K.Key_D, 10, 6), ("linux", K.Key_3, 14, 3),
    )  # fmt: skip
    for platform, key, code, degree in signs:
        monkeypatch.setattr("sys.platform", platform)
        QApplication.sendEvent(window, QKeyEvent(QEvent.Type.KeyPress, key, none, code, 0, 0, ""))
        assert window.reading.draft.rating == degree


def test_going_back_keeps_what_was_not_confirmed(qtbot, begin):
    window = begin(allow_back=True)
    to_scored_cases(qtbot, window)
    press(window, K.Key_2, K.Key_Return)
    on_screen(qtbot, window)
    press(window, K.Key_5, K.Key_Backspace)
    on_screen(qtbot, window)
    assert window.reading.draft.rating == 2
    first = window.reading.step
    press(window, K.Key_4, K.Key_Return)
    on_screen(qtbot, window)
    assert window.reading.step is not first
    assert window.reading.draft.rating == 5
    assert window.case.answers.degrees[5].isChecked()


def test_the_end_shows_the_seal_that_the_report_has(qtbot, begin):
    window = begin(readers=("R1",))
    while window.reading.phase != "finished":
        if window.reading.phase in ("training", "case"):
            on_screen(qtbot, window)
            press(window, K.Key_3)
        press(window, K.Key_Return)
    key = read_key_file(begin.made.key, begin.made.study.file)
    (told,) = gather(begin.made.study, key).readings
    assert len(told.seal) == 12
    assert told.seal in window.text.text.text()


def test_what_is_wrong_is_told_in_a_window(qtbot, begin, monkeypatch):
    from napari_tumor_synth.widgets.reading import start

    begin()
    told = []
    monkeypatch.setattr(
        "qtpy.QtWidgets.QMessageBox.critical", lambda parent, title, text: told.append(text)
    )
    monkeypatch.setattr(sys, "stderr", None)
    assert start.main([str(begin.made.study.folder), "--reader", "R1", "--tell"]) == 2
    assert "already reading in another window" in told[0]


def test_pairs_stand_side_by_side(qtbot, begin):
    window = begin(task="2afc", real=6, synthetic=6, repeat_spacing=1)
    to_scored_cases(qtbot, window)
    step = window.reading.step
    left, right = (window.reading.study.image(token) for token in step.presentation.images)
    assert np.array_equal(window.case.panes.images[0].data, left)
    assert np.array_equal(window.case.panes.images[1].data, right)
    panes = window.case.panes.panes
    x = {column: panes[column, "axial"].mapTo(window, panes[column, "axial"].pos()).x()
         for column in (0, 1)}  # fmt: skip
    assert x[0] < x[1]
    press(window, K.Key_6, K.Key_Return)
    on_screen(qtbot, window)
    rows = gather(begin.made.study, read_key_file(begin.made.key, begin.made.study.file)).rows
    assert rows[0].is_right == (rows[0].truth == "right")


def test_the_patients_right_is_on_the_left(qtbot, begin):
    window = begin()
    on_screen(qtbot, window)
    array = np.zeros((24, 24, 24), np.uint8)
    array[14:20, 14:20, 16:22] = 255  # superior, anterior, right
    window.case.panes.show_images([array])
    window.case.panes.crosshair.move_to((4.0 * 5, 4.0 * 5, 4.0 * 7))
    window.case.panes.fit()
    qtbot.wait(300)
    for plane in ("axial", "coronal", "sagittal"):
        picture = window.case.panes.panes[0, plane].screenshot()[..., 0].astype(float)
        rows, columns = (picture.sum(axis=1), picture.sum(axis=0))
        assert rows[: len(rows) // 2].sum() > rows[len(rows) // 2 :].sum()
        assert columns[: len(columns) // 2].sum() > columns[len(columns) // 2 :].sum(), plane


def test_nothing_in_the_window_gives_a_case_away(qtbot, begin):
    window = begin()
    key = read_key_file(begin.made.key, begin.made.study.file)
    to_scored_cases(qtbot, window)
    secrets = {one.case for one in key.images.values()} | {"vqgan", *key.images}
    secrets |= {one.source_sha256 for one in key.images.values()}
    for widget in [window, *window.findChildren(QWidget)]:
        assert not widget.acceptDrops()
        assert widget.toolTip() == ""
        words = [widget.objectName(), widget.accessibleName(), widget.windowTitle()]
        words += [widget.text()] if isinstance(widget, QLabel) else []
        assert not [word for word in words for secret in secrets if secret in word]
    kinds = {type(widget).__name__ for widget in window.findChildren(QWidget)}
    assert not kinds & {"QtLayerList", "QtConsole", "QtViewerButtons", "QMenuBar", "QStatusBar"}
    for image in window.case.panes.images:
        assert (image.name, image.metadata, image.source.path) == ("case", {}, None)
    for pane in window.case.panes.panes.values():
        assert not pane.model.tooltip.visible
        assert pane.overlay.content.text == "13 of 24"  # as of every case at first
    from napari.viewer import current_viewer

    assert current_viewer() is None


def test_keys_of_napari_do_nothing(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    panes = window.case.panes.panes
    for key in (K.Key_Y, K.Key_G, K.Key_T, K.Key_E, K.Key_Delete, K.Key_Backspace):
        for modifier in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier):
            press(window, key, modifier=modifier)
    assert all(pane.model.dims.ndisplay == 2 for pane in panes.values())
    assert all(len(pane.model.layers) == 1 for pane in panes.values())
    assert window.reading.phase == "case"


def test_a_full_disk_is_told_and_nothing_is_lost(qtbot, begin, monkeypatch):
    window = begin()
    to_scored_cases(qtbot, window)
    log, step = window.reading.log, window.reading.step

    def full(*args, **kwargs):
        raise OutputError("Cannot write the reading log: no space left.", "Free space.")

    with monkeypatch.context() as patched:
        patched.setattr(log, "append", full)
        press(window, K.Key_2)
        assert "no space left" in window.case.answers._told.text()
        assert window.reading.draft.rating is None
        press(window, K.Key_Return)
        assert window.reading.step is step
    press(window, K.Key_2, K.Key_Return)
    assert window.reading.step is not step
    on_screen(qtbot, window)


def test_3d_is_shown_on_demand_and_unmirrored(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    press(window, K.Key_D)
    (view,) = window.case._views
    qtbot.waitUntil(view.isVisible)
    assert view.model.dims.ndisplay == 3
    assert tuple(str(one) for one in view.model.scene.camera.orientation) == ("away", "up", "left")
    press(window, K.Key_D)
    assert window.case._views == []
    assert [event["on"] for event in events_of(window, "view_3d")] == [True, False]
    window.close()
    again = begin()
    on_screen(qtbot, again)


def test_slices_are_counted_and_the_crosshair_can_be_left_out(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    panes = window.case.panes.panes
    axial = panes[0, "axial"].overlay.content
    assert axial.text == "13 of 24"
    press(window, K.Key_Up)
    assert axial.text == "14 of 24"
    assert panes[0, "coronal"].overlay.content.text == "13 of 24"
    press(window, K.Key_X)
    assert not any(pane.overlay.content.shows_crosshair for pane in panes.values())
    press(window, K.Key_X)
    assert axial.shows_crosshair


def test_without_permission_there_is_no_3d(qtbot, begin):
    window = begin(allow_3d=False)
    to_scored_cases(qtbot, window)
    press(window, K.Key_D)
    assert window.case._views == []


def test_an_altered_copy_is_not_shown_until_it_is_whole_again(qtbot, begin):
    window = begin()
    to_scored_cases(qtbot, window)
    steps = window.reading.steps
    later = steps[steps.index(window.reading.step) + 2]
    path = begin.made.study.folder / "images" / f"{later.presentation.images[0]}.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"\x01")
    press(window, K.Key_2, K.Key_Return)
    on_screen(qtbot, window)
    press(window, K.Key_2, K.Key_Return)
    qtbot.waitUntil(lambda: "is not the display copy" in window.text.text.text())
    assert window.reading.step is later
    assert not window.case.isVisible()
    press(window, K.Key_2, K.Key_Return)
    assert window.reading.step is later
    assert not window.case.isVisible()
    path.write_bytes(whole)
    press(window, K.Key_Return)
    on_screen(qtbot, window)
    assert window.case.isVisible()


KEYS = (
    *[K.Key_1, K.Key_3, K.Key_6, K.Key_Return, K.Key_Return, K.Key_Return] * 3,
    K.Key_Up, K.Key_PageDown, K.Key_Right, K.Key_Space, K.Key_F2, K.Key_R, K.Key_V, K.Key_X,
    K.Key_P, K.Key_C, K.Key_N, K.Key_Backspace, K.Key_Escape, K.Key_Tab, K.Key_A, K.Key_Delete,
)  # fmt: skip


def same_as_its_log(reading):
    """Follow the log from the beginning, as a program does that was started anew."""
    state = ReadingState(reading.reader, reading.steps)
    for event in reading.log.events:
        state.follow(event)
    assert state.step is reading.step
    assert (state.phase, state.draft, state.paused) == (
        reading.phase, reading.draft, reading.is_paused
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_random_use(qtbot, begin, seed):
    """Whatever is pressed and clicked, answers belong to the case that is on screen."""
    chance = random.Random(seed)
    task = ("single", "2afc")[seed % 2]
    window = begin(
        task=task, allow_back=True, time_limit_s=(None, 2)[seed // 2], repeats=0.0,
    )  # fmt: skip
    opened = 1
    for _ in range(250):
        if window.reading.phase == "finished":
            break
        doing = chance.random()
        if doing < 0.02 and opened < 4:
            window.close()
            window, opened = begin(), opened + 1
        elif doing < 0.1:
            answers = window.case.answers
            chance.choice([*answers.degrees.values(), *answers.reasons.values(), answers.unable,
                           answers.confirm, window.text.button]).click()  # fmt: skip
        elif doing < 0.6:
            qtbot.wait(chance.choice((1, 20, 60)))
        else:
            alt = chance.random() < 0.05
            modifier = Qt.KeyboardModifier.AltModifier if alt else Qt.KeyboardModifier.NoModifier
            press(window, chance.choice(KEYS), modifier=modifier)
        same_as_its_log(window.reading)
        if window.reading.step is not None and window.is_on_screen(window.reading.step):
            on_screen(qtbot, window)
    if window.isVisible():
        window.close()
    tokens, events = None, read_log(*log_of(begin.made.study))
    assert sum(event["event"] == "case_done" for event in events) >= 4
    for event in events:
        if event["event"] == "case_shown":
            tokens = event["token"]
        elif event["event"] in ("answer", "answer_revised", "case_done", "comment", "slice"):
            assert event["token"] == tokens


def log_of(study):
    return study.readings / "R1.jsonl", beginning_of(study.file.sha256, "R1")


def run_reader(made, reader, skill, kill_after):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, READER, made.study.folder, made.key, reader, str(skill)]
    return subprocess.run(
        [str(part) for part in (*command, kill_after)],
        capture_output=True, text=True, env=environment, check=False, timeout=400,
    )  # fmt: skip


@pytest.mark.slow
def test_a_whole_study_is_read_killed_resumed_and_reported(tmp_path):
    """Three scripted readers, 120 cases each, through the real window by its keys."""
    made = made_up_study(
        tmp_path, readers=("A", "B", "C"), real=52, synthetic=52, training=4, repeats=0.15,
        block_size=30, repeat_spacing=10,
    )  # fmt: skip
    cases = len(made.study.file.readers[0].presentations)
    assert cases == 120
    for reader, skill, kills in (
        ("A", 0.0, (41, 120)),
        ("B", 1.5, (3, 1, 185)),
        ("C", 3.0, (298,)),
    ):
        for kill_after in (*kills, 0):
            told = run_reader(made, reader, skill, kill_after)
            assert (told.returncode == 0) == (kill_after == 0), told.stderr
        assert told.stdout.endswith("finished\n")
    found = report_on_study(made.study.folder, made.key, tmp_path / "report")
    readings = {one["reader"]: one for one in found.data["readings"]}
    assert {name: one["sessions"] for name, one in readings.items()} == {"A": 3, "B": 4, "C": 2}
    assert all(one["judged"] == cases for one in readings.values())
    seen = {one["reader"]: one["detection"] for one in found.data["readers"]}
    for reader, skill in (("A", 0.0), ("B", 1.5), ("C", 3.0)):
        assert seen[reader]["low"] - 0.3 <= skill <= seen[reader]["high"] + 0.3


def test_the_reading_program_refuses_what_it_cannot_open(tmp_path):
    command = [sys.executable, "-m", "napari_tumor_synth.widgets.reading.start"]
    told = subprocess.run(
        [*command, str(tmp_path), "--reader", "R1"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 2
    assert "There is no study" in told.stderr
    assert "Traceback" not in told.stderr
    assert QApplication.instance() is None or QApplication.activeWindow() is None
