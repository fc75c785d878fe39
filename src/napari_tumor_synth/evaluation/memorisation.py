"""Whether an ROI is nearer to a real one than real ones are to each other.

The scores of real ROIs with their nearest ROI of another patient say what is usual. They are
bounded by 1, so that Fisher's transform (artanh) of them is what is taken as normally distributed;
that gives a p-value for scores beyond all that was seen, which a rank cannot.

.. [1] Benjamini and Hochberg, Controlling the false discovery rate, 1995.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, norm

from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.gallery_scores import SAME_TUMOUR
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
_BELOW_ONE = 1 - 1e-12
_SMALLEST_SPREAD = 1e-3


@dataclass(frozen=True, eq=False)
class Calibration:
    """What scores of the foreground are usual between real ROIs of different patients.

    A patient under two names would make copies look usual: real ROIs that show the same tumour as
    one of another patient are left out.

    Attributes
    ----------
    nearest : (n,) float64
        Score of each real ROI with its nearest of another patient.
    patients : int
        Whose ROIs they are.
    lacking : str
        What the gallery lacks to judge by, in a sentence; empty where it has it.
    left_out : int
        Real ROIs that show the same tumour as one of another patient.
    """

    nearest: NDArray[np.float64]
    patients: int
    lacking: str = ""
    left_out: int = 0

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
            rows, found = scores.rows.tolist(), scores.nearest(gallery.patients)[:, 1]
        known, same = np.isfinite(found), found >= SAME_TUMOUR
        usual = known & ~same
        patients = {gallery.patients[row] for row in np.array(rows)[usual]}
        return cls(found[usual], len(patients), left_out=int(same.sum()))

    @property
    def is_enough(self) -> bool:
        """Whether there are enough patients to judge by."""
        return self.patients >= FEWEST_PATIENTS

    def percentile(self, score: float) -> float:
        """Return how many of 100 real ROIs have a nearest real one that is less similar."""
        return float(100 * np.mean(self.nearest < score))

    def p_value(self, score: float) -> float:
        """Return the probability of a score as high as this between real ROIs."""
        usual = np.arctanh(np.clip(self.nearest, -_BELOW_ONE, _BELOW_ONE))
        at = float(np.arctanh(np.clip(score, -_BELOW_ONE, _BELOW_ONE)))
        spread = max(float(usual.std(ddof=1)), _SMALLEST_SPREAD)
        return float(norm.sf((at - usual.mean()) / spread))


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


def judge(scores: Sequence[float], calibration: Calibration) -> list[Verdict]:
    """Judge ROIs by the foreground score with their nearest real ROI.

    A copy has a p-value of at most `COPY_P`, and belongs to those that are told with a false
    discovery rate of `RATE` [1]_ over the ROIs that are judged together. The first makes a verdict
    on one ROI as strict as one on many.

    Parameters
    ----------
    scores : sequence of float
    calibration : Calibration
    """
    if not calibration.is_enough:
        lacking = calibration.lacking or (
            f"the gallery has {calibration.patients} patients, and {FEWEST_PATIENTS} are needed to "
            "say which similarity is usual"
        )
        return [_not_calibrated(score, lacking) for score in scores]
    p_values = np.array([calibration.p_value(score) for score in scores])
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
            f", without {calibration.left_out} that show the same tumour as another patient's"
        )
    name: VerdictName = "usual"
    said = "As near to a real ROI as real ROIs are to each other"
    if copy:
        name, said = "copy", "Nearer to a real ROI than real ROIs are to each other"
    elif percentile > CLOSE_PERCENTILE:
        name, said = "close", f"Nearer to a real ROI than {percentile:.0f} % of real ROIs are"
    sentence = f"{said} ({evidence}; p = {p_value:.2g})."
    return Verdict(name, sentence, percentile, p_value, is_copy=copy)
