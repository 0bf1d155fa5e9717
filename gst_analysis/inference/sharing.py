"""Work over clips, done here or shared among processes: units of clips in, what was found of them out.

A unit is a run of clips that are measured together, such as a batch. Who measures it makes no difference to
what shares a batch with what, so several processes find just what one finds, to the last bit where they
run on devices of one kind with equally many threads.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import torch

from gst_analysis.inference.settings import InferenceSettings, choose_device
from gst_analysis.processes import count_outer_processes
from gst_analysis.progress import Progress, no_progress
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.checkpoints.loaded import Network
    from gst_analysis.inference import distribution
else:
    distribution = Door("gst_analysis.inference.distribution")  # Lightning Fabric is slow to import

Unit = Sequence[int]
"""Places of clips in a list, in rising order; at least one."""
Count = Callable[[], object]
"""Called after every clip."""
Found = TypeVar("Found")
FoundOut = TypeVar("FoundOut", covariant=True)


def _uncounted() -> None:
    """Nobody wants to know."""


def _hear_nobody(own: Any) -> list[Any]:
    return [own]


@dataclass(frozen=True)
class Here:
    """One process at work: on which device, which of how many, and how it is heard by the others."""

    device: torch.device
    count: Count = _uncounted
    rank: int = 0
    world: int = 1
    exchange: Callable[[Any], list[Any]] = _hear_nobody
    """Tell all processes something, and hear what each of them tells, in the order of their ranks. Every
    process must come to it equally often; where one fails instead, all others fail of the same."""

    def own(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """The units that are this process's: every n-th."""
        return units[self.rank :: self.world]

    def number(self, place: int) -> int:
        """Which of all units the one at this place among its own is."""
        return self.rank + self.world * place


class Work(Protocol[FoundOut]):
    """What every process is given, pickled: a network, a list of clips, and how they are measured."""

    @property
    def settings(self) -> InferenceSettings:
        """Where it runs: device, and how many of them."""

    def lighten(self) -> Work[FoundOut]:
        """Without what a process of its own does not need."""

    def measure(self, units: Sequence[Unit], here: Here) -> FoundOut:
        """Measure some of the clips, in this process."""


@dataclass(frozen=True)
class ModelWork:
    """What every process is given where one network is at work, whatever is measured of it."""

    model: Network
    settings: InferenceSettings

    def lighten(self) -> Self:
        """Without the checkpoint's own copy of the weights: the network has them."""
        return replace(self, model=self.model.with_module(self.model.module))


def share_out(
    work: Work[Found],
    units: Sequence[Unit],
    progress: Progress | None,
    *,
    rounds: Sequence[int] = (1,),
    name: Callable[[int], str] = lambda done: "",
) -> list[Found]:
    """What was found of all units, a piece for every process.

    Under torchrun, `fabric run` or SLURM every process takes its share and gets all pieces.

    Args:
        work: what is done with them.
        units: all of them, in their order.
        progress: called now and then, with more than one device from another thread.
        rounds: for each time that a clip is counted, how much work that stands for, such as forward passes.
        name: what to call what was done last, by how often a clip was counted.
    """
    clips = sum(map(len, units))
    total, told = sum(rounds) * clips, progress or no_progress

    def tell(counted: int) -> None:
        counted = min(counted, len(rounds) * clips)
        told(_weigh(counted, clips, rounds), total, name(counted))

    if work.settings.devices > 1 or count_outer_processes() is not None:
        return distribution.measure_shares(work, units, tell)
    done = itertools.count(1)
    return [work.measure(units, Here(choose_device(work.settings.device), lambda: tell(next(done))))]


def _weigh(counted: int, clips: int, rounds: Sequence[int]) -> int:
    """How much work is done: whole rounds over the clips, and some of the next."""
    whole, rest = divmod(counted, clips) if clips else (0, 0)
    return sum(rounds[:whole]) * clips + (rounds[whole] * rest if rest else 0)


Measured = tuple[tuple[int, ...], Found]
"""The places of some clips, such as a batch's, and what was found of them together."""


def merge_found(pieces: Iterable[Sequence[Measured[Found]]]) -> list[Measured[Found]]:
    """What every process found of its own batches -> that of all batches, in the order of their clips."""
    return sorted((one for piece in pieces for one in piece), key=lambda one: one[0])
