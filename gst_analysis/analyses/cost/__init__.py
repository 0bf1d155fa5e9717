"""Cost: names, specs or checkpoints -> parameters and multiply-adds; and the audit of the paper's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.naming import is_file, resolve_spec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.results import LegacyResult as Result
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.analyses.cost.measure import ComplexitySummary
    from gst_analysis.analyses.cost.paper_audit import AuditSummary
    from gst_analysis.checkpoints import sources
    from gst_analysis.checkpoints.sources import Source
else:
    sources = Door("gst_analysis.checkpoints.sources")

SIZE = 224
"""Pixels of a frame's side in the paper."""


@dataclass(frozen=True)
class Cost(Result[Any]):
    """Parameters and multiply-adds of one network, module by module."""

    summary: ComplexitySummary

    def plot(self, *, quantity: str = "macs", dark: bool = False) -> Figure:
        """Bars per stage and group."""
        from gst_analysis.analyses.cost.figure import draw_cost_bars

        return draw_cost_bars(self.table, quantity=quantity, dark=dark)

    def plot_interactive(self, *, quantity: str = "macs", dark: bool = False) -> go.Figure:
        """The same figure in plotly."""
        from gst_analysis.analyses.cost.interactive import draw_cost_bars_interactive

        return draw_cost_bars_interactive(self.table, quantity=quantity, dark=dark)


@dataclass(frozen=True)
class Placing:
    """A design among published results: its name, and what it costs in the figure's units."""

    name: str
    gmacs: float
    params_m: float


@dataclass(frozen=True)
class Comparison(Result[Placing]):
    """Published accuracies with their cost, and where a design of unknown accuracy stands among them."""

    @property
    def datasets(self) -> list[str]:
        """The datasets there are results for."""
        return list(dict.fromkeys(self.table["dataset"]))

    def plot(self, *, dataset: str = "something-v1", cost: str = "gmacs", dark: bool = False) -> Figure:
        """Accuracy over cost (`gmacs` or `params_m`), the design as a line at its cost."""
        from gst_analysis.analyses.cost.figure import draw_accuracy_over_cost

        design = (self.summary.name, getattr(self.summary, cost))
        return draw_accuracy_over_cost(self.table, design=design, dataset=dataset, cost=cost, dark=dark)

    def plot_interactive(
        self, *, dataset: str = "something-v1", cost: str = "gmacs", dark: bool = False
    ) -> go.Figure:
        """The same figure in plotly."""
        from gst_analysis.analyses.cost.interactive import draw_accuracy_over_cost_interactive

        design = (self.summary.name, getattr(self.summary, cost))
        return draw_accuracy_over_cost_interactive(
            self.table, design=design, dataset=dataset, cost=cost, dark=dark
        )


@dataclass(frozen=True)
class PaperAudit(Result[Any]):
    """The paper's printed parameters and GFLOPs beside ours."""

    summary: AuditSummary


def cost(model: ModelSpec | Source, *, size: int | None = None, **design: Any) -> Cost:
    """Parameters and multiply-adds of a network by name, spec or checkpoint.

    Args:
        model: FAMILY-BACKBONE, a ModelSpec, a checkpoint's path, or what loading one returned.
        size: height and width of a frame; a checkpoint's own, else 224.
        design: fields of ModelSpec to change: alpha, beta, num_frames, num_classes, width.

    Example:
        >>> cost("gst-resnet50", alpha="1/4").summary.params
        21035246
    """
    from gst_analysis.analyses.cost.measure import measure_complexity

    spec, size = _settle(model, size, design)
    result = measure_complexity(spec, size=size)
    return Cost(result.table, result.summary, result.provenance)


def summarise_cost(model: ModelSpec | Source, *, size: int | None = None, **design: Any) -> ComplexitySummary:
    """The totals of `cost` without its table, which is quicker."""
    from gst_analysis.analyses.cost import measure

    spec, size = _settle(model, size, design)
    return measure.summarise_cost(spec, size=size)


def _settle(model: ModelSpec | Source, size: int | None, design: Mapping[str, Any]) -> tuple[ModelSpec, int]:
    """What is costed, and at which size: a checkpoint takes clips of its own."""
    if isinstance(model, ModelSpec) or (isinstance(model, str) and not is_file(model)):
        return resolve_spec(model, **design), SIZE if size is None else size
    checkpoint = sources.checkpoint_of(model)
    clip = checkpoint.clip_spec
    spec = resolve_spec(checkpoint.spec.replace(num_frames=clip.frames), **design)
    return spec, clip.crop if size is None else size


def compare_with_published(design: Cost) -> Comparison:
    """Place a network's cost among the accuracies that the GST paper prints."""
    from gst_analysis.analyses.cost.paper_audit import tabulate_published_costs

    spec = ModelSpec.from_json(design.summary.spec)
    placing = Placing(spec.label, design.summary.macs / 1e9, design.summary.params / 1e6)
    return Comparison(tabulate_published_costs(), placing, design.provenance)


def audit_paper() -> PaperAudit:
    """Recompute every parameter count and GFLOP figure the paper prints for families that exist here."""
    from gst_analysis.analyses.cost import paper_audit

    result = paper_audit.audit_paper()
    return PaperAudit(result.table, result.summary, result.provenance)
