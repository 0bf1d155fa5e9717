"""Two rows of numbers -> how alike their orders are: what scipy says, to the bit.

Importing `scipy.stats` takes longer than everything else that a page of the explorer does when it is opened.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Reals = np.ndarray[Any, np.dtype[Any]]


def rank_values(values: Reals) -> Reals:
    """Each one's place in their order, from 1; equal ones share the mean of their places."""
    _, groups, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Reals = (counts.cumsum() - (counts - 1) / 2)[groups]
    return ranks


def correlate_ranks(first: Reals, second: Reals) -> float:
    """Spearman's rank correlation; NaN where a number is none, and undefined where all of one row are equal.

    Args:
        first: two numbers at least.
        second: as many.
    """
    if np.isnan(first).any() or np.isnan(second).any():
        return math.nan
    ranks = np.column_stack([rank_values(first), rank_values(second)])
    return float(np.corrcoef(ranks, rowvar=False)[1, 0])
