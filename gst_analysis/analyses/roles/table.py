"""What channels see of appearance and of motion: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.documents import HEAD, fields_of, rows_of, tell_source
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.groups import GROUPS
from gst_analysis.options import NetworkOptions, SharingOptions, option
from gst_analysis.results import Result
from gst_analysis.tables import Column, Schema, real, text, whole

if TYPE_CHECKING:
    import pandas as pd

STATIC, DYNAMIC, JOINT, NEITHER = ROLES = ("static", "dynamic", "joint", "neither")
PARTS: Mapping[str, str] = {
    STATIC: "share of variance from appearance",
    DYNAMIC: "share of variance from motion",
    JOINT: "share of variance from both together",
}
"""What is tested of a channel, and how axes call it."""
REST = "rest"
UNIT, PLACE = KINDS = ("unit", "place")
CHANCE = 0.01
"""A share counts where chance would give as much less often than this."""
CORRELATED = 0.5
"""Pairs correlate where they do so by more: the published threshold."""

_WHERE: Mapping[str, Column] = {
    "checkpoint": text("the network"),
    "kind": text("unit: a group of channels behind a norm; place: all that leaves a block", *KINDS),
    "stage": whole("stage of the network", "index"),
    "block": text("the place that it lies in"),
    "layer": text("the module whose output is looked at"),
    "group": text("whose channels", *GROUPS),
}
_SHARES: Mapping[str, Column] = {
    **{
        name: real(
            f"{meaning}, without bias: below 0 by chance; missing where nothing varies",
            "share",
            optional=True,
        )
        for name, meaning in PARTS.items()
    },
    REST: real("share of variance from the camera's tremor and noise", "share", optional=True),
}
_ENDS = {
    f"{part}_{end}": real(f"{word} end of the interval of {part} over scenes", "share", optional=True)
    for part in PARTS
    for end, word in (("low", "lower"), ("high", "upper"))
}

CHANNEL_ROLES = Schema(
    "CHANNEL_ROLES",
    {
        **_WHERE,
        "channel": whole("its place in the layer's output, from 0", "index"),
        **_SHARES,
        **_ENDS,
        **{
            f"{part}_p": real(
                f"how often chance gives as much {part}: permuted clips", "probability", optional=True
            )
            for part in PARTS
        },
        "role": text("what it sees, by its shares of variance", *ROLES),
        "pair_static": real("correlation of clips that share their look alone", "correlation", optional=True),
        "pair_dynamic": real(
            "correlation of clips that share their motion alone", "correlation", optional=True
        ),
        "pair_neither": real(
            "correlation of clips that share neither: the null of both", "correlation", optional=True
        ),
        "pair_role": text("what it sees, by correlations of pairs", *ROLES),
    },
)

ROLE_SUMS = Schema(
    "ROLE_SUMS",
    {
        **_WHERE,
        "channels": whole("how many there are", "channels"),
        "silent": whole("of those, how many never vary, and are left out of all shares", "channels"),
        **_SHARES,
        **_ENDS,
        **{
            f"{part}_null": real(
                f"what chance gives of mean {part} in one of 20 permutations", "share", optional=True
            )
            for part in PARTS
        },
        **{
            f"{role}_channels": whole(f"channels whose role is {role}, by shares of variance", "channels")
            for role in ROLES
        },
        **{
            f"pair_{role}_channels": whole(f"channels whose role is {role}, by pairs", "channels")
            for role in ROLES
        },
        "pair_static": real(
            "of all channels together: pairs of one look, by covariance", "correlation", optional=True
        ),
        "pair_dynamic": real("pairs of one motion, by covariance", "correlation", optional=True),
        "softmax_static": real(
            "published share: pair_static against pair_dynamic and 1", "share", optional=True
        ),
        "softmax_dynamic": real(
            "published share: pair_dynamic against pair_static and 1", "share", optional=True
        ),
        "softmax_rest": real("published share of the residual, whose score is 1", "share", optional=True),
    },
)


@dataclass(frozen=True, kw_only=True)
class RoleOptions(NetworkOptions, SharingOptions):
    """What is rendered, and from which share on a channel has a role."""

    scenes: int = option(12, "Scenes to render; intervals draw them.")
    looks: int = option(3, "Looks of every scene.")
    orders: int = option(4, "Orders in which its frames are shown: 2 to 6.")
    cameras: int = option(2, "Cameras, each with a tremor and noise of its own.")
    least: float = option(0.1, "Share of variance that makes a role.")
    batch: int = option(8, "Clips run at once.")
    seed: int = option(0, "Draws scenes, looks and cameras.")

    def __post_init__(self) -> None:
        limits = {"scenes": (4, 1000), "looks": (2, 50), "orders": (2, 6), "cameras": (2, 50)}
        for name, (low, high) in {**limits, "seed": (0, 2**32 - 1)}.items():
            value = getattr(self, name)
            if not (type(value) is int and low <= value <= high):
                raise SpecError(
                    name,
                    expected=f"a whole number from {low} to {high}",
                    found=repr(value)[:40],
                    todo="give another one, or leave it out",
                )
        if not 0 < self.least < 1:
            raise SpecError(
                "least", expected="a share between 0 and 1", found=repr(self.least)[:40], todo="try 0.1"
            )

    @property
    def clips(self) -> int:
        """How many clips the network is run on."""
        return self.scenes * self.looks * self.orders * self.cameras


@dataclass(frozen=True)
class Share:
    """A mean share with the ends of its interval over scenes; None where nothing varies."""

    value: float | None
    """The mean; null where nothing varies."""
    low: float | None
    """Lower end of its interval over scenes; null where it is not defined."""
    high: float | None
    """Upper end; null where it is not defined."""


@dataclass(frozen=True)
class GroupRoles:
    """What the channels of a group see, over a stage or, of stage 0, the network; its layers count alike."""

    kind: str
    """unit: a group of channels behind a norm; place: all that leaves a block."""
    group: str
    """Whose channels."""
    stage: int
    """Stage of the network, from 1; 0: the whole network."""
    channels: int
    """How many channels that is."""
    silent: int
    """Of those, how many never vary, and are left out of all shares."""
    static: Share
    """Share of variance from appearance."""
    dynamic: Share
    """Share of variance from motion."""
    joint: Share
    """Share of variance from both together."""
    rest: float | None
    """Share of variance from the camera's tremor and noise; null where nothing varies."""
    roles: Mapping[str, int]
    """How many channels have each role, by shares of variance."""
    pair_roles: Mapping[str, int]
    """How many have it by correlations of pairs."""


