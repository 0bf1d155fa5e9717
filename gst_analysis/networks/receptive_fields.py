"""How far a block can see through time, from the family's arithmetic alone: a spec in, half-widths out.

A kernel over three frames reaches one frame each way, and so does TSM's shift. Kernels that stand side by
side reach as far as the farthest of them; those one after the other, like blocks, add up. No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gst_analysis.errors import SpecError
from gst_analysis.networks.backbones import Block, Site
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
else:
    np = Door("numpy")  # the anatomy of a design needs none, and costs are wanted in a hurry


@dataclass(frozen=True)
class Reach:
    """One block: what it adds, and how many frames back and forth its output depends on."""

    stage: int
    block: str
    added: int
    half_width: int


def list_reaches(spec: ModelSpec) -> list[Reach]:
    """The temporal receptive field after every block.

    Raises:
        SpecError: a family whose reach does not follow from its kernels.

    Example:
        >>> list_reaches(ModelSpec.from_name("gst-resnet50"))[-1].half_width
        16
    """
    if spec.operator.unbuildable:
        raise SpecError(
            spec.name,
            expected="a family of kernels and shifts",
            found=spec.operator.unbuildable,
            todo="ask for the reach of another family",
        )
    reaches: list[Reach] = []
    half_width = 0
    for block in spec.blocks():
        added = _reach_of(spec, block)
        half_width += added
        reaches.append(Reach(block.stage, block.name, added, half_width))
    return reaches


def mark_reachable(frames: int, half_width: int) -> npt.NDArray[np.bool_]:
    """(T, T): whether output frame i can depend on input frame j."""
    output, given = np.indices((frames, frames))
    return np.asarray(abs(output - given) <= half_width)


def _reach_of(spec: ModelSpec, block: Block) -> int:
    share = spec.operator.shift
    # In a narrow block the share may be less than one channel, and nothing is moved.
    moved = share is not None and spec.shifts(block) and int(block.c_in * share) > 0
    return int(moved) + sum(_reach_of_site(spec, site) for site in block.sites)


def _reach_of_site(spec: ModelSpec, site: Site) -> int:
    reaches = [kernel.time // 2 for kernel in spec.kernels(site)]
    in_a_row = spec.operator.arrangement == "cascade" and not site.depthwise
    return sum(reaches) if in_a_row else max(reaches)
