"""Make the bundled model from nothing: phantoms, ROIs, training, figures, catalogue entry.

Every step goes on where it was stopped, so that one model can be made in several goes::

    python scripts/bundled_model.py --work runs/bundled --max-minutes 100
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # share the processor; before torch loads

import torch
from write_model_card import write_card

from napari_tumor_synth.evaluation.classifier import RoiClassifier
from napari_tumor_synth.evaluation.classifier_training import train_classifier
from napari_tumor_synth.files import write_json
from napari_tumor_synth.generators.catalogue import add_to_catalogue
from napari_tumor_synth.generators.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from napari_tumor_synth.generators.devices import choose_device
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import Progress
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.train import train_generator
from napari_tumor_synth.workflows.model_report import ReportSettings, report_on_model

PACKAGE = Path(__file__).parent.parent / "src" / "napari_tumor_synth"
DOCS = Path(__file__).parent.parent / "docs"
LICENCE = "BSD-3-Clause"
FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def main() -> None:
    options = _options()
    os.nice(options.nice)
    recipe = load_recipe(options.recipe)
    data = _data(options, recipe.size, recipe.spacing_mm, recipe.sequences)
    run = options.work / f"run-{recipe.name}"
    outcome = train_generator(
        recipe,
        data,
        run,
        resume=(run / "run.json").is_file(),
        accept_changed_code=True,
        machine=MachineSettings(device=options.device),
        max_minutes=options.max_minutes,
        review_steps=options.review_steps,
        on_progress=_line,
    )
    if not outcome.finished or outcome.checkpoint is None:
        sys.exit("\nThe time is up: call again to go on.")
    if options.install:
        _install(options, outcome.checkpoint, RoiCache.open(data))


def _data(
    options: argparse.Namespace,
    size: tuple[int, int, int],
    spacing_mm: float,
    sequences: tuple[str, ...],
) -> Path:
    cases, cache = options.work / "cases", options.work / "cache"
    if not (cache / "manifest.json").is_file():
        settings = PhantomSettings.model_validate({"sequences": sequences})
        write_phantoms(
            cases, options.cases, 0, settings=settings, workers=options.workers, on_progress=_line
        )
        prepare_cohort(
            cases,
            cache,
            RoiSettings(size=size, spacing_mm=spacing_mm),
            sequences=sequences,
            fractions=FRACTIONS,
            workers=options.workers,
            on_progress=_line,
        )
    found = len(RoiCache.open(cache))
    if found != 2 * options.cases:
        sys.exit(f"{cache} holds {found} ROIs, not {2 * options.cases}: choose another --work.")
    return cache


def _install(options: argparse.Namespace, checkpoint: Path, cache: RoiCache) -> None:
    """Measure the stored file, put the figures into it, and list it in the package."""
    device = choose_device(options.device)
    classifier = _classifier(options.work / "classifier.safetensors", cache, device)
    out = options.work / "report"
    out.mkdir(exist_ok=True)
    generator = load_generator(checkpoint, device)
    figures = report_on_model(
        generator, cache, classifier, out, ReportSettings(samples=options.samples),
        on_progress=_line,
    )  # fmt: skip
    write_json(out / "figures.json", figures)
    content = read_checkpoint(checkpoint)
    provenance = {**content.provenance, "metrics": figures, "licence": LICENCE}
    target = PACKAGE / "models" / f"{generator.name}.safetensors"
    write_checkpoint(
        Checkpoint(content.family, content.settings, provenance, content.tensors), target
    )
    rois = provenance["rois"]
    entry = add_to_catalogue(
        target,
        {
            "name": generator.name,
            "description": load_recipe(options.recipe).description,
            "licence": LICENCE,
            "training_data": f"{rois['train']} simulated ROIs (phantom), no patient data",
            "model_card": f"docs/models/{generator.name}.md",
        },
    )
    pictures = DOCS / "images"
    pictures.mkdir(exist_ok=True)
    for name in ("samples", "reconstructions"):
        shutil.copyfile(out / f"{name}.png", pictures / f"{generator.name}-{name}.png")
    print(json.dumps({"entry": entry.model_dump(mode="json"), "figures": figures}, indent=2))
    print(write_card(generator.name))


def _classifier(path: Path, cache: RoiCache, device: torch.device) -> RoiClassifier:
    """Return the judge that was trained on this very cache."""
    if path.is_file():
        kept = RoiClassifier.load(path)
        if kept.provenance["data"] == cache.manifest_hash:
            return kept
    train_classifier(cache, device=device, on_progress=_line).save(path)
    return RoiClassifier.load(path)


def _line(progress: Progress) -> None:
    if progress.step % 20 == 0 or progress.step == progress.total:
        sys.stderr.write(f"\r{progress.step}/{progress.total} {progress.message[:120]:<120}")
        sys.stderr.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/bundled"))
    parser.add_argument("--recipe", default="phantom-flair-64")
    parser.add_argument("--cases", type=int, default=650, help="phantoms of each class")
    parser.add_argument("--samples", type=int, default=100, help="samples of each class to measure")
    parser.add_argument("--max-minutes", type=float, default=None)
    parser.add_argument("--review-steps", type=int, default=500)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--nice", type=int, default=10)
    parser.add_argument("--no-install", dest="install", action="store_false")
    return parser.parse_args()


if __name__ == "__main__":
    torch.set_num_interop_threads(1)
    main()
