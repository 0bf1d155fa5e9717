"""The published estimate: how alike a channel answers to two clips that share their look, or their motion.

Kowal et al. (CVPR 2022) take pairs of clips. Of a channel, the correlation over pairs that share their look
is called static, of those that share their motion dynamic; above 0.5 it has that role, and with both it is
joint. Of a layer, covariances are added over channels and divided by the sum of variances, and a softmax sets
the two against a residual whose score is 1. Pairs that share nothing are the null. NumPy alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gst_analysis.analyses.roles.table import CORRELATED, DYNAMIC, JOINT, NEITHER, STATIC

Reals = npt.NDArray[np.float64]
RESIDUAL = 1.0
KINDS = (STATIC, DYNAMIC, NEITHER)


@dataclass
class PairSums:
    """Sums over pairs of every kind, and over all clips, without the clips themselves."""

    _origin: Reals | None = None
    """Near the responses' mean: what is added up is the difference to it, which loses no digits."""
    _last: Reals | None = None
    """The scene before, in other looks and orders."""
    _pairs: dict[str, Reals] = field(default_factory=dict)
    _clips: Reals | float = 0.0
    _count: int = 0

    def add(self, responses: Reals) -> None:
        """Take in one scene, (looks, cameras, orders, channels)."""
        if self._origin is None:
            self._origin = responses.mean((0, 1, 2))
        moved = responses - self._origin
        first, second = moved[:, 0], moved[:, 1]  # other cameras: what they add is shared by no pair
        self._keep(STATIC, first, np.roll(second, 1, axis=1))
        self._keep(DYNAMIC, first, np.roll(second, 1, axis=0))
        if self._last is not None:
            self._keep(NEITHER, first, self._last)
        self._last = np.roll(second, (1, 1), axis=(0, 1))
        self._clips = self._clips + np.stack([moved.sum((0, 1, 2)), (moved**2).sum((0, 1, 2))])
        self._count += int(np.prod(moved.shape[:3]))

    def _keep(self, kind: str, one: Reals, other: Reals) -> None:
        count = np.full(one.shape[-1], float(one.shape[0] * one.shape[1]))
        sums = [(one + other).sum((0, 1)), (one**2 + other**2).sum((0, 1)), (one * other).sum((0, 1)), count]
        self._pairs[kind] = self._pairs.get(kind, 0.0) + np.stack(sums)

    def correlate(self, varies: npt.NDArray[np.bool_]) -> dict[str, Reals]:
        """The correlation of pairs of every kind, (channels,); NaN where a channel does not vary."""
        found = {}
        for kind in KINDS:
            covariance, variance = self._moments(kind)
            known = varies & (variance > 0)
            found[kind] = np.divide(covariance, variance, out=np.full_like(variance, np.nan), where=known)
        return found

    def score_layer(self, channels: npt.NDArray[np.intp]) -> dict[str, float]:
        """The covariances of some channels over the sum of their variances; NaN where nothing varies."""
        clips = np.asarray(self._clips)
        variance = float((clips[1] / self._count - (clips[0] / self._count) ** 2)[channels].sum())
        return {
            kind: float(self._moments(kind)[0][channels].sum()) / variance if variance > 0 else float("nan")
            for kind in (STATIC, DYNAMIC)
        }

    def _moments(self, kind: str) -> tuple[Reals, Reals]:
        """Covariance and variance of pairs about the mean of all their clips."""
        both, squares, products, count = self._pairs[kind]
        mean = both / (2 * count)
        return products / count - mean**2, squares / (2 * count) - mean**2


def set_against_residual(static: float, dynamic: float) -> tuple[float, float, float]:
    """Softmax of the two scores and of the residual's."""
    powers = np.exp([static, dynamic, RESIDUAL])
    one, other, rest = powers / powers.sum()
    return float(one), float(other), float(rest)


def name_pair_roles(static: Reals, dynamic: Reals) -> npt.NDArray[np.str_]:
    """What channels see by the published threshold."""
    look, motion = static > CORRELATED, dynamic > CORRELATED
    return np.select([look & motion, look, motion], [JOINT, STATIC, DYNAMIC], NEITHER)
