"""What a 3D-VQGAN training will hold on its device, stage by stage, before it starts.

Each stage's step is imitated on tensors without content (`memory_trace`): forward pass, losses,
backward pass, discriminator and optimisers. The numbers are those of torch's allocator; fragments
and workspaces come on top (`memory_estimate`).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_tumor_synth.networks.discriminator import PatchDiscriminator
from napari_tumor_synth.networks.recompute import set_recompute
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.training.adversarial_weight import AdversarialStrength
from napari_tumor_synth.training.losses import hinge_discriminator_loss
from napari_tumor_synth.training.memory_estimate import MemoryNeed, Moment
from napari_tumor_synth.training.memory_trace import WithoutContent, moments_of, widen_as_on_gpu
from napari_tumor_synth.training.perceptual import DrawnSlices, make_perceptual_loss
from napari_tumor_synth.training.vqgan_critic import Judgement
from napari_tumor_synth.training.vqgan_losses import AutoencoderLoss
from napari_tumor_synth.training.vqgan_module import AutoencoderModule, AutoencoderOutput
from napari_tumor_synth.training.vqgan_recipe import VqganRecipe
from napari_tumor_synth.training.vqgan_stage_settings import AutoencoderTraining, Phase

DeviceType = Literal["cpu", "cuda"]
_FULL = AdversarialStrength(critic_learns=True, adversarial=1.0, feature_matching=1.0)


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

    A stage's weights, gradients and moments stay while later ones learn, and count there too.

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
    conditions = _Conditions(low_precision, device, checkpointed, ema, shared)
    first = _autoencoder_needs(recipe, classes, recipe.autoencoder_training, conditions)
    held, needs = first[0].fixed_bytes, first
    if recipe.decoder_training is not None:
        later = _autoencoder_needs(
            recipe, classes, recipe.decoder_training, conditions, decoder_only=True
        )
        needs = [*needs, *(need.beside(held) for need in later)]
        held += later[0].fixed_bytes
    return [*needs, _transformer_need(recipe, conditions).beside(held)]


@dataclass(frozen=True)
class _Conditions:
    """Under which a stage is imitated."""

    low_precision: bool
    device: DeviceType
    checkpointed: bool
    ema: bool
    shared: bool

    def autocast(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.low_precision)

    def apply_to(self, network: nn.Module) -> None:
        set_recompute(network, self.checkpointed)
        if self.device == "cuda":
            widen_as_on_gpu(network)


class _Learner:
    """All that is held for a network between steps."""

    def __init__(self, network: nn.Module, conditions: _Conditions, *, ema: bool = False) -> None:
        self.conditions = conditions
        self.learnt = [weight for weight in network.parameters() if weight.requires_grad]
        for weight in self.learnt:  # kept from one micro-batch to the next
            weight.grad = torch.zeros_like(weight)
        copies = 2 + conditions.shared  # Adam's moments, and gradients in exchange
        self.kept = [torch.zeros_like(weight) for weight in self.learnt for _ in range(copies)]
        if ema:
            self.kept += [torch.zeros_like(value) for value in network.state_dict().values()]

    def update(self) -> None:
        """Hold what Adam needs for a moment: of all weights at once on a GPU."""
        largest = max(self.learnt, key=Tensor.numel)
        taken = self.learnt if self.conditions.device == "cuda" else [largest, largest]
        del [torch.empty_like(weight) for weight in taken][:]


class _Judge:
    """A discriminator, as `AutoencoderLoss` asks it, and its own step."""

    def __init__(self, network: PatchDiscriminator, conditions: _Conditions) -> None:
        self.network, self.conditions = network, conditions
        self.learner = _Learner(network, conditions)
        conditions.apply_to(network)

    def judge(self, fake: Tensor, real: Tensor) -> Judgement:
        self.network.requires_grad_(False)
        with self.conditions.autocast():
            judgement = Judgement(self.network(fake), self.network(real))
        self.network.requires_grad_(True)
        return judgement

    def learn(self, real: Tensor, fake: Tensor) -> None:
        with self.conditions.autocast():
            right, wrong = self.network(real)[-1], self.network(fake)[-1]
        hinge_discriminator_loss(right, wrong).backward()  # type: ignore[no-untyped-call]
        self.learner.update()


class _AutoencoderImitation:
    """The first stage, or that of the decoder alone, without content."""

    def __init__(
        self,
        recipe: VqganRecipe,
        classes: int,
        training: AutoencoderTraining,
        conditions: _Conditions,
        *,
        decoder_only: bool,
    ) -> None:
        self.recipe, self.conditions = recipe, conditions
        self.module = AutoencoderModule(recipe, max(2, classes))
        vqgan = self.module.vqgan
        if decoder_only:
            self.module.requires_grad_(False)
            vqgan.after.requires_grad_(True)
            vqgan.decoder.requires_grad_(True)
        self.learner = _Learner(self.module, conditions, ema=conditions.ema)
        conditions.apply_to(self.module)
        weights = training.losses
        judged = weights.adversarial > 0 or weights.feature_matching > 0
        self.judge: Any = None  # stands in for a Critic
        if recipe.discriminator is not None and judged:
            self.judge = _Judge(PatchDiscriminator(recipe.discriminator), conditions)
        choice = training.perceptual
        self.perceptual = make_perceptual_loss(
            choice.backbone if weights.perceptual else "none",
            choice.slices,
            choice.weights_file,
            choice.distance,
            planes=choice.planes,
            depths=choice.depths,
        )
        last: Any = vqgan.decoder[-1]
        self.loss = AutoencoderLoss(training, self.perceptual, self.judge, last.weight)

    def stepper(self, phase: Phase) -> Callable[[int], None]:
        """Return the step of a phase."""
        edges = [min(edge, phase.crop or edge) for edge in self.recipe.size]
        shape = (len(self.recipe.sequences), *edges)

        def step(size: int) -> None:
            images = torch.empty(size, *shape).to(memory_format=torch.channels_last_3d)
            fake = self._learn(images)
            if self.judge is not None:
                self.judge.learn(images, fake)

        return step

    def _learn(self, images: Tensor) -> Tensor:
        with self.conditions.autocast():
            output: AutoencoderOutput = self.module(images)
        size = len(images)
        classes = torch.zeros(size, dtype=torch.int64)
        terms = self.loss.terms(images, output, classes, _FULL, self._slices(size))
        terms["loss"].backward()  # type: ignore[no-untyped-call]
        self.learner.update()
        return output.reconstruction.detach()

    def _slices(self, size: int) -> DrawnSlices | None:
        """Choose slices: which ones does not matter here."""
        if self.perceptual is None:
            return None
        across, count = self.perceptual.across, self.perceptual.slices
        axes = tuple(across[number % len(across)] for number in range(count))
        return DrawnSlices(axes, torch.zeros(count, size, dtype=torch.int64))


def _autoencoder_needs(
    recipe: VqganRecipe,
    classes: int,
    training: AutoencoderTraining,
    conditions: _Conditions,
    *,
    decoder_only: bool = False,
) -> list[MemoryNeed]:
    largest = max(training.phases, key=lambda phase: _voxels(recipe, phase))
    batch = max(phase.batch for phase in training.phases)
    with WithoutContent() as held:
        imitation = _AutoencoderImitation(
            recipe, classes, training, conditions, decoder_only=decoder_only
        )
        fixed = held.now
        moments = moments_of(imitation.stepper(largest), held, batch)
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
    return math.prod(min(edge, phase.crop or edge) for edge in recipe.size)


def _transformer_need(recipe: VqganRecipe, conditions: _Conditions) -> MemoryNeed:
    settings = recipe.transformer
    with WithoutContent() as held:
        network = TokenTransformer(settings)
        learner = _Learner(network, conditions, ema=conditions.ema)
        conditions.apply_to(network)
        fixed = held.now

        def step(size: int) -> None:
            tokens = torch.zeros(size, settings.length, settings.levels, dtype=torch.int64)
            start = torch.zeros(size, dtype=torch.int64)
            counted = torch.ones(tokens.shape[:2], dtype=torch.bool)
            with conditions.autocast():
                hidden = network(tokens, start, counted if settings.has_mask_token else None)
                logits = network.logits(hidden.float(), tokens)
            losses = F.cross_entropy(
                logits.float().flatten(0, 2), tokens.flatten(), reduction="none"
            ).view(tokens.shape)
            (losses * counted[..., None]).sum().backward()  # type: ignore[no-untyped-call]
            learner.update()

        batch = max(phase.batch for phase in recipe.token_training.phases)
        moments = moments_of(step, held, batch)
    return MemoryNeed("transformer", "whole ROIs", batch, fixed, moments)


def _largest_batches(phases: Sequence[Phase]) -> Iterable[Phase]:
    by_size: dict[int | None, Phase] = {}
    for phase in phases:
        if phase.crop not in by_size or by_size[phase.crop].batch < phase.batch:
            by_size[phase.crop] = phase
    return by_size.values()
