"""Kernels in, CKA out: how alike two ways to see the same samples are, without bias, minibatch by minibatch.

Linear CKA of features X and Y of the same n samples is HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with K = X Xᵀ
and L = Y Yᵀ. HSIC is estimated without bias (Song et al. 2012), so that independent features give 0 on
average, however many channels there are; its means over minibatches are divided (Nguyen et al. 2021). Beside
each value stands what it would be without each sample in turn: intervals are made of that. NumPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
FEWEST = 4
"""Samples of which HSIC can be estimated; its value without one of them asks for one more."""
_CONSTANT = 1e-5
"""Of a channel's mean: one that varies by less is constant but for rounding."""


@dataclass(frozen=True)
class Hsic:
    """HSIC of pairs of kernels, (pairs,), and without each of the samples, (pairs, samples)."""

    whole: Reals
    without: Reals


def standardise(features: Reals) -> Reals:
    """Divide every channel, the last axis, by its standard deviation over all others; constant ones give 0.

    So a channel may be multiplied by any number without any effect.
    """
    axes = tuple(range(features.ndim - 1))
    centred = features - features.mean(axes)
    deviation = np.sqrt((centred**2).mean(axes))
    varies = deviation > _CONSTANT * np.abs(features).mean(axes)
    return np.asarray(np.divide(centred, deviation, out=np.zeros_like(centred), where=varies))


def build_kernel(features: Reals) -> Reals:
    """(samples, …) -> the samples' products, (samples, samples), with nothing on the diagonal."""
    flat = features.reshape(len(features), -1)
    centred = flat - flat.mean(0)  # no matter to HSIC, but to rounding
    kernel = centred @ centred.T
    np.fill_diagonal(kernel, 0)
    return np.asarray(kernel)


def measure_hsic(first: Reals, second: Reals) -> Hsic:
    """Estimate HSIC without bias, for every pair along the leading axis, of which either may be 1.

    Args:
        first: kernels (pairs, samples, samples) with nothing on their diagonals.
        second: as many, or one for all; or the other way round.
    """
    count = first.shape[-1]
    rows, columns = first.sum(-1), second.sum(-1)  # (pairs, samples)
    products = (first * second).sum(-1)
    crossed = (first @ columns[..., None])[..., 0] + (second @ rows[..., None])[..., 0]
    both = (rows * columns).sum(-1)
    totals = products.sum(-1), rows.sum(-1), columns.sum(-1), both
    whole = _estimate(count, *totals)
    if count == FEWEST:
        return Hsic(whole, np.full_like(products, np.nan))
    trace, first_sum, second_sum, both = (total[..., None] for total in totals)
    without = _estimate(
        count - 1,
        trace - 2 * products,
        first_sum - 2 * rows,
        second_sum - 2 * columns,
        both - rows * columns - crossed + products,
    )
    return Hsic(whole, without)


def _estimate(count: int, trace: Reals, first: Reals, second: Reals, both: Reals) -> Reals:
    """Song's estimate from four sums: of products, of either kernel, and of products of their rows' sums."""
    middle = first * second / ((count - 1) * (count - 2)) - 2 * both / (count - 2)
    return np.asarray((trace + middle) / (count * (count - 3)))


@dataclass
class SimilaritySums:
    """CKA of some pairs of kernels, added up over minibatches."""

    pairs: Sequence[tuple[int, int]]
    """Which of the first kernels is compared with which of the second."""
    parts: list[tuple[Hsic, Hsic, Hsic]] = field(default_factory=list)
    """Of every minibatch: of the pairs, of the first kernels and of the second with themselves."""

    def add(self, first: Reals, second: Reals) -> None:
        """Take in the kernels of a minibatch, (kernels, samples, samples) each."""
        of_first = measure_hsic(first, first)
        of_second = of_first if second is first else measure_hsic(second, second)
        count = first.shape[-1]
        whole, without = np.empty(len(self.pairs)), np.empty((len(self.pairs), count))
        for place, (a, b) in enumerate(self.pairs):
            one = measure_hsic(first[a], second[b])
            whole[place], without[place] = one.whole, one.without
        self.parts.append((Hsic(whole, without), of_first, of_second))

    def measure(self) -> tuple[Reals, Reals]:
        """CKA of every pair, (pairs,), and what each sample adds, (pairs, samples), which average to it.

        NaN where a kernel has no variance that could be compared.
        """
        first, second = (np.array([pair[side] for pair in self.pairs]) for side in (0, 1))
        sums = [np.sum([part[which].whole for part in self.parts], axis=0) for which in range(3)]
        cka = _divide(sums[0], sums[1][first], sums[2][second])
        parts = []
        for both, one, other in self.parts:
            left = _divide(
                (sums[0] - both.whole)[:, None] + both.without,
                ((sums[1] - one.whole)[:, None] + one.without)[first],
                ((sums[2] - other.whole)[:, None] + other.without)[second],
            )
            parts.append(left)
        without = np.concatenate(parts, 1)
        count = without.shape[1]
        values = count * cka[:, None] - (count - 1) * without  # the jackknife's pseudo-values
        return cka, values + (cka - values.mean(1))[:, None]


def _divide(both: Reals, first: Reals, second: Reals) -> Reals:
    known = (first > 0) & (second > 0)
    scale = np.sqrt(np.where(known, first * second, 1))
    return np.asarray(np.divide(both, scale, out=np.full_like(both, np.nan), where=known))
