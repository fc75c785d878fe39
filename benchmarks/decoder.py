"""Encode and decode one ROI with the autoencoders of recipes: as trained, and as sampling does."""

import statistics
import time
from collections.abc import Sequence
from functools import partial

import torch
from shared.measuring import begin, own_peak, parser, report, timed
from torch import Tensor, nn

from napari_tumor_synth.generators.precision import has_bfloat16
from napari_tumor_synth.networks.memory import channels_last
from napari_tumor_synth.networks.trained_decoder import SubPixelConvolution, TrainedDecoder
from napari_tumor_synth.networks.vqgan import Vqgan
from napari_tumor_synth.training.recipes.files import load_recipe

SIZES = (64, 96, 128)


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "")
    recipes = ["phantom-flair-64", "vqgan-lat8", "vqgan-cond"]
    options.add_argument("--recipes", nargs="+", default=recipes)
    options.add_argument("--sizes", type=int, nargs="+", help="Edges.")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    results = {}
    for name in arguments.recipes[:1] if arguments.small else arguments.recipes:
        recipe = load_recipe(name)
        torch.manual_seed(0)
        model = channels_last(Vqgan(recipe.autoencoder)).eval()
        own = recipe.size[0]
        for edge in arguments.sizes or ([own] if arguments.small else sorted({own, *SIZES})):
            size = (edge, edge, edge)
            label = recipe.name if edge == recipe.size[0] else f"{recipe.name}, {edge}^3"
            results[label] = _measured(model, size, arguments.repeats)
    report({"benchmark": "decoder", "machine": machine, "recipes": results, "peak_mb": own_peak()})


@torch.inference_mode()
def _measured(model: Vqgan, size: tuple[int, int, int], repeats: int) -> dict[str, object]:
    vectors = torch.randn(1, model.settings.embedding, *model.latent_shape(size))
    image = torch.rand(1, model.settings.in_channels, *size) * 2 - 1
    image = image.to(memory_format=torch.channels_last_3d)
    exact = TrainedDecoder(model)
    half = TrainedDecoder(model, torch.bfloat16) if has_bfloat16() else None
    fastest = half or exact
    return {
        "size": list(size),
        "trained": timed(partial(model.decode, vectors), repeats),
        "float32": timed(partial(exact, vectors), repeats),
        "bfloat16": timed(partial(half, vectors), repeats) if half else None,
        "convolutions": _share_of_convolutions(fastest, vectors, repeats),
        "encode": timed(partial(model.encode, image), repeats),
    }


def _share_of_convolutions(decoder: TrainedDecoder, vectors: Tensor, repeats: int) -> float:
    """Return which share of the time of decoding is spent in convolutions, the median of runs."""
    spent = [0.0]

    def begins(module: nn.Module, given: object) -> None:
        spent[0] -= time.perf_counter()

    def ends(module: nn.Module, given: object, made: object) -> None:
        spent[0] += time.perf_counter()

    for module in decoder.modules():
        if isinstance(module, nn.Conv3d | SubPixelConvolution):
            module.register_forward_pre_hook(begins)
            module.register_forward_hook(ends)
    shares = []
    for _ in range(repeats):
        spent[0], started = 0.0, time.perf_counter()
        decoder(vectors)
        shares.append(spent[0] / (time.perf_counter() - started))
    return round(statistics.median(shares), 3)


if __name__ == "__main__":
    main()
