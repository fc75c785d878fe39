"""Drawing the tokens of one ROI: this project beside others, in turns, on the same machine.

Uncached samplers are not run to the end: the time of one forward pass is measured at five lengths,
and summed over all lengths. x-transformers is measured where it is installed (`pip install
--no-deps x-transformers`); the project does not need it.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from monai.networks.nets import DecoderOnlyTransformer
from shared.measuring import begin, parser, report, summary

from napari_tumor_synth.generators.devices import one_thread
from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.generators.sampling import Streams, sample_causal
from napari_tumor_synth.networks.packed.matrices import Precision
from napari_tumor_synth.networks.packed.transformer import PackedTransformer
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.networks.transformer_settings import TransformerSettings
from napari_tumor_synth.training.recipes.files import load_recipe

Draw = Callable[[], float]
"""Draws the tokens of one ROI and returns the seconds that took."""
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    options.add_argument("--recipes", nargs="+", default=["vqgan-cond-small", "vqgan-cond"])
    arguments = options.parse_args(given)
    machine = begin(arguments)
    results = {}
    for name in arguments.recipes:
        recipe = load_recipe(name)
        shape = recipe.transformer
        torch.manual_seed(0)
        with torch.inference_mode():
            results[recipe.name] = {
                "transformer": f"{shape.layers} x {shape.heads} x {shape.width}",
                "tokens": shape.length,
                "samplers": _in_turns(_samplers(shape), arguments.repeats),
            }
    report({"benchmark": "peers", "machine": machine, "recipes": results})


def _in_turns(samplers: dict[str, Draw], repeats: int) -> dict[str, Any]:
    times: dict[str, list[float]] = {name: [] for name in samplers}
    for _ in range(repeats):
        for name, draw in samplers.items():
            times[name].append(draw())
    return {name: summary(found) for name, found in times.items()}


def _samplers(shape: TransformerSettings) -> dict[str, Draw]:
    own = TokenTransformer(shape).eval()
    found = {"uncached, as the papers' code (summed)": _uncached(shape, _own_forward(own))}
    found["MONAI 1.6 VQVAETransformerInferer (summed)"] = _uncached(shape, _monai_forward(shape))
    cached = _x_transformers(shape)
    if cached is not None:
        found["x-transformers, cached"] = cached
    for precision in PRECISIONS:
        packed = PackedTransformer(
            shape, own.state_dict(), precision=precision, threads=torch.get_num_threads()
        )
        found[f"this project, {precision}"] = _packed(packed)
    return found


def _packed(model: PackedTransformer) -> Draw:
    def draw() -> float:
        start = torch.zeros(1, dtype=torch.long)
        started = time.perf_counter()
        with one_thread():
            sample_causal(model, start, Streams.of_seeds([0]), DecodingSettings())
        return time.perf_counter() - started

    draw()
    return draw


def _own_forward(model: TokenTransformer) -> Callable[[int], object]:
    tokens = torch.zeros(1, model.settings.length, model.settings.levels, dtype=torch.long)
    start = torch.zeros(1, dtype=torch.long)
    return lambda length: model(tokens[:, :length], start)


def _monai_forward(shape: TransformerSettings) -> Callable[[int], object]:
    model = DecoderOnlyTransformer(
        num_tokens=shape.codes + 1,
        max_seq_len=shape.length,
        attn_layers_dim=shape.width,
        attn_layers_depth=shape.layers,
        attn_layers_heads=shape.heads,
    ).eval()
    tokens = torch.zeros(1, shape.length, dtype=torch.long)
    return lambda length: model(tokens[:, :length])


def _uncached(shape: TransformerSettings, forward: Callable[[int], object]) -> Draw:
    lengths = sorted({max(1, round(shape.length * share)) for share in (0, 0.25, 0.5, 0.75, 1)})

    def draw() -> float:
        seconds = []
        for length in lengths:
            forward(length)
            runs = []
            for _ in range(3):
                started = time.perf_counter()
                forward(length)
                runs.append(time.perf_counter() - started)
            seconds.append(statistics.median(runs))
        every = np.arange(1, shape.length + 1)
        return float(np.interp(every, lengths, seconds).sum())

    return draw


def _x_transformers(shape: TransformerSettings) -> Draw | None:
    try:
        from x_transformers import AutoregressiveWrapper, Decoder, TransformerWrapper
    except ImportError:
        return None
    layers = Decoder(dim=shape.width, depth=shape.layers, heads=shape.heads, attn_flash=True)
    model = AutoregressiveWrapper(
        TransformerWrapper(num_tokens=shape.codes, max_seq_len=shape.length + 1, attn_layers=layers)
    ).eval()
    prompt = torch.zeros(1, 1, dtype=torch.long)

    def draw() -> float:
        started = time.perf_counter()
        model.generate(prompt, seq_len=shape.length, cache_kv=True)
        return time.perf_counter() - started

    return draw


if __name__ == "__main__":
    main()
