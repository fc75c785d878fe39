"""Whether an ROI is nearer to a real one than real ones are to each other.

The scores of real ROIs with their nearest ROI of another patient say what is usual: the p-value of
a score is that of its rank among them, and beyond them that of a tail (see `exceedance`). Scores
are bounded by 1, so that it is the tail of Fisher's transform (artanh) of them.

.. [1] Benjamini and Hochberg, Controlling the false discovery rate, 1995.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from napari_tumor_synth.evaluation.exceedance import exceedance
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_scores import SAME_TUMOUR, fisher, outer_fence
from napari_tumor_synth.evaluation.gallery_transformed import read_transformed
from napari_tumor_synth.generators.copy_check import VerdictName

FEWEST_PATIENTS = 30
"""With fewer, nothing is said of how usual a score is."""
RATE = 0.05
"""Share of false alarms among the ROIs that are called copies."""
COPY_P = 0.001
"""An ROI is called a copy only if fewer of 1,000 new ones than one would be as near."""
CLOSE_PERCENTILE = 95.0
_NOT_SEARCHED = (
    "which similarity of transformed ROIs is usual was not searched (tumor-synth gallery build "
    "--transforms does)"
)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What scores of the foreground are usual between real ROIs of different patients.

    A patient under two names would make copies look usual: such are one person here, and real ROIs
    far nearer to another patient's than all others (beyond the outer fence of a box plot, three
    quartile distances above the third quartile) are left out.

    Attributes
    ----------
    nearest : (n,) float64
        Score of each real ROI with its nearest of another patient.
    patients : int
        Whose ROIs they are.
    lacking : str
        What the gallery lacks to judge by, in a sentence; empty where it has it.
    left_out : int
        Real ROIs far nearer to another patient's than all others.
    others : int
        Real ROIs that each was compared with.
    """

    nearest: NDArray[np.float64]
    patients: int
    lacking: str = ""
    left_out: int = 0
    others: int = 1

    @classmethod
    def of_gallery(cls, gallery: Gallery, *, transforms: bool = False) -> "Calibration":
        """Take the scores that were computed when the gallery was built.

        Parameters
        ----------
        gallery : Gallery
        transforms : bool
            Those of real ROIs that were searched mirrored, turned and shifted as well.
        """
        if transforms:
            searched = read_transformed(gallery)
            if searched is None:
                return cls(np.empty(0), 0, _NOT_SEARCHED)
            rows, found = searched[0], np.where(searched[1] < 0, np.nan, searched[1])
        else:
            scores = gallery.scores
            rows, found = scores.rows.tolist(), scores.nearest(gallery.persons)[:, 1]
        known = np.isfinite(found)
        usual = known & (found <= outer_fence(found))
        persons = {gallery.persons[row] for row in np.array(rows)[usual]}
        left_out = int(known.sum() - usual.sum())
        return cls(found[usual], len(persons), left_out=left_out, others=max(1, len(gallery) - 1))

    @property
    def is_enough(self) -> bool:
        """Whether there are enough patients to judge by."""
        return self.patients >= FEWEST_PATIENTS

    def percentile(self, score: float) -> float:
        """Return how many of 100 real ROIs have a nearest real one that is less similar."""
        return float(100 * np.mean(self.nearest < score))

    def p_value(self, score: float, among: int | None = None) -> float:
        """Return the probability of a score as high as this between real ROIs.

        Parameters
        ----------
        score : float
        among : int, optional
            ROIs that the score is the highest with; None means as many as real ones had. The
            highest of more is higher.
        """
        p_value = exceedance(float(fisher(score)), fisher(self.nearest))
        if among is None or p_value == 1:
            return p_value
        return float(-np.expm1(among / self.others * np.log1p(-p_value)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the nearest real ROI says of one ROI.

    Attributes
    ----------
    name : {"copy", "close", "usual", "not calibrated"}
    sentence : str
        With the evidence.
    percentile, p_value : float or None
        Among real-to-real nearest scores; None where there are too few patients.
    is_copy : bool
        Whether it must not leave as a new ROI: a copy, or, where nothing says what is usual, an
        ROI with a score of at least `SAME_TUMOUR`.
    """

    name: VerdictName
    sentence: str
    percentile: float | None
    p_value: float | None
    is_copy: bool


def judge(
    scores: Sequence[float], calibration: Calibration, among: int | None = None
) -> list[Verdict]:
    """Judge ROIs by the foreground score with their nearest real ROI.

    A copy has a p-value of at most `COPY_P`, and belongs to those that are told with a false
    discovery rate of `RATE` [1]_ over the ROIs that are judged together. The first makes a verdict
    on one ROI as strict as one on many.

    Parameters
    ----------
    scores : sequence of float
    calibration : Calibration
    among : int, optional
        See `Calibration.p_value`.
    """
    if not calibration.is_enough:
        lacking = calibration.lacking or (
            f"the gallery has {calibration.patients} patients with others to compare with, and "
            f"{FEWEST_PATIENTS} are needed to say which similarity is usual"
        )
        return [_not_calibrated(score, lacking) for score in scores]
    p_values = np.array([calibration.p_value(score, among) for score in scores])
    discovered = false_discovery_control(p_values) <= RATE if len(p_values) else p_values > 0
    copies = discovered & (p_values <= COPY_P)
    return [
        _verdict(score, p_value, copy, calibration)
        for score, p_value, copy in zip(scores, p_values.tolist(), copies.tolist(), strict=True)
    ]


def _not_calibrated(score: float, lacking: str) -> Verdict:
    same = score >= SAME_TUMOUR
    shows = f" But foreground 3D-SSIM {score:.3f} is that of one and the same tumour." * same
    sentence = f"Not calibrated: {lacking}.{shows} Judge by the pictures."
    return Verdict("not calibrated", sentence, None, None, is_copy=same)


def _verdict(score: float, p_value: float, copy: bool, calibration: Calibration) -> Verdict:
    percentile = calibration.percentile(score)
    evidence = (
        f"foreground 3D-SSIM {score:.3f}; between real ROIs and their nearest of another patient "
        f"median {np.median(calibration.nearest):.3f}, highest {calibration.nearest.max():.3f}"
    )
    if calibration.left_out:
        evidence += (
            f", without {calibration.left_out} far nearer to another patient's: the same tumour?"
        )
    name: VerdictName = "usual"
    said = "As near to a real ROI as real ROIs are to each other"
    if copy:
        name, said = "copy", "Nearer to a real ROI than real ROIs are to each other"
    elif percentile > CLOSE_PERCENTILE:
        name, said = "close", f"Nearer to a real ROI than {_percent(percentile)} of real ROIs are"
    sentence = f"{said} ({evidence}; p = {p_value:.2g})."
    return Verdict(name, sentence, percentile, p_value, is_copy=copy)


def _percent(share: float) -> str:
    """Return a percentage that is 100 only if it is all."""
    return f"{share:.0f} %" if share in (0, 100) else f"{min(share, 99.9):.3g} %"
