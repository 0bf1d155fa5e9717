"""Responses in, variances out: what of a channel comes from appearance, motion, both and neither.

Every scene is a small experiment: each look is seen by some cameras, and what each camera saw is shown in
all orders. So cameras are plots within looks, and orders lie within plots. Sums of squares are taken within
scenes and added up over them; variance components are those of a design in which all of it is drawn at
random, so that each is 0 on average where there is no such effect. NumPy alone, but for Student's t.

Chance is drawn against what each effect has to exceed in that design. Looks: plots are dealt to them anew,
and beside that lies what looks and orders together leave in a mean of few orders. Orders: what looks
answer is turned about, look by look, which leaves what needs both as large and as uneven as it is. Both:
orders are dealt anew in plots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

Reals = npt.NDArray[np.float64]
LOOK, CAMERA, ORDER, BOTH, ERROR = range(5)
"""Rows of sums of squares: looks, plots within looks, orders, looks by orders, orders by plots."""
PERMUTATIONS = 199
_CONSTANT = 1e-5
"""Of a channel's mean: one that varies by less is constant but for rounding."""
_ROUNDING = 1e-9
"""Shares below this are 0: a channel that sees single frames alone is told exactly so."""
_AT_ONCE = 1024
"""Channels whose permutations are made at once, so that they need little memory."""


class Design(NamedTuple):
    """How many looks, cameras for each and orders a scene has."""

    looks: int
    cameras: int
    orders: int

    @property
    def freedom(self) -> Reals:
        """Degrees of freedom of a scene's sums of squares."""
        a, r, m = self
        return np.array([a - 1, a * (r - 1), m - 1, (a - 1) * (m - 1), a * (r - 1) * (m - 1)], dtype=float)

    def chance_of_looks(self, scenes: int) -> float:
        """How often plots are dealt to looks just as they were: no p-value of appearance can be lower."""
        a, r, _ = self
        deals = math.factorial(a * r) / (math.factorial(r) ** a * math.factorial(a))
        return float(deals**-scenes)

    def chance_of_orders(self, scenes: int) -> float:
        """How often looks are turned all alike, scene by scene: no p-value of motion can be lower."""
        return float(2.0 ** (-scenes * (self.looks - 1)))


def sum_squares(responses: Reals) -> Reals:
    """(looks, cameras, orders, channels) of one scene -> (5, channels)."""
    looks, cameras, orders, _ = responses.shape
    centred = responses - responses.mean((0, 1, 2))
    plots = centred.mean(2)  # (looks, cameras, channels)
    by_look, by_order, by_both = plots.mean(1), centred.mean((0, 1)), centred.mean(1)
    of_look = cameras * orders * (by_look**2).sum(0)
    of_plots = orders * ((plots - by_look[:, None]) ** 2).sum((0, 1))
    of_order = looks * cameras * (by_order**2).sum(0)
    of_both = cameras * ((by_both - by_look[:, None] - by_order) ** 2).sum((0, 1))
    rest = centred - plots[:, :, None] - (by_both - by_look[:, None])[:, None]
    return np.stack([of_look, of_plots, of_order, of_both, (rest**2).sum((0, 1, 2))])


def estimate_components(sums: Reals, scenes: int, design: Design) -> Reals:
    """Sums of squares (…, 5, channels) over so many scenes -> components (…, 4, channels).

    They are of appearance, motion, both together, and the rest, without bias: by chance below 0.
    """
    looks, cameras, orders = design
    means = sums / (scenes * design.freedom)[:, None]
    look, camera, order, both, error = (means[..., term, :] for term in range(5))
    return np.stack(
        [
            (look - camera - both + error) / (orders * cameras),
            (order - both) / (looks * cameras),
            (both - error) / cameras,
            (camera - error) / orders + error,
        ],
        axis=-2,
    )


