"""Measure a generator on held-out ROIs: the figures and pictures of its model card."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from napari_tumor_synth.evaluation.classifier import RoiClassifier
from napari_tumor_synth.evaluation.diversity import measure_diversity
from napari_tumor_synth.evaluation.fidelity import measure_fidelity
from napari_tumor_synth.generators.vqgan import VqganGenerator
from napari_tumor_synth.imaging.contact_sheet import SheetItem, contact_sheet
from napari_tumor_synth.imaging.mask_rule import finish_generated, foreground_of, mask_of_generated
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.networks.code_usage import CodeUsage
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

Image = NDArray[np.float32]


@dataclass(frozen=True)
class ReportSettings:
    """How much to measure.

    Attributes
    ----------
    samples : int
        Generated ROIs of each class.
    pairs : int
        Pairs of each MS-SSIM (1,000 in the papers).
    first_seed : int
        Seed of the first generated ROI.
    """

    samples: int = 100
    pairs: int = 1000
    first_seed: int = 100_000


def report_on_model(
    generator: VqganGenerator,
    cache: RoiCache,
    classifier: RoiClassifier,
    out: Path,
    settings: ReportSettings | None = None,
    *,
    on_progress: OnProgress = ignore_progress,
) -> dict[str, Any]:
    """Measure a generator on the test split of a cache, and draw what there is to look at.

    Returns
    -------
    dict
        ``reconstruction`` (means and spread over test ROIs), ``codebook`` (usage and perplexity
        over training and over test ROIs), ``class_agreement`` (real, reconstructed, generated),
        ``ms_ssim`` by class (real, generated, difference), ``tumour_ml`` by class (real, generated)
        and, for two classes, ``volume_auc``: the area under the ROC curve of the volume alone over
        all ROIs of the cache, 0.5 when it does not tell the classes apart.
    """
    settings = settings or ReportSettings()
    test = cache.indices("test")
    real = {name: _images(cache, test, name) for name in cache.classes}
    on_progress(Progress(0, 4, "reconstructing"))
    rebuilt = {
        name: [_rebuilt(generator, image) for image in images] for name, images in real.items()
    }
    on_progress(Progress(1, 4, "counting codes"))
    usage = {split: _usage(generator, cache, split) for split in ("train", "test")}
    on_progress(Progress(2, 4, "generating"))
    seeds = range(settings.first_seed, settings.first_seed + settings.samples)
    made = {
        name: [sample.roi.image for sample in generator.sample(name, seeds)]
        for name in generator.classes
    }
    on_progress(Progress(3, 4, "comparing"))
    figures = {
        "reconstruction": _fidelity(real, rebuilt),
        "codebook": usage,
        "class_agreement": {
            kind: _agreement(classifier, images)
            for kind, images in (("real", real), ("reconstructed", rebuilt), ("generated", made))
        },
        "ms_ssim": {
            name: _diversity(real[name], made[name], settings.pairs) for name in generator.classes
        },
        "tumour_ml": {
            kind: {name: _volumes(images[name], generator.spacing_mm) for name in images}
            for kind, images in (("real", real), ("generated", made))
        },
        "volume_auc": _volume_auc(cache) if len(cache.classes) == 2 else None,
        "rois": {"test": len(test), "generated": settings.samples * len(generator.classes)},
    }
    _draw(generator, real, rebuilt, made, seeds, out)
    on_progress(Progress(4, 4, "done"))
    return figures


def _images(cache: RoiCache, indices: Sequence[int], class_name: str) -> list[Image]:
    number = cache.classes.index(class_name)
    return [cache.load(index) for index in indices if cache.class_index(index) == number]


def _rebuilt(generator: VqganGenerator, image: Image) -> Image:
    decoded = generator.reconstruct(image)
    return finish_generated(decoded, mask_of_generated(decoded, generator.mask_threshold))


def _usage(generator: VqganGenerator, cache: RoiCache, split: str) -> dict[str, list[float]]:
    autoencoder = generator.autoencoder
    usage = CodeUsage(autoencoder.settings.codes, autoencoder.settings.levels)
    for index in cache.indices(split):
        image = torch.from_numpy(cache.load(index))[None].to(generator.device)
        with torch.inference_mode():
            usage.add(autoencoder.quantise(autoencoder.encode(image)).codes)
    return {"usage": usage.usage(), "perplexity": usage.perplexity()}


def _fidelity(real: dict[str, list[Image]], rebuilt: dict[str, list[Image]]) -> dict[str, Any]:
    measured = [
        asdict(measure_fidelity(mine, theirs, foreground_of(mine), foreground_of(theirs)))
        for name in real
        for mine, theirs in zip(rebuilt[name], real[name], strict=True)
    ]
    return {
        key: {
            "mean": float(np.mean([figures[key] for figures in measured])),
            "sd": float(np.std([figures[key] for figures in measured])),
        }
        for key in measured[0]
    }


def _agreement(classifier: RoiClassifier, images: dict[str, list[Image]]) -> dict[str, Any]:
    names = [name for name, group in images.items() for _ in group]
    flat = [image for group in images.values() for image in group]
    return classifier.agreement(flat, names).as_json()


def _diversity(real: list[Image], made: list[Image], pairs: int) -> dict[str, Any]:
    theirs = measure_diversity(real, min(pairs, len(real) * (len(real) - 1) // 2))
    ours = measure_diversity(made, min(pairs, len(made) * (len(made) - 1) // 2))
    return {
        "real": theirs.as_json(),
        "generated": ours.as_json(),
        "difference": ours.ms_ssim - theirs.ms_ssim,
    }


def _volumes(images: list[Image], spacing_mm: float) -> dict[str, float]:
    voxel_ml = spacing_mm**3 / 1000
    volumes = [float(np.count_nonzero(foreground_of(image))) * voxel_ml for image in images]
    low, middle, high = np.percentile(volumes, [10, 50, 90])
    return {"p10": float(low), "median": float(middle), "p90": float(high)}


def _volume_auc(cache: RoiCache) -> float:
    voxels: tuple[list[int], list[int]] = ([], [])
    for split in ("train", "validation", "test"):
        for index in cache.indices(split):
            volume = int(np.count_nonzero(foreground_of(cache.load(index))))
            voxels[cache.class_index(index)].append(volume)
    first, second = voxels
    return float(mannwhitneyu(first, second).statistic) / (len(first) * len(second))


def _draw(
    generator: VqganGenerator,
    real: dict[str, list[Image]],
    rebuilt: dict[str, list[Image]],
    made: dict[str, list[Image]],
    seeds: Sequence[int],
    out: Path,
) -> None:
    spacing = (generator.spacing_mm,) * 3

    def items(images: list[Image], labels: Sequence[str]) -> list[SheetItem]:
        shown = zip(images[:6], labels, strict=False)
        return [SheetItem(image[0], label, spacing) for image, label in shown]

    numbers = [f"test {n}" for n in range(6)]
    rows = [
        row
        for name in real
        for row in (
            (f"{name} phantom", items(real[name], numbers)),
            (f"{name} rebuilt", items(rebuilt[name], numbers)),
        )
    ]
    contact_sheet(rows, out / "reconstructions.png", title=f"{generator.name}: held-out phantoms")
    rows = [(name, items(made[name], [f"seed {seed}" for seed in seeds])) for name in made]
    contact_sheet(rows, out / "samples.png", title=generator.name, synthetic=True)
