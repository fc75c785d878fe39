"""Pools of a reader study from what users have: prepared cohorts and folders of samples."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import StudyError, TumorSynthError
from napari_tumor_synth.generators.catalogue import list_models
from napari_tumor_synth.generators.checkpoint import read_checkpoint
from napari_tumor_synth.imaging.cache_manifest import MANIFEST
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.imaging.splits import SPLITS
from napari_tumor_synth.progress import OnProgress, ignore_progress
from napari_tumor_synth.study.pool import REAL, Pool, PoolRoi
from napari_tumor_synth.workflows.evaluation.synthetic_set import (
    SyntheticSet,
    open_synthetic_set,
)
from napari_tumor_synth.workflows.real_cohort import require_real_cache


def real_pool(folder: Path, sequence: str | None, splits: Sequence[str]) -> tuple[Pool, RoiCache]:
    """Return the real ROIs of a prepared cohort.

    Parameters
    ----------
    folder : Path
        What `prepare` left.
    sequence : str, optional
        That is shown; the first one by default.
    splits : sequence of str
        Of the cohort; empty takes all.

    Raises
    ------
    StudyError
        The folder is no prepared cohort, or has no such sequence or split.
    CohortError
        It is damaged, or holds synthetic ROIs.
    """
    if not (folder / MANIFEST).is_file():
        raise StudyError(
            f"{folder} is no prepared cohort.",
            "Cut the real cases on the generator's grid first: tumor-synth prepare.",
        )
    cache = RoiCache.open(folder)
    require_real_cache(cache)
    known = {*SPLITS, *(one.split for one in cache.entries)}
    if unknown := sorted(set(splits) - known):
        raise StudyError(
            f"{folder} has no split {', '.join(unknown)}.", f"Name {', '.join(sorted(known))}."
        )
    chosen = [index for index, one in enumerate(cache.entries) if not splits or one.split in splits]
    if not chosen:
        raise StudyError(
            f"{folder} has no case in {' or '.join(splits)}.", "Name other splits of the cohort."
        )
    channel = _channel(cache.sequences, sequence, folder)
    rois = tuple(
        PoolRoi(
            cache.entries[index].name,
            cache.entries[index].patient,
            cache.entries[index].class_name,
            REAL,
            cache.entries[index].sha256,
            partial(_of_cache, cache, index, channel),
        )
        for index in chosen
    )
    settings = cache.settings
    return Pool(REAL, rois, settings.size, settings.spacing_mm), cache


def synthetic_pool(
    name: str | None,
    folder: Path,
    sequence: str | None,
    on_progress: OnProgress = ignore_progress,
) -> tuple[Pool, SyntheticSet]:
    """Return the ROIs of one generator.

    Parameters
    ----------
    name : str, optional
        Of the generator; by default what the records say, or the folder is called.
    folder : Path
    sequence : str, optional
    on_progress : callable

    Raises
    ------
    InputError
        There are none, one is damaged, or they do not fit each other.
    StudyError
        They are of several generators, or have no such sequence.
    """
    if name is not None and not name.strip():
        raise StudyError(f"The pool {folder} has an empty name.", "Name it: NAME=FOLDER.")
    found = open_synthetic_set(folder, on_progress)
    models = sorted({record.model_name for record in found.records if record})
    if len(models) > 1 and name is None:
        raise StudyError(
            f"{folder} holds ROIs of several generators: {', '.join(models)}.",
            "Keep those of each generator in a folder of its own.",
        )
    generator = name or (models[0] if models else folder.resolve().name)
    channel = _channel(found.sequences, sequence, folder)
    rois = tuple(
        PoolRoi(
            f"{generator}/{roi}",
            f"{generator}/{roi}",
            found.classes[index],
            generator,
            _hash_of(found, index),
            partial(_of_set, found, index, channel),
        )
        for index, roi in enumerate(found.names)
    )
    return Pool(generator, rois, found.size, found.spacing_mm), found


def require_unseen(
    cache: RoiCache, real: Pool, sets: Mapping[str, SyntheticSet]
) -> tuple[str, ...]:
    """Make sure that no patient is shown whom a generator was trained on, as far as is known.

    A checkpoint says which prepared cohort it was trained on; the training cases are those of the
    cohort's training split.

    Returns
    -------
    tuple of str
        What could not be found out.

    Raises
    ------
    StudyError
        One is.
    """
    train = {entry.patient for entry in cache.entries if entry.split == "train"}
    doubts: list[str] = []
    shown = sorted(train & {roi.patient for roi in real.rois})
    for generator, found in sets.items():
        models = {record.model_sha256 if record else None for record in found.records}
        cohorts = {_trained_on(sha256) for sha256 in models}
        if shown and cache.manifest_hash in cohorts:
            raise StudyError(
                f"{generator} was trained on {len(shown)} of the patients who would be shown as "
                f"real, {shown[0]} among them: its ROIs may be like theirs.",
                "Show patients of the held-out splits: --split validation --split test.",
            )
        if shown and None in cohorts:
            doubts.append(
                f"Whether {generator} was trained on patients who are shown as real could not be "
                f"found out: {len(shown)} of them are of the cohort's training split."
            )
    return tuple(doubts)


def _trained_on(model_sha256: str | None) -> str | None:
    """Return the hash of the cohort that a known model was trained on."""
    for model in list_models():
        if model.entry.sha256 != model_sha256:
            continue
        try:
            data = read_checkpoint(model.path).provenance.get("data")
        except TumorSynthError:
            return None
        return data if isinstance(data, str) else None
    return None


def _channel(sequences: Sequence[str], wanted: str | None, where: Path) -> int:
    if wanted is None:
        return 0
    if wanted not in sequences:
        raise StudyError(
            f"{where} has no sequence {wanted}.", f"It has {', '.join(sequences)}: name one."
        )
    return list(sequences).index(wanted)


def _of_cache(cache: RoiCache, index: int, channel: int) -> NDArray[np.float32]:
    image: NDArray[np.float32] = cache.load(index)[channel]
    return image


def _of_set(found: SyntheticSet, index: int, channel: int) -> NDArray[np.float32]:
    image: NDArray[np.float32] = found.images[index][channel]
    return image


def _hash_of(found: SyntheticSet, index: int) -> str:
    """Return the hash of the image that the record names, or of its voxels."""
    record = found.records[index]
    named = record and record.files.get(found.sequences[0])
    voxels = np.ascontiguousarray(found.images[index])
    return named or hashlib.sha256(voxels.tobytes()).hexdigest()
