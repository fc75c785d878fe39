"""The reading window: shows cases, takes answers, and writes everything down."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.study.scale import RATINGS
from napari_tumor_synth.widgets.reading import pages
from napari_tumor_synth.widgets.reading.answer_taker import AnswerTaker
from napari_tumor_synth.widgets.reading.case_images import CaseImages
from napari_tumor_synth.widgets.reading.case_page import CasePage
from napari_tumor_synth.widgets.reading.look import STYLE
from napari_tumor_synth.widgets.reading.note_taker import NoteTaker
from napari_tumor_synth.widgets.reading.reading_keys import LEAVE_TEXT, KeysOfWindow

if TYPE_CHECKING:
    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QCloseEvent

    from napari_tumor_synth.study.reading import Reading
    from napari_tumor_synth.study.steps import Step

_T = TypeVar("_T")


class ReadingWindow(QWidget):
    """A window for one reader and one study; it knows nothing of the truth.

    Parameters
    ----------
    reading : Reading
        Open; the window closes it.
    """

    on_screen = Signal()  # a case is painted in all planes

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading
        design = reading.study.file.design
        self._labels = RATINGS[design.task]
        self.setWindowTitle(design.title)
        self.setAcceptDrops(False)
        self.setStyleSheet(STYLE)
        self._images = CaseImages(reading.study)
        self._visible = False
        self._shown: Step | None = None
        self.case = CasePage(reading.study.file)
        self.consent = pages.ConsentPage(
            design.title, pages.information_text(design), design.prevalence or "", design.consent
        )
        self.text = pages.TextPage("Go on (Enter)")
        self._stack = QStackedWidget()
        for page in (self.consent, self.text, self.case):
            self._stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        self._connect()
        self._notes = NoteTaker(reading, self.case, lambda: self._visible, self._guarded)
        taker = AnswerTaker(reading, self.case.answers, lambda: self._visible, self._guarded)
        self._actions = self._make_actions()
        self._numbered: dict[str, Callable[[int], None]] = {
            "rate": taker.rate,
            "reason": self.case.answers.tick,
            "preset": self.case.panes.choose_preset,
        }
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._keys = KeysOfWindow(self, self.ask)
        QTimer.singleShot(0, self.advance)

    def is_on_screen(self, step: Step) -> bool:
        """Whether this case can be seen and answered."""
        return self._visible and self._shown is step and self.reading.step is step

    def advance(self) -> None:
        """Show what the reading is at."""
        phase, step = self.reading.phase, self.reading.step
        if phase == "consent":
            self._stack.setCurrentWidget(self.consent)
        elif phase == "finished":
            self._say(pages.end_text(self.reading.done, self.reading.seal), "")
        elif phase == "break":
            assert step is not None
            told = pages.break_text(step.place, self.reading.total, after_training=step.block < 0)
            self._say(told, "Go on (Enter)")
            self._preload()
        elif phase == "feedback":
            assert step is not None
            if self._stack.currentWidget() is not self.case:  # opened again
                self._show(step)
            self.case.unhide_case()  # the time may be up, and one may look again
            said = pages.said(self.reading.draft.rating, self._labels)
            self.case.answers.tell(pages.feedback_text(step.truth, said))
            self._preload()
        elif step is not None:
            self._show(step)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Write down that the reader left; the reading goes on at the same case."""
        self.case.answers.tell_text()
        self._keys.end()
        self._notes.end()
        self._guarded(self.reading.close)
        self.case.close_page()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Pause when the window is put away."""
        super().changeEvent(event)
        if self.isMinimized() and self._visible:
            self._pause()

    def ask(self, action: str) -> bool:
        """Do what a key asks for; False on the first page, whose keys are Qt's own."""
        page = self._stack.currentWidget()
        if page is self.consent:
            return False
        goes_on = page is self.text or self.reading.phase == "feedback"
        name, _, number = action.partition(" ")
        if goes_on and action == "confirm":
            self._guarded(self._go_on)
        elif page is self.text or not (self._visible or self.reading.phase == "feedback"):
            pass  # no answer to a case that is not on screen yet
        elif name in self._numbered:
            self._numbered[name](int(number))
        elif action in self._actions:
            self._actions[action]()
        return True

    def _connect(self) -> None:
        self.case.answers.confirmed.connect(self._confirm)
        self.case.panes.painted.connect(self._on_painted)
        self.consent.agreed.connect(self._agree)
        self.text.go_on.connect(lambda: self._guarded(self._go_on))

    def _make_actions(self) -> dict[str, Callable[[], object]]:
        return {
            **self.case.actions(),
            "confirm": self._confirm,
            "pause": self._pause,
            "comment": self.case.answers.text.setFocus,
            LEAVE_TEXT: self.case.answers.leave_text,
            "cannot judge": self.case.answers.ask_why_not,
            "back": self._back,
        }

    def _show(self, step: Step) -> None:
        self._visible = False
        self._notes.begin_case()
        self._stack.setCurrentWidget(self.case)
        training = step.kind == "training"
        count = len(self.reading.study.file.training) if training else self.reading.total
        progress = f"{step.place + 1} of {count}" + (" (to learn the task)" if training else "")
        self.case.answers.begin(self.reading.draft)
        assert step.presentation is not None
        try:
            images = self._images.of(step.presentation)
        except TumorSynthError as error:
            self._cannot_show(error)
            return
        self.case.show_case(images, progress, hidden=self._time_left() <= 0)
        self.setFocus()

    def _cannot_show(self, error: TumorSynthError) -> None:
        self.case.hide_case()
        self._say(f"{error}\n\nAll answers so far are saved.", "Try again (Enter)")

    def _time_left(self) -> float:
        """Return the seconds for which the case at hand may still be seen."""
        limit = self.reading.study.file.design.time_limit_s
        return inf if limit is None else max(limit - self.reading.seconds_shown, 0.0)

    def _start_clock(self) -> None:
        left = self._time_left()
        if left <= 0:
            self.case.hide_case()
        elif left < inf:
            self.case.time_left.start(left)

    def _on_painted(self) -> None:
        if self._visible or self.reading.phase not in ("training", "case"):
            return

        try:
            self.reading.shown(slices=dict(self.case.panes.indices))
        except TumorSynthError as error:
            self._cannot_show(error)
            return
        self._visible, self._shown = True, self.reading.step
        self._start_clock()
        self.on_screen.emit()
        QTimer.singleShot(0, self._preload)

    def _preload(self) -> None:
        following = self.reading.next_step
        if following is not None and following.presentation is not None:
            self._images.preload(following.presentation)

    def _agree(self, about: dict[str, str]) -> None:
        self._guarded(lambda: self.reading.agree(**about))
        self.advance()

    def _go_on(self) -> None:
        if self.reading.is_paused:
            self.reading.go_on()
            self._stack.setCurrentWidget(self.case)
            self.case.unhide_case()
            self._visible = True
            self._start_clock()
            return
        if self.reading.phase == "finished":
            self.close()
            return
        if self.reading.phase == "feedback":
            self.reading.end_feedback()
        elif self.reading.phase == "break":
            self.reading.end_break()
        self.advance()

    def _confirm(self) -> None:
        if self.reading.phase == "feedback":
            self._guarded(self._go_on)
            return
        if not self._visible:
            return
        self.case.answers.tell_text()
        if not self.reading.draft.is_answer:
            return
        before = self.reading.step, self.reading.phase
        self._guarded(self.reading.confirm)
        if (self.reading.step, self.reading.phase) != before:
            self.case.time_left.stop()
            self.advance()

    def _back(self) -> None:
        if self.reading.may_go_back:
            self.case.answers.tell_text()
            self._guarded(self.reading.back)
            self.case.time_left.stop()
            self.advance()

    def _pause(self) -> None:
        if self.reading.phase == "feedback":
            return
        self.case.answers.tell_text()
        self._guarded(self.reading.pause)
        if not self.reading.is_paused:
            return
        self.case.time_left.stop()
        self.case.hide_case()
        self._say("Paused. The case is hidden, and its time stands still.", "Go on (Enter)")

    def _say(self, text: str, button: str) -> None:
        self._visible = False
        self.text.say(text)
        self.text.button.setText(button or "Close (Enter)")
        self._stack.setCurrentWidget(self.text)
        self.setFocus()

    def _guarded(self, act: Callable[[], _T]) -> _T | None:
        """Do something; if it cannot be done, say why and keep what there is."""
        page = self._stack.currentWidget()
        try:
            return act()
        except TumorSynthError as error:
            warn = self.case.answers.tell if page is self.case else page.warn
            warn(str(error))
            return None
