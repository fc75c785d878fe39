"""Index the real ROIs of a prepared cohort: resumable, and cheap to repeat when it has grown."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from napari_tumor_synth.errors import GalleryError, InputError, OutputError
from napari_tumor_synth.evaluation.gallery import SCORES, Gallery
from napari_tumor_synth.evaluation.gallery_files import read_gallery_roi, write_gallery_roi
from napari_tumor_synth.evaluation.gallery_manifest import (
    MANIFEST,
    PREPARED,
    README,
    VOLUMES,
    GalleryEntry,
    GalleryManifest,
    GalleryPlan,
    read_manifest,
)
from napari_tumor_synth.evaluation.gallery_scores import compare_all
from napari_tumor_synth.evaluation.ssim import prepare_roi
from napari_tumor_synth.files import atomic_file, writable_folder, write_json
from napari_tumor_synth.imaging.roi_cache import CacheEntry, RoiCache
from napari_tumor_synth.processors import worker_count
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

_README = {
    True: (
        "PATIENT DATA. This folder is a gallery of napari-tumor-synth: regions cut from MRI of\n"
        "patients, to look up which of them a synthetic one is like. Keep it as you keep the\n"
        "images themselves: do not publish it, and do not put it under version control.\n"
    ),
    False: (
        "Simulated data. This folder is a gallery of napari-tumor-synth, of phantoms that it\n"
        "made; nothing in it comes from a patient.\n"
    ),
}


def build_gallery(
    cohort: RoiCache,
    out: Path | str,
    window: Literal["uniform", "gaussian"] = "uniform",
    *,
    threads: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Gallery:
    """Index all ROIs of a prepared cohort, and compare them with each other.

    A call that was stopped, or killed, goes on where it was when it is repeated. So does one for a
    cohort that has grown. What the folder holds of ROIs that are no longer in the cohort is
    deleted at the end.

    Parameters
    ----------
    cohort : RoiCache
    out : path
        Folder of the gallery: new, empty, or of an earlier call with the same settings.
    window : {"uniform", "gaussian"}
        Of the 3D-SSIM; see `SsimDefinition`.
    threads : int, optional
        To compute with; None means one a core.
    on_progress : callable
        Called once an ROI that is indexed, and once an ROI that is compared with the others; may
        raise `Cancelled`, after which a later call goes on.

    Raises
    ------
    GalleryError
        The folder holds a gallery of other settings or of a newer version.
    InputError
        An ROI cannot be compared: it is empty, or smaller than the window.
    OutputError
        The folder cannot be written, is full, or holds other files.
    """
    plan = GalleryPlan(window=window, settings=cohort.settings, sequences=cohort.sequences)
    folder = writable_folder(out)
    _require_own(folder, plan)
    _tidy(folder, cohort.patient_data)
    threads = worker_count(threads)
    entries = [_entry(cached, plan) for cached in cohort.entries]
    total = 2 * len(entries)  # nearly; a large gallery compares fewer
    for step, name in enumerate(_index(cohort, entries, plan, folder, threads), start=1):
        on_progress(Progress(step, total, f"indexing {name}"))
    manifest = GalleryManifest(
        plan=plan,
        patient_data=cohort.patient_data,
        cohort=cohort.manifest_hash,
        entries=tuple(entries),
    )
    gallery = Gallery(folder, manifest)
    compare_all(
        gallery.rois,
        [entry.content for entry in entries],
        folder / SCORES,
        threads,
        lambda progress: on_progress(
            Progress(len(entries) + progress.step, len(entries) + progress.total, progress.message)
        ),
    )
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    _remove_unnamed(folder, manifest)
    return gallery


def _entry(cached: CacheEntry, plan: GalleryPlan) -> GalleryEntry:
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", cached.name).strip("_-")[:80] or "case"
    named = hashlib.sha256(f"{cached.sha256} {plan.window}".encode()).hexdigest()[:16]
    return GalleryEntry(
        name=cached.name,
        patient=cached.patient,
        class_name=cached.class_name,
        split=cached.split,
        content=cached.sha256,
        file=f"{readable}-{named}.safetensors",
    )


def _index(
    cohort: RoiCache,
    entries: Sequence[GalleryEntry],
    plan: GalleryPlan,
    folder: Path,
    threads: int,
) -> Iterator[str]:
    """Make what is missing or damaged, and give the name of each ROI that is there."""

    def make(index: int) -> str:
        entry = entries[index]
        path = folder / VOLUMES / entry.file
        try:
            read_gallery_roi(path, entry.content, plan.definition)
        except GalleryError:
            try:
                roi = prepare_roi(cohort.load(index), plan.definition, exact=False)
            except InputError as error:
                raise InputError(f"Case {entry.name}: {error.problem}", error.remedy) from error
            write_gallery_roi(roi, entry.content, path)
        return entry.name

    pool = ThreadPoolExecutor(threads)
    try:
        yield from pool.map(make, range(len(entries)))
    finally:  # whoever stops waits for what has begun, not for all the rest
        pool.shutdown(wait=True, cancel_futures=True)


def _require_own(folder: Path, plan: GalleryPlan) -> None:
    if (folder / MANIFEST).exists():
        found, wanted = read_manifest(folder).plan.model_dump(), plan.model_dump()
        different = [
            f"{key} is {found[key]}, not {wanted[key]}"
            for key in wanted
            if found[key] != wanted[key]
        ]
        if different:
            raise GalleryError(
                f"{folder} holds a gallery of other settings: {'; '.join(different)}.",
                "Choose another folder.",
            )
    else:
        known = {README, VOLUMES, SCORES, PREPARED}
        others = sorted(path.name for path in folder.iterdir() if path.name not in known)
        if others:
            raise OutputError(
                f"{folder} is no gallery and holds other files, such as {others[0]}.",
                "Choose an empty folder.",
            )


def _tidy(folder: Path, patient_data: bool) -> None:
    """Remove what a killed call was writing, and say what the folder holds."""
    for rest in (*folder.glob(".writing-*"), *(folder / VOLUMES).glob(".writing-*")):
        rest.unlink(missing_ok=True)
    with atomic_file(folder / README) as temporary:
        temporary.write_text(_README[patient_data], "utf-8")


def _remove_unnamed(folder: Path, manifest: GalleryManifest) -> None:
    named = {entry.file for entry in manifest.entries}
    for path in (folder / VOLUMES).glob("*.safetensors"):
        if path.name not in named:
            path.unlink(missing_ok=True)
