"""Where in the frame does a network look?

Maps of what speaks for a class (Grad-CAM), for every frame that went in: of a block's output, and of the
spatial and the temporal channels of its operator.

It cannot tell what the network sees there, nor what it would say without it. A cell of a deep block draws on
far more of the frame than its own square, so heat may lie beside what caused it; whether it falls on the
right things can be measured where these are known, by the pointing game of docs/saliency.md.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gst_analysis.analyses.saliency.table import SaliencyMaps, SaliencyOptions
from gst_analysis.errors import DataError
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress, no_progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.saliency import measure
    from gst_analysis.checkpoints import sources
    from gst_analysis.clips import finding
    from gst_analysis.clips.records import AnyPath, ClipRecord
    from gst_analysis.inference import settings as running
else:
    measure = Door(f"{__name__}.measure")
    sources = Door("gst_analysis.checkpoints.sources")
    finding = Door("gst_analysis.clips.finding")
    running = Door("gst_analysis.inference.settings")

__all__ = ["ABOUT", "SaliencyMaps", "SaliencyOptions", "saliency_maps"]


@keyword_options(SaliencyOptions)
def saliency_maps(
    source: sources.Source,
    clip: AnyPath | ClipRecord,
    *,
    options: SaliencyOptions,
    progress: Progress = no_progress,
) -> SaliencyMaps:
    """Measure where and when a clip speaks for a class, and to which group of channels (Grad-CAM).

    Args:
        source: a checkpoint's path, or what load_model returned.
        clip: a video file, a frame folder, or a record.
        options: which class, at which block; its fields may be given as keywords.
        progress: called when the clip has been read, and when it has been looked at.

    Raises:
        DataError: a path that stands for several clips, or a clip that cannot be read.
        SpecError: no such class or block.

    Example:
        >>> import gst_analysis as gst
        >>> gst.saliency_maps("ckpt.pth", "clip.mp4", block="layer3.1").plot()  # doctest: +SKIP
    """
    model = sources.open_model(source, options=options)
    record = _find_one(clip)
    class_id = None if options.class_name is None else sources.find_class(model, options.class_name)
    settings = running.InferenceSettings(device=options.device)
    return measure.measure_saliency(
        model,
        record,
        class_id=class_id,
        block=options.block,
        check_maps=options.check,
        settings=settings,
        progress=progress,
    )


def _find_one(clip: AnyPath | ClipRecord) -> ClipRecord:
    records = finding.find_clips(clip if isinstance(clip, (str, os.PathLike)) else [clip])
    if len(records) != 1:
        raise DataError(
            str(clip), expected="one clip", found=f"{len(records)}", todo="name one video or frame folder"
        )
    return records[0]


ABOUT = About(
    room=__name__,
    title="Saliency",
    command="saliency",
    needs="clip",
    run=saliency_maps,
    options=SaliencyOptions,
    page="traces",
    asks=("logits", "places"),
)
