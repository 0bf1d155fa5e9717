"""Which clips make which batch: a function of seed, epoch and position, whatever the number of devices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler

from gst_analysis.errors import SpecError
from gst_analysis.training.config import OptimiserConfig


@dataclass(frozen=True)
class BatchPlan:
    """Batches of one rank: every batch is cut into `accumulate` pieces, every piece among the ranks."""

    clips: int
    batch_size: int
    accumulate: int
    seed: int
    rank: int = 0
    ranks: int = 1

    def __post_init__(self) -> None:
        parts = self.accumulate * self.ranks
        if self.batch_size % parts:
            below, above = self.batch_size // parts * parts, -(-self.batch_size // parts) * parts
            raise SpecError(
                "optimiser.batch_size",
                expected=f"a multiple of {parts} ({self.ranks} devices x {self.accumulate} pieces)",
                found=str(self.batch_size),
                todo=f"use {' or '.join(str(b) for b in (below, above) if b)}",
            )
        if self.clips < self.batch_size:
            raise SpecError(
                "optimiser.batch_size",
                expected=f"at most the {self.clips} clips of the training set",
                found=str(self.batch_size),
                todo=f"use optimiser.batch_size={max(1, self.clips // parts * parts)}",
            )

    @classmethod
    def of(cls, config: OptimiserConfig, clips: int, *, seed: int, rank: int, ranks: int) -> BatchPlan:
        """The plan of one rank of a run."""
        return cls(clips, config.batch_size, config.accumulate, seed, rank, ranks)

    @property
    def batches(self) -> int:
        """Batches in an epoch; the clips that fill none wait for the next epoch's shuffle."""
        return self.clips // self.batch_size

    @property
    def piece(self) -> int:
        """Clips that one device works on at once."""
        return self.batch_size // (self.accumulate * self.ranks)

    def pieces(self, epoch: int, start: int) -> Iterator[list[int]]:
        """This rank's pieces of an epoch, from batch `start` on."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.clips)
        for batch in range(start, self.batches):
            for part in range(self.accumulate):
                first = batch * self.batch_size + (part * self.ranks + self.rank) * self.piece
                yield order[first : first + self.piece].tolist()


class TrainSampler(Sampler[list[int]]):
    """The plan as torch's DataLoader wants it; `seek` says where the next iteration starts."""

    def __init__(self, plan: BatchPlan) -> None:
        self.plan = plan
        self.epoch = 0
        self.start = 0

    def seek(self, epoch: int, start: int) -> None:
        self.epoch, self.start = epoch, start

    def __iter__(self) -> Iterator[list[int]]:
        return self.plan.pieces(self.epoch, self.start)

    def __len__(self) -> int:
        return (self.plan.batches - self.start) * self.plan.accumulate


class ValidationSampler(Sampler[list[int]]):
    """Every clip once, over all ranks; every rank gets the same number of batches, the last may be empty."""

    def __init__(self, clips: int, batch_size: int, *, rank: int = 0, ranks: int = 1) -> None:
        self.places = range(rank, clips, ranks)
        self.batch_size = batch_size
        self.batches = math.ceil(math.ceil(clips / ranks) / batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in range(self.batches):
            yield list(self.places[batch * self.batch_size : (batch + 1) * self.batch_size])

    def __len__(self) -> int:
        return self.batches