@dataclass
class Variances:
    """Sums of squares scene by scene, and of permuted scenes all together."""

    design: Design
    seed: int = 0
    scenes: list[Reals] = field(default_factory=list)
    _size: Reals | float = 0.0
    _permuted: npt.NDArray[np.float32] | None = None
    """(permutations, 5, channels): see `_permute`."""
    _turned: npt.NDArray[np.bool_] | None = None
    """Permutations (P,) in which some scene's looks were not all turned alike, so that orders differ."""

    def add(self, responses: Reals) -> None:
        """Take in one scene, (looks, cameras, orders, channels)."""
        number = len(self.scenes)
        self.scenes.append(sum_squares(responses))
        self._size = self._size + (responses**2).mean((0, 1, 2))
        random = np.random.default_rng(np.random.SeedSequence((self.seed, number)))
        if self._permuted is None:
            self._permuted = np.zeros((PERMUTATIONS, 5, responses.shape[-1]), dtype=np.float32)
            self._turned = np.zeros(PERMUTATIONS, dtype=np.bool_)
        deals = _draw_deals(random, self.design)
        self._turned |= np.ptp(deals.over_looks, axis=1) > 0
        for start in range(0, responses.shape[-1], _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            self._permuted[..., some] += _permute(responses[..., some], deals)

    @property
    def varies(self) -> npt.NDArray[np.bool_]:
        """Which channels vary by more than rounding."""
        count = len(self.scenes) * np.prod(self.design)
        deviation = np.sqrt(np.sum(self.scenes, axis=0).sum(0) / count)
        return np.asarray(deviation > _CONSTANT * np.sqrt(self._size / len(self.scenes)))

    def share(self) -> tuple[Reals, Reals]:
        """Shares (4, channels), and without each scene in turn (scenes, …); NaN of constant channels."""
        total, count = np.sum(self.scenes, axis=0), len(self.scenes)
        without = total - np.stack(self.scenes)
        return (
            self._divide(estimate_components(total, count, self.design)),
            self._divide(estimate_components(without, count - 1, self.design)),
        )

    def _divide(self, components: Reals) -> Reals:
        whole = components.sum(-2, keepdims=True)
        known = (whole > 0) & self.varies
        shares = np.divide(components, whole, out=np.full_like(components, np.nan), where=known)
        return np.where(np.abs(shares) < _ROUNDING, 0.0, shares)

    def count_chance(self) -> Reals:
        """How often chance gives as much of appearance, motion, and both together: p-values (3, channels)."""
        assert self._permuted is not None
        total = np.sum(self.scenes, axis=0)
        looks, beside, orders, both, error = np.moveaxis(self._permuted, 1, 0)
        with_both = looks + self._weigh_both(total)[1] * beside
        reached = [
            _rank((with_both >= total[LOOK]).sum(0)),
            self._rank_orders(orders >= total[ORDER]),
            _rank((_ratio(both, error) >= _ratio(total[BOTH], total[ERROR])).sum(0)),
        ]
        return np.where(self.varies, np.stack(reached), np.nan)

    def _rank_orders(self, reached: npt.NDArray[np.bool_]) -> Reals:
        """P-values (channels,) of which permutations (P, channels) reach as much as was seen.

        Of few scenes some permutations turn nothing. They are what was seen, which counts once; and no
        p-value falls below that one's share of all there are.
        """
        assert self._turned is not None
        count, least = max(int(self._turned.sum()), 1), self.design.chance_of_orders(len(self.scenes))
        others = reached[self._turned].sum(0)
        return np.asarray(np.maximum(_rank(others, count), least + (1 - least) * others / count))

    def _weigh_both(self, total: Reals) -> tuple[Reals, Reals]:
        """What a mean square of dealt plots has of looks and orders together, and what is to be added.

        The first is a mean square (channels,), the second a share of `beside`. Without the second, what needs
        both would count as appearance: with few orders it never cancels in a look's mean over them.
        """
        looks, cameras, _ = self.design
        _, _, _, both, error = total / (len(self.scenes) * self.design.freedom)[:, None]
        dealt = (looks - 1) / (looks * cameras - 1)
        real = np.maximum(both - error, 0)
        return dealt * real, (1 - dealt) * _ratio(real, both)

    def share_chance(self, channels: npt.NDArray[np.intp]) -> Reals:
        """Shares of some channels in permuted scenes, without the rest: (permutations, 3, some)."""
        assert self._permuted is not None
        total = np.sum(self.scenes, axis=0)[:, channels]
        looks, beside, orders, both, error = np.moveaxis(self._permuted[..., channels], 1, 0)
        whole = estimate_components(total, len(self.scenes), self.design).sum(0)
        dealt, added = self._weigh_both(total)
        cameras = total[LOOK] + total[CAMERA] - len(self.scenes) * self.design.freedom[CAMERA] * dealt
        permuted = (
            {LOOK: looks + added * beside, CAMERA: cameras - looks},
            {ORDER: orders, BOTH: total[ORDER] + total[BOTH] - orders},
            {BOTH: both, ERROR: error},
        )
        found = np.empty((PERMUTATIONS, len(permuted), len(channels)))
        for part, terms in enumerate(permuted):
            sums = np.repeat(total[None], PERMUTATIONS, 0)
            for term, values in terms.items():
                sums[:, term] = values
            found[:, part] = estimate_components(sums, len(self.scenes), self.design)[:, part]
        known = (whole > 0) & self.varies[channels]
        return np.asarray(np.divide(found, whole, out=np.full_like(found, np.nan), where=known))


class _Deals(NamedTuple):
    """Weights: of plots into looks (P, looks, plots); orders of a look (looks, P, orders, …).

    And unit vectors: of random signs over looks (P, looks), and random ones of sum 0 over orders (P, orders).
    """

    plots: Reals
    orders: Reals
    over_looks: Reals
    over_orders: Reals


def _draw_deals(random: np.random.Generator, design: Design) -> _Deals:
    looks, cameras, orders = design
    plots = np.zeros((PERMUTATIONS, looks, looks * cameras))
    dealt = random.permuted(np.tile(np.arange(looks * cameras), (PERMUTATIONS, 1)), axis=1)
    for place in range(looks * cameras):
        plots[np.arange(PERMUTATIONS), place // cameras, dealt[:, place]] = 1 / cameras
    within = np.zeros((looks, PERMUTATIONS, orders, cameras * orders))
    for look in range(looks):
        for camera in range(cameras):
            moved = random.permuted(np.tile(np.arange(orders), (PERMUTATIONS, 1)), axis=1)
            for order in range(orders):
                at = camera * orders + moved[:, order]
                within[look, np.arange(PERMUTATIONS), order, at] = 1 / cameras
    over_looks, over_orders = (random.standard_normal((PERMUTATIONS, count)) for count in (looks, orders))
    # Signs alone keep the fourth moment of a sum, whatever is summed; other unit vectors draw it to normal.
    over_looks = np.sign(over_looks)
    over_orders -= over_orders.mean(1, keepdims=True)
    vectors = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (over_looks, over_orders))
    return _Deals(plots, within, *vectors)


def _permute(responses: Reals, deals: _Deals) -> npt.NDArray[np.float32]:
    """One scene's sums of squares by chance, (permutations, 5, channels).

    Of looks, when plots are dealt anew; of looks in a random contrast of orders, which holds as much of what
    needs both as their mean does; of orders when some looks are turned about, which moves neither how large
    nor how far from normal the mean of what needs both is; of both and of error, when orders are dealt within
    each plot, without what orders explain by themselves.
    """
    looks, cameras, orders, channels = responses.shape
    plots = responses.mean(2).reshape(looks * cameras, channels)
    by_look = np.einsum("plq,qc->plc", deals.plots, plots - plots.mean(0), optimize=True)
    within = responses - responses.mean(2, keepdims=True)
    seen = within.mean(1)  # (looks, orders, channels), without noise of cameras
    beside = np.einsum("po,loc->plc", deals.over_orders, seen - seen.mean(0), optimize=True)
    of_order = np.einsum("pl,loc->poc", deals.over_looks, seen, optimize=True)
    centred = within - within.mean((0, 1))
    flat = centred.reshape(looks, cameras * orders, channels)
    means = np.stack([deal @ one for deal, one in zip(deals.orders, flat, strict=True)])
    of_both = cameras * ((means**2).sum((0, 2)) - looks * (means.mean(0) ** 2).sum(1))
    rest = (centred**2).sum((0, 1, 2)) - cameras * (means**2).sum((0, 2))
    found = [
        cameras * orders * (by_look**2).sum(1),
        cameras * (beside**2).sum(1),
        cameras * (of_order**2).sum(1),
        of_both,
        rest,
    ]
    return np.stack(found, axis=1).astype(np.float32)


def _rank(reached: npt.NDArray[np.intp], count: int = PERMUTATIONS) -> Reals:
    """P-values: what was seen counts as one of the permutations."""
    return np.asarray((1 + reached) / (1 + count))


def _ratio(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> Reals:
    return np.asarray(np.divide(one, other, out=np.zeros(one.shape), where=other > 0))


def find_ends(whole: Reals, without: Reals, *, least: float = 0.0) -> tuple[Reals, Reals]:
    """The 95% interval of shares by the jackknife: without each scene in turn along the first axis.

    Its ends stay from `least` to 1, where the true value lies; an estimate without bias may leave that.
    """
    count = len(without)
    error = np.sqrt((count - 1) / count * ((without - without.mean(0)) ** 2).sum(0))
    far = float(stats.t.ppf(0.975, count - 1)) * error
    return np.minimum(np.maximum(whole - far, least), whole), np.maximum(np.minimum(whole + far, 1), whole)
