"""Are groups of channels needed together, though each alone can be missed?

What one group does another may do as well: then taking either costs nothing and taking both much. So groups
are changed together: all of one kind in a stage or in the network, in pairs, one after another where the
next to go is the one that is missed least, and in sampled orders, whose mean gives every group its share of
what all cost together (Shapley's value). Shares add up to the whole, so that a group's can be summed.

One intervention serves all: each channel its mean, or zero where means are not asked for. A set goes on
from the earliest block that it changes; what comes before is computed once a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gst_analysis.analyses.ablation.joint_table import UnitSet, list_sets
from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.groups import order_groups
from gst_analysis.inference.sharing import Here, merge_found
from gst_analysis.networks.anatomy import Unit
from gst_analysis.networks.network import VideoNetwork, average_frames
from gst_analysis.probes.clip_stream import Batch
from gst_analysis.probes.hooks import Change, change_some, changed_unit, finish_from
from gst_analysis.probes.resampling import Reals

Places = npt.NDArray[np.int64]
Judge = Callable[[Tensor, Tensor], Reals]
"""A clip's logits and labels -> (3, N): right or not, the true class's logit, the cross entropy."""
_FEW = 4
"""Clips, of which fewer are not halved: a half of one clip could not be measured on."""


@dataclass
class Judged:
    """What was judged of every batch: (3, N) untouched, (units, 3, N) alone, (sets, 3, N) together."""

    untouched: list[Reals] = field(default_factory=list)
    alone: list[Reals] = field(default_factory=list)
    together: list[Reals] = field(default_factory=list)
    batches: list[tuple[int, ...]] = field(default_factory=list)
    """Of the clips, their places in the list of records."""

    @property
    def places(self) -> list[int]:
        """Where all clips stand in the list of records."""
        return [place for batch in self.batches for place in batch]

    def add(self, batch: Batch, untouched: Reals, alone: Reals, together: Reals) -> None:
        """Take in a batch."""
        self.batches.append(batch.places)
        self.untouched.append(untouched)
        self.alone.append(alone)
        self.together.append(together)

    def gather(self, here: Here) -> None:
        """Take in what all other processes judged."""
        rows = zip(self.untouched, self.alone, self.together, strict=True)
        found = merge_found(here.exchange(list(zip(self.batches, rows, strict=True))))
        self.batches = [places for places, _ in found]
        self.untouched, self.alone, self.together = ([row[n] for _, row in found] for n in range(3))


@dataclass
class JointRun:
    """What accumulates while batches go through, clip by clip."""

    network: nn.Module
    units: Sequence[Unit]
    build: Callable[[Unit], Change]
    """What is done to a unit."""
    judge: Judge
    options: AblationOptions
    sets: list[UnitSet] = field(init=False)
    judged: Judged = field(default_factory=Judged)
    shares: list[Reals] = field(default_factory=list)
    """(units, 3, N) of every batch: what changes when a unit goes after others, the mean over orders."""

    def __post_init__(self) -> None:
        self.sets = list_sets(self.units, self.options.sets)

    def take(self, batch: Batch, untouched: Reals, alone: Reals) -> None:
        """Run a batch with every set changed; the ablation has judged it untouched and units alone."""
        walk = Walk.along(self.network, batch)
        self.judged.add(batch, untouched, alone, self.judge_all([one.units for one in self.sets], walk))
        if "share" in self.options.sets:
            self.shares.append(self._share_out(walk))

    def gather(self, here: Here) -> None:
        """Take in what all other processes judged."""
        # Nothing where shares were not asked for.
        own = list(zip(self.judged.batches, self.shares, strict=True)) if self.shares else []
        self.shares = [shares for _, shares in merge_found(here.exchange(own))]
        self.judged.gather(here)

    def judge_sets(self, sets: Sequence[Sequence[Unit]], batch: Batch) -> Reals:
        """(sets, 3, N) of a batch."""
        return self.judge_all(sets, Walk.along(self.network, batch))

    def judge_all(self, sets: Sequence[Sequence[Unit]], walk: Walk) -> Reals:
        """(sets, 3, N) of a batch that has gone through the untouched network."""
        judged = [self._judge_set(one, walk) for one in sets]
        return np.stack(judged) if judged else np.empty((0, 3, len(walk.batch.labels)))

    def _judge_set(self, units: Sequence[Unit], walk: Walk) -> Reals:
        changes = [(unit, self.build(unit)) for unit in units]
        return self.judge(walk.finish(changes), walk.batch.labels)

    def _share_out(self, walk: Walk) -> Reals:
        """Mean over orders of what each unit changes when it goes after those before it, (units, 3, N).

        Every clip has orders of its own. With those of its batch, what its orders happen to be would be
        common to clips that the interval takes for strangers.
        """
        orders = self._draw_orders(walk.batch)
        total = np.zeros((len(self.units), 3, orders.shape[1]))
        clips = np.arange(orders.shape[1])
        for order in orders:  # (clips, units)
            gone = np.zeros((len(self.units), len(clips)), dtype=np.bool_)
            before = self.judged.untouched[-1]
            for places in order.T:
                gone[places, clips] = True
                after = self._judge_gone(gone, walk)
                total[places, :, clips] += (after - before).T
                before = after
        return total / len(orders)

    def _draw_orders(self, batch: Batch) -> Places:
        """(orders, clips, units): of every clip."""
        count, seed = self.options.orders, self.options.seed
        return np.stack(
            [list(draw_orders(len(self.units), count, seed=(seed, 2, place))) for place in batch.places], 1
        )

    def _judge_gone(self, gone: npt.NDArray[np.bool_], walk: Walk) -> Reals:
        """(3, N) with units changed in some clips each: (units, N) says in which."""
        changes = [
            (unit, change_some(self.build(unit), torch.from_numpy(own.copy())))
            for unit, own in zip(self.units, gone, strict=True)
            if own.any()
        ]
        return self.judge(walk.finish(changes), walk.batch.labels)


@dataclass(frozen=True)
class Walk:
    """A batch, and what enters each block of the untouched network, where one can go on from there."""

    network: nn.Module
    batch: Batch
    untouched: Tensor
    inputs: Mapping[str, tuple[int, Tensor]] = field(default_factory=dict)

    @classmethod
    def along(cls, network: nn.Module, batch: Batch) -> Walk:
        """Run the untouched network."""
        if not isinstance(network, VideoNetwork):
            return cls(network, batch, average_frames(network(batch.clips)))
        folded, frames = network.fold(batch.clips)
        x, inputs = network.embed(folded), {}
        for index, (name, block) in enumerate(network.stages()):
            inputs[name] = (index, x)
            x = block(x, frames)
        logits = finish_from(network, x, frames, start=len(inputs))
        return cls(network, batch, logits, inputs)

    def finish(self, changes: Sequence[tuple[Unit, Change]]) -> Tensor:
        """The batch's logits (N, K) with units changed."""
        with ExitStack() as stack:
            for unit, change in changes:
                stack.enter_context(changed_unit(self.network, unit, change))
            if not isinstance(self.network, VideoNetwork):
                return average_frames(self.network(self.batch.clips))
            start, x = min((self.inputs[unit.block] for unit, _ in changes), key=lambda found: found[0])
            return finish_from(self.network, x, self.batch.frames, start=start)


