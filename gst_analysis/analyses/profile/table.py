"""How much of a network is time, place by place: columns, measures, options and the result."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.documents import rows_of
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.groups import GROUPS
from gst_analysis.options import DatasetOptions, NetworkOptions, SharingOptions, option
from gst_analysis.results import Result
from gst_analysis.tables import Schema, check_choices, real, text, whole

if TYPE_CHECKING:
    import pandas as pd

    from gst_analysis.style.theme import Theme


@dataclass(frozen=True)
class Measure:
    """One line of the profile: what it is called, what its share is of, and how it is drawn."""

    phrase: str
    """What legends call it."""
    share: str
    """What its value is, in words."""
    even: str
    """What its dotted line is."""
    colour: str
    dark: str
    marker: str
    clips: bool = False
    """Whether a network must be run on clips for it."""
    compared: bool = False
    """Whether it asks what the others of these ask: how much of a whole belongs to time rather than space."""

    def choose_colour(self, theme: Theme) -> str:
        """Its colour on the theme's paper."""
        return self.colour if theme.paper == "#FFFFFF" else self.dark


_BY_NUMBER = "share of time if every channel counted alike"
MEASURES: Mapping[str, Measure] = {
    "gamma": Measure("scales γ", "share of |γ|", _BY_NUMBER, "#7A7A7A", "#B4B4B4", "o", compared=True),
    "invariant": Measure(
        "invariant score",
        "share of the invariant score",
        _BY_NUMBER,
        "#12805E",
        "#2FAE86",
        "s",
        compared=True,
    ),
    "temporal-use": Measure(
        "temporal use",
        "share of kernels' energy that differs between frames",
        "independent taps, or all frames read alike",
        "#D55E00",
        "#F0853B",
        "D",
    ),
    "ablation": Measure(
        "ablation",
        "share of what is lost, one group at a time",
        _BY_NUMBER,
        "#0072B2",
        "#56B4E9",
        "^",
        True,
        True,
    ),
    "joint": Measure(
        "joint ablation",
        "share of what all groups cost together",
        _BY_NUMBER,
        "#3B3191",
        "#A79BF0",
        "v",
        True,
        True,
    ),
    "roles": Measure(
        "dynamic role", "share of variance from motion", "what chance gives", "#B57F00", "#EFC25A", "P", True
    ),
    "reach": Measure(
        "reach in time",
        "share of the gradient on other frames",
        "all frames within reach alike",
        "#8A1C4A",
        "#E58AB4",
        "X",
        True,
    ),
}
"""The lines by name, in the order of legends."""
COMPARED = tuple(name for name, one in MEASURES.items() if one.compared)
FROM_WEIGHTS = tuple(name for name, one in MEASURES.items() if not one.clips)
FROM_CLIPS = tuple(name for name, one in MEASURES.items() if one.clips)
IN_ORDER, IN_REVERSE, TEMPORALITY = ANSWERS = ("in order", "in reverse", "temporality")
"""What is told of the network as a whole: how often it is right, and how much of that needs order."""
UNTRAINED = "every scale and offset is as before training"
"""Of γ, where nothing was learned yet: then no line claims anything, whatever chance makes of its band."""
GUESSES = "the network is right no more often than a guess, so what it loses says nothing"
PLACE, STAGE, NETWORK = LEVELS = ("place", "stage", "network")
WEIGHTS, CLIPS = SOURCES = ("weights", "clips")
LINES = len(FROM_WEIGHTS) + len(COMPARED) - 2
"""Lines whose bands hold together: those from weights, and both ablations."""

