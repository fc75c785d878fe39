"""Drawing tokens: how the time grows with tokens, with samples together, and by precision."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from shared.measuring import begin, own_peak, parser, report, timed

from napari_tumor_synth.generators.devices import one_thread
from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.generators.sampling import Streams, sample_causal, sample_parallel
from napari_tumor_synth.networks.packed.transformer import PackedTransformer
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.networks.transformer_settings import TransformerSettings
from napari_tumor_synth.training.recipes.files import load_recipe

ROUNDS = DecodingSettings().steps


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    recipes = ["phantom-flair-64", "vqgan-cond-small", "vqgan-cond-parallel-small"]
    options.add_argument("--recipes", nargs="+", default=[*recipes, "vqgan-lat4", "vqgan-cond"])
    options.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    options.add_argument("--precisions", nargs="+", default=["float32", "bfloat16", "int8"])
    arguments = options.parse_args(given)
    machine = begin(arguments)
    names = arguments.recipes[:1] if arguments.small else arguments.recipes
    batches = arguments.batches[:2] if arguments.small else arguments.batches
    results = {}
    for name in names:
        recipe = load_recipe(name)
        settings = recipe.transformer
        torch.manual_seed(0)
        results[recipe.name] = {
            "transformer": f"{settings.layers} x {settings.heads} x {settings.width}",
            "positions": settings.length,
            "levels": settings.levels,
            "decoding": "autoregressive" if settings.causal else f"parallel, {ROUNDS} rounds",
            "precisions": _measured(settings, batches, arguments.precisions, arguments.repeats),
        }
    report({"benchmark": "sampling", "machine": machine, "recipes": results, "peak_mb": own_peak()})


def _measured(
    settings: TransformerSettings, batches: Sequence[int], precisions: Sequence[Any], repeats: int
) -> dict[str, dict[str, Any]]:
    own = TokenTransformer(settings).eval()
    if not settings.causal:
        return {"float32": {str(n): timed(partial(_rounds, own, n), repeats) for n in batches[:1]}}
    state, threads = own.state_dict(), torch.get_num_threads()
    found = {}
    for precision in precisions:
        model = PackedTransformer(settings, state, precision=precision, threads=threads)
        found[precision] = {
            str(n): timed(partial(_one_by_one, model, n), repeats if n <= 8 else 1, warm_up=n == 1)
            for n in batches
        }
    return found


@torch.inference_mode()
def _one_by_one(model: PackedTransformer, batch: int) -> None:
    start = torch.zeros(batch, dtype=torch.long)
    with one_thread():
        sample_causal(model, start, Streams.of_seeds(range(batch)), DecodingSettings())


@torch.inference_mode()
def _rounds(model: TokenTransformer, batch: int) -> None:
    start = torch.zeros(batch, dtype=torch.long)
    sample_parallel(model, start, Streams.of_seeds(range(batch)), DecodingSettings())


if __name__ == "__main__":
    main()
