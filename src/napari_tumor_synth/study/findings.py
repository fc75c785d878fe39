"""What the answers of a study say, as data."""

from dataclasses import dataclass

from napari_tumor_synth.study.scale import Task
from napari_tumor_synth.study.statistics.agreement import Agreed
from napari_tumor_synth.study.statistics.contrasts import Contrast
from napari_tumor_synth.study.statistics.course import Times, Trend
from napari_tumor_synth.study.statistics.of_reader import ReaderResult
from napari_tumor_synth.study.statistics.pooled import Pooled


@dataclass(frozen=True, slots=True)
class Stability:
    """How a reader answered the same cases twice.

    Attributes
    ----------
    repeats, same_side : int
        Cases that were rated twice, and those that were called the same both times.
    kappa : float or None
        Cohen's, with quadratic weights, of the six degrees.
    """

    repeats: int
    same_side: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How readers agree with each other.

    Attributes
    ----------
    fleiss, weighted_kappa, alpha : Agreed
    readers : tuple of str
        Who judged at least half as many cases as the one who judged most.
    cases, complete : int
        That two of them judged at least, and that all of them judged (which `fleiss` is of).
    """

    fleiss: Agreed
    weighted_kappa: Agreed
    alpha: Agreed
    readers: tuple[str, ...]
    cases: int
    complete: int


@dataclass(frozen=True, slots=True)
class NotJudged:
    """Cases of one kind that readers said they could not judge.

    Attributes
    ----------
    answers, not_judged : int
        Confirmed answers of all readers, and how many of them had no rating.
    """

    answers: int
    not_judged: int


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How readers saw one case.

    Attributes
    ----------
    case, truth, generator, class_name : str
    image, other : str
        Token of a display copy; of a pair, of the synthetic one, and of the real one.
    judged, right : int
        Readers.
    rating : float
        Mean, toward synthetic.
    """

    case: str
    truth: str
    generator: str
    class_name: str
    image: str
    other: str
    judged: int
    right: int
    rating: float


@dataclass(frozen=True)
class Analysis:
    """What the answers of a study say.

    Attributes
    ----------
    task : {"single", "2afc"}
    margin : float
    readers : tuple of ReaderResult
    overall : Pooled or None
    if_wrong, if_right : Pooled or None
        The same if all that could not be judged had been wrong, or right, for certain; None where
        all was judged.
    not_judged : dict of str to NotJudged
        By generator, and of real cases; of pairs by generator.
    by_generator, by_class, by_size : dict of str to Pooled or None
        Each kind of synthetic case against all real ones; by class and by size (thirds of the
        volume), real cases of the same.
    size_limits_ml : tuple of float
        Between small and medium, medium and large.
    contrasts : dict of (str, str) to Contrast
        Of each two generators.
    agreement : Agreement
    stability : dict of str to Stability
        By reader.
    times : dict of str to dict of str to Times or None
        By reader; of real and synthetic cases, and of right and wrong answers.
    trend : Trend or None
    cases : tuple of CaseResult
        Those that most took for real first.
    """

    task: Task
    margin: float
    readers: tuple[ReaderResult, ...]
    overall: Pooled | None
    if_wrong: Pooled | None
    if_right: Pooled | None
    not_judged: dict[str, NotJudged]
    by_generator: dict[str, Pooled | None]
    by_class: dict[str, Pooled | None]
    by_size: dict[str, Pooled | None]
    size_limits_ml: tuple[float, float]
    contrasts: dict[tuple[str, str], Contrast]
    agreement: Agreement
    stability: dict[str, Stability]
    times: dict[str, dict[str, Times | None]]
    trend: Trend | None
    cases: tuple[CaseResult, ...]
