"""Where a network reaches over frames: kernels with taps in time, and channels that are moved. No torch.

Networks that follow from arithmetic derive the list (`derive_time_kernels`); of any other it is found by
running it on shapes (`networks/time_modules.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from gst_analysis.errors import name_some
from gst_analysis.groups import Group
from gst_analysis.networks.backbones import Block, Site
from gst_analysis.networks.families import Kernel
from gst_analysis.networks.specs import ModelSpec

TimeKind = Literal["kernel", "by channel", "gate", "shift", "moved by clip", "made by clip", "attention"]
"""A convolution over time; one that has a kernel of its own for every channel and looks at no neighbours in
space; one whose output weights features in place of being one; channels that move by a frame whatever the
weights; channels of which each clip decides how much moves; kernels that each clip makes anew; attention to
other frames."""
BY_CLIP: tuple[TimeKind, ...] = ("moved by clip", "made by clip")
"""Of which weights alone say nothing."""


@dataclass(frozen=True)
class MovedChannels:
    """Channels that a fixed shift takes from the next frame and from the one before, of so many."""

    channels: int
    ahead: int
    back: int


@dataclass(frozen=True)
class TimeKernel:
    """One tensor whose taps lie on several frames, or what stands in for one."""

    name: str
    """The module or parameter that holds it; of a shift what reads the moved channels."""
    place: str
    stage: int
    group: Group
    kind: TimeKind = "kernel"
    weight: str = ""
    """Its name in a state dict; empty where it is not stored."""
    axis: int = 2
    """Of the weight: along which its taps lie."""
    dilation: int = 1
    """Frames from a tap to the next."""
    moved: MovedChannels | None = None
    turned: int = 0
    """Groups of a transposed convolution, whose weight has inputs first and the last frame's tap first; 0 of
    any other."""


ATTENTION = "attention"
"""Left out without clips alone: these show where it looks."""


def say_left_out(left_out: Iterable[tuple[str, str]]) -> str:
    """What kinds of modules there are, with the names of some of each; empty where there is none.

    Args:
        left_out: names, and what each is, as in `Anatomy.left_out`.
    """
    by_kind: dict[str, list[str]] = {}
    for name, what in left_out:
        by_kind.setdefault(what, []).append(name)
    return "; ".join(f"{what} ({name_some(names, limit=3)})" for what, names in by_kind.items())


def derive_time_kernels(spec: ModelSpec) -> Iterator[TimeKernel]:
    """The kernels and shifts of a network that follows from arithmetic, in the order of the network."""
    for block in spec.blocks():
        share = spec.shift_share(block)
        if share:
            fold = block.c_in // share
            moved = MovedChannels(block.c_in, fold, fold)
            yield TimeKernel(f"{block.name}.conv1", block.name, block.stage, "temporal", "shift", moved=moved)
        for site in block.sites:
            for kernel in spec.kernels(site):
                if kernel.time > 1:
                    yield _describe(spec, block, site, kernel)


def _describe(spec: ModelSpec, block: Block, site: Site, kernel: Kernel) -> TimeKernel:
    """A 3x3x3 belongs to time where space has kernels of its own beside it, to both where it has not."""
    apart = kernel.space == 1 or spec.groups_at(site).names != ("all",)
    name = f"{block.name}.{site.conv}.{kernel.name}"
    alone = kernel.channels == 1 and kernel.groups == kernel.filters and kernel.space == 1
    kind: TimeKind = "by channel" if alone else "kernel"
    return TimeKernel(name, block.name, block.stage, "temporal" if apart else "all", kind, f"{name}.weight")
