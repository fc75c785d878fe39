"""How much memory a 3D-VQGAN takes while it samples, known before anything is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_tumor_synth.generators.checkpoint import Checkpoint
from napari_tumor_synth.generators.precision import choose_precision, decoder_precision
from napari_tumor_synth.generators.seeds import BATCH_WIDTH
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings
from napari_tumor_synth.networks.packed.matrices import Precision
from napari_tumor_synth.networks.trained_decoder import TrainedDecoder
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.networks.vqgan import Vqgan

BYTES: Mapping[Precision, int] = {"float32": 4, "bfloat16": 2, "int8": 1}
_FLOAT = 4  # bytes
_COPIES = 1.5  # of input and output of a layer: with that of the block around it


@dataclass(frozen=True)
class SamplingBytes:
    """Estimate of what sampling holds, in bytes, the program itself apart.

    Attributes
    ----------
    weights : int
        All the time.
    loading : int
        Besides, while a network takes the weights of the file over.
    sample : int
        Besides, for every sample that is drawn together with others.
    decoding : int
        Besides, while one sample is decoded.
    """

    weights: int
    loading: int
    sample: int
    decoding: int

    def peak(self, together: int = 1) -> int:
        """Return the most that is held at a time."""
        return self.weights + max(self.loading, together * self.sample, self.decoding)


def vqgan_sampling_bytes(
    checkpoint: Checkpoint, precision: str = "float32", device: str = "cpu"
) -> int:
    """Estimate the memory that sampling from a checkpoint takes; see `sampling_bytes`."""
    settings = VqganGeneratorSettings.model_validate(dict(checkpoint.settings))
    place = torch.device(device)
    chosen = choose_precision(precision, place, causal=settings.transformer.causal)
    need = sampling_bytes(settings, chosen, decoder_precision(chosen, place))
    return need.peak(BATCH_WIDTH if precision == "float32" else 1)


def sampling_bytes(
    settings: VqganGeneratorSettings,
    precision: Precision = "float32",
    decoder: Precision = "float32",
) -> SamplingBytes:
    """Estimate the memory for weights, drawing tokens and decoding one ROI.

    The shapes are those of the networks themselves, run on torch's meta device, which holds
    nothing; a test compares the estimate with what sampling takes.
    """
    with torch.device("meta"):
        autoencoder = Vqgan(settings.autoencoder).eval()
        trained = TrainedDecoder(autoencoder)
        transformer = TokenTransformer(settings.transformer).eval()
        grid = settings.autoencoder.latent_shape(settings.size)
        latent = torch.empty(1, settings.autoencoder.embedding, *grid)
    own, blocks, halves = _count(autoencoder), _count(transformer.blocks), _count(transformer)
    each = BYTES[precision]
    weights = _FLOAT * (own + 2 * (halves - blocks)) + each * blocks
    weights += BYTES[decoder] * _count(trained)
    shape = settings.transformer
    widest = 2 if shape.causal else 8  # keys and values, or what a block computes on the way
    cached = _FLOAT if precision == "float32" else 2
    return SamplingBytes(
        weights=weights,
        loading=_FLOAT * (own if shape.causal else max(own, halves)),
        sample=cached * widest * shape.layers * shape.length * shape.width,
        decoding=round(BYTES[decoder] * _COPIES * _largest_layer(trained, latent)),
    )


def _count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def _largest_layer(decoder: TrainedDecoder, latent: Tensor) -> int:
    """Return the numbers in input and output of the layer of the decoder that has most."""
    found = [0]

    def note(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        found[0] = max(found[0], given[0].numel() + made.numel())

    for module in decoder.modules():
        if not any(module.children()):
            module.register_forward_hook(note)
    with torch.inference_mode():
        decoder(latent)
    return found[0]
