"""The temporal operators as arithmetic: which kernels stand where a 3x3 convolution stood.

A family is one small class. It names the kernels of its operator, says how they are arranged,
and which output channels belong to space and to time. Everything else follows from that: the
modules (networks/operators.py), parameters and multiply-adds (analyses/cost), the recognition
of checkpoints (checkpoints/detective.py) and the two histograms of Figure 4. No torch here.

A ninth family is one more class and one more line in FAMILIES.

Whose cost is a kernel? One that reaches over time is *temporal*, a 3x3 that does not is *spatial*;
whatever is not part of the operator (stem, 1x1 convolutions, head) is *shared*.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import ClassVar, Literal

from gst_analysis.errors import SpecError
from gst_analysis.groups import Group

Arrangement = Literal["concatenate", "cascade", "interleave"]

HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)


@dataclass(frozen=True)
class Kernel:
    """One weight tensor of an operator: `filters` filters over `channels` input channels each.

    `start` is the first input channel read; a kernel with `groups` reads groups * channels of them.
    """

    name: str
    group: Group
    channels: int
    filters: int
    time: int
    space: int
    groups: int = 1
    start: int = 0

    @property
    def params(self) -> int:
        return self.filters * self.channels * self.time * self.space**2

    @property
    def shape(self) -> tuple[int, ...]:
        """The weight's shape: 4-D where the kernel stays within a frame, 5-D where it does not."""
        time = (self.time,) if self.time > 1 else ()
        return (self.filters, self.channels, *time, self.space, self.space)


@dataclass(frozen=True)
class ChannelGroups:
    """Named slices of an operator's output channels, in channel order."""

    width: int
    bounds: tuple[tuple[Group, int, int], ...]

    def __iter__(self) -> Iterator[tuple[Group, slice]]:
        return ((name, slice(start, stop)) for name, start, stop in self.bounds)

    def __getitem__(self, name: Group) -> slice:
        return dict(self)[name]

    @property
    def names(self) -> tuple[Group, ...]:
        return tuple(name for name, _, _ in self.bounds)