PROFILE = Schema(
    "PROFILE",
    {
        "checkpoint": text("the checkpoint's name"),
        "measure": text("which line", *MEASURES, *ANSWERS),
        "level": text("what a row is of", *LEVELS),
        "stage": whole("stage of the network, from 1; 0 of the network", "index"),
        "place": text("the place's name, such as layer1.0; empty of a stage or the network"),
        "depth": real(
            "where it lies: 0 the first, 1 the last place; missing of the network", "share", optional=True
        ),
        "group": text("whose share; empty where it is no group's", "", *GROUPS),
        "value": real("the share; missing where it is not defined", "share", optional=True),
        "low": real("lower end of its band; missing where it has none", "share", optional=True),
        "high": real("upper end", "share", optional=True),
        "even": real(
            "what it would be if nothing were learned, or all counted alike", "share", optional=True
        ),
        "source": text("what it was read from", *SOURCES),
        "undefined": text("why there is no value or no band; empty where there are both"),
    },
)
AGREE, DISAGREE, OPEN = VERDICTS = ("agree", "disagree", "open")
AGREEMENT = Schema(
    "PROFILE_AGREEMENT",
    {
        "checkpoint": text("the checkpoint's name"),
        "level": text("what a row is of", PLACE, STAGE),
        "stage": whole("stage of the network, from 1", "index"),
        "place": text("the place's name; empty of a stage"),
        "depth": real("where it lies: 0 the first, 1 the last place", "share"),
        "verdict": text("whether the measures say the same of it; open: they cannot tell", *VERDICTS),
        "above": text("measures that surely give time more than its number of channels"),
        "below": text("measures that surely give it less"),
        "level_with": text("measures whose band holds what its number of channels gives"),
    },
)
PLACE_CHANNELS = Schema(
    "PLACE_CHANNELS",
    {
        "checkpoint": text("the checkpoint's name"),
        "place": text("the place's name"),
        "layer": text("the norm that scales it"),
        "group": text("whose channel it is", *GROUPS),
        "channel": whole("position in the norm, from 0", "index"),
        "gamma": real("its scale, as stored", "γ"),
        "invariant": real("the score that no rescaling moves; missing if undefined", "score", optional=True),
        "temporal_use": real(
            "what of its kernel differs between frames; missing where it has none over time",
            "share",
            optional=True,
        ),
        "role": text("what it sees, appearance or motion; empty where that was not measured"),
        "dynamic": real("share of its variance from motion; missing likewise", "share", optional=True),
        "group_loss": real(
            "loss gained when its whole group is averaged; missing where that was not measured",
            "nats",
            optional=True,
        ),
        "evidence": real(
            "what a clip's logit owes to it, to first order; missing where that was not measured",
            "logit",
            optional=True,
        ),
    },
)
PLACE_DRIVERS = Schema(
    "PLACE_DRIVERS",
    {
        "checkpoint": text("the checkpoint's name"),
        "place": text("the place's name"),
        "layer": text("the norm that scales the channel"),
        "group": text("whose channel it is", *GROUPS),
        "channel": whole("position in the norm, from 0", "index"),
        "rank": whole("1 is the clip that drives it most", "index"),
        "clip": text("the clip"),
        "label": text("its class; empty where that is not known"),
        "activation": real("mean of the channel over the clip, behind its activation", "activation"),
        "mean": real("mean of that over all clips", "activation"),
        "deviation": real("its standard deviation over all clips", "activation"),
    },
)
CHANNEL_EVIDENCE = Schema(
    "CHANNEL_EVIDENCE",
    {
        "checkpoint": text("the checkpoint's name"),
        "place": text("the place's name"),
        "clip": text("the clip"),
        "class_id": whole("whose logit", "index"),
        "label": text("that class's name"),
        "layer": text("the norm that scales the channel"),
        "group": text("whose channel it is", *GROUPS),
        "channel": whole("position in the norm, from 0", "index"),
        "evidence": real(
            "sum over frames and positions of output x gradient of the logit: to first order its loss "
            "without the channel",
            "logit",
        ),
    },
)


@dataclass(frozen=True, kw_only=True)
class ProfileOptions(DatasetOptions, NetworkOptions, SharingOptions):
    """Which lines, on how many clips, and how sure their bands are."""

    lines: tuple[str, ...] = option(tuple(MEASURES), f"Some of {', '.join(MEASURES)}.")
    limit: int | None = option(200, "Draw this many clips of the data set.")
    few: int = option(8, "Of these, so many for reach in time, and for what clips decide on.")
    orders: int = option(4, "Orders of each clip behind joint ablation.")
    scenes: int = option(12, "Rendered scenes behind roles.")
    batch: int = option(8, "Clips at once.")
    seed: int = option(0, "Draws clips, orders, scenes and resamples.")
    confidence: float = option(0.95, "That the bands of all stages and lines hold at once.")
    saved: tuple[str, ...] = option(
        (), "Read this instead of measuring it again.", flag="--with", metavar="FILE", repeated=True
    )

    def __post_init__(self) -> None:
        chosen = check_choices("lines", self.lines, tuple(MEASURES))
        object.__setattr__(self, "lines", tuple(name for name in MEASURES if name in chosen))
        if not 0.5 <= self.confidence < 1:
            raise SpecError(
                "confidence",
                expected="a number from 0.5 to below 1",
                found=repr(self.confidence)[:40],
                todo="try 0.95",
            )
        for name in ("few", "batch"):
            if not (type(getattr(self, name)) is int and getattr(self, name) >= 1):
                found = repr(getattr(self, name))[:40]
                raise SpecError(name, expected="a whole number of at least 1", found=found, todo="correct it")


@dataclass(frozen=True)
class ProfileSummary:
    """What can be said in a sentence, and how sure it is."""

    verdict: str
    """What can be said, in a sentence."""
    claims: tuple[str, ...]
    """The parts of the verdict that say something of the network; none where nothing can be said."""
    confidence: float
    """That the bands of all stages and lines from weights and ablation hold at once."""
    clips: int
    """Clips that were measured; 0 where weights alone were read."""
    agree: int
    """Places in which the measures say the same."""
    disagree: int
    """Places in which they contradict each other."""
    places: int
    """Places in which measures were set against each other."""


@dataclass(frozen=True)
class Profile(Result[ProfileSummary]):
    """How much of a network is time, place by place, by several measures; `.table` is PROFILE."""

    stem: ClassVar[str] = "profile"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    saved: ClassVar[tuple[str, ...] | None] = ("png", "svg", "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {"profile": PROFILE, "profile_agreement": AGREEMENT}

    agreement: pd.DataFrame = field(repr=False, kw_only=True)
    """Where the measures agree: a PROFILE_AGREEMENT table."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Lines, and where they agree."""
        return {self.stem: self.table, "profile_agreement": self.agreement}

    @property
    def verdict(self) -> str:
        """One sentence: only what the bands support."""
        return self.summary.verdict

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze profile --json` prints."""
        agreement = self.agreement.drop(columns="checkpoint").to_dict("records")
        return {**super().fill_document(), "agreement": agreement}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        agreement = rows_of(AGREEMENT, "where the measures agree", without=("checkpoint",))
        return {**super().describe_fields(), "agreement": agreement}

    def _repr_html_(self) -> str:
        """The verdict before the figure and the table."""
        return f"<p>{html.escape(self.verdict)}</p>{super()._repr_html_()}"
