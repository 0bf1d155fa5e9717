"""How much do weights over time differ from frame to frame?

For every kernel that reads several frames: the share of its energy that is not constant over its taps,
beside the value it began with and that of independent taps; the part of it that tells a clip from its
reversal; how much lies on other frames than its own, and how far away. For shifts, the channels that they
move. From weights alone; clips add what they decide on: gates (GSM, GSF), kernels (TANet) and attention.

It cannot tell whether a network needs time: the kernels may be read by nothing (see ablation), and a constant
kernel reads other frames, too: it averages them. Nor does it see what reaches over frames without a kernel of
its own: differences between frames, the mean at the end. A filter's share is one over its input channels as
they are weighted there, so that a channel which the layer before makes larger counts less.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.temporal_use.table import TemporalUse, TemporalUseOptions
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.temporal_use import measure
    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.clips import finding
else:
    measure = Door(f"{__name__}.measure")
    finding = Door("gst_analysis.clips.finding")

__all__ = ["ABOUT", "TemporalUse", "TemporalUseOptions", "temporal_use"]


@keyword_options(TemporalUseOptions)
def temporal_use(
    *sources: Source,
    clips: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    names: Sequence[str] | None = None,
    options: TemporalUseOptions,
    progress: Progress | None = None,
) -> TemporalUse:
    """Measure how much kernels over time differ between their taps.

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        clips: video files, frame folders, folders of either, globs: also measure what clips decide on.
        names: what to call the checkpoints; their file names if not given.
        options: where kernels started, and what figures show; its fields may be given as keywords. The start
            is a checkpoint, 2-D or of an earlier epoch; "card" for what each checkpoint tells of itself,
            which is also tried if nothing is said; "first" for the first of several; "none".
        progress: called before every checkpoint.

    Raises:
        CheckpointError: not one of them could be read. If some could not, the result names them.
        SpecError: a network in which nothing reaches over frames, or a start that is asked for and unknown.
        DataError: clips that are none, or not one that could be read.

    Example:
        >>> temporal_use("ckpt.pth").kernels  # doctest: +SKIP
    """
    records = None if clips is None else finding.find_clips(clips)
    return measure.measure_temporal_use(sources, records, names=names, options=options, progress=progress)


ABOUT = About(
    room=__name__,
    title="Temporal use",
    command="temporal-use",
    needs="checkpoints",
    run=temporal_use,
    options=TemporalUseOptions,
    asks=("time",),
)
