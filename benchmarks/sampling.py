"""Tokens a second of the transformers of recipes, one sample alone and eight together."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from shared.measuring import begin, own_peak, parser, report, timed

from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.generators.sampling import Streams, sample_causal, sample_parallel
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.training.recipes.files import load_recipe

ROUNDS = DecodingSettings().steps


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    recipes = ["phantom-flair-64", "vqgan-cond-parallel-small", "vqgan-cond"]
    options.add_argument("--recipes", nargs="+", default=recipes)
    options.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    arguments = options.parse_args(given)
    machine = begin(arguments)
    names = arguments.recipes[:1] if arguments.small else arguments.recipes
    results = {}
    for name in names:
        recipe = load_recipe(name)
        settings = recipe.transformer
        torch.manual_seed(0)
        model = TokenTransformer(settings).eval()
        draw = sample_causal if settings.causal else sample_parallel
        batches = {}
        for batch in arguments.batches:
            sample = partial(_sample, draw, model, batch)
            found = timed(sample, arguments.repeats, warm_up=0)
            rate = batch * settings.length / found["median_s"]
            batches[str(batch)] = {**found, "tokens_per_s": round(rate, 1)}
        results[recipe.name] = {
            "transformer": f"{settings.layers} x {settings.heads} x {settings.width}",
            "positions": settings.length,
            "levels": settings.levels,
            "decoding": "autoregressive" if settings.causal else f"parallel, {ROUNDS} rounds",
            "batches": batches,
        }
    report({"benchmark": "sampling", "machine": machine, "recipes": results, "peak_mb": own_peak()})


def _sample(draw: Callable[..., torch.Tensor], model: TokenTransformer, batch: int) -> None:
    start = torch.zeros(batch, dtype=torch.long)
    with torch.inference_mode():
        draw(model, start, Streams.of_seeds(range(batch)), DecodingSettings())


if __name__ == "__main__":
    main()
