"""Optional stage of a 3D-VQGAN: the decoder alone learns on, from codes that no longer change.

While codebooks and encoder move, the decoder follows them, and patches show it few of the codes of
large, even regions together. Here it learns from the codes that it will be given. Tokens stay what
they are, so this stage and the transformer do not depend on each other.
"""

import copy

from napari_tumor_synth.training.vqgan.autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan.module import AutoencoderModule
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.stage_settings import AutoencoderTraining


class DecoderStage(AutoencoderStage):
    """Trains the decoder of an autoencoder that has learnt; drives the engine's loop.

    Parameters
    ----------
    learnt : AutoencoderStage
        Where the weights begin; recipe, ROIs and device are its own too. Its encoder, codebooks and
        importance network stay as they are.
    micro_batch, recompute
        As of the first stage.
    """

    name = "decoder"
    first_stream = 1000

    def __init__(
        self, learnt: AutoencoderStage, *, micro_batch: int | None = None, recompute: bool = False
    ) -> None:
        self._beginning = learnt.learnt
        super().__init__(
            learnt.recipe,
            learnt.source,
            learnt.training,
            learnt.validation,
            learnt.classes,
            learnt.fabric,
            learnt.folder,
            micro_batch=micro_batch,
            recompute=recompute,
        )

    def make_module(self) -> AutoencoderModule:
        """Return a copy of what was learnt, of which only the decoder goes on."""
        module = copy.deepcopy(self._beginning)
        module.freeze_codes()
        return module

    @staticmethod
    def settings_in(recipe: VqganRecipe) -> AutoencoderTraining:
        """Return the settings of this stage."""
        assert recipe.decoder_training is not None
        return recipe.decoder_training

    def set_training(self) -> None:
        """Let the decoder know that it learns; codebooks and statistics of norms stay."""
        super().set_training()
        vqgan = self.bare.vqgan
        for module in (vqgan.encoder, vqgan.before, vqgan.quantiser, self.bare.importance):
            if module is not None:
                module.eval()
