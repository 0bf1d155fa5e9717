"""Every network that a name builds, with its cost: designs by arithmetic, systems by their records.

No torch and no pandas here: the list is wanted in a hurry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gst_analysis.analyses.cost.counting import summarise_cost
from gst_analysis.networks.described import Output
from gst_analysis.networks.specs import ModelSpec, model_names
from gst_analysis.networks.systems import SYSTEMS
from gst_analysis.networks.systems.record import System

SIZE = 224
OURS = "Luo and Yuille, ICCV 2019"
_READS = ("gst-analysis", "GST")
"""Whose checkpoints of designs are read, apart from what a family's authors wrote."""


@dataclass(frozen=True)
class ListedNetwork:
    """One network that a name builds, as it was published or, for a design, as the GST paper runs it."""

    name: str
    """What builds it, such as gst-resnet50."""
    title: str
    """What people call it."""
    kind: str
    """design: FAMILY-BACKBONE, which follows from arithmetic; system: a published network as a whole."""
    frames: int
    """Frames in a clip."""
    size: int
    """Pixels of a frame's side."""
    classes: int
    """Classes that it tells apart."""
    params: int
    """Parameters."""
    gmacs: float
    """10^9 multiply-adds of one clip: convolutions, linear layers and attention."""
    output: Output
    """Whether it answers for every frame, or once a clip."""
    paper: str
    """Who published it, and where."""
    space_and_time: str
    """Where space lies in it and where time."""
    reads: tuple[str, ...]
    """Whose files are read."""
    lengths: str = "any"
    """Which numbers of frames it takes: any, only its own (fixed), or multiples of some number."""

    def mentions(self, text: str) -> bool:
        """Whether all words of a text occur in what is said of it, whatever their case."""
        said = " ".join((self.name, self.title, self.kind, self.paper, self.space_and_time, *self.reads))
        return all(word in said.casefold() for word in text.casefold().split())


@dataclass(frozen=True)
class _Design:
    paper: str
    space_and_time: str
    reads: tuple[str, ...] = _READS


_DESIGNS = {
    "gst": _Design(OURS, "half of each 3×3's input to spatial, half to temporal kernels, side by side"),
    "gst-large": _Design(OURS, "spatial and temporal kernels side by side, each reads all channels"),
    "c2d": _Design(OURS, "space alone; frames meet in the mean at the end", (*_READS, "TSN", "torchvision")),
    "c3d": _Design(OURS, "both together in a 3×3×3 for every 3×3"),
    "c3d-g2": _Design(OURS, "both together in a 3×3×3 of two groups for every 3×3"),
    "p3d": _Design("Qiu et al., ICCV 2017", "a spatial 3×3, then a temporal kernel, in every block"),
    "tsm": _Design(
        "Lin et al., ICCV 2019", "space in every 3×3; time in shifted channels", (*_READS, "TSM", "MMAction2")
    ),
    "sth": _Design(
        "Li et al., 2020 (our reading)", "each filter reads some channels in time, others in space"
    ),
}


def list_networks(search: str = "") -> list[ListedNetwork]:
    """Every network that a name builds: designs first, then published systems.

    Args:
        search: words that must all occur in what is said of a network; all networks if empty.

    Example:
        >>> [network.name for network in list_networks("pathway 8x8")]
        ['slowfast-r50-8x8']
    """
    systems: Iterable[System] = SYSTEMS.values()
    every = [*map(_describe_design, model_names()), *map(_describe_system, systems)]
    return [network for network in every if network.mentions(search)]


def _describe_design(name: str) -> ListedNetwork:
    spec = ModelSpec.from_name(name)
    cost, said = summarise_cost(spec, size=SIZE), _DESIGNS[spec.family]
    return ListedNetwork(
        name,
        spec.label,
        "design",
        spec.num_frames,
        SIZE,
        spec.num_classes,
        cost.params,
        cost.macs / 1e9,
        spec.output,
        said.paper,
        said.space_and_time,
        said.reads,
    )


def _describe_system(record: System) -> ListedNetwork:
    return ListedNetwork(
        record.name,
        record.title,
        "system",
        record.frames,
        record.size,
        record.classes,
        record.params,
        record.gmacs,
        record.output,
        record.paper,
        record.space_and_time,
        record.reads,
        record.lengths,
    )
