"""Can every clip of a data set be read, and is it what its annotations say?

Every clip is opened and a few of its frames are decoded, as training would: missing, unreadable, truncated,
too short and mislabelled clips are listed, a row for each problem. A clip of several lists is one; where they
label it differently, it is mislabelled.

It cannot tell whether a label is right, only whether it is known and whether lists contradict each other; and
of a clip it decodes a few frames, so that damage between them may stay unseen.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.analyses.dataset_check.table import DatasetCheck, DatasetCheckOptions, DatasetSummary
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.dataset_check import measure
else:
    measure = Door(f"{__name__}.measure")

__all__ = ["ABOUT", "DatasetCheck", "DatasetCheckOptions", "DatasetSummary", "check_dataset"]


@keyword_options(DatasetCheckOptions)
def check_dataset(
    annotations: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    options: DatasetCheckOptions,
    progress: Progress | None = None,
) -> DatasetCheck:
    """Open every clip of a data set and decode a few of its frames, as training would.

    Args:
        annotations: annotation files, or folders that hold them: all for training, validation and testing.
        options: where clips lie (beside the annotations, or in `videos` there), their format and subset, and
            how many are looked at at once, and whether it is their optical flow; its fields may be given as
            keywords.
        progress: called now and then.

    Raises:
        DataError: a folder without annotations, or annotations that cannot be read.

    Example:
        >>> import gst_analysis as gst
        >>> gst.check_dataset("something-something-v2").table  # doctest: +SKIP
    """
    named = [annotations] if isinstance(annotations, (str, os.PathLike)) else list(annotations)
    places = [Path(path) for path in named]
    listed, notes = measure.list_clips(places, options, progress)
    settings = measure.CheckSettings(flow=options.of_flow)
    return measure.measure_dataset(
        listed, settings=settings, workers=options.workers, notes=notes, progress=progress
    )


ABOUT = About(
    room=__name__,
    title="Dataset check",
    command="dataset-check",
    needs="annotations",
    run=check_dataset,
    options=DatasetCheckOptions,
    section=False,
)
