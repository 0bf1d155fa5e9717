"""What networks cost, ours and the published ones: columns, options and results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, get_args

from gst_analysis.documents import columns_of, fields_of, maybe, record, rows_of, several, value_of
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.options import option
from gst_analysis.results import Result
from gst_analysis.tables import Schema, real, text, whole

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

CostGroup = Literal["spatial", "temporal", "both", "shared"]
"""Whose cost it is. No operator that follows from arithmetic has kernels of `both`: what reaches over time
there is temporal."""

Op = Literal["conv", "linear", "attention", "norm", "relu", "relu6", "pool", "other"]

COMPLEXITY = Schema(
    "COMPLEXITY",
    {
        "spec": text("the network's name"),
        "alpha": text("its fraction of temporal channels, such as 1/4; empty where it has none"),
        "frames": whole("frames in the clip", "frames"),
        "size": whole("height and width of a frame in pixels", "px"),
        "module": text(
            "the module that does the work, such as layer1.0.conv2.temporal; an activation or a pooling, "
            "which has none, goes by the module whose output it reads"
        ),
        "stage": whole("stage of the backbone; 0 for the stem, the last plus one for the head", "index"),
        "op": text(
            "kind of work: attention is a product of two things that the clip decides, other is learned "
            "numbers that nothing is multiplied by, or that no convention counts",
            *get_args(Op),
        ),
        "group": text("whose cost it is; both: kernels over space and time at once", *get_args(CostGroup)),
        "params": whole("learned numbers", "parameters"),
        "macs": whole("multiply-adds for one clip; 0 for what is no convolution and no product", "MACs"),
        "elements": whole(
            "numbers that a norm, an activation or a pooling reads, or biases are added to", "numbers"
        ),
    },
)

DATASETS = {
    "something-v1": "Something-Something V1",
    "something-v2": "Something-Something V2",
    "diving48": "Diving48",
    "egtea gaze+": "EGTEA Gaze+",
}
"""Data sets with published results: what papers call them, by the names that options take."""
CLASSES = {"something-v1": 174, "something-v2": 174, "diving48": 48, "egtea gaze+": 106}
"""How many classes each of them has."""

PAPER_AUDIT = Schema(
    "PAPER_AUDIT",
    {
        "table": whole("the paper's table", "index"),
        "dataset": text("the dataset of the table's row or column"),
        "method": text("the method as the paper names it"),
        "backbone": text("the backbone as the paper names it"),
        "frames": whole("frames in a clip", "frames"),
        "clips": whole("clips averaged for a prediction; the costs are of one", "clips"),
        "spec": text("the network as we name it"),
        "quantity": text("what is compared", "params_m", "gmacs"),
        "printed": real("the paper's number, in millions of parameters or in GMACs", "M parameters or GMACs"),
        "computed": real("ours", "M parameters or GMACs"),
        "difference": real("ours minus the paper's", "M parameters or GMACs"),
        "tolerance": real("the largest difference, either way, that still agrees", "M parameters or GMACs"),
        "verdict": text("agrees, or contradicts the paper's own formulas", "agrees", "contradicts"),
    },
)

PAPER_ROWS = Schema(
    "PAPER_ROWS",
    {
        "table": whole("the paper's table", "index"),
        "dataset": text("what the accuracy was measured on"),
        "split": text("which part of it"),
        "method": text("the method as the paper names it"),
        "backbone": text("the backbone as the paper names it; empty if it does not"),
        "frames": real("frames in a clip, where the paper says them", "frames", optional=True),
        "printed_params_m": real("millions of parameters as printed", "M parameters", optional=True),
        "printed_gmacs": real("GFLOPs of a clip as printed, which are multiply-adds", "GMACs", optional=True),
        "top1": real("printed top-1 accuracy in percent", "percent", optional=True),
        "top5": real("printed top-5 accuracy in percent", "percent", optional=True),
        "spec": text("the network as we name it; empty if it is not here"),
        "status": text("whether its cost stands here", "computed", "by command", "not here"),
        "params_m": real(
            "millions of parameters, a system's with its own classes", "M parameters", optional=True
        ),
        "gmacs": real("GMACs of a clip: convolutions and matrix products", "GMACs", optional=True),
        "cost_by": text("the command that computes the cost, or why there is none"),
        "accuracy_by": text("the command that trains such a network, or why there is none"),
    },
)

PUBLISHED_COSTS = Schema(
    "PUBLISHED_COSTS",
    {
        "table": whole("the paper's table", "index"),
        "dataset": text("what the accuracy was measured on"),
        "split": text("which part of it"),
        "method": text("the method as the paper names it"),
        "backbone": text("the backbone as the paper names it"),
        "frames": whole("frames in a clip", "frames"),
        "clips": whole("clips averaged for a prediction", "clips"),
        "crops": whole("crops of each clip averaged for a prediction", "crops"),
        "spec": text("the network as we name it; empty if we do not have it"),
        "top1": real("published top-1 accuracy in percent", "percent"),
        "params_m": real("millions of parameters", "M parameters", optional=True),
        "gmacs": real("GMACs of a prediction, all clips and crops together", "GMACs", optional=True),
        "source": text("whether we computed the cost or the paper printed it", "computed", "printed"),
    },
)


@dataclass(frozen=True, kw_only=True)
class CostOptions:
    """What of a network is changed before it is counted, and how large a frame is."""

    alpha: str | float | Fraction | None = option(None, "Fraction of temporal channels: 1/4, 0.25 or 4.")
    beta: str | float | Fraction | None = option(None, "Fraction of the input each path reads: 1/2 or 1.")
    num_frames: int | None = option(None, "Frames in a clip (the checkpoint's own, or 8).", flag="--frames")
    size: int | None = option(None, "Height and width of a frame in pixels (the checkpoint's own, or 224).")
    num_classes: int | None = option(
        None, "Classes of the head (the checkpoint's own, or 174).", flag="--classes"
    )
    width: int | None = option(None, "Channels of the stem.")
    family: str | None = option(None, "Say c2d or tsm where a checkpoint's weights cannot tell.", last=True)
    flow: str | None = option(
        None, "The network of optical flow beside it: the cost of two streams.", metavar="SPEC|CKPT"
    )

    @property
    def design(self) -> dict[str, Any]:
        """The fields of a ModelSpec to change; None where they stay."""
        return {name: value for name, value in vars(self).items() if name not in ("size", "flow", "family")}


@dataclass(frozen=True)
class GroupCost:
    """The part of the cost that belongs to one group."""

    params: int
    """Its parameters."""
    macs: int
    """Its multiply-adds for one clip."""


@dataclass(frozen=True)
class CostSummary:
    """The totals of one clip; `flops` is 2 * `macs`, of convolutions, linear layers and attention only.

    `conventions` is in multiply-adds, as each convention's counter would print them.
    """

    spec: dict[str, Any]
    """What describes the network: its family, backbone, frames, classes and the like."""
    size: int
    """Pixels of a frame's side."""
    params: int
    """Parameters."""
    macs: int
    """Multiply-adds of one clip: convolutions, linear layers and attention alone."""
    flops: int
    """Twice `macs`: a multiply-add as two operations."""
    groups: dict[CostGroup, GroupCost]
    """By what modules do: spatial, temporal, or shared; both, where kernels read space and time at once."""
    conventions: dict[str, int]
    """What counters would print for one clip, in multiply-adds, by what they count."""
    name: str = ""
    """What people call the network."""


