"""The discriminator of the first stage while it learns, and who is ahead."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from napari_tumor_synth.networks.discriminator import DiscriminatorSettings, PatchDiscriminator
from napari_tumor_synth.networks.memory import channels_last
from napari_tumor_synth.training.losses import hinge_discriminator_loss
from napari_tumor_synth.training.non_finite import NotFinite, require_finite
from napari_tumor_synth.training.safe_step import RunningStatistics, clear_gradients, take_step
from napari_tumor_synth.training.schedule import set_rate
from napari_tumor_synth.training.vqgan.stage_settings import AutoencoderTraining

Parts = Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Judgement:
    """The discriminator's features of reconstructions and images; the last are its logits."""

    fake: list[Tensor]
    real: list[Tensor]


class _Pair(nn.Module):
    """Both sides of the hinge loss in one call, as processes that train together need it."""

    def __init__(self, discriminator: PatchDiscriminator) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of images and of reconstructions."""
        return self.discriminator(real)[-1], self.discriminator(fake)[-1]


class Critic:
    """A discriminator, its optimiser and its steps.

    Parameters
    ----------
    shape : DiscriminatorSettings
        Of the network.
    settings : AutoencoderTraining
        Of its steps.
    fabric : Fabric
        Device and precision.
    """

    def __init__(
        self, shape: DiscriminatorSettings, settings: AutoencoderTraining, fabric: Fabric
    ) -> None:
        self.settings, self.fabric = settings, fabric
        self.network = channels_last(PatchDiscriminator(shape))
        adam = torch.optim.Adam(
            self.network.parameters(), lr=settings.learning_rate, betas=settings.betas
        )
        self._module, self._optimiser = fabric.setup(_Pair(self.network), adam)

    def judge(self, fake: Tensor, real: Tensor) -> Judgement:
        """Return what the generator is told; gradients reach `fake` alone."""
        self.network.requires_grad_(False)
        with self.fabric.autocast():
            judgement = Judgement(self.network(fake), self.network(real))
        self.network.requires_grad_(True)
        return judgement

    def set_rate(self, rate: float) -> None:
        """Set the learning rate."""
        set_rate(self._optimiser, rate)

    def step(self, parts: Parts) -> dict[str, float]:
        """Learn from (images, reconstructions) in parts.

        Returns
        -------
        dict of str to float
            Loss, mean logits, and the share of logits on the right side of 0: 0.5 is guessing, 1
            means that it sees through every reconstruction.

        Raises
        ------
        NotFinite
            Nothing was learnt.
        """
        statistics = RunningStatistics(self.network)
        clear_gradients(self._optimiser)
        try:
            figures = self._backward(parts)
            limit, clipping = self.settings.clip_limit, self.settings.clipping
            if not take_step(self.fabric, self._module, self._optimiser, limit, clipping):
                raise NotFinite("the gradient of the critic is not finite")
        except NotFinite:
            statistics.restore()
            clear_gradients(self._optimiser)
            raise
        return figures

    def _backward(self, parts: Parts) -> dict[str, float]:
        whole = sum(len(real) for real, _ in parts)
        figures: dict[str, float] = defaultdict(float)
        for number, (real, fake) in enumerate(parts, start=1):
            share = len(real) / whole
            with self.fabric.no_backward_sync(self._module, enabled=number < len(parts)):
                right, wrong = self._module(real, fake)
                scale = self.settings.adversarial.critic_scale
                loss = hinge_discriminator_loss(right, wrong, scale)
                require_finite({"critic": loss}, self.fabric.device)
                self.fabric.backward(share * loss)
            for name, value in _balance(loss, right, wrong).items():
                figures[name] += share * value
        return dict(figures)

    def state(self) -> dict[str, Any]:
        """Return weights and optimiser state."""
        return {"network": self.network.state_dict(), "optimiser": self._optimiser.state_dict()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])


def make_critic(
    shape: DiscriminatorSettings | None, settings: AutoencoderTraining, fabric: Fabric
) -> Critic | None:
    """Build the discriminator of a stage, if any of its terms counts."""
    if shape is None or not settings.losses.need_critic:
        return None
    return Critic(shape, settings, fabric)


def _balance(loss: Tensor, real: Tensor, fake: Tensor) -> dict[str, float]:
    real, fake = real.detach(), fake.detach()
    return {
        "critic": float(loss.detach()),
        "critic real": float(real.mean()),
        "critic fake": float(fake.mean()),
        "critic right on real": float((real > 0).float().mean()),
        "critic right on fake": float((fake < 0).float().mean()),
    }
