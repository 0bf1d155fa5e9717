"""Figure 4 of checkpoints: columns, options and the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, overload

from gst_analysis.documents import ORIGIN, TEXT, columns_of, fields_of, record, say, several
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS, to_plain
from gst_analysis.groups import GROUPS
from gst_analysis.options import NetworkOptions, option
from gst_analysis.results import Result
from gst_analysis.rooms import Door
from gst_analysis.tables import Column, Schema, check_choices, real, text, whole
from gst_analysis.tables.held import held_columns

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.analyses.scales import gaps
    from gst_analysis.tables.columns import Array, Columns, Table
else:
    gaps = Door("gst_analysis.analyses.scales.gaps")

ROWS = ("block", "stage")
"""What a row of Figure 4 can stand for."""
CONFIDENCE = 0.95
SIGNIFICANT = 0.05
SURE = "the groups differ (5%, Holm)"
"""How a legend says that p after correction is below that."""

_UNTESTED = "interval and tests: "
ONE_CHANNEL = f"{_UNTESTED}a group of one channel"
FEWEST_CHANNELS = 8
"""Of a group, for an interval: with fewer it would miss the truth too often (docs/intervals.md)."""
FEW_CHANNELS = f"interval: a group of fewer than {FEWEST_CHANNELS} channels"
LEVELS = ("layer", "block", "stage")
"""Where two groups can meet: in one norm, in norms of one block, or only in those of one stage."""
SHARED_CHANNELS = f"{_UNTESTED}both groups are the same channels, shared by energy (sth)"
NO_CHANNELS = "a group has no channels here"
NO_GROUPS = "this network has no spatial and temporal groups, and no pathways"

TESTS: Mapping[str, Column] = {
    "wasserstein": real(
        "mean distance that scales would have to move; missing if undefined", "γ", optional=True
    ),
    "ks": real("largest distance between the two cumulative shares", "share", optional=True),
    "ks_p": real("p of the two-sample Kolmogorov-Smirnov test", "probability", optional=True),
    "ks_p_holm": real("the same after Holm's correction", "probability", optional=True),
    "auc": real(
        "chance that a scale of the first is above one of the second; 0.5 if alike",
        "probability",
        optional=True,
    ),
    "auc_p": real("p of the Mann-Whitney test that it is 0.5", "probability", optional=True),
    "auc_p_holm": real("the same after Holm's correction", "probability", optional=True),
    "undefined": text("what is not defined, and why; empty where everything is"),
}

BN_SCALES = Schema(
    "BN_SCALES",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator, such as layer1.0.bn2"),
        "group": text("whose channel it is", *GROUPS),
        "channel": whole("position in the batch norm, from 0", "index"),
        "gamma": real("the batch norm's scale, as stored", "γ"),
        "beta": real("the batch norm's offset, as stored", "activation"),
        "running_mean": real("the batch norm's running mean", "activation"),
        "running_var": real("the batch norm's running variance", "activation²"),
        "share": real("the part of the scale this group owns: 1, but for sth", "share"),
        "importance": real("|gamma| * share, the paper's reading of importance", "γ"),
    },
)

BLOCK_GAPS = Schema(
    "BLOCK_GAPS",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm that both groups leave; else the block or stage of their norms"),
        "level": text("which of the three that is", *LEVELS),
        "depth": real("place of the layer in its network, from 0 (first) to 1 (last)", "share"),
        "group": text("whose scales, such as temporal", *GROUPS),
        "against": text("which they are set against, such as spatial", *GROUPS),
        "n": whole("channels of the group", "channels"),
        "against_n": whole("channels that they are set against", "channels"),
        "gap": real("median of the group's scales minus that of those it is set against", "γ", optional=True),
        "gap_low": real("lower end of the gap's bootstrap interval", "γ", optional=True),
        "gap_high": real("upper end of it", "γ", optional=True),
        **TESTS,
    },
)
"""In `auc`, `group` is the first; p values are corrected over the layers of a checkpoint."""


@dataclass(frozen=True, kw_only=True)
class ScaleOptions(NetworkOptions):
    """How scales are shown."""

    by: str = option("block", "Rows of the figure: block or stage.")
    absolute: bool = option(False, "Use |γ| instead of γ.")

    def __post_init__(self) -> None:
        check_choices("by", [self.by], ROWS)


@dataclass(frozen=True)
class GroupStatistics:
    """The scales of one group of one batch norm; `std` is the population's."""

    n: int
    """Channels of the group."""
    mean: float
    """Mean of their scales."""
    median: float
    """Median of their scales."""
    std: float
    """Standard deviation of their scales."""


@dataclass(frozen=True)
class LayerStatistics:
    """One batch norm after a temporal operator."""

    block: str
    """Residual block, such as layer1.0."""
    layer: str
    """The batch norm, such as layer1.0.bn2."""
    groups: dict[str, GroupStatistics]
    """The scales of its channels, by group."""


@dataclass(frozen=True)
class BnSummary:
    """Per checkpoint, the statistics of every such batch norm, of γ or of |γ|."""

    statistic: str
    checkpoints: dict[str, list[LayerStatistics]]


