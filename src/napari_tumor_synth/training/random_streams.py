"""Random numbers of one step, independent of all other steps, stages and processes."""

import numpy as np
import torch
from lightning_fabric import Fabric


def step_generator(seed: int, stage: str, index: int) -> torch.Generator:
    """Return the random numbers of one step."""
    return _seeded([seed, index, *_label(stage)])


def item_generator(seed: int, stage: str, index: int, item: int) -> torch.Generator:
    """Return the random numbers of one ROI of a step, whichever process or part it is in.

    Parameters
    ----------
    seed : int
        Of the run.
    stage : str
        Name of the stage.
    index : int
        The step, from 0.
    item : int
        Place of the ROI in the step's whole batch.
    """
    return _seeded([seed, index, *_label(stage), 1 << 20, item])


def _label(stage: str) -> list[int]:
    return [ord(character) for character in stage]


def _seeded(entropy: list[int]) -> torch.Generator:
    state = np.random.SeedSequence(entropy).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 32 | int(state[1]))


def seed_dropout(random: torch.Generator, fabric: Fabric) -> None:
    """Seed what networks draw for themselves, such as dropout, in each process by itself."""
    seed = int(torch.randint(2**62, (), generator=random))
    torch.manual_seed(seed + fabric.global_rank)
