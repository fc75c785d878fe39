"""Run the papers' ablations at small scale on simulated cases, and lay them out as their tables.

Every step goes on where it was stopped::

    python scripts/ablations.py --work runs/ablations

Variants that differ in the second stage only share the first: its state is copied from the run that
trained it, which is what the same recipe, seed and data would give.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # share the processor; before torch loads

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.diversity import measure_diversity
from napari_tumor_synth.evaluation.fidelity import measure_fidelity
from napari_tumor_synth.evaluation.mmd import linear_mmd
from napari_tumor_synth.files import write_json
from napari_tumor_synth.generators.devices import choose_device
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.generators.vqgan import VqganGenerator
from napari_tumor_synth.imaging.mask_rule import (
    finish_generated,
    foreground_of,
    mask_of_generated,
)
from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import Progress
from napari_tumor_synth.training.families import Recipe
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.changes import override
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.train import train_generator

Image = NDArray[np.float32]

GRADIENT_LOSS = {"with": "vqgan-lat8-small", "without": "vqgan-lat8-small-no-gradient"}
MASKING = {
    "0 %": "vqgan-cond-small-top-k-0",
    "25 %": "vqgan-cond-small",
    "50 %": "vqgan-cond-small-top-k-50",
    "double-sided": "vqgan-cond-small-double-sided",
}
RESULTS = Path(__file__).parent.parent / "docs" / "ablations.json"
_FIRST_STAGE = ("autoencoder.done.json", "fit.json", "tokens-*.safetensors", "state/autoencoder-*")


def main() -> None:
    options = _options()
    os.nice(options.nice)
    deadline = time.monotonic() + 60 * options.max_minutes
    both, lgg = _caches(options)
    results: dict[str, Any] = {
        "cases_a_class": options.cases,
        "rois": {split: len(both.indices(split)) for split in ("train", "validation", "test")},
        "grid": list(both.settings.size),
        "spacing_mm": both.settings.spacing_mm,
        "samples_a_class": options.samples,
        "seed": options.seed,
    }
    runs = {
        name: _trained(options, name, lgg, deadline, first_stage_only=True)
        for name in GRADIENT_LOSS.values()
    }
    results["gradient_loss"] = {
        kind: _reconstruction(runs[name], lgg) for kind, name in GRADIENT_LOSS.items()
    }
    shared = _trained(options, MASKING["25 %"], both, deadline)
    for name in MASKING.values():
        runs[name] = _trained(options, name, both, deadline, first_stage=shared)
    results["real_ms_ssim"] = {
        class_name: _diversity(_real(both, class_name)) for class_name in both.classes
    }
    results["masking"] = {
        kind: _samples(runs[name], both, options.samples) for kind, name in MASKING.items()
    }
    write_json(options.out, results)
    sys.stdout.write(json.dumps(results, indent=2) + "\n")


def _caches(options: argparse.Namespace) -> tuple[RoiCache, RoiCache]:
    """Return the ROIs of both classes, and those of LGG alone."""
    cases = options.work / "cases"
    simulated = PhantomSettings(sequences=("flair",))
    write_phantoms(cases, options.cases, 1, settings=simulated, on_progress=_line)
    recipe = load_recipe(MASKING["25 %"])
    settings = RoiSettings(size=recipe.size, spacing_mm=recipe.spacing_mm)
    both = prepare_cohort(cases, options.work / "cache", settings, on_progress=_line)
    lgg = prepare_cohort(cases / "LGG", options.work / "cache-lgg", settings, on_progress=_line)
    return both, lgg


def _trained(
    options: argparse.Namespace,
    name: str,
    cache: RoiCache,
    deadline: float,
    *,
    first_stage_only: bool = False,
    first_stage: Path | None = None,
) -> Path:
    """Return the folder of a finished run."""
    run: Path = options.work / name
    recipe: Recipe = override(load_recipe(name), {"seed": options.seed})
    if first_stage_only:  # nothing is measured of the second
        recipe = override(recipe, {"token_training.phases": [{"batch": 1, "steps": 1}]})
    if first_stage is not None and not run.exists():
        _copy_first_stage(first_stage, run)
    outcome = train_generator(
        recipe,
        cache.folder,
        run,
        resume=(run / "run.json").is_file(),
        machine=MachineSettings(device=options.device),
        max_minutes=max(0.0, (deadline - time.monotonic()) / 60),
        accept_changed_code=True,
        on_progress=_line,
    )
    if not outcome.finished:
        sys.exit("\nThe time is up: call again to go on.")
    return run


def _copy_first_stage(source: Path, run: Path) -> None:
    for pattern in _FIRST_STAGE:
        for path in source.glob(pattern):
            target = run / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def _reconstruction(run: Path, cache: RoiCache) -> dict[str, dict[str, float]]:
    """Return fidelity of all ROIs, as in the paper, and of those never trained on."""
    generator = _generator(run)
    return {
        which: _fidelity(generator, cache, indices)
        for which, indices in (("all", range(len(cache))), ("test", cache.indices("test")))
    }


def _fidelity(
    generator: VqganGenerator, cache: RoiCache, indices: Sequence[int]
) -> dict[str, float]:
    measured = []
    for index in indices:
        image = cache.load(index)
        decoded = generator.reconstruct(image)
        rebuilt = finish_generated(decoded, mask_of_generated(decoded, generator.mask_threshold))
        measured.append(
            measure_fidelity(rebuilt, image, foreground_of(rebuilt), foreground_of(image))
        )
    names = ("psnr_db", "ssim", "foreground_psnr_db", "foreground_ssim")
    figures = {name: np.array([getattr(each, name) for each in measured]) for name in names}
    error = {f"{name}_se": float(v.std(ddof=1) / len(v) ** 0.5) for name, v in figures.items()}
    return {"rois": len(measured), **{n: float(v.mean()) for n, v in figures.items()}, **error}


def _samples(run: Path, cache: RoiCache, count: int) -> dict[str, dict[str, Any]]:
    """Return, for each class, how far samples are from real ROIs and from each other."""
    generator = _generator(run)
    figures = {}
    for class_name in generator.classes:
        seeds = range(100_000, 100_000 + count)
        made = [
            sample.roi.image for sample in generator.sample(class_name, seeds, on_progress=_line)
        ]
        real = _real(cache, class_name)
        figures[class_name] = {
            "mmd": linear_mmd(made, real),
            "ms_ssim": _diversity(made),
            "tumour_ml": float(
                np.median([np.count_nonzero(foreground_of(image)) for image in made])
                * generator.spacing_mm**3
                / 1000
            ),
        }
    figures["diagnosis"] = json.loads((run / "diagnosis.json").read_text("utf-8"))["figures"]
    return figures


def _real(cache: RoiCache, class_name: str) -> list[Image]:
    number = cache.classes.index(class_name)
    return [cache.load(n) for n in range(len(cache)) if cache.class_index(n) == number]


def _diversity(images: list[Image]) -> dict[str, float]:
    found = measure_diversity(images, min(1000, len(images) * (len(images) - 1) // 2))
    return {"mean": found.ms_ssim, "low": found.low, "high": found.high, "pairs": found.pairs}


def _generator(run: Path) -> VqganGenerator:
    generator = load_generator(run / "checkpoint.safetensors", choose_device("auto"))
    assert isinstance(generator, VqganGenerator)
    return generator


def _line(progress: Progress) -> None:
    sys.stderr.write(f"\r{progress.step}/{progress.total} {progress.message[:100]:<100}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for cases, ROIs and runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--cases", type=int, default=120, help="simulated cases of each class")
    parser.add_argument("--samples", type=int, default=40, help="samples of each class")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--nice", type=int, default=10)
    parser.add_argument("--max-minutes", type=float, default=1e6)
    return parser.parse_args()


if __name__ == "__main__":
    main()
