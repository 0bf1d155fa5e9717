"""How often is a network right, class by class, and what does it take for what?

Top-1, top-5 and every class's accuracy over labelled clips, and the confusion of every pair of classes.

It cannot tell why a network is wrong, nor what it would make of other clips: the fewer clips a class has, the
less its percentage says. Clips that cannot be read count neither as right nor as wrong.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gst_analysis.analyses.evaluation.table import EvaluationOptions, EvaluationSummary, ModelEvaluation
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.evaluation import measure
    from gst_analysis.checkpoints import sources
    from gst_analysis.clips import labelled
    from gst_analysis.clips.records import RecordList
    from gst_analysis.inference import flow_stream, settings
else:
    measure = Door(f"{__name__}.measure")
    sources = Door("gst_analysis.checkpoints.sources")
    labelled = Door("gst_analysis.clips.labelled")
    flow_stream = Door("gst_analysis.inference.flow_stream")
    settings = Door("gst_analysis.inference.settings")

__all__ = ["ABOUT", "EvaluationOptions", "EvaluationSummary", "ModelEvaluation", "evaluate"]


@keyword_options(EvaluationOptions)
def evaluate(
    source: sources.Source,
    dataset: str | os.PathLike[str] | RecordList,
    *,
    options: EvaluationOptions,
    progress: Progress | None = None,
) -> ModelEvaluation:
    """Measure how often a network is right, class by class, and what it takes for what.

    Args:
        source: a checkpoint's path, or what load_model returned; with `flow=` the one of colour frames.
        dataset: an annotation file, a folder with one validation list, or what load_labelled_clips
            returned.
        options: which of its clips, which views, and where it is run; its fields may be given as keywords.
        progress: called after every clip.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.

    Example:
        >>> import gst_analysis as gst
        >>> gst.evaluate("ckpt.pth", "something-something-v2", limit=100).plot()  # doctest: +SKIP
        >>> gst.evaluate("rgb.pth", "list.txt", flow="flow.pth", flow_root="flow")  # doctest: +SKIP
    """
    how = settings.InferenceSettings.of(options)
    choice = labelled.ClipChoice(options.root, options.format, options.limit, subset=options.subset)
    model = sources.open_model(source, options=options)
    records = labelled.load_labelled_clips(dataset, choice, classes=model.labels)
    flow = flow_stream.FlowStream.of(options)
    return measure.measure_accuracy(model, records, flow=flow, settings=how, progress=progress)


ABOUT = About(
    room=__name__,
    title="Accuracy",
    command="evaluate",
    needs="dataset",
    run=evaluate,
    options=EvaluationOptions,
    page="classes",
    asks=("logits",),
)
