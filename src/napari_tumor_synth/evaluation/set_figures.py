"""The figures of a memorisation report: copies, duplicates, authenticity, membership.

.. [1] Alaa et al., How Faithful is your Synthetic Data?, 2022 (authenticity).
.. [2] van Breugel et al., Membership Inference Attacks against Synthetic Data, 2023.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from napari_tumor_synth.evaluation.gallery_scores import SAME_TUMOUR
from napari_tumor_synth.evaluation.measured import Measured, bootstrap_interval, share
from napari_tumor_synth.evaluation.memorisation import (
    COPY_P,
    FEWEST_PATIENTS,
    RATE,
    Calibration,
    Verdict,
    judge,
)
from napari_tumor_synth.evaluation.score_distributions import auc
from napari_tumor_synth.evaluation.set_scores import SetScores


def copies(
    scores: SetScores,
    verdicts: Sequence[Verdict],
    nearest: Sequence[int],
    calibration: Calibration,
) -> tuple[Measured, Measured]:
    """Return the share of copies, and the share of training ROIs that are copied.

    Parameters
    ----------
    scores : SetScores
    verdicts, nearest : sequences
        Of each synthetic ROI, and the index of its nearest real one.
    calibration : Calibration
    """
    train = set(scores.train.tolist())
    found = [real for verdict, real in zip(verdicts, nearest, strict=True) if verdict.is_copy]
    return (
        _calibrated(
            share(
                "copies of real ROIs",
                len(found),
                len(verdicts),
                f"{len(verdicts)} synthetic ROIs, {scores.to_real.shape[1]} real",
                "Synthetic ROIs that are nearer to a real one than real ones are to each other: p "
                f"of at most {COPY_P:g}, false discovery rate {RATE:.0%}.",
            ),
            calibration,
        ),
        _calibrated(
            Measured(
                "training cases copied",
                len(train & set(found)) / len(train),
                None,
                None,
                f"{len(train)} training ROIs, {len(verdicts)} synthetic",
                "Training ROIs that are the nearest real ROI of a copy: a count of this set, which "
                "grows with its size.",
            ),
            calibration,
        ),
    )


def _calibrated(figure: Measured, calibration: Calibration) -> Measured:
    """Keep a figure from looking like good news where nothing says what is usual."""
    if calibration.is_enough:
        return figure
    note = (
        f"Not calibrated: the gallery has {calibration.patients} patients, and {FEWEST_PATIENTS} "
        f"are needed. Only ROIs with a score of at least {SAME_TUMOUR:g} could be counted, of "
        "which there "
    )
    if not figure.value:
        return replace(figure, value=None, low=None, high=None, note=f"{note}are none.")
    return replace(figure, low=figure.value, high=None, note=f"{note}are some: a lower bound.")


def duplicates(scores: SetScores, calibration: Calibration) -> tuple[tuple[int, ...], ...]:
    """Return groups of synthetic ROIs that are as near to each other as copies are."""
    if len(scores.among_rows) < 2:
        return ()
    # one verdict a ROI (with its nearest), not one a pair: the calibration is of nearest scores
    nearest = np.nanmax(scores.among, axis=1)
    verdicts = judge(nearest.tolist(), calibration, among=len(nearest) - 1)
    is_copy = np.array([verdict.is_copy for verdict in verdicts])
    lowest = nearest[is_copy].min() if is_copy.any() else np.inf
    linked = scores.among >= lowest  # NaN is not
    _, labels = connected_components(linked, directed=False)
    groups = (np.flatnonzero(labels == label) for label in np.unique(labels[is_copy]))
    return tuple(tuple(scores.among_rows[group].tolist()) for group in groups if len(group) > 1)


def duplicated(
    scores: SetScores, groups: tuple[tuple[int, ...], ...], calibration: Calibration
) -> Measured:
    """Return the share of synthetic ROIs in groups of `duplicates`."""
    count = len(scores.among_rows)
    found = Measured(
        "duplicates among synthetic ROIs",
        sum(len(group) for group in groups) / count if count else None,
        None,
        None,
        f"{count} synthetic ROIs, {len(groups)} groups",
        "Synthetic ROIs that are as near to another synthetic one as a copy is to a real one, as "
        "many real ones as there are others: a count of this set, which grows with its size.",
    )
    return _calibrated(found, calibration)


def authenticity(
    scores: SetScores, held_out_owners: list[str], seed: int
) -> tuple[Measured, Measured, Measured]:
    """Return AuthPct [1]_ of synthetic and of held-out ROIs, and their difference.

    Parameters
    ----------
    scores : SetScores
    held_out_owners : list of str
        The patient of each of ``scores.held_out_rows``.
    seed : int
        Of the bootstrap.
    """
    to_train = scores.to_real[:, scores.train]
    ours = _authentic(to_train.max(axis=1), scores.train[to_train.argmax(axis=1)], scores)
    theirs = _authentic(scores.held_out_nearest, scores.held_out_index, scores)
    definition = (
        "Share of ROIs whose nearest training ROI has a training ROI of another patient that is "
        "nearer to it, by foreground 3D-SSIM (AuthPct, Alaa et al. 2022)."
    )
    named = ("authentic synthetic ROIs", "authentic held-out ROIs")
    if not len(theirs):
        nothing = "The gallery has no held-out ROIs."
        if len(scores.held_out):
            nothing = "All training ROIs are of one patient: none has another to be nearer to."
        blank = Measured(named[1], None, None, None, "0 held-out ROIs", definition, nothing)
        difference = Measured(
            "difference in authenticity", None, None, None, "0 held-out ROIs", definition, nothing
        )
        return _authentic_share(named[0], ours, "synthetic ROIs", definition), blank, difference
    low, high = bootstrap_interval(
        lambda one, other: float(one.mean() - other.mean()),
        [ours, theirs],
        [None, held_out_owners],
        seed,
    )
    return (
        _authentic_share(named[0], ours, "synthetic ROIs", definition),
        _of_patients(
            _authentic_share(named[1], theirs, "held-out ROIs", definition),
            theirs,
            held_out_owners,
            seed,
        ),
        Measured(
            "difference in authenticity",
            float(ours.mean() - theirs.mean()),
            low,
            high,
            f"{len(ours)} synthetic ROIs, {len(theirs)} held-out ROIs",
            "Synthetic less held-out; below 0 when synthetic ROIs are nearer to the training ROIs "
            "than new patients are. 100 % authentic is not the aim: held-out ROIs are the measure.",
        ),
    )


def _authentic(
    nearest: NDArray[np.float64], index: NDArray[np.int64], scores: SetScores
) -> NDArray[np.float64]:
    own = np.array([scores.own_nearest[at] for at in index.tolist()])
    known = np.isfinite(own)
    authentic: NDArray[np.float64] = (nearest[known] < own[known]).astype(np.float64)
    return authentic


def _authentic_share(
    name: str, authentic: NDArray[np.float64], of: str, definition: str
) -> Measured:
    return share(name, int(authentic.sum()), len(authentic), f"{len(authentic)} {of}", definition)


def _of_patients(
    found: Measured, values: NDArray[np.float64], owners: list[str], seed: int
) -> Measured:
    """Return a share with an interval over patients, where some have several ROIs."""
    if len(set(owners)) == len(owners):
        return found
    low, high = bootstrap_interval(lambda one: float(one.mean()), [values], [owners], seed)
    return replace(found, low=low, high=high, n=f"{found.n} of {len(set(owners))} patients")


def membership(scores: SetScores, patients: NDArray[np.str_], seed: int) -> Measured:
    """Return how well it can be guessed from the set who was learnt from [2]_.

    Parameters
    ----------
    scores : SetScores
    patients : (N,) str
        The patient of each real ROI.
    seed : int
        Of the bootstrap.
    """
    name, definition = (
        "membership inference AUC",
        "Area under the ROC curve of guessing from the most similar synthetic ROI whether a real "
        "ROI was learnt from; 0.5 gives nothing away.",
    )
    closest = scores.to_real.max(axis=0)
    members, others = closest[scores.train], closest[scores.held_out]
    n = f"{len(members)} training ROIs, {len(others)} held-out ROIs"
    if len(others) < 2:
        note = "It takes two held-out ROIs."
        return Measured(name, None, None, None, n, definition, note)
    low, high = bootstrap_interval(
        auc,
        [members, others],
        [patients[scores.train].tolist(), patients[scores.held_out].tolist()],
        seed,
    )
    return Measured(name, auc(members, others), low, high, n, definition)
