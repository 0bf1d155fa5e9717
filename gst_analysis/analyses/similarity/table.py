"""How alike places of networks see clips: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.documents import ORIGIN, alias, fields_of, record, rows_of, several
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.options import NetworkOptions, SharingOptions, option
from gst_analysis.results import Result
from gst_analysis.tables import Schema, real, text, whole

if TYPE_CHECKING:
    import pandas as pd

LEAST_MINIBATCH = 10
"""What is left of clips at the end is shared in halves, and intervals ask for five clips in each."""

SIMILARITY = Schema(
    "SIMILARITY",
    {
        "first": text("the first network"),
        "first_stage": whole("stage of its place", "index"),
        "first_place": text("its place"),
        "second": text("the second network; the first again where there is one alone"),
        "second_stage": whole("stage of its place", "index"),
        "second_place": text("its place"),
        "cka": real(
            "debiased linear CKA; missing where a place gives the same to all clips",
            "correlation",
            optional=True,
        ),
        "low": real("lower end of its interval over clips", "correlation", optional=True),
        "high": real("upper end of it", "correlation", optional=True),
    },
)

FRAME_SIMILARITY = Schema(
    "FRAME_SIMILARITY",
    {
        "checkpoint": text("the network"),
        "stage": whole("stage of the place", "index"),
        "place": text("where frames are compared"),
        "frame": whole("one frame inside the network, from 0", "index"),
        "other_frame": whole("the other, from 0", "index"),
        "cka": real(
            "debiased linear CKA of the two over clips; missing where undefined", "correlation", optional=True
        ),
        "low": real("lower end of its interval over clips", "correlation", optional=True),
        "high": real("upper end of it", "correlation", optional=True),
    },
)


MOST_POSITIONS = 10_000
"""More than the maps of a usual network have: with many more, what is kept of a clip fills the memory."""


@dataclass(frozen=True, kw_only=True)
class SimilarityOptions(NetworkOptions, SharingOptions):
    """What is compared of each clip, and of how many clips."""

    limit: int | None = option(None, "Look at so many clips, spread evenly.")
    minibatch: int = option(64, "Clips that are compared at once.")
    positions: int = option(0, "Look at so many positions of each frame in place of its mean.")
    raw: bool = option(False, "Compare channels as they are, not by their own standard deviations.")
    batch: int = option(8, "Clips run at once.")
    seed: int = option(0, "Draws positions.")

    def __post_init__(self) -> None:
        bounds = (("minibatch", LEAST_MINIBATCH, 2**31), ("positions", 0, MOST_POSITIONS), ("seed", 0, 2**63))
        for name, least, most in bounds:
            value = getattr(self, name)
            if not (type(value) is int and least <= value <= most):
                raise SpecError(
                    name,
                    expected=f"a whole number from {least} to {most:,}",
                    found=repr(value)[:40],
                    todo="give another one, or leave it out",
                )


@dataclass(frozen=True)
class NearestPlace:
    """The place of the second network that is most like one of the first; None where nothing is defined."""

    place: str
    """The place of the first network."""
    nearest: str | None = None
    """The place most like it; null where nothing is defined."""
    cka: float | None = None
    """Debiased linear CKA of the two; null where nothing is defined."""
    low: float | None = None
    """Lower end of its interval over clips; null where it is not defined."""
    high: float | None = None
    """Upper end; null where it is not defined."""


@dataclass(frozen=True)
class PlaceFrames:
    """How alike a place's frames are: neighbours, and the first and the last. None where there are none."""

    place: str
    """Where frames are compared."""
    frames: int
    """Frames inside the network there."""
    neighbours: float | None
    """Mean CKA of frames next to each other; null where none is defined."""
    ends: float | None
    """CKA of the first and the last frame; null where it is not defined."""


@dataclass(frozen=True)
class SimilaritySummary:
    """What was compared, and what is most alike."""

    networks: tuple[str, ...]
    """Names of the one, or of the two."""
    clips: int
    """Clips that could be read."""
    minibatches: int
    """In how many parts they were compared."""
    standardised: bool
    """Whether every channel was divided by its own standard deviation."""
    nearest: tuple[NearestPlace, ...]
    """For every place of the first network; of one network alone, the most alike of its other places."""
    frames: Mapping[str, tuple[PlaceFrames, ...]]
    """By network, for every place."""


@dataclass(frozen=True)
class Similarity(Result[SimilaritySummary]):
    """How alike places of networks, and frames within places, see clips; `.table` is SIMILARITY."""

    stem: ClassVar[str] = "similarity"
    document: ClassVar[str] = "similarity"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    saved: ClassVar[tuple[str, ...] | None] = ("png", "svg", "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {"similarity": SIMILARITY, "frame_similarity": FRAME_SIMILARITY}

    frames: pd.DataFrame = field(repr=False, kw_only=True)
    """Frames within places: a FRAME_SIMILARITY table."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Places, and frames within them."""
        return {self.stem: self.table, "frame_similarity": self.frames}

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze similarity --json` prints."""
        paths = self.provenance.settings["paths"]
        networks = [
            {"name": name, "path": paths[name], "sha256": self.provenance.sources[name]}
            for name in self.summary.networks
        ]
        summary = {name: value for name, value in vars(self.summary).items() if name != "networks"}
        places = {"places": self.table.to_dict("records")}
        return {"checkpoints": networks, "networks": networks, **summary, **places}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        networks = several(record(ORIGIN), "the one, or the two")
        told = fields_of(SimilaritySummary, without=("networks",))
        old = {"networks": alias("checkpoints", networks)}
        places = rows_of(SIMILARITY, "every pair of places that was compared")
        return {"checkpoints": networks, **old, **told, "places": places}
