"""Seconds a training step: every phase of both stages of a recipe, on made-up ROIs."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from shared.measuring import begin, own_peak, parser, report, timed
from shared.spheres import Spheres, random_tokens

from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.vqgan.autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan.stage_settings import Phase
from napari_tumor_synth.training.vqgan.transformer import TransformerStage

ROIS = 32


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "")
    options.add_argument("--recipe", default="phantom-flair-64")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    recipe = load_recipe(arguments.recipe)
    fabric = Fabric(accelerator="cpu", devices=1, precision=recipe.precision)
    with tempfile.TemporaryDirectory() as folder:
        source, rois = Spheres(recipe), range(ROIS)
        stage = AutoencoderStage(recipe, source, rois, rois, 2, fabric, Path(folder))
        phases = recipe.autoencoder_training.phases
        autoencoder = _phases(stage, phases, arguments.repeats)
        tokens = random_tokens(recipe, ROIS)
        classes = tuple(f"class {number}" for number in range(max(1, recipe.transformer.classes)))
        later = TransformerStage(
            recipe, tokens, tokens, fabric, stage.learnt, classes, Path(folder)
        )
        transformer = _phases(later, recipe.token_training.phases, arguments.repeats)
    report(
        {
            "benchmark": "training_step",
            "machine": machine,
            "recipe": recipe.name,
            "precision": recipe.precision,
            "autoencoder": autoencoder,
            "transformer": transformer,
            "peak_mb": own_peak(),
        }
    )


def _phases(stage: Any, phases: Sequence[Phase], repeats: int) -> list[dict[str, Any]]:
    """Time the first and the last steps of each phase; the last may have a discriminator."""
    found = []
    first = 0
    for phase in phases:
        last = first + phase.step_count(ROIS)
        place = {"batch": phase.batch, "crop": phase.crop, "steps": last - first}
        for index, name in ((first, "first steps"), (last - 1, "last steps")):
            figures = stage.step(index).figures
            steps = timed(lambda index=index: stage.step(index), repeats, warm_up=0)
            found.append({**place, "part": name, "discriminator": "critic" in figures, **steps})
        first = last
    return found


if __name__ == "__main__":
    main()
