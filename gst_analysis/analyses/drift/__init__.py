"""How far have scales moved since training began?

Every channel's γ now beside its γ at the start, of one checkpoint or of the epochs of a run; which channels
still hold a value that came from 2-D weights; and γ over training.

It cannot tell whether a channel is needed: a scale that has not moved may still be, and one that has moved
need not. Weight decay moves all scales alike, so that values change while their order stays. The start is
what the file or its card says it was; nothing checks that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.drift.table import FROM_CARD, FROM_FIRST, Drift, DriftOptions
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.drift import measure
    from gst_analysis.checkpoints.sources import Source
else:
    measure = Door(f"{__name__}.measure")

__all__ = ["ABOUT", "FROM_CARD", "FROM_FIRST", "Drift", "DriftOptions", "measure_drift"]


@keyword_options(DriftOptions)
def measure_drift(
    *sources: Source,
    options: DriftOptions,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Drift:
    """Measure γ now against γ at the start.

    Args:
        sources: one checkpoint, or those of a run in order.
        options: where scales started, and what counts as unmoved; its fields may be given as keywords. The
            start is a checkpoint, 2-D or of an earlier epoch; "card" for what the last checkpoint says of
            its start; "first" for the first of a series. If not given: "card" for one, "first" for several.
        names: what to call the checkpoints; their file names if not given.
        progress: called before every checkpoint is read.

    Raises:
        CheckpointError: not one of them could be read.
        SpecError: the start is unknown or does not fit.

    Example:
        >>> measure_drift("ckpt.pth", start="resnet50.pth").layers  # doctest: +SKIP
    """
    return measure.compare_with_start(sources, names=names, options=options, progress=progress)


ABOUT = About(
    room=__name__,
    title="Drift",
    command="drift",
    needs="checkpoints",
    run=measure_drift,
    options=DriftOptions,
    page="is_it_true",
    asks=("scales",),
)
