"""The steps of a 3D-VQGAN training imitated on tensors without content, for what they hold.

What a step draws or looks up at random does not matter here, nor does what it learns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_tumor_synth.networks.discriminator import PatchDiscriminator
from napari_tumor_synth.networks.recompute import set_recompute
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.networks.vqgan_settings import Grid
from napari_tumor_synth.training.losses import hinge_discriminator_loss
from napari_tumor_synth.training.memory.trace import widen_as_on_gpu
from napari_tumor_synth.training.perceptual import DrawnSlices, make_perceptual_loss
from napari_tumor_synth.training.vqgan.adversarial_weight import AdversarialStrength
from napari_tumor_synth.training.vqgan.critic import Judgement
from napari_tumor_synth.training.vqgan.losses import AutoencoderLoss
from napari_tumor_synth.training.vqgan.module import AutoencoderModule, AutoencoderOutput
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.stage_settings import AutoencoderTraining

DeviceType = Literal["cpu", "cuda"]
_FULL = AdversarialStrength(critic_learns=True, adversarial=1.0, feature_matching=1.0)


@dataclass(frozen=True)
class Conditions:
    """Under which a stage is imitated; see `memory_needs`."""

    low_precision: bool
    device: DeviceType
    checkpointed: bool
    ema: bool
    shared: bool

    def autocast(self) -> torch.autocast:
        """Return mixed precision, if that is wanted."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.low_precision)

    def apply_to(self, network: nn.Module) -> None:
        """Let a network do as under the conditions."""
        set_recompute(network, self.checkpointed)
        if self.device == "cuda":
            widen_as_on_gpu(network)


class _Learner:
    """All that is held for a network between steps."""

    def __init__(self, network: nn.Module, conditions: Conditions, *, ema: bool = False) -> None:
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

    def __init__(self, network: PatchDiscriminator, conditions: Conditions) -> None:
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


class AutoencoderImitation:
    """The first stage, or that of the decoder alone, without content."""

    def __init__(
        self,
        recipe: VqganRecipe,
        classes: int,
        training: AutoencoderTraining,
        conditions: Conditions,
        *,
        decoder_only: bool,
    ) -> None:
        self.recipe, self.conditions = recipe, conditions
        self.module = AutoencoderModule(recipe, max(2, classes))
        if decoder_only:
            self.module.freeze_codes()
        self.learner = _Learner(self.module, conditions, ema=conditions.ema)
        conditions.apply_to(self.module)
        weights = training.losses
        self.judge: Any = None  # stands in for a Critic
        if recipe.discriminator is not None and weights.need_critic:
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
        last: Any = self.module.vqgan.decoder[-1]
        self.last_layer: Tensor = last.weight
        self.adaptive = training.adversarial.weighting == "adaptive"
        self.loss = AutoencoderLoss(
            _with_constant_weighting(training), self.perceptual, self.judge, self.last_layer
        )

    def stepper(self, edges: Grid) -> Callable[[int], None]:
        """Return the step for images of a size."""
        channels = len(self.recipe.sequences)

        def step(size: int) -> None:
            empty = torch.empty(size, channels, *edges)
            images = empty.to(memory_format=torch.channels_last_3d)
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
        if self.adaptive and "adversarial" in terms:  # as `adaptive_weight`, which looks at content
            for term in (terms["l1"], terms["adversarial"]):
                torch.autograd.grad(term, self.last_layer, retain_graph=True)
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


def _with_constant_weighting(training: AutoencoderTraining) -> AutoencoderTraining:
    schedule = training.adversarial.model_copy(update={"weighting": "constant"})
    return training.model_copy(update={"adversarial": schedule})


class TransformerImitation:
    """The second stage of the papers, without content."""

    def __init__(self, recipe: VqganRecipe, conditions: Conditions) -> None:
        self.conditions = conditions
        self.network = TokenTransformer(recipe.transformer)
        self.learner = _Learner(self.network, conditions, ema=conditions.ema)
        conditions.apply_to(self.network)

    def step(self, size: int) -> None:
        """Take a step with a micro-batch."""
        settings, network = self.network.settings, self.network
        tokens = torch.zeros(size, settings.length, settings.levels, dtype=torch.int64)
        start = torch.zeros(size, dtype=torch.int64)
        counted = torch.ones(tokens.shape[:2], dtype=torch.bool)
        with self.conditions.autocast():
            hidden = network(tokens, start, counted if settings.has_mask_token else None)
            logits = network.logits(hidden.float(), tokens)
        losses = F.cross_entropy(
            logits.float().flatten(0, 2), tokens.flatten(), reduction="none"
        ).view(tokens.shape)
        (losses * counted[..., None]).sum().backward()  # type: ignore[no-untyped-call]
        self.learner.update()