@dataclass(frozen=True)
class Cost(Result[CostSummary]):
    """Parameters and multiply-adds of one network, module by module; `.table` is COMPLEXITY."""

    stem: ClassVar[str] = "cost"
    document: ClassVar[str] = "cost"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {"cost": COMPLEXITY}

    quantity: str = field(default="macs", kw_only=True)
    """What the bars show: `macs` or `params`."""

    def plot(self, *, quantity: str | None = None, dark: bool = False) -> Figure:
        """Bars per stage and group.

        Args:
            quantity: `macs` or `params`; the result's own if None.
            dark: draw for a dark background.
        """
        return super(Cost, self._show(quantity)).plot(dark=dark)

    def plot_interactive(self, *, quantity: str | None = None, dark: bool = False) -> go.Figure:
        """The bars of `plot`, to hover over."""
        return super(Cost, self._show(quantity)).plot_interactive(dark=dark)

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze cost --json` prints: the totals."""
        return dict(vars(self.summary))

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        return fields_of(CostSummary)

    def _show(self, quantity: str | None) -> Cost:
        return self if quantity is None else replace(self, quantity=quantity)


@dataclass(frozen=True, kw_only=True)
class PublishedOptions:
    """What is known of a design beside its cost: its accuracy, and on what that was measured."""

    top1: float | None = option(
        None, "Its top-1 accuracy in percent, to place it among published results.", last=True
    )
    dataset: str = option(
        "something-v1", "The data set that --top1 was measured on.", flag="--top1-on", last=True
    )


@dataclass(frozen=True)
class DesignCost:
    """A design among published results: its name, what it costs in the figure's units, and its accuracy."""

    name: str
    """What people call it."""
    gmacs: float
    """Billions of multiply-adds of a clip."""
    params_m: float
    """Millions of parameters."""
    top1: float | None = None
    """Its accuracy in percent, as told; null if unknown."""
    dataset: str = ""
    """What that was measured on; empty if it is unknown."""
    results: int = 0
    """Published results on that data set with known multiply-adds."""
    ahead: int = 0
    """How many of them are more accurate for no more multiply-adds."""


class PlacedDesign(NamedTuple):
    """A design as a figure shows it: its cost on the figure's axis, and its accuracy in percent if known."""

    name: str
    cost: float
    top1: float | None = None


@dataclass(frozen=True)
class PublishedPlacing(Result[DesignCost]):
    """Published accuracies with their cost, and where a design stands among them.

    `.table` is PUBLISHED_COSTS.
    """

    stem: ClassVar[str] = "accuracy_over_cost"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {"accuracy_over_cost": PUBLISHED_COSTS}

    dataset: str = field(default="something-v1", kw_only=True)
    """Whose accuracies the figure shows."""
    cost: str = field(default="gmacs", kw_only=True)
    """Over which cost: `gmacs` or `params_m`."""

    @property
    def datasets(self) -> list[str]:
        """The datasets there are results for."""
        return list(dict.fromkeys(self.table["dataset"]))

    @property
    def design(self) -> tuple[str, float, float | None]:
        """The design's name, what it costs, and its accuracy if that is of this data set."""
        top1 = self.summary.top1 if self.dataset == self.summary.dataset else None
        return self.summary.name, getattr(self.summary, self.cost, float("nan")), top1

    def plot(self, *, dataset: str | None = None, cost: str | None = None, dark: bool = False) -> Figure:
        """Accuracy over cost, the design as a point, or as a line at its cost where its accuracy is unknown.

        Args:
            dataset: one of `datasets`; the result's own if None.
            cost: `gmacs` or `params_m`; the result's own if None.
            dark: draw for a dark background.
        """
        return super(PublishedPlacing, self.show(dataset, cost)).plot(dark=dark)

    def plot_interactive(
        self, *, dataset: str | None = None, cost: str | None = None, dark: bool = False
    ) -> go.Figure:
        """The figure of `plot`, to hover over."""
        return super(PublishedPlacing, self.show(dataset, cost)).plot_interactive(dark=dark)

    def show(self, dataset: str | None, cost: str | None) -> PublishedPlacing:
        """What its figures are of another data set or over another cost, where one is given."""
        return replace(self, dataset=dataset or self.dataset, cost=cost or self.cost)


@dataclass(frozen=True)
class WorkedFormula:
    """One line of the paper's Table 1 at some sizes."""

    model: str
    """Whose line it is."""
    symbols: str
    """Parameters of one operator, as the paper writes them."""
    numbers: str
    """The same with numbers put in."""
    params: int | float
    """What that comes to."""


@dataclass(frozen=True)
class AuditSummary:
    """How many printed figures were compared, which contradict, and which rows were left out and why."""

    compared: int
    """Printed figures that were compared."""
    agree: int
    """Of those, figures within the tolerance."""
    contradict: int
    """Of those, figures beyond it."""
    contradictions: list[str]
    """A sentence for each that contradicts."""
    left_out: int
    """Lines of Tables 1 to 3 that were not compared."""
    left_out_because: dict[str, int]
    """How many of them for each reason."""
    convention: str
    """What was counted to compare multiply-adds, as `gst-analyze cost` names it."""
    params_tolerance_m: float
    """How far parameters may lie from what is printed, in millions."""
    gmacs_tolerance: float
    """How far multiply-adds may lie from what is printed, as a share of that."""
    formulas: list[WorkedFormula]
    """Table 1, and our reading of STH."""
    lines: dict[str, int]
    """Lines of Tables 2 to 7 by whether their cost stands here."""


@dataclass(frozen=True)
class PaperAudit(Result[AuditSummary]):
    """The paper's printed parameters and GFLOPs beside ours; `.table` is PAPER_AUDIT."""

    stem: ClassVar[str] = "paper_audit"
    document: ClassVar[str] = "paper-audit"
    schemas: ClassVar[Mapping[str, Schema]] = {"paper_audit": PAPER_AUDIT, "paper_rows": PAPER_ROWS}

    rows: pd.DataFrame = field(kw_only=True)
    """PAPER_ROWS: every line of Tables 2 to 7, computed, or why not."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The printed costs that are compared, and every line."""
        return {self.stem: self.table, "paper_rows": self.rows}

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze paper-audit --json` prints."""
        lines = [{k: v for k, v in row.items() if v == v} for row in self.rows.to_dict("records")]
        return {"rows": self.table.to_dict("records"), "lines": lines, "summary": self.summary}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        lines = columns_of(PAPER_ROWS)
        told = {
            name: maybe(part) if PAPER_ROWS.columns[name].optional else part for name, part in lines.items()
        }
        return {
            "rows": rows_of(PAPER_AUDIT, "every printed figure that was compared"),
            "lines": several(record(told), "every line of Tables 2 to 7, without what is missing"),
            "summary": value_of(AuditSummary),
        }
