"""Learning rates and loss weights as plain functions of the step."""

import math
from collections.abc import Sequence

import torch

from napari_tumor_synth.training.vqgan.stage_settings import Phase


def cosine_rate(
    step: int, total: int, peak: float, *, final: float = 0.0, warm_up: int = 0
) -> float:
    """Return the learning rate at `step`: linear to `peak` in `warm_up` steps, then a cosine.

    Parameters
    ----------
    step, total : int
        Step from 0, and number of steps.
    peak, final : float
        Largest rate, and the rate after the last step.
    warm_up : int
        Steps of linear growth; the first step has ``peak / warm_up``.
    """
    if step < warm_up:
        return peak * (step + 1) / warm_up
    share = (step - warm_up) / max(1, total - warm_up)
    return final + (peak - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def constant_rate(step: int, peak: float, *, warm_up: int = 0) -> float:
    """Return `peak`, reached linearly in `warm_up` steps."""
    return peak * min(1.0, (step + 1) / warm_up) if warm_up else peak


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give all parameter groups one learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def phase_at(step: int, phases: Sequence[Phase], rois: int) -> tuple[int, int]:
    """Return the number of the phase that `step` lies in, and the step within it."""
    for number, phase in enumerate(phases):
        length = phase.step_count(rois)
        if step < length:
            return number, step
        step -= length
    raise IndexError("the step lies beyond the last phase")


def total_steps(phases: Sequence[Phase], rois: int) -> int:
    """Return the steps of all phases for a training set of `rois` ROIs."""
    return sum(phase.step_count(rois) for phase in phases)
