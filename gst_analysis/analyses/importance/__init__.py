"""How much does each channel hand on to what follows?

Raw γ beside the channel's expected contribution to the next layer, which stays as it is when a channel is
rescaled and the next convolution undoes it; from the weights alone, or also measured on clips.

It cannot tell what later layers make of a channel, nor whether contributions cancel: they are added up as if
filters did not. Compare channels of one layer. Without clips, what passes is taken as normally distributed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.importance.table import Importance, ImportanceOptions
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.importance import measure
    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.clips import finding
else:
    measure = Door(f"{__name__}.measure")
    finding = Door("gst_analysis.clips.finding")

__all__ = ["ABOUT", "Importance", "ImportanceOptions", "channel_importance"]


@keyword_options(ImportanceOptions)
def channel_importance(
    *sources: Source,
    clips: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    names: Sequence[str] | None = None,
    options: ImportanceOptions,
    progress: Progress | None = None,
) -> Importance:
    """Scores of every channel after a temporal operator.

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        clips: video files, frame folders, folders of either, globs: also measure the scores on them.
        names: what to call the checkpoints; their file names if not given.
        options: where clips are run; its fields may be given as keywords.
        progress: called before every checkpoint.

    Raises:
        CheckpointError: not one of them could be read. If some could not, the result names them.
        DataError: clips that are none, or not one that could be read.

    Example:
        >>> channel_importance("ckpt.pth").plot()  # doctest: +SKIP
    """
    records = None if clips is None else finding.find_clips(clips)
    return measure.score_checkpoints(sources, records, names=names, options=options, progress=progress)


ABOUT = About(
    room=__name__,
    title="Importance",
    command="importance",
    needs="checkpoints",
    run=channel_importance,
    options=ImportanceOptions,
    page="space_and_time",
    asks=("scales",),
)
