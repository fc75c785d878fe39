"""How much memory a 3D-VQGAN takes while it samples, known before anything is loaded."""

import torch
from torch import Tensor, nn

from napari_tumor_synth.generators.checkpoint import Checkpoint
from napari_tumor_synth.generators.seeds import BATCH_WIDTH
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.networks.vqgan import Vqgan

_FLOAT = 4  # bytes; checkpoints are stored in half of that, but computed with in full
_COPIES = 2  # of a layer's input and output: convolutions rearrange them


def vqgan_sampling_bytes(checkpoint: Checkpoint) -> int:
    """Estimate the memory that sampling from a checkpoint takes; see `sampling_bytes`."""
    return sampling_bytes(VqganGeneratorSettings.model_validate(dict(checkpoint.settings)))


def sampling_bytes(settings: VqganGeneratorSettings) -> int:
    """Estimate the memory for weights, drawing tokens and decoding one ROI.

    The shapes are those of the networks themselves, run on torch's meta device, which holds
    nothing; a test compares the estimate with what sampling takes.
    """
    with torch.device("meta"):
        autoencoder = Vqgan(settings.autoencoder).eval()
        transformer = TokenTransformer(settings.transformer).eval()
        grid = settings.autoencoder.latent_shape(settings.size)
        latent = torch.empty(1, settings.autoencoder.embedding, *grid)
    weights = sum(p.numel() for m in (autoencoder, transformer) for p in m.parameters())
    shape = settings.transformer
    widest = 2 if shape.causal else 8  # keys and values, or what a block computes on the way
    drawing = widest * shape.layers * BATCH_WIDTH * shape.length * shape.width
    decoding = _COPIES * _largest_layer(autoencoder, latent)
    return _FLOAT * (weights + max(drawing, decoding))


def _largest_layer(autoencoder: Vqgan, latent: Tensor) -> int:
    """Return the numbers in input and output of the layer of the decoder that has most."""
    found = [0]

    def note(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        found[0] = max(found[0], given[0].numel() + made.numel())

    hooks = [
        module.register_forward_hook(note)
        for module in autoencoder.decoder.modules()
        if not any(module.children())
    ]
    with torch.inference_mode():
        autoencoder.decode(latent)
    for hook in hooks:
        hook.remove()
    return found[0]
