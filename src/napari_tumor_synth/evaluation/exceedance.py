"""How probable a value as high as one is, from others of its kind: ranks, and a tail beyond them.

Within the range of the others, the rank of a value says it, whatever their distribution. Among the
highest a rank says too little: there the distances beyond a threshold are taken as exponential,
which the tails of most distributions approach [1]_, lighter ones from above. Their mean is
estimated from few, so that the probability is that of one more of them (an F distribution with 2
and 2 k degrees of freedom), not that of the exponential with the estimated mean.

.. [1] Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, section 4.2.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TAIL, _FEWEST_IN_TAIL = 10, 10  # the highest tenth, but at least ten
_SMALLEST_MEAN = 1e-3


def exceedance(value: float, others: ArrayLike) -> float:
    """Return the probability that one more of the same kind reaches a value.

    Parameters
    ----------
    value : float
    others : (n,) array_like
        Unbounded, at least two. Equal ones among the highest (two that are each other's nearest)
        say how far the tail reaches only once.

    Returns
    -------
    float
        More than 0, at most 1.
    """
    known: NDArray[np.float64] = np.sort(np.asarray(others, np.float64))
    count = len(known)
    beyond = min(max(_FEWEST_IN_TAIL, count // _TAIL), count - 1)
    threshold = known[-beyond - 1]
    if value <= threshold:
        return float((1 + np.count_nonzero(known >= value)) / (count + 1))
    distances = known[-beyond:] - threshold
    total = len(np.unique(distances)) * max(float(distances.mean()), _SMALLEST_MEAN)
    further = (1 + (value - threshold) / total) ** -len(np.unique(distances))
    return float((beyond + 1) / (count + 1) * further)
