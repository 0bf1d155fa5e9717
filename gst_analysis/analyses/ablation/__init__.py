"""What is each group of channels needed for?

The spatial or the temporal channels of one block at a time are silenced, averaged or shuffled, and it is
measured how far accuracy and the true class's logit fall and the cross entropy rises.

It cannot tell what a group does that others can stand in for: a small drop does not mean that a group does
nothing. Later blocks meet values that they were not trained on, so part of a drop may be their surprise.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gst_analysis.analyses.ablation.table import Ablation, AblationOptions
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.ablation import measure
    from gst_analysis.checkpoints import sources
    from gst_analysis.clips import labelled
    from gst_analysis.clips.records import RecordList
else:
    measure = Door(f"{__name__}.measure")
    sources = Door("gst_analysis.checkpoints.sources")
    labelled = Door("gst_analysis.clips.labelled")

__all__ = ["ABOUT", "Ablation", "AblationOptions", "ablate"]


@keyword_options(AblationOptions)
def ablate(
    source: sources.Source,
    dataset: str | os.PathLike[str] | RecordList,
    *,
    options: AblationOptions,
    progress: Progress | None = None,
) -> Ablation:
    """Change every group of channels after every temporal operator, and measure what is lost.

    Args:
        source: the path of a checkpoint, or what `load_model` returned.
        dataset: an annotation file, a folder with one validation list, or what load_labelled_clips gave.
        options: which clips and changes, how many at once, seed and confidence; its fields may be given as
            keywords.
        progress: called after every clip, once more for each where means are taken first.

    Example:
        >>> import gst_analysis as gst
        >>> gst.ablate("ckpt.pth", "worlds/temporal", limit=200).plot()  # doctest: +SKIP
    """
    measure.check_options(options)
    choice = labelled.ClipChoice(options.root, options.format, options.limit, options.seed, options.subset)
    model = sources.open_model(source, options=options)
    records = labelled.load_labelled_clips(dataset, choice, classes=model.labels)
    return measure.measure_ablation(model, records, options=options, progress=progress)


ABOUT = About(
    room=__name__,
    title="Ablation",
    command="ablate",
    needs="dataset",
    run=ablate,
    options=AblationOptions,
    page="is_it_true",
    asks=("logits", "units"),
)
