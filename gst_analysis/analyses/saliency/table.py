"""Where in the frame a network looks: columns, options and the results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.documents import (
    HEAD,
    REAL,
    WHOLE,
    columns_of,
    each,
    fields_of,
    record,
    say,
    several,
    tell_source,
    value_of,
)
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS, Writer
from gst_analysis.groups import GROUPS
from gst_analysis.numbers import Interval
from gst_analysis.options import DeviceOptions, NetworkOptions, option
from gst_analysis.results import Result
from gst_analysis.rooms import Door
from gst_analysis.tables import Schema, flag, real, text, whole

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from gst_analysis.style import films

    Pixels = npt.NDArray[np.uint8]
else:
    films = Door("gst_analysis.style.films")

FRAMES_PER_SECOND = 2
"""Of the film: it shows the few frames that the network saw, each long enough to be looked at."""

SALIENCY = Schema(
    "SALIENCY",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "class_id": whole("the class whose logit is explained, from 0", "index"),
        "label": text("its name, or class and its number where names are unknown"),
        "block": text("the residual block that was looked at"),
        "group": text("whose channels: the block's output, or one group of its temporal operator's", *GROUPS),
        "frame": whole("which of the frames that were sampled, from 0", "index"),
        "seconds": real("when the frame is shown; missing where the clip does not say", "s", optional=True),
        "row": whole("row of the map, from the top", "index"),
        "column": whole("column of the map, from the left", "index"),
        "y": real("where the cell stands, as a part of the crop's height", "share"),
        "x": real("where the cell stands, as a part of the crop's width", "share"),
        "evidence": real("for the class, in units of its logit; heat is its positive part", "logits"),
    },
)

CURVES = Schema(
    "SALIENCY_CURVES",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "class_id": whole("the class whose probability is given, from 0", "index"),
        "map": text("whose hottest pixels come first: a group's map, or a control's: colour or random"),
        "direction": text("whether pixels are taken away or put back", "deletion", "insertion"),
        "share": real("of the clip's pixels that have been taken away or put back", "share"),
        "probability": real("of the class", "probability"),
    },
)

FORGETTING = Schema(
    "SALIENCY_FORGETTING",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "block": text("the residual block that was looked at"),
        "group": text("whose map", *GROUPS),
        "forgotten": text("whose weights were shuffled, from the head down"),
        "correlation": real(
            "rank correlation of evidence with the network's own; missing where either is the same all over",
            "correlation",
            optional=True,
        ),
    },
)

POINTING = Schema(
    "POINTING",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the planted clip's number"),
        "block": text("the residual block that was looked at"),
        "group": text("whose channels", *GROUPS),
        "frame": whole("which of the frames that were sampled, from 0", "index"),
        "heated": flag("whether there is any heat; without, nothing is pointed at"),
        "hit": flag("whether the hottest point lies in a box of a known object"),
        "swapped_hit": real(
            "1 if it lies in a box of the next clip that shows an object in this frame, else 0; missing "
            "where no other clip shows any",
            "share",
            optional=True,
        ),
        "chance": real("the boxes' part of the area that the network sees", "share"),
        "inside": real("part of the frame's heat that lies in the boxes", "share"),
        "grid_chance": real("part of the map's cells that stand in the boxes", "share"),
    },
)


@dataclass(frozen=True, kw_only=True)
class SaliencyOptions(NetworkOptions, DeviceOptions):
    """What is explained, at which block, and where the network is run."""

    class_name: str | int | None = option(
        None, "What to explain, by name or number; the prediction if none.", flag="--class"
    )
    block: str | None = option(None, "A residual block; the deepest whose map is fine enough if none.")
    check: bool = option(
        False, "Also test the maps: take hot pixels away and put them back, and let the network forget."
    )


@dataclass(frozen=True)
class GroupHeat:
    """One group's maps in short: evidence for the class, evidence against it, and the hottest place."""

    evidence_for: float
    """Sum of the map's evidence for the class, in logits."""
    evidence_against: float
    """Sum of its evidence against the class, above 0, in logits."""
    hottest_frame: int | None
    """None where nothing speaks for the class."""


@dataclass(frozen=True)
class CurveAreas:
    """Mean probability of the class while pixels are taken away, or put back, hottest first."""

    deletion: float
    """The lower, the more the hottest pixels carry."""
    insertion: float
    """The higher, the more the hottest pixels are enough."""


@dataclass(frozen=True)
class SaliencySummary:
    """What was explained, and where it was looked for."""

    clip: str
    """The clip's name."""
    class_id: int
    """The class's number, from 0."""
    label: str
    """Its name, or class and its number where names are unknown."""
    probability: float
    """Softmax of its logit."""
    predicted_id: int
    """The number of the class that came first, from 0."""
    predicted_label: str
    """Its name, or class and its number where names are unknown."""
    block: str
    """The residual block whose output was looked at."""
    rows: int
    """Cells of the map down a frame."""
    columns: int
    """Cells of the map across a frame."""
    groups: dict[str, GroupHeat]
    """By group; all: every channel of the block."""
    areas: dict[str, CurveAreas] | None = None
    """By whose hottest pixels come first, groups before controls; None where maps were not tested."""


_CURVES = ("map", "direction", "share", "probability")
_FORGETTING = ("group", "forgotten", "correlation")


