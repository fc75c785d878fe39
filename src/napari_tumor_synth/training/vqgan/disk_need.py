"""What a 3D-VQGAN training writes, and what writing takes of the machine's own memory."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_tumor_synth.networks.discriminator import PatchDiscriminator
from napari_tumor_synth.networks.quantiser import EmaQuantiser
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.training.vqgan.module import AutoencoderModule
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.stage_settings import AutoencoderTraining

_PROGRAM = 1_000_000_000  # Python with torch, monai and what they load
_REVIEW = 1_000_000  # a sheet of pictures, generously


@dataclass(frozen=True)
class DiskNeed:
    """Bytes that a run will write.

    Attributes
    ----------
    states : int
        Training states that are kept, and one more while it is written.
    checkpoint : int
        The model.
    tokens : int
        Codes of all ROIs.
    pictures : int
        Sheets of reviews and volumes to look at, roughly.
    largest_state : int
        One state of the largest stage, which is copied to the machine's memory to be written.
    """

    states: int
    checkpoint: int
    tokens: int
    pictures: int
    largest_state: int

    @property
    def total(self) -> int:
        """All together."""
        return self.states + self.checkpoint + self.tokens + self.pictures

    @property
    def host_memory(self) -> int:
        """Bytes of the machine's own memory for a training on a GPU, roughly."""
        return _PROGRAM + self.largest_state


def disk_need(
    recipe: VqganRecipe, classes: int, rois: int, *, kept_states: int = 2, reviews: int = 100
) -> DiskNeed:
    """Return what a training of a recipe writes into its run folder.

    Parameters
    ----------
    recipe : VqganRecipe
        What would be trained.
    classes : int
        Classes of the data.
    rois : int
        ROIs of the training and the validation split.
    kept_states : int
        States kept of each stage.
    reviews : int
        Pictures of reviews, which stay.
    """
    with torch.device("meta"):
        autoencoder = AutoencoderModule(recipe, max(2, classes))
        transformer = TokenTransformer(recipe.transformer)
        stages = [_autoencoder_state(recipe, autoencoder, recipe.autoencoder_training)]
        if recipe.decoder_training is not None:
            autoencoder.freeze_codes()
            stages.append(_autoencoder_state(recipe, autoencoder, recipe.decoder_training))
        stages.append(_state(transformer, recipe.token_training.ema_decay))
    copies = 1 + recipe.token_training.mirror
    position = 8 * recipe.transformer.levels + 4  # codes and a score
    voxels = len(recipe.sequences) * recipe.size[0] * recipe.size[1] * recipe.size[2]
    return DiskNeed(
        states=kept_states * sum(stages) + max(stages),
        checkpoint=_checkpoint(autoencoder) + _checkpoint(transformer),
        tokens=copies * rois * (recipe.transformer.length * position + 8),
        pictures=reviews * _REVIEW + 3 * 8 * 2 * voxels,
        largest_state=max(stages),
    )


def _autoencoder_state(
    recipe: VqganRecipe, module: AutoencoderModule, training: AutoencoderTraining
) -> int:
    critic = 0
    if recipe.discriminator is not None and training.losses.need_critic:
        critic = _state(PatchDiscriminator(recipe.discriminator), 0.0)
    return _state(module, training.ema_decay) + critic


def _state(module: nn.Module, ema_decay: float) -> int:
    """Return the bytes of weights, buffers, Adam's moments and, if there are any, averages."""
    held = sum(_bytes(value) for value in module.state_dict().values())
    learnt = sum(_bytes(weight) for weight in module.parameters() if weight.requires_grad)
    return held * (1 + (ema_decay > 0)) + 2 * learnt


def _checkpoint(module: nn.Module) -> int:
    """Return the bytes in float16, without what only training needs."""
    return sum(
        value.numel() * 2
        for name, value in module.state_dict().items()
        if name.rpartition(".")[2] not in EmaQuantiser.TRAINING_BUFFERS
    )


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
