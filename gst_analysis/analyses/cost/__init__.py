"""How many parameters and multiply-adds does a network cost?

Counted by arithmetic where a network follows from it, else by running one clip without values; for every
module and by whose kernels they are: those of space, of time, of both at once, and what they share; by three
counting conventions, beside what published networks reached for theirs. Two commands: `cost`, and
`paper-audit`, which recomputes the numbers that the paper prints.

It cannot tell how long a network takes: multiply-adds are not seconds, and convolutions of few channels keep
a processor waiting for memory.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.cost import explain
from gst_analysis.analyses.cost.explain import ExplainedCost
from gst_analysis.analyses.cost.table import (
    Cost,
    CostOptions,
    CostSummary,
    DesignCost,
    PaperAudit,
    PublishedOptions,
    PublishedPlacing,
)
from gst_analysis.checkpoints.naming import OwnCode, is_file, resolve_spec, spec_from_text
from gst_analysis.errors import SpecError
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.specs import ModelSpec, refuse_alpha
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.options import NetworkOptions, keyword_options
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.cost import counted, counting, measure, paper_audit
    from gst_analysis.checkpoints import sources
else:
    counted = Door(f"{__name__}.counted")
    counting = Door(f"{__name__}.counting")
    measure = Door(f"{__name__}.measure")
    paper_audit = Door(f"{__name__}.paper_audit")
    sources = Door("gst_analysis.checkpoints.sources")

__all__ = [
    "ABOUT",
    "Cost",
    "CostOptions",
    "CostSummary",
    "DesignCost",
    "ExplainedCost",
    "PaperAudit",
    "PublishedOptions",
    "PublishedPlacing",
    "audit_paper",
    "compare_with_published",
    "cost",
    "explain_cost",
    "summarise_cost",
]

STREAM = "flow:"
"""What stands before the modules of the flow stream's network."""
SIZE = 224
"""Pixels of a frame's side in the paper."""


@keyword_options(CostOptions)
def cost(model: NetworkSpec | sources.Source, *, options: CostOptions) -> Cost:
    """Count parameters and multiply-adds of a network by name, spec or checkpoint, or of one in hand.

    Args:
        model: FAMILY-BACKBONE, a published system's name, a spec, a checkpoint's path, or what loading one or
            adopting a module returned.
        options: what of it is changed, and a frame's size: a checkpoint's own, else that of publication, 224
            for a design; its fields may be given as keywords.

    Example:
        >>> cost("gst-resnet50", alpha="1/4").summary.params
        21035246
        >>> cost("tsm-resnet50", flow="tsm-resnet50-flow").summary.params
        47751068
    """
    found = _settle(model, options)
    layers, notes = _count(found, found.size)
    return measure.tabulate_cost(layers, found.spec, size=found.size, notes=notes, flow=found.flow_spec)


@keyword_options(CostOptions)
def summarise_cost(model: NetworkSpec | sources.Source, *, options: CostOptions) -> CostSummary:
    """Total up what `cost` counts, without its table, which is quicker.

    Args:
        model: what `cost` takes.
        options: what `cost` takes.
    """
    found = _settle(model, options)
    return _summarise(found, found.size)


@keyword_options(CostOptions)
def explain_cost(model: NetworkSpec | sources.Source, *, options: CostOptions) -> list[ExplainedCost]:
    """Tell what other people's counters would print for a network, and which printed figures those are.

    Args:
        model: what `cost` takes.
        options: what `cost` takes.

    Example:
        >>> [round(one.value, 2) for one in explain_cost("gst-resnet50") if "ptflops" in one.who]
        [29.35]
    """
    found = _settle(model, options)
    summaries: dict[int, CostSummary] = {found.size: _summarise(found, found.size)}
    for size in explain.list_sizes(found.size):
        if size not in summaries:
            with suppress(SpecError):  # a network of one size says so; its figure stays empty
                summaries[size] = _summarise(found, size)
    # Nobody's printed figure is of two streams.
    name = "" if found.flow else found.spec.name
    return explain.explain_summaries(name, found.size, summaries)


def _summarise(found: _Settled, size: int) -> CostSummary:
    return counting.summarise_layers(_count(found, size)[0], found.spec, size, flow=found.flow_spec)


