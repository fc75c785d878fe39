"""Drawing the tokens of a 3D-VQGAN: which way, for which model, and how many samples at a time."""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from napari_tumor_synth.generators.devices import one_thread
from napari_tumor_synth.generators.free_memory import USABLE, free_memory
from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.generators.sampling import Streams, sample_causal, sample_parallel
from napari_tumor_synth.generators.sampling_ahead import sample_ahead
from napari_tumor_synth.generators.seeds import BATCH_WIDTH
from napari_tumor_synth.generators.vqgan_memory import cache_bytes
from napari_tumor_synth.generators.vqgan_settings import VqganGeneratorSettings
from napari_tumor_synth.networks.packed.transformer import PackedTransformer
from napari_tumor_synth.networks.quantiser import EMPTY_CODE
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.progress import OnProgress, ignore_progress


def samples_together(
    settings: VqganGeneratorSettings, transformer: TokenTransformer | PackedTransformer
) -> int:
    """Return how many samples are drawn at a time.

    One, where a sample alone makes full use of the device: with empty positions skipped, or with
    all positions in every round on a processor. Fewer, where memory is short and a sample does not
    depend on its company.
    """
    if _empty_code(settings) is not None and transformer.settings.causal:
        return 1
    if isinstance(transformer, PackedTransformer):
        each = cache_bytes(transformer.settings, transformer.precision)
        return max(1, min(BATCH_WIDTH, int(USABLE * free_memory(transformer.device)) // each))
    return 1 if transformer.device.type == "cpu" else BATCH_WIDTH


def draw_tokens(
    settings: VqganGeneratorSettings,
    transformer: TokenTransformer | PackedTransformer,
    class_name: str,
    seeds: Sequence[int],
    decoding: DecodingSettings,
    on_progress: OnProgress = ignore_progress,
) -> Tensor:
    """Draw token grids of a class.

    Parameters
    ----------
    settings : VqganGeneratorSettings
        Of the model.
    transformer : TokenTransformer
        On its device, in evaluation mode, with gradients off.
    class_name : str
        One of the model's; an unconditional model does not look at it.
    seeds : sequence of int
        At most `samples_together`.
    decoding : DecodingSettings
        How to draw.

    Returns
    -------
    Tensor
        ``(len(seeds), length, levels)`` int64, on the processor.
    """
    empty = _empty_code(settings)
    # A batch of most networks always has the same width: a matrix product may round differently for
    # another number of rows, and a sample must not depend on its company.
    alone = isinstance(transformer, PackedTransformer)
    width = len(seeds) if alone else samples_together(settings, transformer)
    streams = Streams.of_seeds([*seeds, *(0 for _ in range(width - len(seeds)))])
    start = _start(settings, class_name, streams).to(transformer.device)
    if not isinstance(transformer, PackedTransformer) and not transformer.settings.causal:
        tokens = sample_parallel(
            transformer, start, streams, decoding, on_progress, empty_code=empty
        )
        return tokens[: len(seeds)]
    few = isinstance(transformer, PackedTransformer) or empty is not None
    with one_thread() if few else nullcontext():  # for a few rows; more would wait for each other
        if empty is not None:
            return sample_ahead(
                transformer, start, streams, decoding, on_progress, empty_code=empty
            )
        return sample_causal(transformer, start, streams, decoding, on_progress)[: len(seeds)]


def _empty_code(settings: VqganGeneratorSettings) -> int | None:
    """Return the code of positions without tumour, if the autoencoder has one."""
    return EMPTY_CODE if settings.autoencoder.empty_positions == "zero" else None


def _start(settings: VqganGeneratorSettings, class_name: str, streams: Streams) -> Tensor:
    if settings.conditional:
        return torch.full((len(streams.generators),), settings.classes.index(class_name))
    # 2023 section 4.3: "we select a random index to start with from the codebook"
    return (streams.uniform(1)[:, 0] * settings.autoencoder.codes).long()
