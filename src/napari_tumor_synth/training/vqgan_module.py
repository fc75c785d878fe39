"""What the first stage trains as one: autoencoder and importance network."""

import torch
from torch import Tensor, nn

from napari_tumor_synth.networks.importance import ImportanceNetwork
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.training.vqgan_recipe import VqganRecipe


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

    def forward(
        self, x: Tensor, generator: torch.Generator, quantised: bool = True
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the reconstruction, the commitment loss and the auxiliary classifier's logits.

        Without quantising, the decoder sees the latent itself and the codebooks stay as they are.
        """
        latent = self.vqgan.encode(x)
        logits = self.importance(latent).logits if self.importance is not None else None
        if not quantised:
            return self.vqgan.decode(latent), latent.new_zeros(()), logits
        codes = self.vqgan.quantise(latent, generator)
        return self.vqgan.decode(codes.vectors), codes.commitment, logits
