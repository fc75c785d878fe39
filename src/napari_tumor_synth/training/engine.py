"""The training loop: steps, curves, states, alarms, and stopping at any time.

A stage is a pure function of its state and the number of the step: what is random in a step is
drawn from a generator seeded by (seed, stage, step). A run that is stopped and resumed therefore
takes the same steps as one that was not, and leaves the same curves.
"""

import math
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.progress import Cancelled, OnProgress, Progress, ignore_progress
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.stopping import StopAsked, TimeIsUp, meet, tell_all, watched
from napari_tumor_synth.training.stage import Stage, StepOutcome

_OWN = "engine"  # what the engine adds to a stage's state
_TIMED_STEPS = 500


@dataclass(frozen=True)
class EngineSettings:
    """When to save, to look and to stop.

    Attributes
    ----------
    save_minutes : float
        Time between saved states.
    review_steps : int
        Steps between reviews.
    curve_steps : int
        Steps whose mean figures make one point of a curve.
    deadline : float
        Value of `time.monotonic` after which the run saves its state and stops, to be resumed.
    max_skipped : int
        Steps in a row that may be skipped because a loss was not finite.
    """

    save_minutes: float = 10.0
    review_steps: int = 500
    curve_steps: int = 20
    deadline: float = math.inf
    max_skipped: int = 20


def run_stage(
    stage: Stage,
    folder: RunFolder,
    settings: EngineSettings,
    on_progress: OnProgress = ignore_progress,
) -> Mapping[str, float]:
    """Take a stage to its end, from the newest state of the folder; return its last review.

    Raises
    ------
    Cancelled, StopAsked
        `on_progress`, or a file in the folder, asked to stop; the state is saved. So it is on
        KeyboardInterrupt, except in the middle of a step, which leaves the state saved before.
    TimeIsUp
        The deadline has passed; the state is saved.
    TrainingError
        Losses stay non-finite.
    OutputError
        The folder cannot be written; the newest whole state remains.
    """
    loop = _Loop(stage, folder, settings, watched(folder, on_progress, settings.deadline))
    loop.go_back()
    try:
        while loop.done < stage.total_steps:
            loop.take_step()
    except (Cancelled, StopAsked, TimeIsUp):
        loop.save()
        meet()  # or the end of the others would end the process that still saves
        raise
    except KeyboardInterrupt:
        if not loop.within_step:  # weights of half a step would not be those of any step
            loop.save()
        raise
    loop.save()
    return loop.review


class _Loop:
    """A stage under way.

    What the curves need of steps since their last point is saved with each state, so that a
    resumed run leaves the same curves.
    """

    def __init__(
        self, stage: Stage, folder: RunFolder, settings: EngineSettings, on_progress: OnProgress
    ) -> None:
        self.stage, self.folder, self.settings = stage, folder, settings
        self.on_progress = on_progress
        self.done = 0
        self.within_step = False
        self.review: dict[str, float] = {}
        self._pending: dict[str, list[float]] = defaultdict(list)
        self._newest: dict[str, float] = {}
        self._skipped_in_a_row = 0
        self._saved_at = -1
        self._last_saved = time.monotonic()
        self._times: deque[float] = deque([time.monotonic()], maxlen=_TIMED_STEPS + 1)

    def go_back(self) -> None:
        """Begin where the newest state was left."""
        latest = self.folder.latest_state(self.stage.name)
        if latest is not None:
            self.done, state = latest
            self.stage.load_state(state)
            self._load_own(state.get(_OWN, {}))
            self._saved_at = self.done
        self.folder.cut_curves(self.stage.name, self.done)
        self.folder.reporter.begin_stage(self.stage.name, self.done, self.stage.total_steps)

    def take_step(self) -> None:
        """Take one step and do all that is due after it."""
        self.within_step = True
        outcome = self.stage.step(self.done)
        self.done += 1
        self._count_skipped(outcome)
        if outcome.remark:
            self.folder.reporter.log(f"{self.stage.name}: step {self.done}: {outcome.remark}")
        for name, value in outcome.figures.items():
            self._pending[name].append(value)
        if self._due(self.settings.curve_steps):
            self._write_means()
        if self._due(self.settings.review_steps):
            self._review()
        self.within_step = False
        if time.monotonic() - self._last_saved > 60 * self.settings.save_minutes:
            self.save()
        self._tell(outcome)

    def save(self) -> None:
        """Keep the state, unless it is kept already."""
        if self._saved_at != self.done:
            own = {
                "pending": dict(self._pending),
                "skipped": self._skipped_in_a_row,
                "review": self.review,
                "newest": self._newest,
            }
            state = {**self.stage.state(), _OWN: own}
            self.folder.save_state(self.stage.name, self.done, state)
            self._saved_at = self.done
        self._last_saved = time.monotonic()

    def _load_own(self, own: Mapping[str, Any]) -> None:
        self._pending.update(own.get("pending", {}))
        self._skipped_in_a_row = own.get("skipped", 0)
        self.review = own.get("review", {})
        self._newest.update(own.get("newest", {}))

    def _due(self, every: int) -> bool:
        return self.done % every == 0 or self.done == self.stage.total_steps

    def _count_skipped(self, outcome: StepOutcome) -> None:
        if not outcome.skipped:
            self._skipped_in_a_row = 0
            return
        self._skipped_in_a_row += 1
        self.folder.reporter.skip(self.stage.name, self.done, outcome.skipped)
        if self._skipped_in_a_row > self.settings.max_skipped:
            raise TrainingError(
                f"{self._skipped_in_a_row} steps in a row changed nothing because a loss or its "
                f"gradient was not finite; the last was step {self.done} of {self.stage.name}: "
                f"{outcome.skipped}.",
                "Start a new run with a smaller learning rate or with precision 32-true.",
            )

    def _write_means(self) -> None:
        means = {name: float(np.mean(values)) for name, values in self._pending.items()}
        self._pending.clear()
        self.folder.append_curves(self.stage.name, self.done, means)
        self._judge(means)

    def _review(self) -> None:
        self.review = {name: float(v) for name, v in self.stage.review(self.done).items()}
        self.folder.append_curves(self.stage.name, self.done, self.review)
        self.folder.reporter.review(self.stage.name, self.done, self.review)
        self._judge(self.review)

    def _judge(self, figures: Mapping[str, float]) -> None:
        """Look for what is wrong by the newest value of each figure."""
        self._newest.update(figures)
        self.folder.reporter.alarms(self.stage.alarms(self._newest))

    def _tell(self, outcome: StepOutcome) -> None:
        self._times.append(time.monotonic())
        seconds = (self._times[-1] - self._times[0]) / (len(self._times) - 1)
        self.folder.reporter.tell(
            figures={name: float(value) for name, value in outcome.figures.items()}
            or self.folder.reporter.status.figures,
            seconds_left=seconds * (self.stage.total_steps - self.done),
        )
        said = outcome.skipped or ", ".join(f"{n} {v:.3g}" for n, v in outcome.figures.items())
        message = f"{self.stage.name}: {said}"
        tell_all(self.on_progress, Progress(self.done, self.stage.total_steps, message))
