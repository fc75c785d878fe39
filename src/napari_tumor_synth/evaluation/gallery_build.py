"""Index the real ROIs of a prepared cohort: resumable, and cheap to repeat when it has grown."""

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from napari_tumor_synth.errors import GalleryError, InputError, OutputError
from napari_tumor_synth.evaluation.gallery import SCORES, Gallery
from napari_tumor_synth.evaluation.gallery_files import (
    read_gallery_roi,
    read_outline,
    write_gallery_roi,
)
from napari_tumor_synth.evaluation.gallery_manifest import (
    FORMAT,
    MANIFEST,
    PREPARED,
    README,
    VOLUMES,
    GalleryEntry,
    GalleryManifest,
    GalleryPlan,
    read_manifest,
)
from napari_tumor_synth.evaluation.gallery_outlines import PATTERN, outlines_file, write_outlines
from napari_tumor_synth.evaluation.gallery_scores import compare_all
from napari_tumor_synth.evaluation.gallery_transformed import TRANSFORMED, compare_transformed
from napari_tumor_synth.evaluation.pseudonyms import KEY, ensure_key
from napari_tumor_synth.files import (
    atomic_file,
    sha256_of_file,
    writable_folder,
    write_json,
)
from napari_tumor_synth.imaging.roi_cache import CacheEntry, RoiCache, readable_name
from napari_tumor_synth.processors import thread_pool, worker_count
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

READY_UP_TO = 2000 * 128**3
"""Voxels of a gallery up to which its ROIs are kept ready to be compared; of more, as images."""

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
    transforms: bool = False,
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
    transforms : bool
        Search some of the ROIs mirrored, turned and shifted as well, so that copies that are can
        be told from what is usual; takes some seconds an ROI.
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
    ensure_key(folder)
    threads = worker_count(threads)
    total = 2 * len(cohort)  # nearly; a large gallery compares fewer
    entries = []
    for entry in _index(cohort, plan, folder, threads):
        entries.append(entry)
        on_progress(Progress(len(entries), total, f"indexing {entry.name}"))
    manifest = GalleryManifest(
        plan=plan,
        patient_data=cohort.patient_data,
        cohort=cohort.manifest_hash,
        entries=tuple(entries),
        outlines=_outlines(folder, plan, entries),
    )
    gallery = Gallery(folder, manifest)
    compare_all(
        gallery.rois,
        gallery.contents,
        folder / SCORES,
        threads,
        lambda progress: on_progress(
            Progress(len(entries) + progress.step, len(entries) + progress.total, progress.message)
        ),
    )
    if transforms:
        compare_transformed(gallery, threads, on_progress)
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    _remove_unnamed(folder, manifest)
    return gallery


def _index(
    cohort: RoiCache, plan: GalleryPlan, folder: Path, threads: int
) -> Iterator[GalleryEntry]:
    """Make what is missing or damaged, and give each ROI that is there, in the cohort's order."""
    earlier = _earlier_hashes(folder)
    ready = len(cohort) * math.prod(plan.settings.size) <= READY_UP_TO

    def make(index: int) -> GalleryEntry:
        cached = cohort.entries[index]
        file = _file_name(cached, plan, ready)
        path = folder / VOLUMES / file
        sha256 = _hash_if_good(path, cached.sha256, plan, earlier.get(file))
        if sha256 is None:
            try:
                write_gallery_roi(
                    cohort.load(index), plan.definition, cached.sha256, path, ready=ready
                )
            except InputError as error:
                raise InputError(f"Case {cached.name}: {error.problem}", error.remedy) from error
            sha256 = sha256_of_file(path)
        return GalleryEntry(
            name=cached.name,
            patient=cached.patient,
            class_name=cached.class_name,
            split=cached.split,
            content=cached.sha256,
            file=file,
            sha256=sha256,
        )

    with thread_pool(threads) as pool:
        yield from pool.map(make, range(len(cohort)))


def _outlines(folder: Path, plan: GalleryPlan, entries: list[GalleryEntry]) -> str:
    """Write the outlines of ROIs unless they are there, and return their hash."""
    contents = [entry.content for entry in entries]
    path = outlines_file(folder, contents)
    known = (folder / MANIFEST).exists() and read_manifest(folder, older=True).outlines
    if not (known and path.is_file() and sha256_of_file(path) == known):
        files = ((folder / VOLUMES / entry.file, entry.content) for entry in entries)
        outlines = (read_outline(file, content, plan.definition) for file, content in files)
        write_outlines(outlines, contents, folder)
    return sha256_of_file(path)


def _file_name(cached: CacheEntry, plan: GalleryPlan, ready: bool) -> str:
    """Return a name that decides the content, so that no file has another."""
    decisive = f"{cached.sha256} {plan.window} {FORMAT} {ready}"
    digest = hashlib.sha256(decisive.encode()).hexdigest()
    return f"{readable_name(cached.name)}-{digest[:16]}.safetensors"


def _hash_if_good(path: Path, content: str, plan: GalleryPlan, expected: str | None) -> str | None:
    """Return the hash of an ROI's file, unless it is missing, damaged or not the expected one."""
    try:
        read_gallery_roi(path, content, plan.definition)
        read_outline(path, content, plan.definition)
    except GalleryError:
        return None
    sha256 = sha256_of_file(path)
    return sha256 if expected in (None, sha256) else None


def _earlier_hashes(folder: Path) -> dict[str, str]:
    if not (folder / MANIFEST).exists():
        return {}
    return {entry.file: entry.sha256 for entry in read_manifest(folder, older=True).entries}


def _require_own(folder: Path, plan: GalleryPlan) -> None:
    if (folder / MANIFEST).exists():
        found = _said(read_manifest(folder, older=True).plan)
        wanted = _said(plan)
        different = [
            f"{key} is {found.get(key)}, not {wanted[key]}"
            for key in wanted
            if found.get(key) != wanted[key]
        ]
        if different:
            raise GalleryError(
                f"{folder} holds a gallery of other settings: {'; '.join(different)}.",
                "Choose another folder.",
            )
    else:
        known = {README, VOLUMES, SCORES, TRANSFORMED, PREPARED, KEY}
        for pattern in (PATTERN, ".writing-*"):  # the latter is what a killed call left
            known |= {path.name for path in folder.glob(pattern)}
        others = sorted(path.name for path in folder.iterdir() if path.name not in known)
        if others:
            raise OutputError(
                f"{folder} is no gallery and holds other files, such as {others[0]}.",
                "Choose an empty folder.",
            )


def _said(plan: GalleryPlan) -> dict[str, str]:
    """Return what a plan says, in words a user knows."""
    settings = plan.settings.model_dump(mode="json")
    said = {
        "sequences": ", ".join(plan.sequences),
        "window": plan.window,
        "size": " x ".join(map(str, settings.pop("size"))),
    }
    return said | {key.replace("_", " "): str(value) for key, value in settings.items()}


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
    for path in folder.glob(PATTERN):
        if path != outlines_file(folder, [entry.content for entry in manifest.entries]):
            path.unlink(missing_ok=True)
