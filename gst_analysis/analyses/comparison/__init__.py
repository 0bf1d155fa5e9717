"""How do the scales of several checkpoints differ?

Many checkpoints side by side: their scales, the gap between space and time in every layer, and each one
against a reference, with intervals and tests.

It cannot tell why they differ. Channels stand for what another channel of the same network might have been:
no test here says what another training run would give, so that two seeds of one recipe may differ by more
than chance. What Figure 4 cannot tell of one checkpoint (see scales), this cannot tell of several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.comparison.table import ComparisonOptions, ScaleComparison
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.comparison import measure
    from gst_analysis.checkpoints.sources import Source
else:
    measure = Door(f"{__name__}.measure")

__all__ = ["ABOUT", "ComparisonOptions", "ScaleComparison", "compare_scales"]


@keyword_options(ComparisonOptions)
def compare_scales(
    *sources: Source,
    options: ComparisonOptions,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> ScaleComparison:
    """Compare the batch-norm scales of checkpoints, read one at a time.

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        options: which of the names the others are compared with, and how scales are shown; its fields may
            be given as keywords.
        names: what to call them; their file names if not given.
        progress: called before every checkpoint is read.

    Raises:
        CheckpointError: not one of them could be read. If some could not, the result names them.

    Example:
        >>> compare_scales("half.pth", "quarter.pth").table  # doctest: +SKIP
    """
    return measure.measure_comparison(sources, names=names, options=options, progress=progress)


ABOUT = About(
    room=__name__,
    title="Comparison",
    command="compare",
    needs="checkpoints",
    run=compare_scales,
    options=ComparisonOptions,
    page="space_and_time",
    section=False,
    asks=("scales",),
)
