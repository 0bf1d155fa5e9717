"""Which input frames is the prediction of a frame made of?

How much the logit of each frame depends on each input frame: by the exact gradient, and by replacing frames
one at a time; and how far each block sees through time.

It cannot tell what in a frame the network looked at (see saliency), nor whether the order of frames matters
to it: a network may read all frames and ignore their order. Gradients say what a small change would do; where
max pooling meets flat areas they jump, and the ways that replace frames are the ones to believe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.influence.table import FrameInfluence, InfluenceOptions
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.influence import measure
    from gst_analysis.checkpoints import sources
    from gst_analysis.clips import labelled
    from gst_analysis.clips.records import AnyPath, RecordList
    from gst_analysis.inference import settings as running
else:
    running = Door("gst_analysis.inference.settings")
    measure = Door(f"{__name__}.measure")
    sources = Door("gst_analysis.checkpoints.sources")
    labelled = Door("gst_analysis.clips.labelled")

__all__ = ["ABOUT", "FrameInfluence", "InfluenceOptions", "frame_influence"]


@keyword_options(InfluenceOptions)
def frame_influence(
    source: sources.Source,
    clips: AnyPath | Sequence[AnyPath] | RecordList,
    *,
    options: InfluenceOptions,
    progress: Progress | None = None,
) -> FrameInfluence:
    """Measure how much each frame's logit depends on each input frame, averaged over clips.

    Args:
        source: a checkpoint's path, or what load_model returned.
        clips: video files, frame folders, folders of either, globs; or records.
        options: whose logit, in how many clips; its fields may be given as keywords.
        progress: called after every step, of which each clip takes equally many.

    Example:
        >>> import gst_analysis as gst
        >>> gst.frame_influence("ckpt.pth", "clips/", limit=8).plot()  # doctest: +SKIP
    """
    model = sources.open_model(source, options=options)
    records = labelled.spread_records(labelled.open_clips(clips), options.limit)
    class_id = None if options.class_name is None else sources.find_class(model, options.class_name)
    settings = running.InferenceSettings(device=options.device, devices=options.devices)
    return measure.measure_influence(model, records, class_id=class_id, settings=settings, progress=progress)


ABOUT = About(
    room=__name__,
    title="Influence",
    command="influence",
    needs="clips",
    run=frame_influence,
    options=InfluenceOptions,
    page="traces",
    asks=("logits",),
)
