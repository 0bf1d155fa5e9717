"""How sure the share of accuracy that needs order is: clips in, an interval out. NumPy alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gst_analysis.probes.resampling import Bootstrap, Interval, Units, sum_units

Reals = npt.NDArray[np.float64]
_AT_ONCE = 200
_CELLS = np.array([[1, 1, 0, 0], [1, 0, 1, 0]], dtype=np.float64)
"""In order and shuffled, right (1) or wrong: the four kinds of clip that there are."""


def draw_temporality(
    right: Reals, chance: float, bootstrap: Bootstrap, units: Units, *, unseen: float = 0.5
) -> Interval | None:
    """Whether clips are right in order, and how often shuffled -> the share that needs order.

    Clips are drawn with replacement. Among those that may be drawn are the four kinds of clip that there are,
    each as `unseen` of a clip (Agresti and Min's way with paired shares): where all clips are alike, as at
    the ceiling, the interval is not of no width.

    Args:
        right: (2, clips) in order, and shuffled.
        chance: the accuracy of a guess.
        bootstrap: how clips are drawn.
        units: (clips,) which clips belong together and are drawn together.
        unseen: how much of each kind of clip is added; 0 where nothing is left to chance.

    Returns:
        None where too many draws are at chance or below.
    """
    cells = _CELLS if unseen else _CELLS[:, :0]
    sums = np.concatenate([sum_units(right, units), cells], axis=1)
    drawn = len(np.unique(units))
    sizes = np.r_[np.unique(units, return_counts=True)[1], np.ones(cells.shape[1])]
    weights = np.r_[np.ones(drawn), np.full(cells.shape[1], unseen)]
    rng, scores = np.random.default_rng(bootstrap.seed), []
    for first in range(0, bootstrap.draws, _AT_ONCE):
        draws = min(_AT_ONCE, bootstrap.draws - first)
        counts = rng.multinomial(drawn, weights / weights.sum(), size=draws)
        scores.append(share_lost(counts @ sums.T / (counts @ sizes)[:, None], chance))
    known = np.concatenate(scores)
    known = known[~np.isnan(known)]
    if len(known) < bootstrap.draws * bootstrap.confidence:
        return None
    value = float(share_lost(right.mean(axis=1)[None], chance)[0])
    low, high = np.percentile(known, bootstrap.percentiles)
    return Interval(value, min(value, float(low)), max(value, float(high)))


def share_lost(accuracies: Reals, chance: float) -> Reals:
    """(…, 2) in order and shuffled -> what is lost of what is above chance; NaN at chance and below."""
    above, lost = accuracies[..., 0] - chance, accuracies[..., 0] - accuracies[..., 1]
    return np.asarray(np.divide(lost, above, out=np.full_like(above, np.nan), where=above > 0))
