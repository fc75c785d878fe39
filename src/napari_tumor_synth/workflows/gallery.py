"""From a cohort to a gallery of its real ROIs, and from ROIs to the nearest of them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_build import build_gallery
from napari_tumor_synth.evaluation.gallery_manifest import PREPARED
from napari_tumor_synth.evaluation.judging import Judge
from napari_tumor_synth.evaluation.memorisation import Verdict
from napari_tumor_synth.evaluation.nearest import Nearest, find_nearest
from napari_tumor_synth.imaging.cache_manifest import MANIFEST
from napari_tumor_synth.imaging.cohort import read_cohort
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import Roi, RoiSettings
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.workflows.gallery_grid import channels_in, require_tumour_that_varies
from napari_tumor_synth.workflows.real_cohort import require_real, require_real_cache
from napari_tumor_synth.workflows.roi_input import open_roi


@dataclass(frozen=True)
class LookUp:
    """The nearest real ROIs of one ROI, and what they say."""

    query: Path
    nearest: Nearest
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Return the stable keys of a query in ``nearest --json``."""
        return {
            "query": str(self.query),
            "verdict": self.verdict.name,
            "sentence": self.verdict.sentence,
            "percentile": self.verdict.percentile,
            "p_value": self.verdict.p_value,
            "distance_ratio": self.nearest.distance_ratio,
            "searched": asdict(self.nearest.searched),
            "matches": [
                {
                    "case": match.entry.name,
                    "class": match.entry.class_name,
                    "split": match.entry.split,
                    "global_ssim": match.score.whole,
                    "foreground_ssim": match.score.foreground,
                    "transform": str(match.transform),
                }
                for match in self.nearest.matches
            ],
        }


def build_gallery_of(
    cohort: Path,
    out: Path,
    *,
    settings: RoiSettings | None = None,
    sequences: Sequence[str] | None = None,
    window: Literal["uniform", "gaussian"] = "uniform",
    transforms: bool = False,
    synthetic: frozenset[str] = frozenset(),
    workers: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Gallery:
    """Index the real ROIs of a prepared cohort, or of one that is prepared first.

    Parameters
    ----------
    cohort : Path
        What `prepare` left, or a folder or table of cases; those are cut into ``rois`` below `out`.
    out : Path
        Folder of the gallery.
    settings, sequences : optional
        How to cut; of a prepared cohort None, because it is cut already.
    window : {"uniform", "gaussian"}
        Of the 3D-SSIM.
    transforms : bool
        See `build_gallery`.
    synthetic : frozenset of str
        SHA-256 of files that must not be among the cases.
    workers : int, optional
        Processes and threads; None means one a core.
    on_progress : callable
        May raise `Cancelled`; a later call goes on.

    Raises
    ------
    InputError, OutputError, MemoryLimitError
        As their names say; CohortError where an image of the cohort is synthetic.
    """
    if (cohort / MANIFEST).is_file():
        if settings is not None or sequences is not None:
            raise InputError(
                f"{cohort} is prepared already.", "Leave out how its ROIs should be cut."
            )
        cache = RoiCache.open(cohort)
        require_real_cache(cache)
    else:
        settings, sequences = settings or RoiSettings(), tuple(sequences or ("flair",))
        require_real(read_cohort(cohort, sequences).cases, synthetic)
        cache = prepare_cohort(
            cohort,
            out / PREPARED,
            settings,
            sequences=sequences,
            workers=workers,
            on_progress=lambda progress: on_progress(
                Progress(progress.step, progress.total, f"cutting {progress.message}")
            ),
        )
    return build_gallery(
        cache, out, window, transforms=transforms, threads=workers, on_progress=on_progress
    )


def look_up(
    queries: Sequence[Path],
    gallery: Gallery,
    *,
    top: int = 5,
    transforms: bool = False,
    threads: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> list[LookUp]:
    """Find the nearest real ROIs of some ROIs, and judge them together.

    Parameters
    ----------
    queries : sequence of Path
        Images, records of ROIs or of synthetic ones.
    gallery : Gallery
    top : int
        Matches of each.
    transforms : bool
        Try the ROIs mirrored, turned and shifted as well.
    threads : int, optional
    on_progress : callable
        Called several times a query; may raise `Cancelled`.

    Raises
    ------
    InputError
        A query is no ROI, or lies on another grid than the gallery's.
    """
    judge = Judge.of_gallery(gallery, transforms=transforms)
    found = []
    for step, path in enumerate(queries, start=1):
        image = image_for(gallery, open_roi(path).roi, path)
        at = partial(_within, on_progress, Progress(step - 1, len(queries), path.name))
        found.append(
            find_nearest(gallery, image, top, threads, transforms=transforms, on_progress=at)
        )
        on_progress(Progress(step, len(queries), path.name))
    return [
        LookUp(path, nearest, judged.verdict)
        for path, nearest, judged in zip(queries, found, judge.judge(found), strict=True)
    ]


def _within(on_progress: OnProgress, whole: Progress, part: Progress) -> None:
    """Say how far one of several pieces of work is."""
    message = f"{whole.message}: {part.message} ({part.step:,} of {part.total:,})"
    on_progress(Progress(whole.step, whole.total, message))


def image_for(gallery: Gallery, roi: Roi, path: Path) -> NDArray[np.float32]:
    """Return the channels of an ROI that a gallery has, if both lie on one grid.

    Raises
    ------
    InputError
        They do not, or the ROI lacks a sequence.
    """
    settings = roi.settings
    channels = channels_in(gallery, settings.size, settings.spacing_mm, roi.sequences, str(path))
    image = roi.image[list(channels)]
    require_tumour_that_varies(image, str(path))
    return image
