"""What a step of drawing tokens spends its time on: arithmetic, reading weights, keys and values.

A step is measured at the first position, where there is nothing to attend to, and in the middle of
a sample; and once more with weights that lie in the processor's cache, because every panel of a
matrix is the same one: what is left then is arithmetic and waiting.
"""

from collections.abc import Sequence
from typing import Any

import torch
from numpy.lib.stride_tricks import as_strided
from shared.measuring import begin, parser, report, timed

from napari_tumor_synth.networks.packed.matrices import PackedMatrix, Precision
from napari_tumor_synth.networks.packed.transformer import PackedCache, PackedTransformer
from napari_tumor_synth.networks.transformer import TokenTransformer
from napari_tumor_synth.training.recipes.files import load_recipe

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
STEPS = 10


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=5)
    options.add_argument("--recipe", default="vqgan-cond")
    options.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    arguments = options.parse_args(given)
    machine = begin(arguments)
    recipe = load_recipe(arguments.recipe)
    torch.manual_seed(0)
    state = TokenTransformer(recipe.transformer).eval().state_dict()
    rows = []
    for precision in PRECISIONS:
        model = PackedTransformer(
            recipe.transformer, state, precision=precision, threads=torch.get_num_threads()
        )
        found = [_measured(model, batch, arguments.repeats) for batch in arguments.batches]
        model._matrices = [_same_panel(matrix) for matrix in model._matrices]
        for row in found:
            again = _measured(model, row["batch"], arguments.repeats)
            row |= {"precision": precision, "first_without_reading_s": again["first_s"]}
        rows += found
    report({"benchmark": "step", "machine": machine, "recipe": recipe.name, "steps": rows})


def _measured(model: PackedTransformer, batch: int, repeats: int) -> dict[str, Any]:
    cache = model.new_cache(batch)
    positions = {"first_s": 1, "middle_s": model.settings.length // 2}
    found: dict[str, Any] = {"batch": batch}
    with torch.inference_mode():
        model.step(torch.zeros(batch, dtype=torch.long), cache)
        for name, position in positions.items():
            times = timed(lambda at=position: _steps(model, cache, at), repeats)  # type: ignore[misc]
            found[name] = round(times["median_s"] / STEPS, 5)
    return found


def _steps(model: PackedTransformer, cache: PackedCache, position: int) -> None:
    previous = torch.zeros(cache.batch, model.settings.levels, dtype=torch.long)
    cache.position = position
    for _ in range(STEPS):
        model.step(previous, cache)


def _same_panel(matrix: PackedMatrix) -> PackedMatrix:
    panels = matrix.panels
    strides = (0, 0, *panels.strides[2:])
    return matrix._replace(panels=as_strided(panels, panels.shape, strides))


if __name__ == "__main__":
    main()
