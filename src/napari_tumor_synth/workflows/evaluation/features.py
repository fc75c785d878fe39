"""The part of an evaluation that compares what networks see: FID, KID, precision and recall."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.feature_distances import (
    FeatureDistance,
    compare_features,
)
from napari_tumor_synth.evaluation.features.extractor import FeatureExtractor, Features, View
from napari_tumor_synth.evaluation.features.looking import features_of
from napari_tumor_synth.evaluation.manifold import Manifold, measure_manifold
from napari_tumor_synth.evaluation.report.document import Section, Table
from napari_tumor_synth.progress import OnProgress
from napari_tumor_synth.workflows.evaluation.part import Part, told_as
from napari_tumor_synth.workflows.evaluation.sets import EvaluationSets, Group

EXPLANATION = (
    "FID depends on the number of ROIs and is biased upward in small sets: compare the matched "
    "figure with that of as many real ROIs of other patients, not with the papers'. KID is "
    "unbiased: 0 is expected of a perfect generator. No network was trained on tumour ROIs of MRI; "
    "where two disagree, neither is right.",
    "Precision is the share of synthetic ROIs that lie among real ones, recall and coverage the "
    "share of real ones that are reached; each beside what real ROIs of other patients score.",
)
LAYOUT = "EfficientNet-Lite0"
"""Whose FID stands in the papers' layouts."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """What an extractor sees in all ROIs, view by view."""

    extractor: FeatureExtractor
    synthetic: dict[View, Features]
    real: dict[View, Features]

    def vectors(self, side: dict[View, Features], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return one vector an ROI: the means of its slices, plane after plane."""
        return np.concatenate([side[view].means()[rows] for view in side], axis=1)


def features_part(
    sets: EvaluationSets,
    extractors: Sequence[FeatureExtractor],
    seed: int,
    on_progress: OnProgress,
) -> Part:
    """Measure distances and neighbourhoods, of each group and extractor."""
    groups = sets.groups()
    whole = groups[0]
    distances: list[tuple[str, FeatureDistance]] = []
    manifolds: list[tuple[str, str, Manifold]] = []
    notes: list[str] = []
    for extractor in extractors:
        seen = _look(extractor, whole, on_progress)
        for group in groups:
            ours, theirs = _rows(whole, group)
            for view in extractor.views:
                distances.append(
                    (
                        group.name,
                        compare_features(
                            extractor,
                            view,
                            _chosen(seen.synthetic[view], ours),
                            _chosen(seen.real[view], theirs),
                            patients=group.patients,
                            seed=seed,
                        ),
                    )
                )
            try:
                manifold = measure_manifold(
                    seen.vectors(seen.synthetic, ours),
                    seen.vectors(seen.real, theirs),
                    seed=seed,
                    patients=group.patients,
                    on_progress=told_as(on_progress, f"{extractor.name}, {group.name}"),
                )
            except InputError as error:
                notes.append(f"{group.name}, {extractor.name}: {error.problem}")
                continue
            manifolds.append((group.name, extractor.name, manifold))
    described = tuple(
        f"{extractor.description}; SHA-256 of the weights {extractor.sha256[:12]}…."
        for extractor in extractors
    )
    return Part(
        "features",
        Section(
            "Do networks tell the set from real ROIs?",
            (*EXPLANATION, *described, *notes),
            (_distance_table(distances), _manifold_table(manifolds)),
        ),
        {
            "distances": [{"group": name, **one.as_json()} for name, one in distances],
            "manifold": [
                {"group": name, "extractor": extractor, **one.as_json()}
                for name, extractor, one in manifolds
            ],
        },
        tuple(
            f"{one.named('KID')}, {name}  {one.kid:.4g} ({_interval(one)})"
            for name, one in distances
            if name == whole.name
        ),
        {
            (name, whose, f"fid_{one.view}"): value
            for name, one in distances
            if one.extractor == LAYOUT
            for whose, value in _of_as_many(one)
        },
    )


def _of_as_many(one: FeatureDistance) -> tuple[tuple[str, float | None], ...]:
    """Return the FIDs that may stand above each other: it grows as sets get smaller."""
    if one.fid_floor is None:
        return ("synthetic", one.fid), ("real", None)
    return ("synthetic", one.fid_matched), ("real", one.fid_floor)


def _interval(one: FeatureDistance) -> str:
    if math.isnan(one.kid_low):
        return "too few ROIs or patients for an interval"
    return f"{one.kid_low:.4g} to {one.kid_high:.4g}"


def _look(extractor: FeatureExtractor, whole: Group, on_progress: OnProgress) -> _Seen:
    synthetic, real = (
        {
            view: features_of(extractor, view, images, told_as(on_progress, kind))
            for view in extractor.views
        }
        for kind, images in (("synthetic", whole.synthetic), ("real", whole.real))
    )
    return _Seen(extractor, synthetic, real)


def _rows(whole: Group, group: Group) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the ROIs of a group are among all synthetic, and all real, ones."""
    ours = [whole.synthetic.rows.index(row) for row in group.synthetic.rows]
    theirs = [whole.real.indices.index(index) for index in group.real.indices]
    return np.array(ours), np.array(theirs)


def _chosen(features: Features, rows: NDArray[np.int64]) -> Features:
    kept = np.isin(features.owner, rows)
    owner = np.searchsorted(rows, features.owner[kept])
    return Features(features.vectors[kept], owner, len(rows))


def _distance_table(found: Sequence[tuple[str, FeatureDistance]]) -> Table:
    return Table(
        "feature_distances",
        "Distances of features; intervals of 95 %; floors are real against real, by patient",
        (
            "ROIs", "features", "view", "FID, all", "FID, matched", "FID, real against real",
            "least (real)", "most (real)", "n matched", "KID", "low", "high",
            "KID, real against real, low", "high (real)", "KID, mean of subsets", "subset",
            "n synthetic", "n real", "patients", "synthetic vectors", "real vectors", "note",
        ),
        tuple(
            (
                name, one.extractor, one.view, one.fid, one.fid_matched, one.fid_floor,
                one.fid_floor_low, one.fid_floor_high, one.drawn, one.kid, _finite(one.kid_low),
                _finite(one.kid_high), one.kid_floor_low, one.kid_floor_high, one.kid_subsets,
                one.subset, one.synthetic, one.real, one.patients, one.synthetic_vectors,
                one.real_vectors, one.note,
            )
            for name, one in found
        ),
    )  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _manifold_table(found: Sequence[tuple[str, str, Manifold]]) -> Table:
    rows = [
        (
            name, extractor, figure, getattr(one.all, figure), ours.mean, ours.low, ours.high,
            theirs.mean, theirs.low, theirs.high, one.drawn, one.k, one.n_synthetic, one.n_real,
        )
        for name, extractor, one in found
        for figure, ours in one.synthetic.items()
        for theirs in (one.baseline[figure],)
    ]  # fmt: skip
    return Table(
        "neighbourhoods",
        "Improved precision and recall, density and coverage; ranges of 95 % of random splits",
        (
            "ROIs", "features", "figure", "all", "matched", "low", "high",
            "real against real", "low (real)", "high (real)", "n matched", "k", "n synthetic",
            "n real",
        ),
        tuple(rows),
    )  # fmt: skip
