"""How many planted copies are found, by kind, and how many new phantoms are called copies.

The gallery holds the training split of a prepared cohort of phantoms; its held-out split is what
is new. Without --cohort, phantoms are simulated first.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from shared.made_up_cohort import write_cache
from shared.made_up_rois import made_up_roi
from shared.measuring import begin, parser, report
from shared.planted import PLANTED, Change

from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.measured import share
from napari_tumor_synth.evaluation.memorisation import Calibration, judge
from napari_tumor_synth.evaluation.nearest import find_nearest
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.imaging.roi_cache import RoiCache

LEVELS = (0.001, 0.01, 0.05)


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=1)
    options.add_argument("--cohort", type=Path, help="prepared cohort of phantoms")
    options.add_argument("--cases", type=int, default=100, help="phantoms of each class")
    options.add_argument("--planted", type=int, default=40, help="copies of each kind")
    options.add_argument("--folder", type=Path, help="where the gallery is kept, and used again")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    planted = 3 if arguments.small else arguments.planted
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.folder or Path(name)
        cohort = _cohort(arguments, folder)
        train = [cohort.load(index) for index in cohort.indices("train")]
        new = [
            cohort.load(index) for part in ("validation", "test") for index in cohort.indices(part)
        ]
        settings = cohort.settings
        known = write_cache(folder / "known", train, spacing_mm=settings.spacing_mm)
        gallery = build_gallery(
            known, folder / "gallery", transforms=True, threads=machine["threads"]
        )
        report(
            {
                "benchmark": "memorisation",
                "machine": machine,
                "gallery": len(gallery),
                "new": len(new),
                "size": settings.size[0],
                "planted": _planted(gallery, train, planted, machine["threads"]),
                "called_copies": {
                    kind: _called(gallery, new, transforms, machine["threads"])
                    for kind, transforms in (("as_it_is", False), ("transforms", True))
                },
            }
        )


def _cohort(arguments: Any, folder: Path) -> RoiCache:
    if arguments.cohort is not None:
        return RoiCache.open(arguments.cohort)
    if arguments.small:
        rng = np.random.default_rng(0)
        images = [made_up_roi(rng, 24) for _ in range(36)]
        splits = ["train"] * 31 + ["test"] * 5
        return write_cache(folder / "cohort", images, splits=splits)
    write_phantoms(folder / "cases", arguments.cases, 0)
    return prepare_cohort(
        folder / "cases", folder / "cohort", RoiSettings(size=(64, 64, 64), spacing_mm=2.0)
    )


def _planted(
    gallery: Gallery, train: Sequence[Any], count: int, threads: int
) -> dict[str, dict[str, Any]]:
    rng = np.random.default_rng(1)
    victims = rng.choice(len(train), count, replace=False).tolist()
    return {
        name: {
            "as_it_is": _found(gallery, train, victims, change, False, threads),
            "transforms": _found(gallery, train, victims, change, True, threads),
        }
        for name, change in PLANTED.items()
    }


def _found(
    gallery: Gallery,
    train: Sequence[Any],
    victims: list[int],
    change: Change,
    transforms: bool,
    threads: int,
) -> dict[str, Any]:
    """Return how many copies are called so (each judged alone), and how many sources are found."""
    calibration = Calibration.of_gallery(gallery, transforms=transforms)
    rng = np.random.default_rng(2)
    called = source = 0
    scores = []
    for victim in victims:
        query = change(train[victim], rng)
        best = find_nearest(gallery, query, 1, threads, transforms=transforms).matches[0]
        scores.append(best.score.foreground)
        called += judge([best.score.foreground], calibration)[0].name == "copy"
        source += best.index == victim
    count = len(victims)
    return {
        "called_copies": _rate(called, count),
        "source_found": _rate(source, count),
        "median_foreground_ssim": round(float(np.median(scores)), 4),
    }


def _called(gallery: Gallery, new: Sequence[Any], transforms: bool, threads: int) -> dict[str, Any]:
    """Return how many new ROIs fall below each p-value: those levels, if all is well."""
    calibration = Calibration.of_gallery(gallery, transforms=transforms)
    p_values = np.array(
        [
            calibration.p_value(
                find_nearest(gallery, query, 1, threads, transforms=transforms)
                .matches[0]
                .score.foreground
            )
            for query in new
        ]
    )
    return {
        f"{level:g}": _rate(int(np.count_nonzero(p_values <= level)), len(new)) for level in LEVELS
    }


def _rate(count: int, of: int) -> dict[str, float | int | None]:
    found = share("", count, of, "", "")
    return {"count": count, "of": of, "low": found.low, "high": found.high}


if __name__ == "__main__":
    main()
