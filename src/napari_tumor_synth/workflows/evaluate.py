"""Evaluate a set of synthetic ROIs against real ones, and write a report."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_tumor_synth.errors import InputError, OutputError
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_manifest import MANIFEST as GALLERY_MANIFEST
from napari_tumor_synth.evaluation.report.document import Report
from napari_tumor_synth.evaluation.report.papers import tables_named
from napari_tumor_synth.evaluation.report.writing import PARTS, write_report
from napari_tumor_synth.files import writable_folder
from napari_tumor_synth.imaging.cache_manifest import MANIFEST
from napari_tumor_synth.imaging.region import UNNAMED
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.workflows.evaluation.about import about, summary
from napari_tumor_synth.workflows.evaluation.distance import distance_part
from napari_tumor_synth.workflows.evaluation.extractors import DEFAULT, open_extractors
from napari_tumor_synth.workflows.evaluation.features import features_part
from napari_tumor_synth.workflows.evaluation.layouts import layouts_section
from napari_tumor_synth.workflows.evaluation.memorisation import memorisation_part
from napari_tumor_synth.workflows.evaluation.pairs import pairs_part, read_pairs
from napari_tumor_synth.workflows.evaluation.sets import EvaluationSets, Reference
from napari_tumor_synth.workflows.evaluation.speed import speed_part
from napari_tumor_synth.workflows.evaluation.synthetic_set import SyntheticSet, open_synthetic_set
from napari_tumor_synth.workflows.evaluation.variety import variety_part
from napari_tumor_synth.workflows.gallery import build_gallery_of

GALLERY = "gallery"
"""Where the gallery of the real ROIs is built, below the report's folder."""
PATIENTS = (
    "This report shows pictures of patients, and the folder of the gallery holds their ROIs: keep "
    "both as you keep the images themselves. Cases are named by pseudonyms."
)
SIMULATED = "The ROIs that are called real here are simulated cases (phantoms), of no patient."
SYNTHETIC = "SYNTHETIC images, not for clinical use."


@dataclass(frozen=True)
class EvaluationRequest:
    """What to evaluate.

    Attributes
    ----------
    real : Path
        Prepared cohort, gallery, or a folder or table of cases; those are cut to the synthetic
        set's grid.
    synthetic : Path
        Folder of synthetic ROIs.
    reference : {"held-out", "training", "all"} or None
        Real ROIs that the set is compared with; None takes those held out, or all where there are
        none. Memorisation is always about the training ROIs.
    tables : sequence of str
        Layouts of papers to print; see `report.papers`.
    extractors : sequence of str
        As `open_extractors` takes them.
    pairs : int
        Of each MS-SSIM.
    model : str or None
        Whose weights are counted and samples timed; None takes the one that made the set.
    pairs_table : Path or None
        CSV of real ROIs and the synthetic ones that stand for them.
    device : str
        Of the networks.
    seed : int
        Of everything that is drawn.
    threads : int or None
        None means one a core.
    """

    real: Path
    synthetic: Path
    reference: Reference | None = None
    tables: Sequence[str] = ()
    extractors: Sequence[str] = DEFAULT
    pairs: int = 1000
    model: str | None = None
    pairs_table: Path | None = None
    device: str = "auto"
    seed: int = 0
    threads: int | None = None


@dataclass(frozen=True)
class EvaluationResult:
    """What was found and written.

    Attributes
    ----------
    report : Path
        The HTML file.
    data : dict
        What ``report.json`` holds.
    lines : tuple of str
        The gist.
    """

    report: Path
    data: dict[str, Any]
    lines: tuple[str, ...]


def evaluate(
    request: EvaluationRequest, out: Path, *, on_progress: OnProgress = ignore_progress
) -> EvaluationResult:
    """Evaluate a set, and write ``report.html``, ``report.json``, tables and pictures to `out`.

    The gallery of the real ROIs is built below `out`, unless `request.real` is one; a call that
    was stopped goes on with it.

    Raises
    ------
    InputError
        A set is empty, damaged or on another grid; a patient is in both splits; a synthetic ROI is
        among the real ones.
    OutputError
        The folder holds other files, or cannot be written.
    """
    for name in request.tables:
        tables_named(name)
    if request.pairs_table is not None:
        read_pairs(request.pairs_table)
    extractors = open_extractors(request.extractors, request.device)
    _require_own(out)
    synthetic = open_synthetic_set(request.synthetic, on_progress)
    gallery = _gallery(request, synthetic, out, on_progress)
    sets = EvaluationSets(gallery, synthetic, request.reference)
    parts = [
        memorisation_part(sets, request.seed, request.threads, on_progress),
        distance_part(sets, request.seed, on_progress),
        variety_part(sets, request.pairs, request.seed, request.threads, on_progress),
        features_part(sets, extractors, request.seed, on_progress),
        speed_part(sets, request.model, request.device, on_progress),
    ]
    if request.pairs_table is not None:
        parts.append(pairs_part(request.pairs_table, request.device, request.seed, on_progress))
    data = about(sets, request.seed) | {part.name: part.data for part in parts}
    layouts = layouts_section(request.tables, sets, parts)
    report = Report(
        f"Evaluation of {len(synthetic)} synthetic ROIs",
        (PATIENTS if gallery.patient_data else SIMULATED, SYNTHETIC),
        (summary(sets), *(part.section for part in parts), *layouts),
        data,
    )
    return EvaluationResult(
        write_report(report, out), data, tuple(line for part in parts for line in part.lines)
    )


def _require_own(out: Path) -> None:
    """Make sure that the folder is new, empty, or of an earlier evaluation."""
    if out.is_dir():
        known = {*PARTS, GALLERY}
        others = sorted(
            path.name
            for path in out.iterdir()
            if path.name not in known and not path.name.startswith(".writing-")
        )
        if others:
            raise OutputError(
                f"{out} holds other files, such as {others[0]}.", "Choose an empty folder."
            )
    writable_folder(out)


def _gallery(
    request: EvaluationRequest, synthetic: SyntheticSet, out: Path, on_progress: OnProgress
) -> Gallery:
    real = request.real
    if (real / GALLERY_MANIFEST).is_file():
        return Gallery.open(real)
    prepared = (real / MANIFEST).is_file()
    if prepared:
        _require_grid(RoiCache.open(real).settings, real, synthetic)
    settings = RoiSettings(size=synthetic.size, spacing_mm=synthetic.spacing_mm)
    named = synthetic.sequences != UNNAMED
    return build_gallery_of(
        real,
        out / GALLERY,
        settings=None if prepared else settings,
        sequences=synthetic.sequences if named and not prepared else None,
        synthetic=synthetic.file_hashes,
        workers=request.threads,
        on_progress=lambda progress: on_progress(
            Progress(progress.step, progress.total, f"real ROIs: {progress.message}")
        ),
    )


def _require_grid(settings: RoiSettings, real: Path, synthetic: SyntheticSet) -> None:
    """Make sure that a prepared cohort is on the set's grid, before a gallery is built of it."""
    spacings = settings.spacing_mm, synthetic.spacing_mm
    if settings.size != synthetic.size or not math.isclose(*spacings, rel_tol=1e-3):
        raise InputError(
            f"{synthetic.folder} has {_grid(synthetic.size, synthetic.spacing_mm)}; {real} has "
            f"{_grid(settings.size, settings.spacing_mm)}.",
            "Prepare the cohort on the grid of the set.",
        )


def _grid(size: tuple[int, ...], spacing_mm: float) -> str:
    return f"{' x '.join(map(str, size))} voxels of {spacing_mm:g} mm"
