"""Whether a 3D-VQGAN recipe, a cache of ROIs and a machine go together."""

import torch

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.generators.devices import choose_device
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.training.fabric import require_devices
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.micro_batches import own_share
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe


def require_trainable(recipe: VqganRecipe, cache: RoiCache, machine: MachineSettings) -> None:
    """Make sure that recipe, classes and machine go together.

    Raises
    ------
    TrainingError
        As the sentence says.
    """
    require_devices(machine)
    training = (recipe.autoencoder_training, recipe.decoder_training, recipe.token_training)
    for stage in training:
        for phase in stage.phases if stage is not None else ():
            own_share(phase.batch, machine.devices * machine.nodes, 0)
    require_safe_precision(recipe, choose_device(machine.device))


def require_safe_precision(recipe: VqganRecipe, device: torch.device) -> None:
    """Refuse shapes for which the processor's bfloat16 convolutions give wrong gradients.

    Measured with torch 2.13: the weight gradient of a 3D convolution in bfloat16 holds garbage
    when its input is two voxels long along the first axis.

    Raises
    ------
    TrainingError
        Patches are too small.
    """
    if device.type != "cpu" or recipe.precision == "32-true":
        return
    smallest = recipe.autoencoder.downsampling
    if recipe.discriminator is not None:
        smallest = max(smallest, 2 ** len(recipe.discriminator.widths))
    later = recipe.decoder_training.phases if recipe.decoder_training else ()
    for phase in (*recipe.autoencoder_training.phases, *later):
        if min(*recipe.size, phase.crop or max(recipe.size)) < 3 * smallest:
            raise TrainingError(
                f"Patches of {phase.crop or min(recipe.size)} voxels are too small for "
                "bfloat16 on a processor, whose gradients would be wrong.",
                f"Use patches of at least {3 * smallest} voxels, or precision 32-true.",
            )
