"""How small can the network get, and what would it keep?

The channels with the lowest scores are taken out after every temporal operator, until a share of the
multiply-adds or parameters is left, or accuracy has fallen by so much: a smaller checkpoint with a spatial
and a temporal width of its own in every block. Given labelled clips, accuracy over cost is measured beside
equal shares and random channels, and points of that curve may be fine-tuned.

It cannot tell that a channel is useless: accuracies are those before fine-tuning unless that was asked for,
and another score may choose other channels.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gst_analysis.analyses.slimming.table import SLIM_SCORES, Slimming, SlimOptions
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.slimming import measure
    from gst_analysis.checkpoints import sources
    from gst_analysis.clips.records import RecordList
else:
    measure = Door(f"{__name__}.measure")
    sources = Door("gst_analysis.checkpoints.sources")

__all__ = ["ABOUT", "SLIM_SCORES", "SlimOptions", "Slimming", "slim"]


@keyword_options(SlimOptions)
def slim(
    source: sources.Source,
    dataset: str | os.PathLike[str] | RecordList | None = None,
    *,
    options: SlimOptions,
    progress: Progress | None = None,
) -> Slimming:
    """Take the channels with the lowest scores out of a network.

    Args:
        source: the path of a checkpoint, or what `load_model` returned.
        dataset: labelled clips; needed for scores from data, for max_drop, for fine-tuning and for the curve.
        options: how small, by which score, on which clips; its fields may be given as keywords.
        progress: called now and then.

    Example:
        >>> import gst_analysis as gst
        >>> gst.slim("ckpt.pth", macs=0.8).save("slim", ["png", "csv"])  # doctest: +SKIP
    """
    measure.check_options(options, dataset)
    return measure.measure_slimming(
        sources.open_model(source, options=options), dataset, options=options, progress=progress
    )


ABOUT = About(
    room=__name__,
    title="Slimming",
    command="slim",
    needs="checkpoint",
    run=slim,
    options=SlimOptions,
    page="is_it_true",
    asks=("widths",),
)
