"""Hands what is answered to the reading, and shows what the reading took."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

if TYPE_CHECKING:
    from napari_tumor_synth.study.reading import Reading
    from napari_tumor_synth.widgets.reading.answer_bar import AnswerBar


class AnswerTaker(QObject):
    """Takes ratings, reasons, comments, and that a case cannot be judged.

    Parameters
    ----------
    reading : Reading
    answers : AnswerBar
    is_on_screen : callable
        Whether the case at hand is; else nothing is taken.
    guarded : callable
        Does something that may fail, and tells the reader if it does.
    """

    def __init__(
        self,
        reading: Reading,
        answers: AnswerBar,
        is_on_screen: Callable[[], bool],
        guarded: Callable[[Callable[[], None]], object],
    ) -> None:
        super().__init__(answers)
        self._reading, self._answers = reading, answers
        self._is_on_screen, self._guarded = is_on_screen, guarded
        answers.rated.connect(self.rate)
        answers.reasons_given.connect(lambda given: self._take(lambda: reading.give_reasons(given)))
        answers.commented.connect(lambda text: self._take(lambda: reading.comment(text)))
        answers.cannot_judge.connect(lambda why: self._take(lambda: reading.cannot_judge(why)))

    def rate(self, degree: int) -> None:
        """Take a rating; a case that is rated can be judged."""
        self._answers.ask_no_more()
        self._take(lambda: self._reading.rate(degree))

    def _take(self, act: Callable[[], None]) -> None:
        if self._is_on_screen() and self._reading.phase in ("training", "case"):
            before = self._reading.draft
            self._guarded(act)
            if self._reading.draft != before:
                self._answers.show_draft(self._reading.draft)
            else:
                self._answers.tick_as(before)
