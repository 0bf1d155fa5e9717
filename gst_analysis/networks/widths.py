"""Networks with fewer channels than their alpha says: the widths of every block's groups. No torch here.

In a bottleneck the operator's output is read by one 1x1 convolution and by nothing else. So any of its
channels can be taken out: filters of the operator, entries of the batch norm, columns of that convolution.
What is left is a network whose every block has its own spatial and temporal width, its own alpha.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from gst_analysis.errors import SpecError
from gst_analysis.networks.backbones import Backbone, Block
from gst_analysis.networks.families import Family

Widths = tuple[tuple[int, ...], ...]
"""For each block, the output channels of each group of its operator, in channel order."""


_WIDEST = 1_000_000
"""Channels of a group: wide enough for all, and nothing is built of a file's wild claim."""


def narrow_block(block: Block, widths: tuple[int, ...]) -> Block:
    """A bottleneck whose operator writes only so many channels of each group."""
    (site,) = block.sites
    return replace(block, sites=(replace(site, c_out=sum(widths), widths=widths),))


def why_not_slimmed(operator: type[Family], backbone: Backbone, alpha: Fraction | None) -> str:
    """Why channels cannot be taken out of a network's operators; empty where they can."""
    if operator.unbuildable:
        return operator.unbuildable
    if backbone.kind != "bottleneck":
        return f"{backbone.name} has no bottlenecks, whose last convolution alone can read fewer channels"
    # Any width that the family takes: only the groups of its kernels are looked at.
    some = 8 * operator.divisor(alpha)
    if operator.arrangement != "concatenate" or any(
        k.groups > 1 for k in operator.kernels(some, some, alpha)
    ):
        return f"{operator.title}, whose filters depend on each other's places, so none can go alone"
    return ""


def read_widths(given: object, *, blocks: int, groups: int) -> Widths:
    """Widths as tuples, checked: a line for every block, at least 1 in every group.

    Raises:
        SpecError: anything else.
    """
    lines = given if isinstance(given, (list, tuple)) else ()
    if len(lines) != blocks or not all(_fits(line, groups) for line in lines):
        raise SpecError(
            "widths",
            expected=f"{blocks} blocks of {groups} whole numbers, each at least 1",
            found=repr(given)[:60],
            todo="correct them",
        )
    return tuple(tuple(line) for line in lines)


def _fits(line: object, groups: int) -> bool:
    counts = line if isinstance(line, (list, tuple)) else ()
    return len(counts) == groups and all(type(count) is int and 1 <= count <= _WIDEST for count in counts)
