"""Work over clips, done here or shared among processes: units of clips in, what was found of them out.

A unit is a run of clips that are measured together, such as a batch. Who measures it makes no difference to
what shares a batch with what, so several processes find just what one finds, to the last bit where they
run on devices of one kind with equally many threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import torch

from gst_analysis.inference.settings import InferenceSettings, choose_device
from gst_analysis.processes import count_outer_processes
from gst_analysis.progress import Progress, no_progress
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.inference import distribution
else:
    distribution = Door("gst_analysis.inference.distribution")  # Lightning Fabric is slow to import

Unit = Sequence[int]
"""Places of clips in a list, in rising order; at least one."""
Count = Callable[[], object]
"""Called after every clip."""
Found = TypeVar("Found")
FoundOut = TypeVar("FoundOut", covariant=True)


class Work(Protocol[FoundOut]):
    """What every process is given, pickled: a network, a list of clips, and how they are measured."""

    @property
    def settings(self) -> InferenceSettings:
        """Where it runs: device, and how many of them."""

    def lighten(self) -> Work[FoundOut]:
        """Without what a process of its own does not need."""

    def measure(self, units: Sequence[Unit], device: torch.device, count: Count) -> FoundOut:
        """Measure some of the clips on one device."""


def share_out(work: Work[Found], units: Sequence[Unit], progress: Progress | None) -> list[Found]:
    """What was found of all units, a piece for every process.

    Under torchrun, `fabric run` or SLURM every process takes its share and gets all pieces.

    Args:
        work: what is done with them.
        units: all of them, in their order.
        progress: called now and then, with more than one device from another thread.
    """
    if work.settings.share and (work.settings.devices > 1 or count_outer_processes() is not None):
        return distribution.measure_shares(work, units, progress)
    total, tell = sum(map(len, units)), progress or no_progress
    done = iter(range(1, total + 1))
    return [work.measure(units, choose_device(work.settings.device), lambda: tell(next(done), total, ""))]
