"""What a network is, apart from any weights: a frozen value, no torch.

ModelSpec says which operator stands in which backbone; its `groups` is the only place where channels
are split into space and time. What it expects of its clips is a ClipSpec (clip_specs.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from gst_analysis.errors import SpecError, name_some
from gst_analysis.networks.backbones import BACKBONES, Backbone, Block, Site, feature_width, walk_blocks
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.families import FAMILIES, HALF, QUARTER, ChannelGroups, Family, Kernel
from gst_analysis.networks.flow import check_flow, name_flow, split_flow
from gst_analysis.networks.spec_values import (
    MOST_CHANNELS,
    MOST_CLASSES,
    MOST_FRAMES,
    check_count,
    check_fields,
    check_known,
    find_near,
    parse_fraction,
)
from gst_analysis.networks.widths import narrow_block, read_widths, why_not_slimmed

_MOST = {"num_frames": MOST_FRAMES, "num_classes": MOST_CLASSES, "width": MOST_CHANNELS}


@dataclass(frozen=True)
class ModelSpec(NetworkSpec):
    """One network: a family's operator in a backbone, with its sizes.

    `widths` is that of a slimmed network: for each block, the output channels of each of its operator's
    groups (spatial, temporal), so a block's own alpha; None where alpha holds everywhere.

    Example:
        >>> spec = ModelSpec.from_name("gst-resnet50", alpha="1/4")
        >>> spec.groups(64)["temporal"]
        slice(48, 64, None)
    """

    family: str
    backbone: str
    alpha: Fraction | None = None
    beta: Fraction | None = None
    num_frames: int = 8
    num_classes: int = 174
    width: int | None = None
    widths: tuple[tuple[int, ...], ...] | None = None
    flow: int = 0
    """Fields of optical flow, each across and down, that are stacked into one input; 0 for colour frames.
    A clip has as many frames for each row of logits."""

    def __post_init__(self) -> None:
        check_known(self.family, FAMILIES, "family")
        check_known(self.backbone, BACKBONES, "backbone")
        # The two differ in their beta alone, so one that is given decides between them.
        if self.family in ("gst", "gst-large") and self.beta is not None:
            self._set("family", _gst_family_of(parse_fraction(self.beta, name="beta")))
        alpha = self.alpha if self.alpha is not None else self._family.default_alpha
        if self._family.default_alpha is None:
            alpha = None  # an alpha given to a network without groups says nothing about it
        self._set("alpha", None if alpha is None else parse_fraction(alpha))
        self._set("beta", self._family.beta)
        self._set("width", BACKBONES[self.backbone].width if self.width is None else self.width)
        for count in ("num_frames", "num_classes", "width"):
            check_count(getattr(self, count), count, most=_MOST[count])
        check_flow(self.flow, self.num_frames, self.name)
        self._check_split()
        if self.widths is not None:
            self._check_widths()

    def _set(self, field: str, value: object) -> None:
        object.__setattr__(self, field, value)

    @classmethod
    def from_name(cls, name: str, **settings: Any) -> ModelSpec:
        """Build from FAMILY-BACKBONE, such as `gst-large-resnet50`; -flow behind it is for optical flow."""
        full, (name, flow) = name, split_flow(name)
        if flow:
            settings = {"flow": flow, **settings}
            settings["num_frames"] = settings.get("num_frames") or 8 * flow
        # The longest first: gst-large-resnet50 begins as gst-… does.
        families = sorted(FAMILIES, key=len, reverse=True)
        family = next((f for f in families if name.startswith(f + "-")), None)
        if family is None or name[len(family) + 1 :] not in BACKBONES:
            close = find_near(name.lower(), [*model_names(), *FAMILIES])
            raise SpecError(
                "model name",
                expected="FAMILY-BACKBONE, such as gst-resnet50",
                found=repr(full),
                todo=f"did you mean {close[0]}?"
                if close
                else f"families: {', '.join(FAMILIES)}; backbones: {', '.join(BACKBONES)}",
            )
        return cls(family, name[len(family) + 1 :], **settings)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ModelSpec:
        """The inverse of `to_json`; unknown keys are an error, so that no setting is lost unseen."""
        if not isinstance(record, Mapping) or not {"family", "backbone"} <= set(record):
            raise SpecError(
                "model spec",
                expected="a record with family and backbone",
                found=repr(record)[:80],
                todo="write it with ModelSpec.to_json",
            )
        check_fields("model spec", record, cls)
        return cls(**record)

    def to_json(self) -> dict[str, Any]:
        """A record of plain values; fractions become text such as 1/4, and widths are there if slimmed."""
        record = {k: str(v) if isinstance(v, Fraction) else v for k, v in asdict(self).items()}
        widths, flow = record.pop("widths"), record.pop("flow")
        record |= {"flow": flow} if flow else {}
        return record if widths is None else {**record, "widths": [list(block) for block in widths]}

    @property
    def name(self) -> str:
        return f"{self.family}-{self.backbone}{name_flow(self.flow)}"

    @property
    def label(self) -> str:
        """A short name for people, with the alpha where there is one."""
        alpha = f" α={self.alpha}" if self.alpha is not None else ""
        slimmed = ", slimmed" if self.widths is not None else ""
        flow = ", flow" if self.flow else ""
        return f"{self._family.title} {self.backbone}{alpha}{flow}{slimmed}"

    def replace(self, **changes: Any) -> ModelSpec:
        """A copy with some fields changed; changing the family drops what belonged to the old one."""
        if changes.get("family", self.family) != self.family:
            changes = {"alpha": None, "beta": None} | changes
        if {"family", "backbone", "alpha", "width"} & {
            k for k, v in changes.items() if v != getattr(self, k)
        }:
            # They were the widths of the old network's blocks and groups.
            changes = {"widths": None} | changes
        # It follows from the family; the old one would call the old family back.
        if "beta" not in changes:
            changes["beta"] = None
        return replace(self, **changes)

    @property
    def _family(self) -> type[Family]:
        return FAMILIES[self.family]

    @property
    def operator(self) -> type[Family]:
        """The family's class."""
        return FAMILIES[self.family]

    @property
    def plan(self) -> Backbone:
        """The backbone's record."""
        return BACKBONES[self.backbone]

    @property
    def input_width(self) -> int:
        """Channels that the stem reads."""
        return 2 * self.flow or 3

    def count_answers(self, frames: int) -> int:
        return frames // (self.flow or 1)

    @property
    def stem_width(self) -> int:
        """The stem's channels."""
        assert self.width is not None  # __post_init__ fills it in
        return self.width

    @property
    def feature_width(self) -> int:
        """Channels that enter the head."""
        return feature_width(self.plan, self.stem_width)

    def blocks(self) -> Iterator[Block]:
        """The residual blocks in order."""
        blocks = walk_blocks(self.plan, self.stem_width)
        if self.widths is None:
            return blocks
        pairs = zip(blocks, self.widths, strict=True)
        return (narrow_block(block, widths) for block, widths in pairs)

    def kernels(self, site: Site) -> tuple[Kernel, ...]:
        """The weights of the temporal operator at a site."""
        if site.depthwise:
            return self._family.depthwise_kernels(site.c_out, self.alpha)
        return self._family.kernels(site.c_in, site.c_out, self._alpha_at(site))

    def groups(self, width: int, *, depthwise: bool = False) -> ChannelGroups:
        """The named slices (spatial, temporal, or all) of an operator's output channels."""
        if self.widths is not None:
            raise SpecError(
                self.label,
                expected="a site, whose groups these are",
                found=f"a width of {width} alone",
                todo="ask groups_at(site): every block of a slimmed network has its own groups",
            )
        return self._family.groups(width, self.alpha, depthwise=depthwise)

    def groups_at(self, site: Site) -> ChannelGroups:
        """The named slices of the output channels at a site, also where the network was slimmed."""
        return self._family.groups(site.c_out, self._alpha_at(site), depthwise=site.depthwise)

    def _alpha_at(self, site: Site) -> Fraction | None:
        """The network's alpha, or that of a slimmed site."""
        if site.widths is None or len(site.widths) < 2:
            return self.alpha
        return Fraction(site.widths[1], sum(site.widths))

    def shifts(self, block: Block) -> bool:
        """Whether TSM shifts this block's input: residual blocks, every second one in deep networks."""
        if self._family.shift is None:
            return False
        # As TSM's own code does it, also below: every second block where stage 3 is as long as ResNet-101's.
        if block.kind == "inverted":
            return block.adds and block.expands
        every = 2 if self.plan.stages[2].blocks >= 23 else 1
        return block.index % every == 0

    def shift_share(self, block: Block) -> int:
        """TSM moves one of so many channels each way before this block's first convolution; 0: none."""
        return int(1 / self._family.shift) if self._family.shift and self.shifts(block) else 0

    def _check_split(self) -> None:
        if self.alpha is not None and not 0 < self.alpha < 1:
            raise SpecError(
                self.name,
                expected="an alpha between 0 and 1, such as 1/4",
                found=f"alpha {self.alpha}",
                todo="choose c2d for no temporal channels, or c3d for nothing else",
            )
        divisor = self._family.divisor(self.alpha)
        sites = [site for block in walk_blocks(self.plan, self.stem_width) for site in block.sites]
        if any(site.depthwise for site in sites):
            self._family.depthwise_kernels(divisor, self.alpha)  # says why, where there is none
        odd = sorted({w for site in sites for w in (site.c_in, site.c_out) if w % divisor})
        if not odd:
            self._check_interleave()
            return
        step = divisor if self.plan.kind != "inverted" else 8 * divisor
        below, above = self.stem_width // step * step, -(-self.stem_width // step) * step
        works = " or ".join(str(w) for w in (below, above) if w > 0)
        fitting = self._fitting_alpha(sites)
        raise SpecError(
            self.name if self.alpha is None else f"{self.name} with alpha {self.alpha}",
            expected=f"widths that are multiples of {divisor}",
            found=f"{name_some([str(w) for w in odd])} (stem width {self.stem_width})",
            todo=f"use width {works}" + (f", or another alpha such as {fitting}" if fitting else ""),
        )

    def _fitting_alpha(self, sites: list[Site]) -> Fraction | None:
        """A usual alpha for which these widths would do; None if there is none, or no alpha at all."""
        if self.alpha is None:
            return None
        widths = [width for site in sites for width in (site.c_in, site.c_out)]
        usual = (QUARTER, Fraction(1, 8), HALF)
        return next((a for a in usual if all(w % self._family.divisor(a) == 0 for w in widths)), None)

    def _check_widths(self) -> None:
        reason = why_not_slimmed(self.operator, self.plan, self.alpha)
        if reason:
            raise SpecError(
                f"{self.name} with widths",
                expected="a network that can be slimmed",
                found=reason,
                todo="leave the widths out",
            )
        blocks = len(list(walk_blocks(self.plan, self.stem_width)))
        groups = len(self._family.groups(self.stem_width, self.alpha).names)
        self._set("widths", read_widths(self.widths, blocks=blocks, groups=groups))

    def _check_interleave(self) -> None:
        if self._family.arrangement == "interleave" and self.alpha is not None and self.alpha.numerator != 1:
            raise SpecError(
                self.name,
                expected="one group of equal groups, so alpha = 1/G",
                found=f"alpha {self.alpha}",
                todo="use 1/2, 1/4 or 1/8",
            )