@dataclass(frozen=True)
class RoleGap:
    """By how much a group's mean share is above another's, block by block, on the same scenes."""

    group: str
    """Whose share."""
    against: str
    """Whose share is taken away from it."""
    stage: int
    """Stage of the network, from 1; 0: the whole network."""
    static: Share
    """Difference of the shares from appearance."""
    dynamic: Share
    """Difference of the shares from motion."""
    joint: Share
    """Difference of the shares from both together."""


@dataclass(frozen=True)
class RolesSummary:
    """What was shown, and what groups see of it by depth."""

    clips: int
    """Clips that the network was shown: each scene in every look, order and camera."""
    scenes: int
    """Scenes that were rendered; intervals draw them."""
    orders: int
    """Orders in which their frames were shown."""
    least: float
    """Share of variance that makes a role."""
    groups: tuple[GroupRoles, ...]
    """What each group sees: first in the whole network, then stage by stage."""
    gaps: tuple[RoleGap, ...]
    """Where a block has two groups that are set against each other."""

    def find(self, kind: str, group: str, stage: int = 0) -> GroupRoles:
        """What a group sees in a stage, or in the whole network."""
        return next(one for one in self.groups if (one.kind, one.group, one.stage) == (kind, group, stage))


@dataclass(frozen=True)
class ChannelRoles(Result[RolesSummary]):
    """What every channel sees of appearance and of motion; `.table` is CHANNEL_ROLES."""

    stem: ClassVar[str] = "roles"
    document: ClassVar[str] = "roles"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    saved: ClassVar[tuple[str, ...] | None] = ("png", "svg", "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {"roles": CHANNEL_ROLES, "role_sums": ROLE_SUMS}

    sums: pd.DataFrame = field(repr=False, kw_only=True)
    """Groups layer by layer: a ROLE_SUMS table."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Channels, and groups layer by layer."""
        return {self.stem: self.table, "role_sums": self.sums}

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze roles --json` prints: layers, not channels."""
        ((name, sha256),) = self.provenance.sources.items()
        told = {**tell_source(name, self.provenance.settings["path"], sha256), **vars(self.summary)}
        return {**told, "layers": self.sums.to_dict("records")}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        return {**HEAD, **fields_of(RolesSummary), "layers": rows_of(ROLE_SUMS, "layer by layer, each group")}
