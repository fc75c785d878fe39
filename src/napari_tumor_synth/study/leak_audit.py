"""Whether display copies tell real from synthetic without any knowledge of tumours.

A reader who sees that one kind has a rougher edge needs no radiology. For each property alone, and
for all together, a small classifier is trained on most of the cases and asked about the rest.

An audit that finds nothing shows nothing about cues that it does not look for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.study.leak_features import OF_IMAGES, of_file
from napari_tumor_synth.study.statistics.figures import placements

WARN_ABOVE = 0.6
"""Cross-validated area under the ROC curve that is warned of."""
FOLDS, REPEATS, SHUFFLES = 5, 20, 200
_RIDGE, _MOST_WITH_PRODUCTS = 10.0, 10
ALL, FILES = "all of these together", "file size and times"


Outcome = Literal["passed", "unclear", "warned"]


@dataclass(frozen=True, slots=True)
class Leak:
    """How well one property tells real from synthetic.

    Attributes
    ----------
    what : str
    area : float
        Cross-validated area under the ROC curve; 0.5 is guessing.
    by_chance : float
        What the highest area of all properties stays below in 95 of 100 shufflings of the truth.
    """

    what: str
    area: float
    by_chance: float

    @property
    def is_warned(self) -> bool:
        """Whether it exceeds `WARN_ABOVE`."""
        return self.area > WARN_ABOVE

    @property
    def is_beyond_chance(self) -> bool:
        """Whether it is warned of, and chance does not explain it."""
        return self.is_warned and self.area > self.by_chance

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        said = f"{self.what}: cross-validated AUC {self.area:.2f}"
        if not self.is_warned:
            return f"{said}, nothing to be warned of."
        if not self.is_beyond_chance:
            return (
                f"{said}, which shuffled truths reach as well (up to {self.by_chance:.2f}): "
                "too few cases to tell a leak from chance."
            )
        return (
            f"{said} (by chance up to {self.by_chance:.2f}): readers may tell real from synthetic "
            "by it alone, and the study would say little about tumours."
        )


@dataclass(frozen=True, slots=True)
class LeakAudit:
    """What was found, for each generator.

    Attributes
    ----------
    leaks : dict of str to tuple of Leak
        By generator; against all real ROIs.
    real : int
    synthetic : dict of str to int
    """

    leaks: Mapping[str, tuple[Leak, ...]]
    real: int
    synthetic: Mapping[str, int]

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each generator that is given away, with all that does."""
        found = []
        for generator, leaks in self.leaks.items():
            sure = [f"{leak.what} ({leak.area:.2f})" for leak in leaks if leak.is_beyond_chance]
            if sure:
                found.append(
                    f"ROIs of {generator} are told from real ones without any knowledge of "
                    f"tumours, by {', '.join(sure)} (cross-validated AUC): readers may do the same."
                )
            elif any(leak.is_warned for leak in leaks):
                found.append(
                    f"There are too few ROIs of {generator} to tell whether something gives them "
                    "away besides the tumour."
                )
        return tuple(found)

    @property
    def outcome(self) -> Outcome:
        """What it comes to: warned of, or of what chance may explain, or of nothing."""
        found = [leak for leaks in self.leaks.values() for leak in leaks if leak.is_warned]
        if not found:
            return "passed"
        return "warned" if any(leak.is_beyond_chance for leak in found) else "unclear"

    def as_json(self) -> dict[str, Any]:
        """Return all that was found."""
        return {
            "outcome": self.outcome,
            "warn_above": WARN_ABOVE,
            "real": self.real,
            "synthetic": dict(self.synthetic),
            "leaks": {
                generator: [
                    {
                        **asdict(leak),
                        "is_beyond_chance": leak.is_beyond_chance,
                        "sentence": leak.sentence,
                    }
                    for leak in leaks
                ]
                for generator, leaks in self.leaks.items()
            },
            "warnings": list(self.warnings),
        }


def audit(
    arrays: Sequence[NDArray[np.uint8]],
    files: Sequence[Path],
    generators: Sequence[str],
    on_progress: OnProgress = ignore_progress,
) -> LeakAudit:
    """Audit the display copies of a study.

    Parameters
    ----------
    arrays : sequence of (S, A, R) uint8
        Exactly what is shown; at least `FOLDS` of each kind.
    files : sequence of Path
        Of the copies, as they lie in the study folder.
    generators : sequence of str
        What made each; empty for real ones.
    on_progress : callable
    """
    features: dict[str, list[list[float]]] = {name: [] for name in (*OF_IMAGES, FILES)}
    for step, (array, file) in enumerate(zip(arrays, files, strict=True), start=1):
        for name, measure in OF_IMAGES.items():
            features[name].append(measure(array))
        features[FILES].append(of_file(file))
        on_progress(Progress(step, len(arrays), "looking for what gives cases away"))
    columns = {name: np.array(values) for name, values in features.items()}
    columns[ALL] = np.hstack(list(columns.values()))
    kinds = np.array(generators)
    names = [name for name in dict.fromkeys(generators) if name]
    leaks = {}
    for name in names:
        chosen = (kinds == "") | (kinds == name)
        truth = kinds[chosen] == name
        designs = {what: _design(values[chosen]) for what, values in columns.items()}
        leaks[name] = _leaks(designs, truth, on_progress)
    return LeakAudit(
        leaks,
        int(np.count_nonzero(kinds == "")),
        {name: int(np.count_nonzero(kinds == name)) for name in names},
    )


def _leaks(
    designs: Mapping[str, NDArray[np.float64]], truth: NDArray[np.bool_], on_progress: OnProgress
) -> tuple[Leak, ...]:
    rng = np.random.default_rng(0)
    with threadpool_limits(1):  # matrices are tiny
        areas = {
            what: float(np.mean([_area(design, truth, seed) for seed in range(REPEATS)]))
            for what, design in designs.items()
        }
        highest = []
        for shuffle in range(SHUFFLES if max(areas.values()) > WARN_ABOVE else 0):
            on_progress(Progress(shuffle, SHUFFLES, "is it chance?"))
            shuffled = rng.permutation(truth)
            highest.append(max(_area(one, shuffled, shuffle) for one in designs.values()))
    by_chance = float(np.quantile(highest, 0.95)) if highest else WARN_ABOVE
    return tuple(Leak(what, area, by_chance) for what, area in areas.items())


def _design(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return standardised ranks, their squares and products, and a constant (cases, terms)."""
    ranks = rankdata(values, axis=0)
    centred = ranks - ranks.mean(axis=0)
    spread = centred.std(axis=0)
    standard = centred[:, spread > 0] / spread[spread > 0]
    terms = [np.ones((len(values), 1)), standard]
    if standard.shape[1] <= _MOST_WITH_PRODUCTS:
        left, right = np.triu_indices(standard.shape[1])
        terms.append(standard[:, left] * standard[:, right])
    else:
        terms.append(standard**2)
    return np.hstack(terms)


def _area(design: NDArray[np.float64], truth: NDArray[np.bool_], seed: int) -> float:
    """Return the area under the ROC curve of cases that a ridge regression has not seen."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    penalty = _RIDGE * np.eye(design.shape[1])
    areas = []
    for train, test in folds.split(design, truth):
        known, wanted = design[train], np.where(truth[train], 1.0, -1.0)
        weights = np.linalg.solve(known.T @ known + penalty, known.T @ wanted)
        areas.append(_area_under_roc(design[test] @ weights, truth[test]))
    return float(np.mean(areas))


def _area_under_roc(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    of_synthetic, _ = placements(scores[truth].round(9), scores[~truth].round(9))
    return float(of_synthetic.mean())
