"""Whether a cache of ROIs is what a recipe can learn from, said before a training begins."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.imaging.case import UNKNOWN_CLASS
from napari_tumor_synth.imaging.intensity import BACKGROUND
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.training.families import Recipe

_LEARNT_FROM = {"train": "training", "validation": "validation"}
_MORE_PATIENTS = "Prepare a cohort with at least three patients of each class."
_ROUNDING = 1e-3  # float16 near 1 is finer than that
_NAMED = 3


def require_fit(recipe: Recipe, cache: RoiCache) -> None:
    """Make sure that a cache holds what a recipe is for, without reading the images.

    Raises
    ------
    TrainingError
        Size, spacing or sequences differ; classes are unknown, too few or too many for the recipe,
        or missing from training or validation; there is one patient only; a split is empty, or has
        fewer ROIs than a step takes.
    CohortError
        The file of an ROI is missing, damaged or of another shape.
    """
    _require_same_grid(recipe, cache)
    _require_known_classes(cache)
    _require_classes(recipe, cache)
    _require_patients(cache)
    _require_splits(cache)
    _require_batches(recipe, len(cache.indices("train")))
    for split in _LEARNT_FROM:
        for index in cache.indices(split):
            cache.memmap(index)


def require_sound(cache: RoiCache, on_progress: OnProgress = ignore_progress) -> None:
    """Read every ROI that a training uses, and make sure that its values can be learnt from.

    Raises
    ------
    TrainingError
        An ROI holds values that are not finite or outside of [-1, 1], or no tumour.
    CohortError
        The file of an ROI is missing or damaged.
    """
    used = [index for split in _LEARNT_FROM for index in cache.indices(split)]
    for done, index in enumerate(used, start=1):
        image = cache.load(index)
        if not np.isfinite(image).all():
            raise _unsound(cache, index, "values that are not finite")
        if max(-image.min(), image.max()) > 1 + _ROUNDING:
            found = f"values from {image.min():.3g} to {image.max():.3g} instead of -1 to 1"
            raise _unsound(cache, index, found)
        if not (image > BACKGROUND).any():
            raise _unsound(cache, index, "no tumour")
        on_progress(Progress(done, len(used), "checking ROIs"))


def _require_same_grid(recipe: Recipe, cache: RoiCache) -> None:
    settings = cache.settings
    pairs = {
        "size": (recipe.size, settings.size),
        "spacing_mm": (recipe.spacing_mm, settings.spacing_mm),
        "sequences": (recipe.sequences, tuple(cache.sequences)),
    }
    for name, (wanted, found) in pairs.items():
        if wanted != found:
            raise TrainingError(
                f"The recipe {recipe.name} needs {name} {wanted}, but the cache has {found}.",
                f"Prepare the cohort into another folder with {_preparing(recipe)}, or name the "
                "cohort itself as the data.",
            )


def _require_known_classes(cache: RoiCache) -> None:
    unknown = [entry.name for entry in cache.entries if entry.class_name == UNKNOWN_CLASS]
    if cache.classes and unknown:
        raise TrainingError(
            f"The class of {_cases(unknown)} is unknown, while others are "
            f"{' or '.join(cache.classes)}.",
            "Put them into a folder HGG or LGG, or give their classes in a table, and prepare "
            "again.",
        )


def _require_classes(recipe: Recipe, cache: RoiCache) -> None:
    found = ", ".join(cache.classes)
    if recipe.conditional and len(cache.classes) < 2:
        has = f"has one class only, {found}" if found else "has no classes"
        raise TrainingError(
            f"The recipe {recipe.name} learns to draw classes apart, but the cohort {has}.",
            "Choose a recipe without classes, such as vqgan-lat8-small, or prepare a cohort with "
            "folders HGG and LGG or a table of classes.",
        )
    if recipe.conditional and recipe.transformer.classes != len(cache.classes):
        raise TrainingError(
            f"The recipe {recipe.name} is for {recipe.transformer.classes} classes, but the "
            f"cohort has {len(cache.classes)}: {found}.",
            f"Set transformer.classes to {len(cache.classes)} in a copy of the recipe.",
        )
    if not recipe.conditional and len(cache.classes) > 1:
        raise TrainingError(
            f"The recipe {recipe.name} knows no classes, but the cohort has several: {found}.",
            "Prepare the cases of one class, or choose a class-conditional recipe, such as "
            "vqgan-cond-small.",
        )


def _require_patients(cache: RoiCache) -> None:
    if len({entry.patient for entry in cache.entries}) == 1:
        rois = "The only ROI is" if len(cache) == 1 else f"All {len(cache)} ROIs are"
        raise TrainingError(
            f"{rois} of one patient, who cannot be both learnt from and held out.", _MORE_PATIENTS
        )


def _require_splits(cache: RoiCache) -> None:
    for split, purpose in _LEARNT_FROM.items():
        indices = cache.indices(split)
        if not indices:
            raise TrainingError(
                f"There is no ROI for {purpose} ({len(cache)} in all).",
                f"{_MORE_PATIENTS[:-1]}, and shares of train and validation above 0.",
            )
        present = {cache.entries[index].class_name for index in indices}
        if missing := [name for name in cache.classes if name not in present]:
            counts = Counter(entry.class_name for entry in cache.entries)
            raise TrainingError(
                f"The class {missing[0]} has no ROI for {purpose} ({counts[missing[0]]} in all).",
                _MORE_PATIENTS,
            )


def _require_batches(recipe: Recipe, rois: int) -> None:
    """Refuse steps that would take an ROI twice; patches of one ROI may be several in a step."""
    whole = [
        (f"{stage}.phases.{number}.batch", phase.batch)
        for stage in ("autoencoder_training", "decoder_training")
        if (settings := getattr(recipe, stage)) is not None
        for number, phase in enumerate(settings.phases)
        if phase.crop is None
    ]
    tokens = recipe.token_training
    sequences = rois * (2 if tokens.mirror else 1)
    wanted = [(name, batch, rois, "ROIs") for name, batch in whole] + [
        (f"token_training.phases.{number}.batch", phase.batch, sequences, "token sequences")
        for number, phase in enumerate(tokens.phases)
    ]
    for name, batch, there, what in wanted:
        if batch > there:
            raise TrainingError(
                f"A step of the recipe {recipe.name} takes {batch} {what}, but only {there} "
                f"{'is' if there == 1 else 'are'} for training.",
                f"Prepare more cases, or set {name} to at most {there}.",
            )


def _unsound(cache: RoiCache, index: int, what: str) -> TrainingError:
    return TrainingError(
        f"The ROI of case {cache.entries[index].name} holds {what}.",
        "Prepare the cohort again into an empty folder; if it stays so, leave the case out.",
    )


def _cases(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{'case' if len(names) == 1 else 'cases'} {', '.join(names[:_NAMED])}{more}"


def _preparing(recipe: Recipe) -> str:
    size = set(recipe.size)
    edge = f"--size {recipe.size[0]} " if len(size) == 1 else ""
    return (
        f"tumor-synth prepare {edge}--spacing {recipe.spacing_mm:g} "
        f"--sequences {','.join(recipe.sequences)}"
    )
