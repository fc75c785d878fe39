"""Where a reading is: what its events say, one after the other."""

from dataclasses import dataclass, replace
from typing import Literal

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.study.case_clock import CaseClock
from napari_tumor_synth.study.event_chain import Event
from napari_tumor_synth.study.steps import Step

Phase = Literal["consent", "training", "feedback", "case", "break", "finished"]


@dataclass(frozen=True, slots=True)
class Draft:
    """What is answered of the case on screen, before it is confirmed.

    Attributes
    ----------
    rating : int or None
        1 to 6.
    reasons : tuple of str
        Of `scale.REASONS`.
    comment : str
    cannot_judge : str
        Why not; empty if it can be judged.
    """

    rating: int | None = None
    reasons: tuple[str, ...] = ()
    comment: str = ""
    cannot_judge: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether it can be confirmed."""
        return self.rating is not None or bool(self.cannot_judge)


class ReadingState:
    """Follows events, whether they are new or read from a log.

    Parameters
    ----------
    reader : str
    steps : tuple of Step
        Of this reader, in order.
    """

    def __init__(self, reader: str, steps: tuple[Step, ...]) -> None:
        self.reader, self.steps = reader, steps
        self.at = 0
        self.paused = False
        self.draft = Draft()
        self.answers: dict[int, Draft] = {}  # by step
        self.clock = CaseClock()
        self._unconfirmed: dict[int, Draft] = {}
        self._agreed = self._feedback = False

    @property
    def phase(self) -> Phase:
        """What the reader is to do now."""
        if not self._agreed:
            return "consent"
        if self.at >= len(self.steps):
            return "finished"
        if self._feedback:
            return "feedback"
        return self.steps[self.at].kind

    @property
    def step(self) -> Step | None:
        """The step that the reader is at; None when all is done."""
        return self.steps[self.at] if self.at < len(self.steps) else None

    @property
    def token(self) -> str | None:
        """Of the case that the reader is at; None in a break and when all is done."""
        shown = None if self.step is None else self.step.presentation
        return None if shown is None else shown.token

    def follow(self, event: Event) -> None:
        """Change as an event says.

        Raises
        ------
        StudyError
            It tells of another case than the next one.
        """
        name = event["event"]
        if "token" in event and event["token"] != self.token:
            raise StudyError(
                f"The reading log of {self.reader} tells of a case that is not the next one "
                f"(event {event['n']}).",
                "Keep each log under the reader's code in the folder of its own study.",
            )
        self.clock.follow(event)
        if name == "agreed":
            self._agreed = True
        elif name in ("answer", "answer_revised"):
            self.draft = replace(self.draft, rating=event["rating"], cannot_judge="")
        elif name == "cannot_judge":
            self.draft = replace(self.draft, rating=None, cannot_judge=event["why"])
        elif name == "reasons":
            self.draft = replace(self.draft, reasons=tuple(event["reasons"]))
        elif name == "comment":
            self.draft = replace(self.draft, comment=event["text"])
        elif name in ("paused", "continued", "resumed"):
            self.paused = name == "paused"
        elif name == "case_done":
            self.answers[self.at] = self.draft
            self._feedback = self.steps[self.at].kind == "training"
            if not self._feedback:
                self._move(1)
        elif name in ("feedback_seen", "break_over"):
            self._feedback = False
            self._move(1)
        elif name == "went_back":
            self._unconfirmed[self.at] = self.draft
            self._move(-1)

    def _move(self, by: int) -> None:
        self.at += by
        self.draft = self.answers.get(self.at) or self._unconfirmed.get(self.at, Draft())