class Family:
    """A temporal operator; subclasses fill in the kernels."""

    name: ClassVar[str]
    title: ClassVar[str]
    arrangement: ClassVar[Arrangement] = "concatenate"
    default_alpha: ClassVar[Fraction | None] = None
    """The fraction of temporal channels (for sth: of temporally read ones); None if there is none."""
    beta: ClassVar[Fraction | None] = None
    """The fraction of the input that each path reads; None where there are no paths."""
    shift: ClassVar[Fraction | None] = None
    """The fraction of channels moved one frame each way before a residual block's first convolution."""
    norm_between: ClassVar[bool] = False
    """A cascade's batch norm and ReLU between its two convolutions."""
    depthwise: ClassVar[str] = ""
    """Why there is no depthwise (MobileNet) form; empty where there is one."""
    unbuildable: ClassVar[str] = ""
    """Why such a network can be recognised but not run; empty where it can."""
    owns_both: ClassVar[bool] = False
    """Every filter owns a spatial and a temporal kernel, so channels cannot be split."""

    @classmethod
    def kernels(cls, c_in: int, c_out: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        """The operator's weights for a convolution from c_in to c_out channels."""
        raise NotImplementedError  # every family below defines it; a test walks the registry

    @classmethod
    def depthwise_kernels(cls, width: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        """The kernels that replace a depthwise convolution."""
        raise SpecError(
            f"{cls.name}-mobilenetv2",
            expected="a family with a depthwise form (c2d, tsm, sth)",
            found=f"{cls.name}, which has none: {cls.depthwise}",
            todo="choose one of those, or a ResNet backbone",
        )

    @classmethod
    def groups(cls, width: int, alpha: Fraction | None, *, depthwise: bool = False) -> ChannelGroups:
        """Which output channels are spatial and which temporal; one group if they cannot be told."""
        return ChannelGroups(width, (("all", 0, width),))

    @classmethod
    def divisor(cls, alpha: Fraction | None) -> int:
        """Every width the operator meets must be a multiple of this."""
        parts = [f.denominator for f in (alpha, cls.beta) if f is not None]
        return lcm(*parts)


def split(width: int, alpha: Fraction | None) -> tuple[int, int]:
    """(spatial, temporal) channels of a width, spatial first; exact or an error."""
    alpha = alpha if alpha is not None else QUARTER
    temporal = width * alpha
    if temporal.denominator != 1:
        raise SpecError(
            f"alpha {alpha} of {width} channels",
            expected=f"a width that is a multiple of {alpha.denominator}",
            found=str(width),
            todo=f"use a multiple of {alpha.denominator}, or another alpha",
        )
    return width - int(temporal), int(temporal)


class C2D(Family):
    """Figure 2(a): every frame by itself."""

    name = "c2d"
    title = "C2D"

    @classmethod
    def kernels(cls, c_in: int, c_out: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        return (Kernel("spatial", "spatial", c_in, c_out, 1, 3),)

    @classmethod
    def depthwise_kernels(cls, width: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        return (Kernel("spatial", "spatial", 1, width, 1, 3, groups=width),)


class TSM(C2D):
    """Temporal shift (Lin et al., ICCV 2019): an eighth of the channels each way, then C2D."""

    name = "tsm"
    title = "TSM"
    shift = Fraction(1, 8)


class NonLocalTSM(TSM):
    """TSM with non-local blocks, as the TSM repository saves it: recognised, not built yet."""

    name = "nl-tsm"
    title = "TSM with non-local blocks"
    unbuildable = "non-local blocks are recognised but not built yet"


class NonLocalC2D(C2D):
    """TSN with non-local blocks: recognised, not built yet."""

    name = "nl-c2d"
    title = "C2D with non-local blocks"
    unbuildable = "non-local blocks are recognised but not built yet"


class C3D(Family):
    """Figure 2(b): 3x3x3 over all channels."""

    name = "c3d"
    title = "C3D"
    depthwise = "its kernels mix all channels over time"

    @classmethod
    def kernels(cls, c_in: int, c_out: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        return (Kernel("joint", "temporal", c_in, c_out, 3, 3),)


class C3DGrouped(Family):
    """C3D with two symmetric groups, the paper's baseline for GST-Large."""

    name = "c3d-g2"
    title = "C3D, 2 groups"
    depthwise = "a depthwise convolution already has one group per channel"

    @classmethod
    def kernels(cls, c_in: int, c_out: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        return (Kernel("joint", "temporal", c_in // 2, c_out, 3, 3, groups=2),)

    @classmethod
    def divisor(cls, alpha: Fraction | None) -> int:
        return 2


class P3D(Family):
    """Figure 2(c): 1x3x3, batch norm and ReLU, then 3x1x1."""

    name = "p3d"
    title = "P3D"
    arrangement = "cascade"
    norm_between = True
    depthwise = "its temporal kernel mixes channels"

    @classmethod
    def kernels(cls, c_in: int, c_out: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        return (
            Kernel("spatial", "spatial", c_in, c_out, 1, 3),
            Kernel("temporal", "temporal", c_out, c_out, 3, 1),
        )


class GST(Family):
    """Figure 3(c): one half of the input to 1x3x3, the other to 3x3x3; outputs side by side."""

    name = "gst"
    title = "GST"
    default_alpha = QUARTER
    beta = HALF
    depthwise = "its groups are made by mixing channels"

    @classmethod
    def kernels(cls, c_in: int, c_out: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        spatial, temporal = split(c_out, alpha)
        half = c_in // 2
        return (
            Kernel("spatial", "spatial", half, spatial, 1, 3),
            Kernel("temporal", "temporal", half, temporal, 3, 3, start=c_in - half),
        )

    @classmethod
    def groups(cls, width: int, alpha: Fraction | None, *, depthwise: bool = False) -> ChannelGroups:
        return two_groups(width, alpha)


class GSTLarge(GST):
    """Figure 3(b): both paths read the whole input (beta 1)."""

    name = "gst-large"
    title = "GST-Large"
    beta = Fraction(1)

    @classmethod
    def kernels(cls, c_in: int, c_out: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        spatial, temporal = split(c_out, alpha)
        return (
            Kernel("spatial", "spatial", c_in, spatial, 1, 3),
            Kernel("temporal", "temporal", c_in, temporal, 3, 3),
        )


class STH(Family):
    """Spatio-temporal hybrid convolution, in OUR reading of its abstract (the method text is not public).

    The input channels form G = 1/alpha contiguous groups. Filter o reads group o mod G through time
    (3x1x1) and all others within the frame (1x3x3); both are summed in one layer. In its depthwise
    form the last alpha of the filters is temporal.
    """

    name = "sth"
    title = "STH (our reading)"
    arrangement = "interleave"
    default_alpha = QUARTER
    owns_both = True

    @classmethod
    def kernels(cls, c_in: int, c_out: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        spatial, temporal = split(c_in, alpha)
        return (
            Kernel("spatial", "spatial", spatial, c_out, 1, 3),
            Kernel("temporal", "temporal", temporal, c_out, 3, 1),
        )

    @classmethod
    def depthwise_kernels(cls, width: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        spatial, temporal = split(width, alpha)
        return (
            Kernel("spatial", "spatial", 1, spatial, 1, 3, groups=spatial),
            Kernel("temporal", "temporal", 1, temporal, 3, 1, groups=temporal, start=spatial),
        )

    @classmethod
    def groups(cls, width: int, alpha: Fraction | None, *, depthwise: bool = False) -> ChannelGroups:
        if depthwise:
            return two_groups(width, alpha)
        return super().groups(width, alpha)


def two_groups(width: int, alpha: Fraction | None) -> ChannelGroups:
    """Spatial channels first, temporal ones after them, as the official code concatenates them."""
    spatial, _ = split(width, alpha)
    return ChannelGroups(width, (("spatial", 0, spatial), ("temporal", spatial, width)))


FAMILIES: dict[str, type[Family]] = {
    family.name: family
    for family in (GST, GSTLarge, C2D, C3D, C3DGrouped, P3D, TSM, STH, NonLocalTSM, NonLocalC2D)
}


def runnable_families() -> list[str]:
    """The families that can be built, by name."""
    return [name for name, family in FAMILIES.items() if not family.unbuildable]
