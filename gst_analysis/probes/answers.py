"""Which frames of a clip a network's answers can depend on, and what it gives for fewer frames than it takes.

A network answers for every frame or once a clip; some take clips of one length alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gst_analysis.checkpoints.loaded import Network
from gst_analysis.networks.receptive_fields import mark_reachable


def reach_of(half_width: int | None, frames: int) -> int:
    """Frames back and forth: all of a clip's where nothing says how many."""
    return frames if half_width is None else half_width


def mark_answers(network: Network) -> npt.NDArray[np.bool_]:
    """(R, T): whether answer i can depend on input frame j."""
    frames = network.clip_spec.frames
    answers = network.spec.count_answers(frames)
    if answers < frames:
        return np.ones((answers, frames), dtype=bool)
    return mark_reachable(frames, reach_of(network.anatomy.half_width, frames))


def repeat_last(clips: Tensor, frames: int) -> Tensor:
    """Clips (N, t, 3, H, W) made as long as a network takes them: the last frame stands still."""
    missing = frames - clips.shape[1]
    return torch.cat([clips, clips[:, -1:].expand(-1, missing, -1, -1, -1)], 1) if missing else clips


def leave_out(clips: Tensor, place: int, *, any_length: bool) -> Tensor:
    """Clips without one frame; where a network takes no fewer, the frame before it stands in, or the next."""
    if any_length:
        return torch.cat([clips[:, :place], clips[:, place + 1 :]], 1)
    changed = clips.clone()
    changed[:, place] = clips[:, place - 1 if place else min(1, clips.shape[1] - 1)]
    return changed
