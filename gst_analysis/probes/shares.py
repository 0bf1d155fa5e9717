"""Whether each clip is right -> shares of clips and their differences, with intervals that hold at a ceiling.

Resampled clips say nothing at the ends: of 144 right answers in 144 every resample is 144 of 144. So a share
has Clopper and Pearson's interval, which covers the truth in at least 95 of 100 cases wherever it is, and the
difference of two shares over the same clips has Tango's, which holds every true difference that a score test
does not reject. Clips cut out of one video are no independent draws: where units are given they count as
fewer clips, the more those of a unit agree.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtri, stdtrit

from gst_analysis.probes.resampling import Bootstrap, Interval, Reals, Units, sum_units

CONFIDENCE = 0.95
_UNSEEN = 0.5
"""Of a clip: how much of each kind of clip is added to those that were seen."""
_HALVINGS = 50  # of an interval of length 2: the rest is below what a float can tell apart


def summarise_shares(
    right: Reals, *, confidence: float = CONFIDENCE, units: Units | None = None
) -> list[Interval]:
    """Share of ones in every row, with Clopper and Pearson's interval.

    Args:
        right: (rows, clips) of 0 and 1.
        confidence: of the intervals.
        units: (clips,) which clips belong together, such as the number of the video they are cut from.
    """
    count = count_independent(right, confidence=confidence, units=units)
    share, tail = right.mean(axis=1), (1 - confidence) / 2
    ones, zeros = share * count, (1 - share) * count
    low = np.where(ones > 0, betaincinv(np.maximum(ones, 1e-9), zeros + 1, tail), 0.0)
    high = np.where(zeros > 0, betaincinv(ones + 1, np.maximum(zeros, 1e-9), 1 - tail), 1.0)
    return _gather(share, low, high)


def summarise_share_differences(
    first: Reals, second: Reals, *, confidence: float = CONFIDENCE, units: Units | None = None
) -> list[Interval]:
    """Share of ones in every row of the first minus that of the second, on the same clips; Tango's interval.

    Args:
        first: (rows, clips) of 0 and 1.
        second: as the first; one row stands against all rows of the first.
        confidence: of the intervals.
        units: (clips,) which clips belong together.
    """
    difference = np.asarray(first - second)
    count = count_independent(difference, confidence=confidence, units=units)
    gained, lost = ((difference == sign).mean(axis=1) for sign in (1, -1))
    value = gained - lost
    z = _quantile(confidence)
    low = _find_difference(gained, lost, count, z, (np.full_like(value, -1), value))
    high = _find_difference(gained, lost, count, -z, (value, np.full_like(value, 1)))
    return _gather(value, np.minimum(low, value), np.maximum(high, value))


def summarise_changes(values: Reals, bootstrap: Bootstrap, units: Units | None = None) -> list[Interval]:
    """Mean of every row, where a clip's value is what several ways to show or change it did to its answers.

    Values lie from -1, right before and wrong in all ways, to 1. Clips are drawn with replacement; among them
    are the four kinds of clip that there are before and after, each as half a clip (Agresti and Min's way
    with paired shares): where hardly a clip changes, the interval still has a width.

    Args:
        values: (rows, clips).
        bootstrap: how clips are drawn.
        units: (clips,) which clips belong together and are drawn together.
    """
    own = np.arange(values.shape[1]) if units is None else units
    unseen = np.broadcast_to([-1.0, 0.0, 0.0, 1.0], (len(values), 4))
    sums = np.concatenate([sum_units(values, own), unseen], axis=1)
    drawn = sums.shape[1] - unseen.shape[1]
    sizes = np.r_[np.unique(own, return_counts=True)[1], np.ones(4)]
    weights = np.r_[np.ones(drawn), np.full(4, _UNSEEN)]
    counts = np.random.default_rng(bootstrap.seed).multinomial(
        drawn, weights / weights.sum(), size=bootstrap.draws
    )
    means = counts @ sums.T / (counts @ sizes)[:, None]  # (draws, rows)
    value, (low, high) = values.mean(axis=1), np.percentile(means, bootstrap.percentiles, axis=0)
    return _gather(value, np.minimum(low, value), np.maximum(high, value))


def average_shares(shares: Reals, counts: Reals, *, confidence: float = CONFIDENCE) -> Interval:
    """The mean of independent shares, such as those of classes, each counting as much as any other.

    What is rarer, right or wrong answers, is added up with weights, and the interval is that of a gamma
    distribution with its mean and variance; the upper end allows for one more clip of the scarcest class (Fay
    and Feuer), so that a class of two clips, both right, still makes the mean uncertain.

    Args:
        shares: (classes,) of 0 to 1.
        counts: (classes,) how many independent clips are behind each.
        confidence: of the interval.
    """
    mean, tail = float(shares.mean()), (1 - confidence) / 2
    rarer = 1 - shares if mean > 0.5 else shares
    weights, seen = 1 / (len(shares) * counts), rarer * counts
    total, scarce = float(rarer.mean()), float(weights.max())
    # Fay and Feuer count rare events; where they are not, a share varies less by what is left of it.
    variance = float((weights**2 * seen * (1 - seen / (counts + 1))).sum())
    low = variance / total * float(gammaincinv(total**2 / variance, tail)) if total > 0 else 0.0
    shape, scale = (total + scarce) ** 2 / (variance + scarce**2), (variance + scarce**2) / (total + scarce)
    high = min(1.0, scale * float(gammaincinv(shape, 1 - tail)))
    return Interval(mean, 1 - high, 1 - low) if mean > 0.5 else Interval(mean, low, high)


def count_independent(values: Reals, *, confidence: float = CONFIDENCE, units: Units | None = None) -> Reals:
    """(rows,) how many independent clips would tell as much about each row's mean.

    Without units, or where each clip is one, all of them. Else fewer by the design effect, and again by
    Student's t where units are few (Korn and Graubard). Where all clips say the same, nothing tells how alike
    those of a unit are: then units are counted.
    """
    clips = values.shape[1]
    known = clips if units is None else len(np.unique(units))
    if units is None or known in (1, clips):
        return np.full(len(values), float(known))
    deviations = values - values.mean(axis=1, keepdims=True)
    alone = (deviations**2).sum(axis=1) / (clips - 1)
    together = (sum_units(deviations, units) ** 2).sum(axis=1) * known / (clips * (known - 1))
    effect = np.divide(together, alone, out=np.ones_like(alone), where=alone > 0)
    few = (_quantile(confidence) / float(stdtrit(known - 1, (1 + confidence) / 2))) ** 2
    count = clips / np.maximum(1, effect) * few
    return np.where(alone > 0, np.maximum(1, count), float(known))


def _find_difference(
    gained: Reals, lost: Reals, count: Reals, wanted: float, ends: tuple[Reals, Reals]
) -> Reals:
    """The true difference at which Tango's statistic, which falls with it, is `wanted`: found by halving."""
    low, high = ends
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = _score_difference(gained, lost, count, middle) > wanted
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray((low + high) / 2)


def _score_difference(gained: Reals, lost: Reals, count: Reals, true: Reals) -> Reals:
    """Tango's statistic: what was found minus what is true, over its deviation if that is true.

    The share that is lost if the difference is `true` is the likeliest one then, the root of a quadratic.
    """
    free = true * (1 - true)
    linear = (2 - gained + lost) * true - gained - lost
    likeliest = (np.sqrt(np.maximum(0, linear**2 + 8 * lost * free)) - linear) / 4
    variance = np.maximum(0, 2 * likeliest + free) / count
    short = gained - lost - true
    beyond = np.copysign(np.inf, short)  # without any variance, what is not so cannot be
    return np.asarray(np.divide(short, np.sqrt(variance), out=beyond, where=variance > 0))


def _quantile(confidence: float) -> float:
    return float(ndtri((1 + confidence) / 2))


def _gather(value: Reals, low: Reals, high: Reals) -> list[Interval]:
    return [Interval(*map(float, row)) for row in zip(value, low, high, strict=True)]