def model_names() -> list[str]:
    """Every FAMILY-BACKBONE that can be built."""
    return [
        f"{family.name}-{backbone.name}"
        for family in FAMILIES.values()
        for backbone in BACKBONES.values()
        if not family.unbuildable and not (backbone.kind == "inverted" and family.depthwise)
    ]


def refuse_alpha(name: str, alpha: object) -> None:
    """Refuse an alpha that is given to a network whose operator is not parted into space and time.

    Raises:
        SpecError: such an alpha.
    """
    family = next((f for f in sorted(FAMILIES, key=len, reverse=True) if name.startswith(f"{f}-")), None)
    if alpha is None or family is None or FAMILIES[family].default_alpha is not None:
        return
    parted = [one for one in FAMILIES if FAMILIES[one].default_alpha is not None]
    raise SpecError(
        f"alpha of {name}",
        expected=f"a family whose channels are parted, one of {', '.join(parted)}",
        found=f"alpha {alpha} for {family}",
        todo="leave alpha out",
    )


def _gst_family_of(beta: Fraction) -> str:
    if beta not in (1, HALF):
        raise SpecError(
            "beta", expected="1/2 (gst) or 1 (gst-large)", found=str(beta), todo="choose one of the two"
        )
    return "gst" if beta == HALF else "gst-large"
