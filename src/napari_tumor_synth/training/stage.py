"""What one part of a training is to the engine that drives it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class StepOutcome:
    """What came of one step.

    Attributes
    ----------
    figures : mapping of str to float
        Losses and whatever else is worth a curve.
    skipped : str
        Why the step changed nothing, e.g. ``"the loss perceptual is nan"``; "" for a step taken.
    remark : str
        What else should be logged of a step that was taken.
    """

    figures: Mapping[str, float] = field(default_factory=dict)
    skipped: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Alarm:
    """Something that whoever trains should know, in words.

    Attributes
    ----------
    name : str
        Short and constant, e.g. ``"codebook collapse"``; docs/training.md has a section for it.
    sentence : str
        What was seen, with its figures.
    remedy : str
        What to do about it.
    """

    name: str
    sentence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}"


class Stage(Protocol):
    """One part of a training that the engine can drive."""

    name: str
    total_steps: int

    def step(self, index: int) -> StepOutcome:
        """Take step `index`, from 0."""

    def review(self, index: int) -> Mapping[str, float]:
        """Measure on held-out data after `index` steps, and draw what there is to look at."""

    def alarms(self, figures: Mapping[str, float]) -> Sequence[Alarm]:
        """Return what is wrong according to these figures: means of a few steps, or a review's."""

    def state(self) -> dict[str, Any]:
        """Return all that the next steps depend on."""

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
