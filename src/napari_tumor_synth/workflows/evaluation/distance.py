"""The part of an evaluation that measures how far the set is from real ROIs, voxel by voxel."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gram import gram_matrix
from napari_tumor_synth.evaluation.mmd_kwon import KwonMmd, mmd_kwon_of_gram
from napari_tumor_synth.evaluation.mmd_rbf import RbfMmd, mmd_rbf_of_gram
from napari_tumor_synth.evaluation.projection import project_gram
from napari_tumor_synth.evaluation.projection_plot import draw_projection
from napari_tumor_synth.evaluation.report.document import Picture, Section, Table
from napari_tumor_synth.evaluation.report.plots import png_of
from napari_tumor_synth.evaluation.roi_sets import ChosenRois
from napari_tumor_synth.progress import OnProgress
from napari_tumor_synth.workflows.evaluation.part import Part, told_as
from napari_tumor_synth.workflows.evaluation.sets import EvaluationSets, Group

BATCHES = (3, 8)
"""Of the published MMD: in the 3D-VQGAN papers, and in the one that it is from."""
EXPLANATION = (
    "The MMD as published is biased: most of it is the variance of the two sets divided by the "
    "size of a batch. It depends on that size, cannot fall below what real ROIs score against real "
    "ones, and rewards collapse: a set in which every sample is the mean real image scores better "
    "than a perfect generator. Both stand beside it.",
    "The MMD with a Gaussian kernel is unbiased: 0 is expected of a perfect generator, and p is "
    "the probability of a value as high if real and synthetic ROIs were drawn alike.",
)


def distance_part(sets: EvaluationSets, seed: int, on_progress: OnProgress) -> Part:
    """Measure the published MMD and an unbiased one, of each group."""
    groups = sets.groups()
    whole = groups[0]
    gram = gram_matrix(_both(whole), on_progress=told_as(on_progress, "voxels"))
    published: list[tuple[str, KwonMmd]] = []
    unbiased: list[tuple[str, RbfMmd]] = []
    notes = []
    for group in groups:
        part = gram[np.ix_(rows := _rows(whole, group), rows)]
        count = len(group.synthetic)
        for batch in BATCHES:
            try:
                found = mmd_kwon_of_gram(
                    part, count, batch=batch, seed=seed, patients=group.patients
                )
            except InputError as error:
                notes.append(f"{group.name}: {error.problem}")
                continue
            published.append((group.name, found))
        try:
            distance = mmd_rbf_of_gram(part, count, patients=group.patients, seed=seed)
        except InputError as error:  # ROIs that do not differ
            notes.append(f"{group.name}: {error.problem}")
            continue
        unbiased.append((group.name, distance))
    section = Section(
        "How far is the set from real ROIs, voxel by voxel?",
        (*EXPLANATION, *notes),
        (_published_table(published), _unbiased_table(unbiased)),
        _scatter(gram, whole),
    )
    data = {
        "mmd_kwon": [{"group": name, **found.as_json()} for name, found in published],
        "mmd_rbf": [{"group": name, **found.as_json()} for name, found in unbiased],
    }
    lines = tuple(
        f"MMD^2, unbiased, {name}  {found.value:.4g} ({found.low:.4g} to {found.high:.4g}), "
        f"p = {found.p_value:.2g}"
        for name, found in unbiased
    )
    layout = {
        (name, whose, f"mmd_kwon_{found.batch}"): value
        for name, found in published
        for whose, value in (("synthetic", found.value), ("real", found.floor))
    }
    return Part("voxels", section, data, lines, layout)


def _scatter(gram: NDArray[np.float64], whole: Group) -> tuple[Picture, ...]:
    try:
        projection = project_gram(gram, len(whole.synthetic))
    except InputError:  # ROIs that do not differ
        return ()
    caption = (
        "Voxels of real and synthetic ROIs on the two directions in which they vary most together "
        "(as figure 3 of Kwon et al. 2019). A set in a corner of the real ones lacks variety; what "
        "the picture does not show may differ still."
    )
    return (Picture("pca", caption, png_of(draw_projection(projection))),)


def _both(group: Group) -> Sequence[NDArray[np.float32]]:
    return ChosenRois([group.synthetic, group.real])


def _rows(whole: Group, group: Group) -> list[int]:
    """Return where the ROIs of a group are among those of all."""
    synthetic = [whole.synthetic.rows.index(row) for row in group.synthetic.rows]
    real = [whole.real.indices.index(index) for index in group.real.indices]
    return [*synthetic, *(len(whole.synthetic) + at for at in real)]


def _published_table(found: Sequence[tuple[str, KwonMmd]]) -> Table:
    return Table(
        "mmd_published",
        "MMD as published (Kwon et al. 2019); interval of the MMD: 95 % over ROIs and patients; of "
        "real against real: 95 % of single tests, each a new split of the patients into halves",
        (
            "ROIs", "B", "MMD", "low", "high", "real against real", "low (real)", "high (real)",
            "if all were the mean image", "distance of the means, unbiased", "variance term",
            "n synthetic", "n real", "patients", "definition", "how to read it",
        ),
        tuple(
            (
                name, one.batch, one.value, one.low, one.high, one.floor, one.floor_low,
                one.floor_high, one.collapsed, one.distance_of_means, one.variance_term,
                one.synthetic, one.real, one.patients, one.definition, one.reading,
            )
            for name, one in found
        ),
    )  # fmt: skip


def _unbiased_table(found: Sequence[tuple[str, RbfMmd]]) -> Table:
    return Table(
        "mmd_unbiased",
        "Unbiased MMD² with a Gaussian kernel; interval of the MMD²: 95 % over ROIs and patients; "
        "of real against real: 95 % of splits of the patients into halves",
        (
            "ROIs", "MMD²", "low", "high", "p", "real against real, low", "high (real)",
            "n synthetic", "n real", "patients", "definition",
        ),
        tuple(
            (
                name, one.value, one.low, one.high, one.p_value, one.floor_low, one.floor_high,
                one.synthetic, one.real, one.patients, one.definition,
            )
            for name, one in found
        ),
    )  # fmt: skip
