"""What becomes of answers when frames stand in another order: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.documents import rows_of
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.numbers import Interval
from gst_analysis.options import DatasetOptions, NetworkOptions, SharingOptions, option
from gst_analysis.results import Result
from gst_analysis.tables.schema import Schema, check_choices, flag, real, text, whole

if TYPE_CHECKING:
    import pandas as pd


IN_ORDER, SHUFFLED, REVERSED = "in-order", "shuffled", "reversed"
CONDITIONS: Mapping[str, tuple[str, str]] = {
    IN_ORDER: ("order", "frames in order"),
    SHUFFLED: ("order", "frames shuffled"),
    REVERSED: ("order", "frames in reverse"),
    "halves-swapped": ("order", "second half, then first half"),
    "ends": ("order", "first frame for half the clip, then the last"),
    "every-second": ("order", "every second frame, each shown twice"),
    "half-as-many": ("order", "every second frame, half as many"),
    "frozen-first": ("still", "first frame, held still"),
    "frozen-middle": ("still", "middle frame, held still"),
    "frozen-last": ("still", "last frame, held still"),
    "frozen-surest": ("still", "the still it is surest of"),
    "frozen-best": ("still", "the best still, picked knowing the class"),
    "shift-later": ("clock", "one frame later, the first shown twice"),
    "shift-sooner": ("clock", "one frame sooner, the last shown twice"),
    "pad-replicate": ("clock", "beyond the clip's ends: the end frames"),
    "pad-circular": ("clock", "beyond the clip's ends: the other end"),
}
"""By name: what it is about (the order of frames, one frame alone, or where the clip's ends are), and in
plain words what is shown."""
KINDS = ("order", "still", "clock")
PERMUTATIONS = (SHUFFLED, REVERSED, "halves-swapped")
"""All frames once, in another order."""

ORDER = Schema(
    "ORDER",
    {
        "checkpoint": text("the checkpoint's name"),
        "condition": text("what was done to the frames", *CONDITIONS),
        "kind": text("what that is about: order, one still frame, the clip's ends", *KINDS),
        "shown": text("the same in plain words"),
        "frames": text("which of the clip's frames were shown, from 0; empty where clips differ"),
        "passes": whole("ways in which each clip was shown; their mean is what counts for a clip", "passes"),
        "clips": whole("clips it was measured on", "clips"),
        "accuracy": real("top-1 accuracy", "share"),
        "accuracy_low": real("lower end of its confidence interval (Clopper and Pearson's)", "share"),
        "accuracy_high": real("upper end", "share"),
        "probability": real("mean probability of the true class", "probability"),
        "probability_low": real("lower end of its confidence interval (bootstrap over clips)", "probability"),
        "probability_high": real("upper end", "probability"),
        "accuracy_change": real("accuracy minus that in order, on the same clips", "share"),
        "accuracy_change_low": real(
            "lower end of its confidence interval (Tango's; of shuffles, bootstrap)", "share"
        ),
        "accuracy_change_high": real("upper end", "share"),
        "probability_change": real("mean probability of the true class minus that in order", "probability"),
        "probability_change_low": real(
            "lower end of its confidence interval (bootstrap over clips)", "probability"
        ),
        "probability_change_high": real("upper end", "probability"),
        "same_answer": real("share of clips that are taken for what they are taken for in order", "share"),
    },
)

ORDER_CLASSES = Schema(
    "ORDER_CLASSES",
    {
        "checkpoint": text("the checkpoint's name"),
        "class_id": whole("the class's number, from 0", "index"),
        "label": text("the class's name, or class and its number where names are unknown"),
        "clips": whole("clips of this class that could be read", "clips"),
        "in_order": real("its accuracy in order; missing where there are no clips", "share", optional=True),
        "shuffled": real("its accuracy when frames are shuffled", "share", optional=True),
        "reversed": real("its accuracy when frames are in reverse", "share", optional=True),
        "temporality": real("share of its above-chance accuracy that needs order", "share", optional=True),
        "temporality_low": real("lower end of its confidence interval", "share", optional=True),
        "temporality_high": real("upper end", "share", optional=True),
        "withheld": text("why no temporality is told; empty where it is"),
    },
)

REVERSALS = Schema(
    "REVERSALS",
    {
        "checkpoint": text("the checkpoint's name"),
        "class_id": whole("the number of the clips' own class, from 0", "index"),
        "label": text("its name, or class and its number"),
        "partner_id": whole("the number of the class that its reversal may show", "index"),
        "partner": text("its name, or class and its number"),
        "by_name": flag("their names are each other's opposites"),
        "by_confusion": flag("in reverse each is taken for the other, more than by chance and in order"),
        "clips": whole("clips of the class", "clips"),
        "taken": whole("of them, in reverse, taken for the partner", "clips"),
        "share": real("taken / clips; missing where there are none", "share", optional=True),
        "share_low": real(
            "lower end of its confidence interval (Clopper and Pearson's)", "share", optional=True
        ),
        "share_high": real("upper end", "share", optional=True),
        "share_in_order": real("share taken for the partner in order", "share", optional=True),
        "p": real(
            "of both at once, by chance, times the number of pairs of classes", "probability", optional=True
        ),
    },
)

ORDER_CLIPS = Schema(
    "ORDER_CLIPS",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "class_id": whole("the number of its own class", "index"),
        "condition": text("what was done to its frames", *CONDITIONS),
        "way": whole("which of the condition's ways, from 0", "index"),
        "predicted_id": whole("the class it was taken for", "index"),
        "correct": flag("whether that is its own"),
        "probability": real("the true class's", "probability"),
    },
)


@dataclass(frozen=True, kw_only=True)
class OrderOptions(DatasetOptions, NetworkOptions, SharingOptions):
    """Which clips of a data set, how their frames are shown, and how sure the consequences are."""

    conditions: tuple[str, ...] = option(
        tuple(CONDITIONS), "Some of those in docs/order.md, such as shuffled,reversed; all by itself."
    )
    limit: int | None = option(None, "Draw this many clips; all if not given.", also=("--clips",))
    shuffles: int = option(3, "Orders into which each clip is shuffled.")
    batch: int = option(8, "Clips at once.")
    seed: int = option(0, "Draws clips, shuffles and resamples.")
    draws: int = option(2000, "Bootstrap draws behind each confidence interval.")
    confidence: float = option(0.95, "Of the confidence intervals.")

    def __post_init__(self) -> None:
        chosen = {IN_ORDER, *check_choices("conditions", self.conditions, tuple(CONDITIONS))}
        object.__setattr__(self, "conditions", tuple(name for name in CONDITIONS if name in chosen))
        if type(self.shuffles) is not int or not 1 <= self.shuffles <= 1000:
            raise SpecError(
                "shuffles",
                expected="a whole number from 1 to 1000",
                found=repr(self.shuffles)[:60],
                todo="correct it",
            )


@dataclass(frozen=True)
class OrderSummary:
    """The network on the clips as they are, and how much of that needs order."""

    clips: int
    """Clips that could be read."""
    frames: int
    """Frames of a clip that the network takes."""
    chance: float
    """The accuracy of a guess among all classes."""
    accuracy: Interval
    """In order."""
    temporality: Interval | None
    """The share of above-chance accuracy that needs order; None where it is withheld."""
    withheld: str
    """Why; empty where it is told."""
    partner_clips: int
    """Clips of classes whose reversal another class is, by name, or else by confusion."""
    partner_share: Interval | None
    """Of them, those that are taken for the partner when they are played in reverse."""


@dataclass(frozen=True)
class FrameOrder(Result[OrderSummary]):
    """How answers change when frames stand in another order; `.table` is ORDER."""

    stem: ClassVar[str] = "order"
    document: ClassVar[str] = "order"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {
        "order": ORDER,
        "order_classes": ORDER_CLASSES,
        "reversals": REVERSALS,
        "order_clips": ORDER_CLIPS,
    }

    classes: pd.DataFrame = field(repr=False, kw_only=True)
    """How much of each class's accuracy needs order: ORDER_CLASSES."""
    reversals: pd.DataFrame = field(repr=False, kw_only=True)
    """Classes that are each other's reversal: REVERSALS, a row each way."""
    clips: pd.DataFrame = field(repr=False, kw_only=True)
    """What every clip was taken for, however it was shown: ORDER_CLIPS."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Conditions, classes, pairs of classes, clips."""
        return {
            self.stem: self.table,
            "order_classes": self.classes,
            "reversals": self.reversals,
            "order_clips": self.clips,
        }

    @property
    def name(self) -> str:
        """The checkpoint's name."""
        (name,) = self.provenance.specs
        return name

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze order --json` prints."""
        more = {"classes": self.classes, "reversals": self.reversals}
        return {
            **super().fill_document(),
            **{name: table.drop(columns="checkpoint").to_dict("records") for name, table in more.items()},
        }

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        classes = rows_of(ORDER_CLASSES, "class by class", without=("checkpoint",))
        reversals = rows_of(
            REVERSALS, "pairs of classes, one of which may be the other in reverse", without=("checkpoint",)
        )
        return {**super().describe_fields(), "classes": classes, "reversals": reversals}
