"""What does a network take a clip for?

The classes that it thinks most likely, of any video that can be decoded, by the mean over the clip's frames
and over its views.

It cannot tell whether the network is right (see evaluation), nor how sure one may be of it: a probability
says how far one class stands out from the others that the network knows, and a clip that shows none of them
gets probabilities all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.prediction.table import ClipPredictions, PredictionOptions, PredictionSummary
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.prediction import measure
    from gst_analysis.checkpoints import sources
    from gst_analysis.clips import labelled
    from gst_analysis.clips.records import AnyPath, RecordList
    from gst_analysis.inference import classes, flow_stream, settings
else:
    measure = Door(f"{__name__}.measure")
    sources = Door("gst_analysis.checkpoints.sources")
    labelled = Door("gst_analysis.clips.labelled")
    classes = Door("gst_analysis.inference.classes")
    flow_stream = Door("gst_analysis.inference.flow_stream")
    settings = Door("gst_analysis.inference.settings")

__all__ = ["ABOUT", "ClipPredictions", "PredictionOptions", "PredictionSummary", "predict"]


@keyword_options(PredictionOptions)
def predict(
    source: sources.Source,
    clips: AnyPath | Sequence[AnyPath] | RecordList,
    *,
    options: PredictionOptions,
    progress: Progress | None = None,
) -> ClipPredictions:
    """Tell the most likely classes of clips.

    Args:
        source: a checkpoint's path, or what load_model returned; with `flow=` the one of colour frames.
        clips: video files, frame folders, folders of either, globs; or records.
        options: how many classes, which views, and where it is run; its fields may be given as keywords.
        progress: called after every clip.

    Raises:
        DataError: a name that stands for no clip, or not one clip that could be read.

    Example:
        >>> import gst_analysis as gst
        >>> gst.predict("ckpt.pth", "clip.mp4", device="cpu").table  # doctest: +SKIP
    """
    how = settings.InferenceSettings.of(options)
    classes.check_top_k(options.top_k)
    model = sources.open_model(source, options=options)
    flow = flow_stream.FlowStream.of(options)
    records, top_k = labelled.open_clips(clips), options.top_k
    return measure.measure_predictions(
        model, records, flow=flow, top_k=top_k, settings=how, progress=progress
    )


ABOUT = About(
    room=__name__,
    title="Prediction",
    command="predict",
    needs="clips",
    run=predict,
    options=PredictionOptions,
    section=False,
    asks=("logits",),
)