def draw_orders(count: int, orders: int, *, seed: tuple[int, ...]) -> Iterator[list[int]]:
    """Orders of so many units; every second one is the one before turned round, which evens out chance."""
    rng = np.random.default_rng(list(seed))
    drawn: list[int] = []
    for number in range(orders):
        drawn = drawn[::-1] if number % 2 else rng.permutation(count).tolist()
        yield drawn


@dataclass(frozen=True)
class Halves:
    """Which clips choose what goes next, and which say what that costs."""

    choosing: frozenset[int]
    measuring: frozenset[int]

    @classmethod
    def of(cls, places: Sequence[int]) -> Halves:
        """Every second clip; all of them for both where there are too few."""
        if len(places) < _FEW:
            return cls(frozenset(places), frozenset(places))
        return cls(frozenset(places[::2]), frozenset(places[1::2]))


def find_greedy(run: JointRun, choosing: Callable[[], Iterator[Batch]], here: Here) -> list[UnitSet]:
    """For every group, sets that grow by the unit that is missed least, on the choosing clips."""
    found = []
    for group in order_groups(unit.group for unit in run.units):
        left = [unit for unit in run.units if unit.group == group]
        gone: list[Unit] = []
        while left and len(left) + len(gone) > 1:
            sets = [[*gone, unit] for unit in left]
            own = [(batch.places, run.judge_sets(sets, batch)[:, 2].sum(axis=1)) for batch in choosing()]
            loss = np.zeros(len(sets))
            for _, more in merge_found(here.exchange(own)):
                loss += more
            gone.append(left.pop(int(loss.argmin())))
            found.append(UnitSet("greedy", f"{group}, {len(gone)} gone", tuple(gone), step=len(gone)))
    return found


def measure_sets(run: JointRun, sets: Sequence[UnitSet], batches: Iterator[Batch], here: Here) -> Judged:
    """Go through these clips once more with sets changed."""
    judged = Judged()
    for batch in batches:
        walk = Walk.along(run.network, batch)
        alone = run.judge_all([(unit,) for unit in run.units], walk)
        together = run.judge_all([one.units for one in sets], walk)
        judged.add(batch, run.judge(walk.untouched, batch.labels), alone, together)
    judged.gather(here)
    return judged


def keep_clips(stream: Callable[[], Iterator[Batch]], chosen: frozenset[int]) -> Iterator[Batch]:
    """What of each batch is among the chosen clips."""
    for batch in stream():
        kept = [number for number, place in enumerate(batch.places) if place in chosen]
        if kept:
            yield Batch(batch.clips[kept], batch.labels[kept], tuple(batch.places[one] for one in kept))


def count_greedy(units: Sequence[Unit]) -> tuple[int, ...]:
    """How many sets are tried each time that the clips are gone through: once a step, and once to measure."""
    groups = order_groups(unit.group for unit in units)
    counts = [sum(unit.group == group for unit in units) for group in groups]
    steps = [left for count in counts if count > 1 for left in range(count, 0, -1)]
    return (*steps, len(units) + len(steps))
