"""Looking up in galleries of growing size: time, memory, and how much is compared.

Galleries are made of ROIs of the size of gliomas, each in eight mirrorings with noise of its own,
so that making many takes no longer than indexing them. Queries are a real ROI with noise, and a new
one; the latter is the hardest case for bounds, because made-up textures have nothing in common.
Memory is that of a new process that opens the gallery and asks once. Few ROIs are compared with all
others while a large gallery is built: that part of building grows in proportion.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from shared.made_up_rois import made_up_roi
from shared.measuring import begin, parser, report, timed

from napari_tumor_synth.evaluation import gallery_scores, screening
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.nearest import Nearest, find_nearest
from napari_tumor_synth.imaging.roi import RoiSettings

SIZES = (335, 1000, 3000, 10_000)
SHORTLIST = 300
NOISE = 0.02
DRAWN = 10  # of a large gallery, compared with all others while it is built
FRESH = """
import sys, time, json
import numpy as np
from napari_tumor_synth.evaluation import gallery_scores
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.nearest import find_nearest
query, gallery_scores.DRAWN = np.load(sys.argv[2]), int(sys.argv[3])
started = time.perf_counter()
gallery = Gallery.open(sys.argv[1])
opened = time.perf_counter()
find_nearest(gallery, query)
answered = time.perf_counter()
status = open("/proc/self/status").read().splitlines()
kilobytes = {l.split(":")[0]: int(l.split()[1]) for l in status if l.startswith(("VmHWM", "Rss"))}
maps = sum(1 for _ in open("/proc/self/maps"))
print(json.dumps({"open_s": opened - started, "open_and_first_s": answered - started,
    "maps": maps, **{k: round(v * 1024 / 1e6) for k, v in kilobytes.items()}}))
"""


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    options.add_argument("--size", type=int, default=64)
    options.add_argument("--cases", type=int, nargs="+", default=SIZES)
    options.add_argument("--folder", type=Path, help="where galleries are kept, and used again")
    options.add_argument("--transforms", action="store_true", help="search transforms as well")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    size, sizes = (24, (6, 12)) if arguments.small else (arguments.size, arguments.cases)
    fewer = patch.object(gallery_scores, "DRAWN", DRAWN)
    with tempfile.TemporaryDirectory() as name, fewer:
        folder = arguments.folder or Path(name)
        found = [_measured(folder, size, count, machine["threads"], arguments) for count in sizes]
    report(
        {
            "benchmark": "large_gallery",
            "machine": machine,
            "size": size,
            "galleries": found,
            "growth_exponent": {
                kind: _exponent(sizes, [one[kind]["median_s"] for one in found])
                for kind in ("copy", "new", "new_shortlist")
            },
        }
    )


def _measured(folder: Path, size: int, count: int, threads: int, arguments: Any) -> dict[str, Any]:
    gallery, building = _gallery(folder / f"{size}-{count}", size, count, threads)
    rng = np.random.default_rng(2)
    copy = with_noise(gallery.image(count // 2), rng)
    new = made_up_roi(rng, size)[None]
    look_up = partial(find_nearest, gallery, threads=threads)
    told = {
        "cases": count,
        "build_s": building,
        "megabytes": round(sum(f.stat().st_size for f in gallery.folder.rglob("*")) / 1e6),
        "fresh_process": _fresh(gallery.folder, new),
        "copy": _asked(partial(look_up, copy), arguments.repeats),
        "new": _asked(partial(look_up, new), arguments.repeats),
        "copy_found": look_up(copy).matches[0].index == count // 2,
    }
    exact = [match.index for match in look_up(new).matches]
    short = [match.index for match in look_up(new, most=SHORTLIST).matches]
    told["new_shortlist"] = {
        **_asked(partial(look_up, new, most=SHORTLIST), arguments.repeats),
        "right_of_5": sum(one == other for one, other in zip(exact, short, strict=True)),
    }
    told["copy_shortlist"] = _asked(partial(look_up, copy, most=SHORTLIST), arguments.repeats)
    kept = screening.are_quick
    for name, quick in (("all_compared", True), ("bounded", False)):
        screening.are_quick = lambda _, quick=quick: quick
        told[f"new_{name}"] = _asked(partial(look_up, new), arguments.repeats)
    screening.are_quick = kept
    if arguments.transforms:
        told["transforms"] = _asked(partial(look_up, copy, transforms=True), 1)
    return told


def _gallery(folder: Path, size: int, count: int, threads: int) -> tuple[Gallery, float | None]:
    if (folder / "gallery.json").exists():
        return Gallery.open(folder), None
    started = time.perf_counter()
    cohort: Any = _Cohort(size, count)
    gallery = build_gallery(cohort, folder, threads=threads)
    return gallery, round(time.perf_counter() - started, 1)


class _Cohort:
    """What building asks of a prepared cohort, with ROIs that are made when they are asked for."""

    patient_data = False
    sequences = ("flair",)
    manifest_hash = "0" * 64

    def __init__(self, size: int, count: int) -> None:
        self.settings = RoiSettings(size=(size, size, size), spacing_mm=128 / size)
        self.entries = [
            SimpleNamespace(
                name=f"case-{number:05d}",
                patient=f"case-{number:05d}",
                class_name="HGG",
                split="train",
                sha256=hashlib.sha256(str(number).encode()).hexdigest(),
            )
            for number in range(count)
        ]
        self._original = lru_cache(maxsize=4)(self._make)

    def __len__(self) -> int:
        return len(self.entries)

    def load(self, index: int) -> NDArray[np.float32]:
        original, mirrored = divmod(index, 8)
        axes = [axis for axis in range(3) if mirrored >> axis & 1]
        image = np.flip(self._original(original), axes)
        return with_noise(image, np.random.default_rng([1, index]))[None]

    def _make(self, number: int) -> NDArray[np.float32]:
        return made_up_roi(np.random.default_rng([0, number]), self.settings.size[0])


def with_noise(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return an ROI with noise in its mask, in the precision of a cache."""
    noise = NOISE * rng.standard_normal(image.shape, np.float32)
    noisy = np.where(image > -1, np.clip(image + noise, -0.99, 1), -1)
    return noisy.astype(np.float16).astype(np.float32)


def _asked(ask: Callable[[], Nearest], repeats: int) -> dict[str, Any]:
    searched = ask().searched
    return {
        **timed(ask, repeats, warm_up=0),
        "how": searched.how,
        "compared": searched.scored,
        "certain": searched.certain,
        "most_left": searched.most_left and round(searched.most_left, 3),
    }


def _fresh(folder: Path, query: NDArray[np.float32]) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, query)
        file.flush()
        command = [sys.executable, "-c", FRESH, str(folder), file.name, str(DRAWN)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {key: round(value, 3) for key, value in json.loads(told).items()}


def _exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the slope of log time over log size."""
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 2)


if __name__ == "__main__":
    main()
