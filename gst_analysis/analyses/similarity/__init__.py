"""How alike do two networks, or two places of one, see clips?

Debiased linear CKA between every place of one network and every place of another, or of itself; and between
the frames within a place, which says how much of what it holds changes over time. Intervals draw clips.

It cannot tell what is alike, nor whether it is used: two places are alike if clips that lie near each other
in one do so in the other, whatever makes them near, which may be the background. Features are averaged over
the frame unless positions are asked for. High values between neighbouring places are usual, since most of
what leaves a residual block entered it. Two seeds of one recipe are the measure of what "alike" means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.similarity.table import Similarity, SimilarityOptions
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.similarity import measure
    from gst_analysis.checkpoints import sources
    from gst_analysis.clips import labelled
    from gst_analysis.clips.records import AnyPath, RecordList
else:
    measure = Door(f"{__name__}.measure")
    sources = Door("gst_analysis.checkpoints.sources")
    labelled = Door("gst_analysis.clips.labelled")

__all__ = ["ABOUT", "Similarity", "SimilarityOptions", "similarity"]


@keyword_options(SimilarityOptions)
def similarity(
    source: sources.Source,
    clips: AnyPath | Sequence[AnyPath] | RecordList,
    *,
    other: sources.Source | None = None,
    options: SimilarityOptions,
    progress: Progress | None = None,
) -> Similarity:
    """Compare what leaves the places of two networks over the same clips, or those of one among themselves.

    Args:
        source: a checkpoint's path, or what load_model returned.
        clips: an annotation file or a data set's folder; or video files, frame folders, folders of either,
            globs; or records. Each network gets them as it wants them.
        other: the second network.
        options: what is compared, and of how many clips; its fields may be given as keywords.
        progress: called after every clip.

    Raises:
        CheckpointError: a file that cannot be used.
        DataError: fewer than four clips that can be read.
        BrokenCheckpoint: what leaves a place is infinite or no number.
        SpecError: a network without places that can be looked at.

    Example:
        >>> import gst_analysis as gst
        >>> gst.similarity("a.pth", "clips/", other="b.pth").plot()  # doctest: +SKIP
    """
    given = [source] if other is None else [source, other]
    models = [sources.open_model(one, options=options) for one in given]
    records = labelled.spread_records(labelled.open_listed_or_clips(clips), options.limit)
    return measure.measure_similarity(models, records, options=options, progress=progress)


ABOUT = About(
    room=__name__,
    title="Similarity",
    command="similarity",
    needs="clips",
    run=similarity,
    options=SimilarityOptions,
    asks=("logits", "places"),
)
