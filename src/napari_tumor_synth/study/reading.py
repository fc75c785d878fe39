"""A reading as it goes on: where the reader is, what is answered, and what may be done now.

It knows no window. All that happens is an event of the reading log, and the state is what the
events say: a reading that was killed goes on where it was.
"""

from collections.abc import Sequence
from typing import Any

from napari_tumor_synth.errors import StudyError
from napari_tumor_synth.study.event_chain import beginning_of, seal_of
from napari_tumor_synth.study.reading_log import ReadingLog
from napari_tumor_synth.study.reading_state import Draft, Phase, ReadingState
from napari_tumor_synth.study.scale import RATINGS, REASONS
from napari_tumor_synth.study.steps import Step, steps_of
from napari_tumor_synth.study.study_file import Study

MOST_TEXT = 2000


def storable(text: str) -> str:
    """Return a text that a file can hold: of a broken clipboard, without halves of signs."""
    return text.encode("utf-8", "replace").decode()[:MOST_TEXT]


class Reading:
    """The reading of one reader.

    Parameters
    ----------
    study : Study
    reader : str
        One of the study's codes.
    log : ReadingLog
        Of this reader; see `open_reading`.

    Raises
    ------
    StudyError
        The log tells of other cases.
    """

    def __init__(self, study: Study, reader: str, log: ReadingLog) -> None:
        self.study, self.reader, self.log = study, reader, log
        self._state = ReadingState(reader, steps_of(study.file, reader))
        for event in log.events:
            self._state.follow(event)
        if log.events:
            self._log("resumed", step=self._state.at)
            self._seal_when_finished()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in order."""
        return self._state.steps

    @property
    def phase(self) -> Phase:
        """What the reader is to do now."""
        return self._state.phase

    @property
    def step(self) -> Step | None:
        """The step that the reader is at; None when all is done."""
        return self._state.step

    @property
    def next_step(self) -> Step | None:
        """The next step with something to show, to have it ready."""
        later = (step for step in self.steps[self._state.at + 1 :] if step.presentation)
        return next(later, None)

    @property
    def draft(self) -> Draft:
        """What is answered so far of the case on screen."""
        return self._state.draft

    @property
    def is_paused(self) -> bool:
        """Whether the case is hidden."""
        return self._state.paused

    @property
    def seconds_shown(self) -> float:
        """For how long the case at hand was on screen, until the last event, without pauses."""
        return self._state.clock.seconds.get(self._state.token or "", 0.0)

    @property
    def done(self) -> int:
        """Scored cases that are answered."""
        return sum(1 for at in self._state.answers if self.steps[at].kind == "case")

    @property
    def total(self) -> int:
        """Scored cases."""
        return sum(1 for step in self.steps if step.kind == "case")

    @property
    def seal(self) -> str:
        """A code of all that was logged until the last case was done; empty before.

        Who has it can see whether the log was changed since.
        """
        return seal_of(self.log.events)

    @property
    def may_go_back(self) -> bool:
        """Whether there is a case before this one in the same block that may be revised."""
        step, at = self.step, self._state.at
        if not self.study.file.design.allow_back or self.phase != "case" or not at:
            return False
        before = self.steps[at - 1]
        return step is not None and (before.kind, before.block) == ("case", step.block)

    def agree(self, **about: str) -> None:
        """Begin: the reader has read and agreed to what the study says.

        Parameters
        ----------
        **about
            Experience, specialty, display and conditions, as the reader says.
        """
        self._require("consent")
        self._log("agreed", about={name: storable(text) for name, text in about.items()})

    def shown(self, **how: Any) -> None:
        """Say that the case is on screen, in all planes."""
        self._require("training", "case")
        self._log("case_shown", token=self._token(), place=self._place(), **how)

    def note(self, event: str, **details: Any) -> None:
        """Say what the reader does with the pictures: slice, window, zoom, layout, first input."""
        self._require("training", "case")
        self._state.follow(self.log.append(event, durable=False, token=self._token(), **details))

    def rate(self, rating: int) -> None:
        """Answer; a later one before or after `confirm` is a revision, and both are kept."""
        self._require("training", "case")
        if rating not in RATINGS[self.study.file.design.task]:
            raise ValueError(f"no such rating: {rating}")
        revised = self.draft.is_answer
        self._log("answer_revised" if revised else "answer", token=self._token(), rating=rating)

    def give_reasons(self, reasons: Sequence[str]) -> None:
        """Say what the answer is put down to."""
        self._require("training", "case")
        if unknown := set(reasons) - set(REASONS):
            raise ValueError(f"no such reasons: {sorted(unknown)}")
        self._log("reasons", token=self._token(), reasons=list(reasons))

    def comment(self, text: str) -> None:
        """Say something about the case."""
        self._require("training", "case")
        self._log("comment", token=self._token(), text=storable(text))

    def cannot_judge(self, why: str) -> None:
        """Say that the case cannot be judged, and why."""
        self._require("training", "case")
        if not why.strip():
            raise StudyError("A case that cannot be judged needs a reason.", "Say what is wrong.")
        self._log("cannot_judge", token=self._token(), why=storable(why.strip()))

    def confirm(self) -> None:
        """Finish the case and go on; a training case shows its truth first."""
        self._require("training", "case")
        if not self.draft.is_answer:
            raise StudyError("The case has no answer yet.", "Rate it, or say why you cannot.")
        draft = self.draft
        self._log(
            "case_done", token=self._token(), place=self._place(), rating=draft.rating,
            reasons=list(draft.reasons), comment=draft.comment, cannot_judge=draft.cannot_judge,
        )  # fmt: skip
        self._seal_when_finished()

    def end_feedback(self) -> None:
        """Go on after the truth of a training case was shown."""
        self._require("feedback")
        self._log("feedback_seen")

    def end_break(self) -> None:
        """Begin the next block."""
        self._require("break")
        self._log("break_over")

    def back(self) -> None:
        """Go back to the case before, if the study allows it, to revise its answer."""
        if not self.may_go_back:
            raise ValueError("there is no way back")
        self._log("went_back")

    def save(self) -> None:
        """Force what was noted to the disk; all other events are forced at once."""
        self.log.save()

    def pause(self) -> None:
        """Hide the case."""
        if not self.is_paused and self.phase in ("training", "case"):
            self._log("paused")

    def go_on(self) -> None:
        """Show the case again."""
        if self.is_paused:
            self._log("continued")

    def close(self) -> None:
        """Let go of the log; a case on screen is paused first."""
        try:
            self.pause()
        finally:
            self.log.close()

    def _seal_when_finished(self) -> None:
        if self.phase == "finished" and not self.seal:
            self.log.append("finished", cases=self.done)

    def _log(self, event: str, **details: Any) -> None:
        self._state.follow(self.log.append(event, **details))

    def _token(self) -> str:
        token = self._state.token
        assert token is not None
        return token

    def _place(self) -> int:
        assert self.step is not None
        return self.step.place

    def _require(self, *phases: Phase) -> None:
        if self.phase not in phases:
            raise ValueError(f"{self.phase}, not {' or '.join(phases)}")


def open_reading(study: Study, reader: str) -> Reading:
    """Begin a reading, or go on with it.

    Raises
    ------
    StudyError
        The study has no such reader, another window has the reading, or its log is not sound.
    OutputError
        The log cannot be written.
    """
    study.file.plan_of(reader)
    beginning = beginning_of(study.file.sha256, reader)
    log = ReadingLog(study.log_of(reader), beginning)
    try:
        return Reading(study, reader, log)
    except BaseException:
        log.close()
        raise
