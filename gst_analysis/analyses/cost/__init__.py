"""How many parameters and multiply-adds does a network cost?

Counted by arithmetic, for every module and by whose kernels they are: those of space, those of time, and what
both share; by three counting conventions, beside what published networks reached for theirs. Two commands:
`cost`, and `paper-audit`, which recomputes the numbers that the paper prints.

It cannot tell how long a network takes: multiply-adds are not seconds, and convolutions of few channels keep
a processor waiting for memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gst_analysis.analyses.cost.table import (
    Cost,
    CostOptions,
    CostSummary,
    DesignCost,
    PaperAudit,
    PublishedPlacing,
)
from gst_analysis.checkpoints.naming import is_file, resolve_spec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.options import keyword_options
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.cost import counting, measure, paper_audit
    from gst_analysis.checkpoints import sources
else:
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
    "PaperAudit",
    "PublishedPlacing",
    "audit_paper",
    "compare_with_published",
    "cost",
    "summarise_cost",
]

SIZE = 224
"""Pixels of a frame's side in the paper."""


@keyword_options(CostOptions)
def cost(model: ModelSpec | sources.Source, *, options: CostOptions) -> Cost:
    """Count parameters and multiply-adds of a network by name, spec or checkpoint.

    Args:
        model: FAMILY-BACKBONE, a ModelSpec, a checkpoint's path, or what loading one returned.
        options: what of it is changed, and a frame's size: a checkpoint's own, else 224; its fields may be
            given as keywords.

    Example:
        >>> cost("gst-resnet50", alpha="1/4").summary.params
        21035246
    """
    spec, size = _settle(model, options)
    return measure.measure_complexity(spec, size=size)


@keyword_options(CostOptions)
def summarise_cost(model: ModelSpec | sources.Source, *, options: CostOptions) -> CostSummary:
    """Total up what `cost` counts, without its table, which is quicker.

    Args:
        model: what `cost` takes.
        options: what `cost` takes.
    """
    spec, size = _settle(model, options)
    return counting.summarise_cost(spec, size=size)


def _settle(model: ModelSpec | sources.Source, options: CostOptions) -> tuple[ModelSpec, int]:
    """What is costed, and at which size: a checkpoint takes clips of its own."""
    size, design = options.size, options.design
    if isinstance(model, ModelSpec) or (isinstance(model, str) and not is_file(model)):
        return resolve_spec(model, **design), SIZE if size is None else size
    checkpoint = sources.checkpoint_of(model)
    clip = checkpoint.clip_spec
    spec = resolve_spec(checkpoint.spec.replace(num_frames=clip.frames), **design)
    return spec, clip.crop if size is None else size


def compare_with_published(design: Cost) -> PublishedPlacing:
    """Place a network's cost among the accuracies that the GST paper prints."""
    return measure.place_design(design)


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