@dataclass(frozen=True)
class GapCounts:
    """Layers of one checkpoint: how many could be tested, and where one group lies above or below another."""

    layers: int
    """Places where two groups meet."""
    tested: int
    """Of those, places where they could be tested."""
    above: int
    """Where `group` lies above `against`."""
    below: int
    """Where it lies below."""
    undefined: tuple[str, ...]
    """What is not defined somewhere, and why."""
    group: str
    """Whose scales, such as temporal."""
    against: str
    """Which they are set against, such as spatial."""
    level: str
    """What is counted: layers, blocks or stages."""

    def describe(self, *, mark: str = "") -> str:
        """What was found, or why nothing could be tested, as a part of a sentence.

        Args:
            mark: what to put around numbers, such as ** for bold ones.
        """
        if not self.tested:
            return f"not tested: {self.reasons}"
        above, below = (f"{mark}{count}{mark}" for count in (self.above, self.below))
        return f"{self.group} higher in {above}, lower in {below} of {self.tested} {self.level}s"

    @property
    def reasons(self) -> str:
        """Why something is not defined, without what it is."""
        return "; ".join(reason.removeprefix(_UNTESTED) for reason in self.undefined)


@dataclass(frozen=True)
class BnScales(Result[BnSummary]):
    """Figure 4 of any checkpoints; `.table` is BN_SCALES."""

    stem: ClassVar[str] = "bn_scales"
    document: ClassVar[str] = "bn-hist"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {"bn_scales": BN_SCALES}

    by: str = field(default="block", kw_only=True)
    """What a row of its figures stands for."""
    absolute: bool = field(default=False, kw_only=True)
    """Whether figures and summary show |γ| rather than γ."""

    def plot(self, *, by: str | None = None, dark: bool = False) -> Figure:
        """The grid of the paper: rows are blocks (or stages), columns are checkpoints."""
        return Result.plot(self._with_rows(by), dark=dark)

    def plot_interactive(self, *, by: str | None = None, dark: bool = False) -> go.Figure:
        """The grid of the paper to hover over and zoom."""
        return Result.plot_interactive(self._with_rows(by), dark=dark)

    def _list_tables(self) -> Mapping[str, Table]:
        return {self.stem: held_columns(self)}

    def gaps(self) -> pd.DataFrame:
        """Time against space, or pathway against pathway, wherever both are: a BLOCK_GAPS table."""
        return gaps.tabulate_gaps(held_columns(self), absolute=self.absolute)

    def find_gaps(self) -> dict[tuple[str, str], dict[Any, Any]]:
        """For each checkpoint and norm its row of BLOCK_GAPS: the norm's, or its block's."""
        table = held_columns(self)
        return gaps.find_gaps(table, gaps.collect_gaps(table, absolute=self.absolute))

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze bn-hist --json` prints."""
        origin, found = self.provenance, self.find_gaps()
        checkpoints = [
            {
                "path": origin.settings["paths"][name],
                "sha256": origin.sources[name],
                "name": name,
                "blocks": [to_plain(one) | {"statistics": found[name, one.layer]} for one in layers],
            }
            for name, layers in self.summary.checkpoints.items()
        ]
        return {"statistic": self.summary.statistic, "checkpoints": checkpoints}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        gap = record(columns_of(BLOCK_GAPS), "time against space there, or in its block: BLOCK_GAPS")
        block = record({**fields_of(LayerStatistics), "statistics": gap})
        blocks = several(block, "batch norms after a temporal operator")
        return {
            "statistic": say(TEXT, "of what the statistics are: gamma or abs_gamma"),
            "checkpoints": several(record({**ORIGIN, "blocks": blocks}), "in the order given"),
        }

    def _with_rows(self, by: str | None) -> BnScales:
        return self if by is None else dataclasses.replace(self, by=by)


@overload
def scale_values(table: Columns, *, absolute: bool) -> Array: ...
@overload
def scale_values(table: pd.DataFrame, *, absolute: bool) -> pd.Series: ...
def scale_values(table: Any, *, absolute: bool) -> Any:
    """The number that figures and statistics look at: γ, or |γ|, times the share its group owns."""
    return table["importance"] if absolute else table["gamma"] * table["share"]


@overload
def find_sure(table: Columns) -> Array: ...
@overload
def find_sure(table: pd.DataFrame) -> pd.Series: ...
def find_sure(table: Any) -> Any:
    """In which rows the two groups lie apart by more than chance, after correction."""
    return table["auc_p_holm"] < SIGNIFICANT


def name_difference(gaps: pd.DataFrame) -> str:
    """How a figure calls the gaps of a BLOCK_GAPS table."""
    pairs = dict.fromkeys(zip(gaps["group"], gaps["against"], strict=True))
    return " or ".join(f"{group} minus {against}" for group, against in pairs)


def name_symbol(*, absolute: bool) -> str:
    """How a figure calls the scale."""
    return "|γ|" if absolute else "γ"
