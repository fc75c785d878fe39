"""Accuracy of one reader with as much weight on real cases as on synthetic ones.

.. [1] Newcombe, Interval estimation for the difference between independent proportions: comparison
   of eleven methods, Statistics in Medicine 1998, method 10.
"""

from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import confint_proportions_2indep

LEVEL = 0.95
_LEAST_P = 1e-12


@dataclass(frozen=True, slots=True)
class BalancedAccuracy:
    """Mean of the shares of right answers to synthetic and to real cases.

    It is one half and half of the difference between hits and false alarms, so that who always
    says the same has one half, whatever the mixture.

    Attributes
    ----------
    hits, synthetic, false_alarms, real : int
        Synthetic and real cases that were called synthetic, of how many; at least one.
    """

    hits: int
    synthetic: int
    false_alarms: int
    real: int

    @property
    def value(self) -> float:
        """The mean of both shares."""
        return 0.5 + (self.hits / self.synthetic - self.false_alarms / self.real) / 2

    @property
    def p_value(self) -> float:
        """Of Fisher's exact test, two-sided: that synthetic cases are not called so as often."""
        missed, rejected = self.synthetic - self.hits, self.real - self.false_alarms
        return float(fisher_exact([[self.hits, missed], [self.false_alarms, rejected]]).pvalue)

    def interval(self, alpha: float = 1 - LEVEL) -> tuple[float, float]:
        """Return Newcombe's interval [1]_, which has a width whatever was answered."""
        low, high = confint_proportions_2indep(
            self.hits, self.synthetic, self.false_alarms, self.real,
            method="newcomb", compare="diff", alpha=alpha,
        )  # fmt: skip
        return 0.5 + float(low) / 2, 0.5 + float(high) / 2

    def equivalence(self, margin: float) -> float:
        """Return the p-value that it is within a margin of one half.

        Two one-sided tests: the least level at which Newcombe's interval of twice that level lies
        within the margin; 1 where the accuracy itself is beyond it.

        Parameters
        ----------
        margin : float
            More than 0, less than 0.5.
        """

        def beyond(alpha: float) -> float:
            low, high = self.interval(2 * alpha)
            return max(0.5 - low, high - 0.5) - margin

        if beyond(0.5 - _LEAST_P) >= 0:
            return 1.0
        if beyond(_LEAST_P) <= 0:
            return _LEAST_P
        return float(brentq(beyond, _LEAST_P, 0.5 - _LEAST_P))
