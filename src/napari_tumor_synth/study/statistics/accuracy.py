"""How often one reader was right, and whether that is as often as by guessing."""

from dataclasses import dataclass

from scipy.stats import binomtest
from statsmodels.stats.proportion import binom_tost

GUESSING = 0.5


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Right answers of one reader; answers are independent trials for one reader.

    Attributes
    ----------
    right, of : int
    exact, wilson : (float, float)
        95 % intervals: of Clopper and Pearson, which never covers less often, and of Wilson.
    p_value : float
        That it is not guessing: exact binomial test, two-sided.
    """

    right: int
    of: int
    exact: tuple[float, float]
    wilson: tuple[float, float]
    p_value: float

    @property
    def share(self) -> float:
        """Of right answers."""
        return self.right / self.of

    def equivalence(self, margin: float) -> float:
        """Return the p-value that accuracy is within a margin of guessing.

        Two one-sided exact tests: a small one shows that the reader told real from synthetic
        neither better nor worse than that. A large p-value of the other test shows nothing.

        Parameters
        ----------
        margin : float
            More than 0, at most 0.5.
        """
        found = binom_tost(self.right, self.of, GUESSING - margin, GUESSING + margin)
        return min(float(found[0]), 1.0)


def accuracy(right: int, of: int) -> Accuracy:
    """Return the accuracy of one reader with at least one answer."""
    test = binomtest(right, of, GUESSING)
    exact, wilson = (test.proportion_ci(method=method) for method in ("exact", "wilson"))
    return Accuracy(
        right,
        of,
        (float(exact.low), float(exact.high)),
        (float(wilson.low), float(wilson.high)),
        float(test.pvalue),
    )
