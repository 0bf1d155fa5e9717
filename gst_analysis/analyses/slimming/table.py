"""Networks made smaller, which widths are left, and what that costs: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.documents import (
    HEAD,
    REAL,
    TEXT,
    Part,
    columns_of,
    each,
    fields_of,
    record,
    rows_of,
    say,
    several,
    tell_source,
)
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS, Writer
from gst_analysis.groups import GROUPS
from gst_analysis.numbers import Interval
from gst_analysis.options import DatasetOptions, NetworkOptions, SharingOptions, option
from gst_analysis.outputs import Outputs
from gst_analysis.results import Result
from gst_analysis.rooms import Door
from gst_analysis.tables import Schema, check_choices, real, text, whole

if TYPE_CHECKING:
    import pandas as pd

    from gst_analysis.checkpoints import saving
    from gst_analysis.checkpoints.loaded import LoadedModel
else:
    saving = Door("gst_analysis.checkpoints.saving")

SCORES_FROM_DATA = ("activation_norm", "taylor")
SLIM_SCORES = ("gamma", "abs_gamma", "invariant", "invariant_spread", "invariant_output", *SCORES_FROM_DATA)

SLIMMED, TUNED = "-slim.pth", "-slim-tuned.pth"
"""How files of smaller networks end, after the whole one's name: none can be the whole one's."""

SLIM_METHODS = ("score", "uniform", "random")

SLIM_CURVE = Schema(
    "SLIM_CURVE",
    {
        "checkpoint": text("the checkpoint's name"),
        "method": text(
            "which channels go first: the lowest scores anywhere, as many of every group, or any",
            *SLIM_METHODS,
        ),
        "draw": whole("which random order; 0 for the others", "index"),
        "removed": whole("channels taken out", "channels"),
        "params": whole("parameters left", "parameters"),
        "macs": whole("multiply-adds of a clip left", "MACs"),
        "macs_share": real("of the whole network's multiply-adds", "share"),
        "clips": whole("clips it was measured on", "clips"),
        "accuracy": real("top-1 accuracy, before any fine-tuning", "share"),
        "accuracy_low": real("lower end of its confidence interval", "share"),
        "accuracy_high": real("upper end", "share"),
        "ahead": real(
            "accuracy that lowest scores leave at this cost minus this one's, on the same clips; missing for "
            "the scores' own",
            "share",
            optional=True,
        ),
        "ahead_low": real("lower end of the interval of that difference", "share", optional=True),
        "ahead_high": real("upper end", "share", optional=True),
        "loss": real("mean cross entropy in nats", "nats"),
    },
)

SLIM_TUNED = Schema(
    "SLIM_TUNED",
    {
        "checkpoint": text("the checkpoint's name"),
        "method": text(
            "the whole network, the one that is written, or how its channels were chosen",
            "whole",
            "chosen",
            *SLIM_METHODS,
        ),
        "draw": whole("which random order; 0 for the others", "index"),
        "removed": whole("channels taken out", "channels"),
        "params": whole("parameters left", "parameters"),
        "macs": whole("multiply-adds of a clip left", "MACs"),
        "macs_share": real("of the whole network's multiply-adds", "share"),
        "epochs": whole("epochs of fine-tuning", "epochs"),
        "clips": whole("clips it was measured on, none of which it was trained on", "clips"),
        "accuracy_before": real("top-1 accuracy before fine-tuning", "share"),
        "accuracy_before_low": real("lower end of its confidence interval", "share"),
        "accuracy_before_high": real("upper end", "share"),
        "accuracy_after": real("top-1 accuracy after it", "share"),
        "accuracy_after_low": real("lower end of its confidence interval", "share"),
        "accuracy_after_high": real("upper end", "share"),
        "ahead": real(
            "accuracy after it that lowest scores leave at this cost minus this one's, on the same clips; "
            "missing for the scores' own, and for what is no choice of channels",
            "share",
            optional=True,
        ),
        "ahead_low": real("lower end of the interval of that difference", "share", optional=True),
        "ahead_high": real("upper end", "share", optional=True),
        "loss": real("mean cross entropy in nats after it", "nats"),
    },
)

SLIM_WIDTHS = Schema(
    "SLIM_WIDTHS",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator"),
        "group": text("whose channels they are", *GROUPS),
        "before": whole("channels in the whole network", "channels"),
        "after": whole("channels left", "channels"),
    },
)


@dataclass(frozen=True, kw_only=True)
class SlimOptions(DatasetOptions, NetworkOptions, SharingOptions):
    """Which channels go first, how small the network gets, on which clips, and whether it is trained on.

    How small is exactly one of `macs`, `params` and `max_drop`.
    """

    score: str = option(
        "invariant",
        "What a channel is worth: gamma, abs_gamma, invariant, invariant_spread, invariant_output, "
        "activation_norm or taylor.",
    )
    macs: float | None = option(None, "Keep this share of the multiply-adds.")
    params: float | None = option(None, "Keep this share of the parameters.")
    max_drop: float | None = option(None, "Lose at most this much accuracy before fine-tuning, such as 0.02.")
    limit: int | None = option(None, "Draw this many clips; all if not given.", also=("--clips",))
    fine_tune: int | None = option(None, "Train so long, and measure again.", metavar="EPOCHS")
    budgets: int | None = option(None, "Fine-tune at so many budgets of the curve (2).")
    recipe: str | None = option(
        None, "To fine-tune by; the checkpoint's own if not given.", metavar="RECIPE|FILE"
    )
    changes: tuple[str, ...] = option(
        (), "Change a setting of that recipe.", flag="--set", metavar="KEY=VALUE", repeated=True
    )
    batch: int = option(8, "Clips at once.")
    seed: int = option(0, "Draws clips, random orders and resamples.")

    def __post_init__(self) -> None:
        check_choices("score", [self.score], SLIM_SCORES)

    def check(self) -> None:
        """Refuse what does not say how small, and what is about fine-tuning without it.

        Raises:
            SpecError: not exactly one share between 0 and 1, or such options.
        """
        self._check_target()
        if self.fine_tune is None and (self.budgets is not None or self.recipe is not None or self.changes):
            raise SpecError(
                "slim",
                expected="--budgets, --recipe and --set to come with --fine-tune, which they are about",
                found="no --fine-tune",
                todo="add it, such as --fine-tune 2, or leave them out",
            )

    @property
    def target(self) -> dict[str, float | None]:
        """How small, by what that is a share of; None where it was not said."""
        return {"macs": self.macs, "params": self.params, "max_drop": self.max_drop}

    @property
    def needs_clips(self) -> bool:
        """Whether labelled clips are needed for what was asked."""
        from_data = self.score in SCORES_FROM_DATA
        return from_data or self.max_drop is not None or self.fine_tune is not None

    def _check_target(self) -> None:
        given = {name: value for name, value in self.target.items() if value is not None}
        numbers = all(isinstance(value, (int, float)) for value in given.values())
        if len(given) != 1 or not numbers or not all(0 < value < 1 for value in given.values()):
            raise SpecError(
                "budget",
                expected="one of macs, params and max-drop, as a share between 0 and 1",
                found=", ".join(f"{name} {value!r}"[:60] for name, value in given.items()) or "none",
                todo="such as macs 0.7",
            )


@dataclass(frozen=True)
class NetworkCost:
    """One network: its cost, and its accuracy where clips were given."""

    params: int
    """Parameters."""
    macs: int
    """Multiply-adds of one clip."""
    accuracy: Interval | None
    """Share of clips whose class came first, before any fine-tuning; null without clips."""


@dataclass(frozen=True)
class SlimSummary:
    """How many channels were taken out, and the network before and after."""

    removed: int
    """Channels taken out."""
    before: NetworkCost
    """The whole network."""
    after: NetworkCost
    """The smaller one."""
    clips: int
    """Clips that both were measured on; 0 without clips."""


@dataclass(frozen=True)
class Slimming(Result[SlimSummary]):
    """A smaller network: `.model`, its widths in `.table` (SLIM_WIDTHS), accuracy over cost in `.curve`."""

    stem: ClassVar[str] = "slimming"
    document: ClassVar[str] = "slim"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {
        "slimming": SLIM_WIDTHS,
        "slimming_curve": SLIM_CURVE,
        "slimming_fine_tuned": SLIM_TUNED,
    }

    model: LoadedModel = field(repr=False, kw_only=True)
    """The smaller network itself."""
    curve: pd.DataFrame | None = field(default=None, repr=False, kw_only=True)
    """A SLIM_CURVE table; None where no clips were given."""
    tuned: pd.DataFrame | None = field(default=None, repr=False, kw_only=True)
    """A SLIM_TUNED table; None where nothing was fine-tuned."""
    tuned_model: LoadedModel | None = field(default=None, repr=False, kw_only=True)
    """The smaller network after fine-tuning."""
    path: str = field(default="", kw_only=True)
    """The whole network's file."""

    @property
    def name(self) -> str:
        """The whole network's name."""
        (name,) = self.provenance.specs
        return name

    @property
    def comparison(self) -> str:
        """How the score does against equal shares near the smaller network's cost; empty without clips."""
        if self.curve is None:
            return ""
        plain = self.curve[(self.curve["method"] == "uniform") & (self.curve["removed"] > 0)]
        row = plain.iloc[int((plain["macs"] - self.summary.after.macs).abs().argmin())]
        lead, low, high = (100 * float(row[f"ahead{end}"]) for end in ("", "_low", "_high"))
        return (
            f"At {row['macs_share']:.0%} of the multiply-adds, removing lowest scores leaves {lead:+.1f} "
            f"points more right ({low:+.1f} to {high:+.1f}, the same clips) than as many of every group."
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The widths, and where there are clips the curve and what was fine-tuned."""
        more = {"slimming_curve": self.curve, "slimming_fine_tuned": self.tuned}
        return {self.stem: self.table} | {name: one for name, one in more.items() if one is not None}

    def _write_to(self, outputs: Outputs, kinds: Sequence[str], *, dark: bool) -> dict[str, str]:
        """Write the smaller checkpoints whatever the kinds are, and tables and figures as any result does.

        A network may have cost hours: even an own one gives way only where that was asked for.
        """
        networks = {}
        for model in (self.model, self.tuned_model):
            if model is not None:
                name = f"{model.checkpoint.name}.pth"
                networks[name] = str(outputs.write(name, _network_writer(model), guarded=True))
        return networks | super()._write_to(outputs, kinds, dark=dark)

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze slim --json` prints."""
        curve, tuned = (
            [] if table is None else table.drop(columns="checkpoint").to_dict("records")
            for table in (self.curve, self.tuned)
        )
        return {
            **tell_source(self.name, self.path, self.provenance.sources[self.name]),
            **vars(self.summary),
            "comparison": self.comparison,
            "widths": _nest(self.table),
            "curve": curve,
            "fine_tuned": tuned,
        }

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        return {
            **HEAD,
            **fields_of(SlimSummary),
            "comparison": say(TEXT, "how the score does against equal shares; empty without clips"),
            "widths": _describe_nest(),
            "curve": rows_of(SLIM_CURVE, "accuracy over cost; empty without clips", without=("checkpoint",)),
            "fine_tuned": rows_of(
                SLIM_TUNED, "after fine-tuning; empty where not asked for", without=("checkpoint",)
            ),
        }


def _network_writer(model: LoadedModel) -> Writer:
    checkpoint = model.checkpoint
    return saving.model_writer(
        model.module,
        clip_spec=checkpoint.clip_spec,
        labels=checkpoint.labels,
        provenance=checkpoint.provenance,
    )


def _describe_nest() -> Part:
    told = columns_of(SLIM_WIDTHS)
    place = {name: told[name] for name in ("block", "layer", "stage")}
    counts = record({name: told[name] for name in ("before", "after")})
    alpha = say(REAL, "share of channels left that are temporal; null where there are none")
    return several(record({**place, "groups": each(counts, "by group"), "alpha": alpha}), "batch norms")


def _nest(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows -> a record for each batch norm, with its groups and its alpha."""
    layers: dict[str, dict[str, Any]] = {}
    for row in table.to_dict("records"):
        place = {"block": row["block"], "layer": row["layer"], "stage": row["stage"], "groups": {}}
        layer = layers.setdefault(str(row["layer"]), place)
        layer["groups"][row["group"]] = {"before": row["before"], "after": row["after"]}
    for layer in layers.values():
        left = {group: counts["after"] for group, counts in layer["groups"].items()}
        layer["alpha"] = left["temporal"] / sum(left.values()) if "temporal" in left else None
    return list(layers.values())
