"""The training loop: steps, curves, states, and stopping at any time.

A stage is a pure function of its state and the number of the step: what is random in a step is
drawn from a generator seeded by (seed, stage, step). A run that is stopped and resumed therefore
takes the same steps as one that was not.
"""

import math
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.progress import Cancelled, OnProgress, Progress, ignore_progress
from napari_tumor_synth.training.run_folder import RunFolder


class Stage(Protocol):
    """One part of a training that the engine can drive."""

    name: str
    total_steps: int

    def step(self, index: int) -> Mapping[str, float]:
        """Take step `index` (from 0) and return its figures; a skipped step reports ``skipped``."""

    def review(self, index: int) -> Mapping[str, float]:
        """Measure on held-out data after `index` steps, and draw what there is to look at."""

    def state(self) -> dict[str, Any]:
        """Return all that the next steps depend on."""

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""


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


class TimeIsUp(Exception):  # noqa: N818 - not a failure
    """The run used the time it was given; its state is saved."""


def step_generator(seed: int, stage: str, index: int) -> torch.Generator:
    """Return the random numbers of one step, independent of all others."""
    label = [ord(character) for character in stage]
    state = np.random.SeedSequence([seed, index, *label]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 32 | int(state[1]))


def run_stage(
    stage: Stage,
    folder: RunFolder,
    settings: EngineSettings,
    on_progress: OnProgress = ignore_progress,
) -> Mapping[str, float]:
    """Take a stage to its end, from the newest state of the folder; return its last review.

    Raises
    ------
    Cancelled
        `on_progress` asked to stop; the state is saved. So it is on KeyboardInterrupt, except in
        the middle of a step, which leaves the state saved before.
    TimeIsUp
        The deadline has passed; the state is saved.
    TrainingError
        Losses stay non-finite.
    OutputError
        The folder cannot be written; the newest whole state remains.
    """
    start = _go_back(stage, folder)
    last_saved = time.monotonic()
    pending: dict[str, list[float]] = defaultdict(list)
    review: Mapping[str, float] = {}
    skipped = 0
    done, within_step = start, False
    try:
        for index in range(start, stage.total_steps):
            within_step = True
            figures = stage.step(index)
            done, within_step = index + 1, False
            skipped = _count_skipped(figures, skipped, settings.max_skipped, done)
            for name, value in figures.items():
                pending[name].append(value)
            if done % settings.curve_steps == 0 or done == stage.total_steps:
                _write_means(folder, stage.name, done, pending)
            if done % settings.review_steps == 0 or done == stage.total_steps:
                review = stage.review(done)
                folder.append_curves(stage.name, done, review)
            now = time.monotonic()
            if now - last_saved > 60 * settings.save_minutes:
                folder.save_state(stage.name, done, stage.state())
                last_saved = now
            message = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
            on_progress(Progress(done, stage.total_steps, f"{stage.name}: {message}"))
            if now > settings.deadline and done < stage.total_steps:
                raise TimeIsUp
    except (Cancelled, TimeIsUp, KeyboardInterrupt):
        if not within_step:  # weights of half a step would not be those of any step
            folder.save_state(stage.name, done, stage.state())
        raise
    folder.save_state(stage.name, done, stage.state())
    return review


def _go_back(stage: Stage, folder: RunFolder) -> int:
    latest = folder.latest_state(stage.name)
    if latest is None:
        return 0
    step, state = latest
    stage.load_state(state)
    return step


def _count_skipped(figures: Mapping[str, float], before: int, limit: int, step: int) -> int:
    if not figures.get("skipped"):
        return 0
    if before + 1 > limit:
        raise TrainingError(
            f"The losses were not finite for {limit} steps up to step {step}.",
            "Start a new run with a smaller learning rate or with precision 32-true.",
        )
    return before + 1


def _write_means(folder: RunFolder, stage: str, step: int, pending: dict[str, list[float]]) -> None:
    means = {name: float(np.mean(values)) for name, values in pending.items()}
    folder.append_curves(stage, step, means)
    pending.clear()
