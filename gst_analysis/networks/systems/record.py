"""A published network as it is known without torch: one line of the list of systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gst_analysis.networks.described import Output


@dataclass(frozen=True)
class System:
    """One published network as it is known, without torch.

    `params` and `gmacs` (10^9 multiply-adds of one clip, convolutions and matrix products) are those of
    `frames` frames of `size` pixels and `classes` classes; tests count them again.
    """

    name: str
    """What builds it, such as slowfast-r50-8x8."""
    title: str
    """What people call it."""
    family: str
    backbone: str
    module: str
    """Its file below gst_analysis/networks/systems/."""
    paper: str
    """Authors, venue and year."""
    frames: int
    size: int
    classes: int
    output: Output
    params: int
    gmacs: float
    space_and_time: str
    """Where it keeps space and where time, in a few words."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What tells it from others of its file, given to `build` in the spec."""
    reads: tuple[str, ...] = ()
    """Whose checkpoints are recognised, such as "MMAction2"."""
    clip: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ClipSpec that differ from ours (resize, crop, mean, std, sampling, colours)."""
    lengths: str = "any"
    """Which numbers of frames it takes: any, only its own ("fixed"), or "multiples of 8"."""
    frames_a_row: int = 1
    """Frames of the clip behind one row of logits by frame."""
