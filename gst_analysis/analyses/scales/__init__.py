"""How large are the batch-norm scales of spatial and of temporal channels?

Figure 4 of the paper: the scales after every temporal operator, split into space and time, block by block;
the gap between the two, and whether it is more than chance.

It cannot tell which channels a network needs (see ablation). Section 4.6 of the paper reads the scale of a
channel as its importance, but the next layer can undo any scale: multiply a group's γ and β by 10 and divide
the matching weights of the next convolution by 10, and the logits stay while the histograms move (see
importance). Nor does it tell which scales were learned (see drift).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.scales.table import BnScales, ScaleOptions
from gst_analysis.options import NetworkOptions, keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.scales import measure
    from gst_analysis.analyses.scales.sharing import Reference
    from gst_analysis.checkpoints.sources import Source
else:
    measure = Door(f"{__name__}.measure")

__all__ = ["ABOUT", "BnScales", "ScaleOptions", "bn_scales", "join_bn_scales", "reference"]


@keyword_options(ScaleOptions)
def bn_scales(
    *sources: Source,
    options: ScaleOptions,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> BnScales:
    """The batch-norm scales after every temporal operator, split into space and time (Figure 4).

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        options: how scales are shown; its fields may be given as keywords.
        names: what to call them in figures and tables; their file names if not given.
        progress: called before every checkpoint is read.

    Example:
        >>> import gst_analysis as gst
        >>> gst.bn_scales("ckpt.pth").plot()  # doctest: +SKIP
    """
    return measure.measure_scales(sources, names=names, options=options, progress=progress)


@keyword_options(NetworkOptions)
def reference(source: Source, *, options: NetworkOptions) -> Reference:
    """The scales of a checkpoint without its weights: a small file that `compare` takes in its place.

    Args:
        source: the path of a checkpoint, or what `load_checkpoint` or `load_model` returned.
        options: what no weight shows; its fields may be given as keywords.

    Raises:
        CheckpointError: the file cannot be used.
        SpecError: it is not a file's any more, or of a network that nobody else can name.

    Example:
        >>> import gst_analysis as gst
        >>> gst.reference("ckpt.pth").save("to-send")  # doctest: +SKIP
    """
    return measure.take_reference(source, options)


@keyword_options(ScaleOptions)
def join_bn_scales(
    parts: Sequence[BnScales], *, names: Sequence[str], paths: Sequence[str], options: ScaleOptions
) -> BnScales:
    """What `bn_scales` gives for several checkpoints out of one result for each, reading no file.

    Args:
        parts: results of one checkpoint each.
        names: what to call them in figures and tables.
        paths: where to say they lie.
        options: how scales are shown; its fields may be given as keywords.
    """
    return measure.join_scales(parts, names=names, paths=paths, options=options)


ABOUT = About(
    room=__name__,
    title="Scales",
    command="bn-hist",
    needs="checkpoints",
    run=bn_scales,
    options=ScaleOptions,
    page="space_and_time",
    asks=("scales",),
)