def _count(found: _Settled, size: int) -> tuple[list[counting.Layer], tuple[str, ...]]:
    """Every module of a network, and of that of the other stream behind it."""
    notes: tuple[str, ...] = ()
    if isinstance(found.spec, ModelSpec):
        layers = counting.count_layers(found.spec, size=size)
    else:
        layers, notes = counted.count_network(found.spec, found.network, size=size)
    if found.flow is None:
        return layers, notes
    more, other = _count(found.flow, size)
    behind = [replace(layer, module=f"{STREAM}{layer.module}") for layer in more]
    return [*layers, *behind], tuple(dict.fromkeys((*notes, *other)))


@dataclass(frozen=True)
class _Settled:
    """What is costed, and at which size; the network itself where it was brought, and the other stream's."""

    spec: NetworkSpec
    size: int
    network: Any = None
    flow: _Settled | None = None

    @property
    def flow_spec(self) -> NetworkSpec | None:
        return None if self.flow is None else self.flow.spec


def _settle(model: NetworkSpec | sources.Source, options: CostOptions) -> _Settled:
    """Whose cost is asked: of one network, or of two streams.

    Raises:
        SpecError: the other stream's network reads no optical flow.
    """
    found = _settle_one(model, options)
    if options.flow is None:
        return found
    flow = _settle_one(options.flow, CostOptions(num_classes=options.num_classes, size=found.size))
    if flow.spec.flow and options.num_frames is not None:  # as many stacks as the other has frames
        stacks = CostOptions(num_frames=options.num_frames * flow.spec.flow)
        flow = replace(flow, spec=_change(flow.spec, stacks))
    if not flow.spec.flow:
        raise SpecError(
            f"the flow network {flow.spec.name}",
            expected="a network of optical flow, such as tsm-resnet50-flow",
            found="one that reads colour frames",
            todo="put -flow behind a design's name, or name the flow stream's checkpoint",
        )
    return replace(found, flow=flow)


def _settle_one(model: NetworkSpec | sources.Source, options: CostOptions) -> _Settled:
    """One network: a checkpoint takes clips of its own."""
    if isinstance(model, OwnCode):
        model = model.network
    elif isinstance(model, str) and not is_file(model):
        model = spec_from_text(model)
    if isinstance(model, NetworkSpec):
        size = model.size if isinstance(model, SystemSpec) else SIZE
        return _Settled(_change(model, options), size if options.size is None else options.size)
    told = NetworkOptions(family=options.family)
    checkpoint = sources.glance_at(sources.tell(model, told))  # shapes are enough, and need no torch
    clip, spec = checkpoint.clip_spec, checkpoint.spec
    if isinstance(spec, ModelSpec):
        spec = spec.replace(num_frames=clip.frames)
    size = clip.crop if options.size is None else options.size
    return _Settled(_change(spec, options), size, getattr(model, "module", None))


def _change(spec: NetworkSpec, options: CostOptions) -> NetworkSpec:
    """The network with what the options change.

    Raises:
        SpecError: it has no such thing to be changed.
    """
    if isinstance(spec, ModelSpec):
        refuse_alpha(spec.name, options.alpha)
        return resolve_spec(spec, **options.design)
    given = {name: value for name, value in options.design.items() if value is not None}
    can = {"num_frames", "num_classes"} if isinstance(spec, SystemSpec) else {"num_frames"}
    odd = sorted(set(given) - can)
    if odd:
        raise SpecError(
            f"cost of {spec.label}",
            expected=f"nothing but {' and '.join(sorted(can))} and the size to be changed",
            found=", ".join(f"{name} {given[name]}" for name in odd),
            todo="leave it out: it is no design that follows from arithmetic",
        )
    changed: NetworkSpec = replace(spec, **given)  # type: ignore[type-var] # both kinds are dataclasses
    return changed


@keyword_options(PublishedOptions)
def compare_with_published(design: Cost, *, options: PublishedOptions) -> PublishedPlacing:
    """Place a network's cost, and its accuracy if that is given, among those that the GST paper prints.

    Args:
        design: what `cost` returned.
        options: its accuracy in percent, and the data set that it was measured on, whose results are drawn
            unless `plot` is told otherwise; its fields may be given as keywords.

    Raises:
        SpecError: an accuracy that is none in percent, or a data set without published results.

    Example:
        >>> compare_with_published(cost("gst-resnet50"), top1=47.0).summary.ahead
        0
    """
    return measure.place_design(design, options)


def audit_paper() -> PaperAudit:
    """Recompute every parameter count and GFLOP figure the paper prints for families that exist here."""
    return paper_audit.audit_paper()


ABOUT = About(
    room=__name__,
    title="Cost",
    command="cost",
    needs="checkpoint",
    run=cost,
    options=CostOptions,
    page="cost",
)
