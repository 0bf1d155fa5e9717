"""Does a network need the order of frames, and what does it make of clips played in reverse?

The same clips in order, shuffled, reversed, held still at one frame, with only their end points, with every
second frame, with halves swapped, and with other values beyond their ends: accuracy and the true class's
probability, the share of above-chance accuracy that needs order, for every class and in all, and classes that
are each other's reversal.

It cannot tell what in the order a network uses, nor what it would make of other clips. Shuffled clips are
unlike those it was trained on, so part of a fall may be its surprise; and a shuffle leaves some order, so
that more may need order than is lost. Where a still is enough, it need not be what the network goes by.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gst_analysis.analyses.order.table import FrameOrder, OrderOptions, OrderSummary
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.order import measure
    from gst_analysis.checkpoints import sources
    from gst_analysis.clips import labelled
    from gst_analysis.clips.records import RecordList
else:
    measure = Door(f"{__name__}.measure")
    sources = Door("gst_analysis.checkpoints.sources")
    labelled = Door("gst_analysis.clips.labelled")

__all__ = ["ABOUT", "FrameOrder", "OrderOptions", "OrderSummary", "frame_order"]


@keyword_options(OrderOptions)
def frame_order(
    source: sources.Source,
    dataset: str | os.PathLike[str] | RecordList,
    *,
    options: OrderOptions,
    progress: Progress | None = None,
) -> FrameOrder:
    """Show a network the same clips with their frames in other orders, and measure what that changes.

    Args:
        source: the path of a checkpoint, or what `load_model` returned.
        dataset: an annotation file, a folder with one validation list, or what load_labelled_clips gave.
        options: which clips and conditions, how many shuffles, how many clips at once, seed and confidence;
            its fields may be given as keywords.
        progress: called after every clip.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.
        SpecError: a network of one frame, whose clips have no order.

    Example:
        >>> import gst_analysis as gst
        >>> gst.frame_order("ckpt.pth", "worlds/temporal", limit=200).plot()  # doctest: +SKIP
    """
    measure.settings_of(options)  # refuses what cannot be, before a network is loaded
    measure.bootstrap_of(options)
    choice = labelled.ClipChoice(options.root, options.format, options.limit, options.seed, options.subset)
    model = sources.open_model(source, options=options)
    records = labelled.load_labelled_clips(dataset, choice, classes=model.labels)
    return measure.measure_order(model, records, options=options, progress=progress)


ABOUT = About(
    room=__name__,
    title="Order",
    command="order",
    needs="dataset",
    run=frame_order,
    options=OrderOptions,
    asks=("logits",),
)
