"""Two samples -> how far their distributions lie apart, and the p values of two tests.

What scipy.stats gives with its defaults, to within rounding (tests/analyses/scales/test_two_samples.py):
importing scipy.stats took as long as all else that `bn-hist` did. What is not here, the Kolmogorov-Smirnov
test of more than 10,000 values, is still asked of scipy.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from scipy import stats
else:
    stats = Door("scipy.stats")

Array = np.ndarray

_MOST_EXACT = 10_000
"""Values of a sample up to which the Kolmogorov-Smirnov test counts all orders."""
_FEW = 8
"""Values of a sample up to which the Mann-Whitney test counts all orders, if no two values are equal."""


def find_wasserstein(first: Array, second: Array) -> float:
    """The mean distance that values of one sample would have to move to become the other."""
    values = np.sort(np.concatenate([first, second]))
    apart = _share_below(first, values) - _share_below(second, values)
    return float(np.abs(apart[:-1]) @ np.diff(values))


def find_kolmogorov_smirnov(first: Array, second: Array) -> tuple[float, float]:
    """The largest distance between two cumulative shares, and how often chance gives at least as much."""
    m, n = len(first), len(second)
    if max(m, n) > _MOST_EXACT:
        found = stats.ks_2samp(first, second)
        return float(found.statistic), float(found.pvalue)
    values = np.concatenate([first, second])
    apart = np.abs(_share_below(first, values) - _share_below(second, values)).max()
    whole = math.lcm(m, n)
    steps = round(float(apart) * whole)  # shares are multiples of 1 / whole
    if not steps:
        return 0.0, 1.0
    p = _leave_square(m, steps) if m == n else _leave_band(m, n, steps)
    return steps / whole, min(1.0, p)


def _share_below(sample: Array, values: Array) -> Array:
    """The share of a sample that is at most each value."""
    return np.asarray(np.searchsorted(np.sort(sample), values, side="right") / len(sample))


def _leave_square(n: int, steps: int) -> float:
    """The share of orders of n and n values in which the counts are `steps` or more apart somewhere.

    By reflection it is 2 Σ (-1)^(k+1) C(2n, n - k·steps) / C(2n, n) over k from 1; the quotient of a term and
    the one before it is a product, which is taken out of all that follow, so that nothing large cancels.
    """
    share = 0.0
    for k in range(n // steps, -1, -1):
        nearer = np.arange(steps) + k * steps
        share = float(np.prod((n - nearer) / (n + nearer + 1))) * (1 - share)
    return 2 * share


def _leave_band(m: int, n: int, steps: int) -> float:
    """The share of orders of m and n values in which shares are `steps` / lcm(m, n) or more apart somewhere.

    Drawn one by one from the last backwards, a value is of the first sample with the chance x / (x + y) where
    x and y are what is left of either. All x and y that have their sum in common are one step.
    """
    short, long = sorted((m, n))
    far = steps * math.gcd(m, n)
    x = np.arange(short + 1)
    left = np.zeros(short + 1)
    for drawn in range(1, m + n + 1):
        y = drawn - x
        mixed = left * y
        mixed[1:] += x[1:] * left[:-1]
        left = mixed / drawn
        left[(np.abs(x * long - y * short) >= far) & (y >= 0) & (y <= long)] = 1
    return float(left[short])


def find_mann_whitney(first: Array, second: Array) -> tuple[float, float]:
    """In how many pairs the first is above, halves for equal ones, and how often chance is as uneven.

    Of no two samples whose values are all the same number: there is nothing to test.
    """
    m, n = len(first), len(second)
    ordered = np.sort(second)
    pairs = sum(np.searchsorted(ordered, first, side=side).sum() for side in ("left", "right")) / 2
    larger = max(pairs, m * n - pairs)
    equal = _count_equal(np.concatenate([first, second]))
    if min(m, n) <= _FEW and len(equal) == m + n:
        return float(pairs), min(1.0, 2 * _count_uneven(m, n, round(m * n - larger)))
    total = m + n
    ties = float((equal.astype(float) ** 3 - equal).sum()) / (total * (total - 1))
    spread = math.sqrt(m * n / 12 * (total + 1 - ties))
    z = (larger - m * n / 2 - 0.5) / spread  # halfway to the next whole number of pairs
    return float(pairs), min(1.0, math.erfc(z / math.sqrt(2)))


def _count_equal(values: Array) -> Array:
    """How often each value is there, from the smallest on."""
    ordered = np.sort(values)
    ends = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    return np.diff(ends, prepend=-1)


def _count_uneven(m: int, n: int, most: int) -> float:
    """The share of orders of m and n different values in which at most so many pairs are turned round.

    Orders by turned pairs are the coefficients of the Gaussian binomial Π (1 - q^(n + i)) / (1 - q^i).
    """
    ways = [1] + [0] * most
    for i in range(1, min(m, n) + 1):
        above = max(m, n) + i
        ways = [one - (ways[k - above] if k >= above else 0) for k, one in enumerate(ways)]
        for start in range(min(i, most + 1)):
            ways[start::i] = accumulate(ways[start::i])
    return sum(ways) / math.comb(m + n, m)
