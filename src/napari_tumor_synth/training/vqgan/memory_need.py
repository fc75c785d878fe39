"""What a 3D-VQGAN training will hold on its device, stage by stage, before it starts.

Each stage's step is imitated on tensors without content (`memory_trace`): forward pass, losses,
backward pass, discriminator and optimisers. The numbers are those of torch's allocator; fragments
and workspaces come on top (`memory_estimate`).
"""

import math
from collections.abc import Iterable, Sequence

import torch

from napari_tumor_synth.networks.vqgan_settings import Grid
from napari_tumor_synth.training.memory.estimate import MemoryNeed, Moment
from napari_tumor_synth.training.memory.trace import WithoutContent, moments_of
from napari_tumor_synth.training.vqgan.memory_steps import (
    AutoencoderImitation,
    Conditions,
    DeviceType,
    TransformerImitation,
)
from napari_tumor_synth.training.vqgan.module import AutoencoderModule
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.stage_settings import AutoencoderTraining, Phase

__all__ = ["DeviceType", "memory_needs"]


def memory_needs(
    recipe: VqganRecipe,
    classes: int,
    *,
    checkpointed: bool = False,
    ema: bool = False,
    device: DeviceType = "cpu",
    shared: bool = False,
) -> list[MemoryNeed]:
    """Return what the stages of a recipe hold, each size of patch by itself.

    All that the first stage holds stays while the decoder learns on, and counts there too; while
    the transformer learns, there is only what they have learnt.

    Parameters
    ----------
    recipe : VqganRecipe
        What would be trained; its precision counts.
    classes : int
        Classes of the data.
    checkpointed : bool
        Activations are computed again in the backward pass.
    ema : bool
        Averages of the weights are kept.
    device : {"cpu", "cuda"}
        They differ in what mixed precision leaves in float32 and in how optimisers work.
    shared : bool
        Several devices work together, each with a second copy of the gradients to exchange.

    Raises
    ------
    InputError
        The perceptual backbone's weights cannot be read.
    """
    low_precision = recipe.precision != "32-true"
    conditions = Conditions(low_precision, device, checkpointed, ema, shared)
    first = _autoencoder_needs(recipe, classes, recipe.autoencoder_training, conditions)
    learnt = _autoencoder_bytes(recipe, classes) * (1 + ema)
    later: list[MemoryNeed] = []
    if recipe.decoder_training is not None:
        later = _autoencoder_needs(
            recipe, classes, recipe.decoder_training, conditions, decoder_only=True
        )
    stages = 2 if later else 1
    return [
        *first,
        *(need.beside(first[0].fixed_bytes) for need in later),
        _transformer_need(recipe, conditions).beside(stages * learnt),
    ]


def _autoencoder_bytes(recipe: VqganRecipe, classes: int) -> int:
    with torch.device("meta"):
        state = AutoencoderModule(recipe, max(2, classes)).state_dict()
    return sum(value.numel() * value.element_size() for value in state.values())


def _autoencoder_needs(
    recipe: VqganRecipe,
    classes: int,
    training: AutoencoderTraining,
    conditions: Conditions,
    *,
    decoder_only: bool = False,
) -> list[MemoryNeed]:
    largest = max(training.phases, key=lambda phase: _voxels(recipe, phase))
    batch = max(phase.batch for phase in training.phases)
    with WithoutContent() as held:
        imitation = AutoencoderImitation(
            recipe, classes, training, conditions, decoder_only=decoder_only
        )
        fixed = held.fixed
        moments = moments_of(imitation.stepper(_edges(recipe, largest)), held, batch)
    whole = _voxels(recipe, largest)

    def scaled(phase: Phase) -> tuple[Moment, ...]:
        voxels = _voxels(recipe, phase)
        # a step's images, and what became of them, stay until all its micro-batches are through
        batch_bytes = 2 * 4 * phase.batch * len(recipe.sequences) * voxels
        return tuple(moment.smaller(voxels / whole).beside(batch_bytes) for moment in moments)

    return [
        MemoryNeed(
            "decoder" if decoder_only else "autoencoder",
            "whole ROIs" if phase.crop is None else f"patches of {phase.crop} voxels",
            phase.batch,
            fixed,
            scaled(phase),
        )
        for phase in _largest_batches(training.phases)
    ]


def _voxels(recipe: VqganRecipe, phase: Phase) -> int:
    return math.prod(_edges(recipe, phase))


def _edges(recipe: VqganRecipe, phase: Phase) -> Grid:
    s, a, r = (min(edge, phase.crop or edge) for edge in recipe.size)
    return s, a, r


def _transformer_need(recipe: VqganRecipe, conditions: Conditions) -> MemoryNeed:
    batch = max(phase.batch for phase in recipe.token_training.phases)
    with WithoutContent() as held:
        imitation = TransformerImitation(recipe, conditions)
        fixed = held.fixed
        moments = moments_of(imitation.step, held, batch)
    return MemoryNeed("transformer", "whole ROIs", batch, fixed, moments)


def _largest_batches(phases: Sequence[Phase]) -> Iterable[Phase]:
    by_size: dict[int | None, Phase] = {}
    for phase in phases:
        if phase.crop not in by_size or by_size[phase.crop].batch < phase.batch:
            by_size[phase.crop] = phase
    return by_size.values()