@dataclass(frozen=True)
class SaliencyMaps(Result[SaliencySummary]):
    """Where in the frames of one clip a network looks; `.table` is SALIENCY."""

    stem: ClassVar[str] = "saliency"
    document: ClassVar[str] = "saliency"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "mp4", *TABLE_FORMATS)
    saved: ClassVar[tuple[str, ...]] = ("png", "mp4", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {
        "saliency": SALIENCY,
        "saliency_curves": CURVES,
        "saliency_forgetting": FORGETTING,
    }

    curves: pd.DataFrame | None = field(default=None, repr=False, kw_only=True)
    """SALIENCY_CURVES, where maps were tested."""
    forgetting: pd.DataFrame | None = field(default=None, repr=False, kw_only=True)
    """SALIENCY_FORGETTING, where maps were tested."""
    pictures: Pixels = field(repr=False, kw_only=True)
    """(T, H, W, 3), the frames that were looked at, reduced for people to look at."""
    window: tuple[float, float, float, float] = field(kw_only=True)
    """Left, top, right and bottom of what the network sees, as parts of the frame's width and height."""
    path: str = field(default="", kw_only=True)
    """The checkpoint's file."""
    title: str = field(default="", kw_only=True)
    """What drawings call the clip: of one given by its path, the file alone."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The maps, and what became of them where they were tested."""
        tested = {"saliency_curves": self.curves, "saliency_forgetting": self.forgetting}
        return {self.stem: self.table} | {name: table for name, table in tested.items() if table is not None}

    def film(self, *, dark: bool = True) -> Iterable[Pixels]:
        """For every frame one picture with its overlays side by side."""
        drawn: Iterable[Pixels] = self._draw("figure", "draw_films", ("mp4",), dark=dark)[self.stem]
        return drawn

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze saliency --json` prints."""
        ((name, sha256),) = self.provenance.sources.items()
        summary = self.summary
        heat = self.table.assign(heat=self.table["evidence"].clip(lower=0))
        by_frame = heat.groupby(["group", "frame"], sort=False)["heat"].sum()
        return {
            **tell_source(name, self.path, sha256),
            "clip": summary.clip,
            "class": {"id": summary.class_id, "label": summary.label, "probability": summary.probability},
            "predicted": {"id": summary.predicted_id, "label": summary.predicted_label},
            "block": summary.block,
            "map": {"frames": len(self.pictures), "rows": summary.rows, "columns": summary.columns},
            "window": self.window,
            "tests": self._describe_tests(),
            "groups": {
                name: {
                    "evidence_for": found.evidence_for,
                    "evidence_against": found.evidence_against,
                    "hottest_frame": found.hottest_frame,
                    "heat_by_frame": by_frame[name].tolist(),
                }
                for name, found in summary.groups.items()
            },
        }

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        told, heat = fields_of(SaliencySummary), several(REAL, "its heat in each frame")
        explained = {"id": told["class_id"], "label": told["label"], "probability": told["probability"]}
        frames = {"frames": say(WHOLE, "frames looked at"), "rows": told["rows"], "columns": told["columns"]}
        tests = {
            "areas": each(value_of(CurveAreas), "by whose hottest pixels come first"),
            "curves": several(record(columns_of(CURVES, only=_CURVES)), "step by step"),
            "forgetting": several(
                record(columns_of(FORGETTING, only=_FORGETTING)),
                "how alike maps stay as weights are shuffled",
            ),
        }
        return {
            **HEAD,
            "clip": told["clip"],
            "class": record(explained, "what is explained"),
            "predicted": record(
                {"id": told["predicted_id"], "label": told["predicted_label"]}, "the class that came first"
            ),
            "block": told["block"],
            "map": record(frames, "how fine the map is"),
            "window": say(
                several(REAL), "left, top, right and bottom of what is seen, as parts of the frame"
            ),
            "tests": {"anyOf": [record(tests), {"type": "null"}], "description": "null where not tested"},
            "groups": each(record({**fields_of(GroupHeat), "heat_by_frame": heat}), "by group"),
        }

    def _describe_tests(self) -> dict[str, Any] | None:
        """Areas under curves, and how alike maps stay; None where maps were not tested."""
        if self.curves is None or self.forgetting is None:
            return None
        return {
            "areas": {name: vars(found) for name, found in (self.summary.areas or {}).items()},
            "curves": self.curves[list(_CURVES)].to_dict("records"),
            "forgetting": self.forgetting[list(_FORGETTING)].to_dict("records"),
        }

    def _list_writers(self, kinds: Sequence[str], *, dark: bool) -> Iterator[tuple[str, Writer]]:
        """Tables and drawings, then the film, which is dark in any case, as players are."""
        yield from super()._list_writers(kinds, dark=dark)
        if "mp4" in kinds:
            # So few pictures are worth a smaller file.
            write = films.film_writer(
                "mp4", self.film(), rate=FRAMES_PER_SECOND, preset="medium", stamp=self.stamp
            )
            yield f"{self.stem}.mp4", write


@dataclass(frozen=True)
class PointingScore:
    """One group over all frames in which an object is seen."""

    frames: int
    heated: int
    """Frames with any heat; the scores below are over these."""
    score: float | None
    chance: float | None
    swapped: float | None
    inside: float | None
    """Mean part of a frame's heat that lies in the boxes."""
    grid_chance: float | None
    score_interval: Interval | None
    """Of `score`, over clips."""
    beyond_swapped: Interval | None
    """Hits minus hits in other clips' boxes, over the frames that have both; the interval draws clips."""


@dataclass(frozen=True)
class PointingSummary:
    """The score of every group; `accuracy` is that of the network over the same clips."""

    clips: int
    block: str
    rows: int
    columns: int
    accuracy: float
    groups: dict[str, PointingScore]


@dataclass(frozen=True)
class Pointing(Result[PointingSummary]):
    """Whether heat falls on the objects of a planted world; `.table` is POINTING."""

    stem: ClassVar[str] = "pointing"
    schemas: ClassVar[Mapping[str, Schema]] = {"pointing": POINTING}
