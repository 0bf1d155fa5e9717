"""A path, or what was loaded before -> a network ready to be run over clips."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gst_analysis.checkpoints.loading import LoadedModel
    from gst_analysis.workflows.sources import Source


def open_model(source: Source, *, family: str | None = None, num_frames: int | None = None) -> LoadedModel:
    """Load a network, or take what was loaded; with `num_frames` its clips have that many frames.

    Args:
        source: a checkpoint's path, or what load_checkpoint or load_model returned.
        family: c2d or tsm, where the weights cannot tell.
        num_frames: frames in a clip; as the checkpoint says if None.

    Raises:
        CheckpointError: the file cannot be used.
        SpecError: a number of frames below 1.
    """
    from gst_analysis.checkpoints.loading import LoadedModel, build_loaded
    from gst_analysis.specs import ClipSpec
    from gst_analysis.workflows.sources import checkpoint_of

    if num_frames is not None:
        ClipSpec(frames=num_frames)  # says what is wrong with it, before the file is blamed
    if isinstance(source, LoadedModel):
        model = source
        model.as_it_is()  # refuses what is no network of its spec
    else:
        model = build_loaded(checkpoint_of(source, family=family, num_frames=num_frames))
    if num_frames is None:
        return model
    clip_spec = dataclasses.replace(model.clip_spec, frames=num_frames)
    return dataclasses.replace(model, checkpoint=dataclasses.replace(model.checkpoint, clip_spec=clip_spec))
