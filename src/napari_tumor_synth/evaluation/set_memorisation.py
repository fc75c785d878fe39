"""Does a set of synthetic ROIs hold copies of real ones: verdicts, rates, and attacks.

No figure of this kind means anything by itself: each stands beside that of held-out real ROIs, or
beside what real ROIs are to each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.measured import Measured
from napari_tumor_synth.evaluation.memorisation import Calibration, Verdict, judge
from napari_tumor_synth.evaluation.score_distributions import Comparison, compare_distributions
from napari_tumor_synth.evaluation.set_figures import (
    authenticity,
    copies,
    duplicated,
    duplicates,
    membership,
)
from napari_tumor_synth.evaluation.set_scores import SetScores, score_set
from napari_tumor_synth.progress import OnProgress, ignore_progress


@dataclass(frozen=True, slots=True)
class SampleVerdict:
    """What is said of one synthetic ROI.

    Attributes
    ----------
    nearest : int
        Index of the real ROI that it is most like.
    score : float
        Foreground 3D-SSIM with it.
    verdict : Verdict
    held_out_percentile : float or None
        How many of 100 held-out ROIs have a nearest training ROI that is less similar.
    """

    nearest: int
    score: float
    verdict: Verdict
    held_out_percentile: float | None


@dataclass(frozen=True, eq=False)
class SetMemorisation:
    """The memorisation report of a set.

    Attributes
    ----------
    samples : tuple of SampleVerdict
        In the order of the set.
    figures : tuple of Measured
    distributions : dict of str to (n,) float64
        Nearest scores: ``"synthetic to training"``, ``"held-out to training"`` and ``"training,
        left out"``.
    comparisons : tuple of Comparison
    duplicates : tuple of tuple of int
        Groups of synthetic ROIs that are copies of each other.
    """

    samples: tuple[SampleVerdict, ...]
    figures: tuple[Measured, ...]
    distributions: dict[str, NDArray[np.float64]]
    comparisons: tuple[Comparison, ...]
    duplicates: tuple[tuple[int, ...], ...]

    def figure(self, name: str) -> Measured:
        """Return the figure of that name."""
        return next(figure for figure in self.figures if figure.name == name)


SYNTHETIC, HELD_OUT, LEFT_OUT = (
    "synthetic to training",
    "held-out to training",
    "training, left out",
)


def study_set(
    gallery: Gallery,
    images: Sequence[NDArray[np.float32]],
    *,
    seed: int = 0,
    threads: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> SetMemorisation:
    """Report on the memorisation of a set; see `score_set` for parameters and errors."""
    scores = score_set(gallery, images, seed=seed, threads=threads, on_progress=on_progress)
    return report_on(gallery, scores, seed)


def report_on(gallery: Gallery, scores: SetScores, seed: int = 0) -> SetMemorisation:
    """Draw the conclusions of scores."""
    calibration = Calibration.of_gallery(gallery)
    samples = _judged(scores, calibration)
    groups = duplicates(scores, calibration)
    distributions = {
        SYNTHETIC: scores.to_real[:, scores.train].max(axis=1),
        HELD_OUT: scores.held_out_nearest,
        LEFT_OUT: scores.left_out[np.isfinite(scores.left_out)],
    }
    patients = np.array(gallery.persons)
    owners = {
        HELD_OUT: patients[scores.held_out_rows].tolist(),
        LEFT_OUT: patients[scores.left_out_rows][np.isfinite(scores.left_out)].tolist(),
    }
    figures = (
        *copies(
            scores,
            [sample.verdict for sample in samples],
            [sample.nearest for sample in samples],
            calibration,
        ),
        duplicated(scores, groups, calibration),
        *authenticity(scores, owners[HELD_OUT], seed),
        membership(scores, patients, seed),
    )
    comparisons = tuple(
        compare_distributions(
            SYNTHETIC, distributions[SYNTHETIC], other, distributions[other], owners[other], seed
        )
        for other in (HELD_OUT, LEFT_OUT)
        if len(distributions[other]) > 1
    )
    return SetMemorisation(samples, figures, distributions, comparisons, groups)


def _judged(scores: SetScores, calibration: Calibration) -> tuple[SampleVerdict, ...]:
    nearest, best = scores.to_real.argmax(axis=1), scores.to_real.max(axis=1)
    held_out = scores.held_out_nearest
    to_train = scores.to_real[:, scores.train].max(axis=1)
    return tuple(
        SampleVerdict(
            nearest=int(nearest[row]),
            score=float(best[row]),
            verdict=verdict,
            held_out_percentile=(
                float(100 * np.mean(held_out < to_train[row])) if len(held_out) else None
            ),
        )
        for row, verdict in enumerate(judge(best.tolist(), calibration))
    )


def as_json(found: SetMemorisation, names: Sequence[str], real_names: Sequence[str]) -> Any:
    """Return the whole report as plain values.

    Parameters
    ----------
    found : SetMemorisation
    names : sequence of str
        Of the synthetic ROIs.
    real_names : sequence of str
        Of the gallery's ROIs; pseudonyms where the report may leave.
    """
    return {
        "samples": [
            {
                "sample": names[row],
                "nearest": real_names[sample.nearest],
                "foreground_ssim": sample.score,
                "verdict": sample.verdict.name,
                "is_copy": sample.verdict.is_copy,
                "sentence": sample.verdict.sentence,
                "percentile": sample.verdict.percentile,
                "held_out_percentile": sample.held_out_percentile,
                "p_value": sample.verdict.p_value,
            }
            for row, sample in enumerate(found.samples)
        ],
        "figures": [figure.as_json() for figure in found.figures],
        "comparisons": [
            {name: getattr(one, name) for name in Comparison.__slots__} for one in found.comparisons
        ],
        "distributions": {name: values.tolist() for name, values in found.distributions.items()},
        "duplicates": [[names[row] for row in group] for group in found.duplicates],
    }
