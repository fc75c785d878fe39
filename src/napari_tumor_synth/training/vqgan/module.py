"""What the first stage trains as one: autoencoder and importance network."""

from typing import final

import torch
from torch import Tensor, nn

from napari_tumor_synth.networks.importance import ImportanceNetwork
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe


@final
class AutoencoderOutput:
    """What the first stage computes of a batch.

    It is no tuple: lightning-fabric would then refuse the gradients that the adaptive weight takes.

    Attributes
    ----------
    reconstruction : Tensor
        (B, C, S, A, R).
    commitment : Tensor
        Scalar.
    logits : Tensor, optional
        (B, classes), of the auxiliary classifier.
    latent, codes : Tensor, optional
        What the codebooks learn from; None without quantising.
    """

    def __init__(
        self,
        reconstruction: Tensor,
        commitment: Tensor,
        logits: Tensor | None = None,
        latent: Tensor | None = None,
        codes: Tensor | None = None,
    ) -> None:
        self.reconstruction, self.commitment, self.logits = reconstruction, commitment, logits
        self.latent, self.codes = latent, codes

    def without_graph(self) -> "AutoencoderOutput":
        """Return what is needed of it after the gradients are known."""
        return AutoencoderOutput(
            self.reconstruction.detach(), self.commitment.detach(), None, self.latent, self.codes
        )


class AutoencoderModule(nn.Module):
    """Autoencoder and importance network in one module, so that one optimiser trains both."""

    def __init__(self, recipe: VqganRecipe, classes: int) -> None:
        super().__init__()
        self.vqgan = Vqgan(recipe.autoencoder)
        self.importance = (
            ImportanceNetwork(
                recipe.importance,
                recipe.autoencoder.embedding,
                classes,
                recipe.autoencoder.latent_shape(recipe.size),
            )
            if recipe.importance
            else None
        )

    def freeze_codes(self) -> None:
        """Let nothing learn on but what decodes."""
        self.requires_grad_(False)
        self.vqgan.after.requires_grad_(True)
        self.vqgan.decoder.requires_grad_(True)

    def forward(self, x: Tensor, quantised: bool = True) -> AutoencoderOutput:
        """Reconstruct ROIs (B, C, S, A, R).

        Without quantising, the decoder sees the latent itself.
        """
        latent = self.vqgan.encode(x)
        logits = self.importance(latent).logits if self.importance is not None else None
        if not quantised:
            nothing = latent.new_zeros((), dtype=torch.float32)
            return AutoencoderOutput(self.vqgan.decode(latent), nothing, logits)
        found = self.vqgan.quantise(latent)
        return AutoencoderOutput(
            self.vqgan.decode(found.vectors), found.commitment, logits, latent.detach(), found.codes
        )
