"""Heat without a network: what any map has to beat before it says that a network looks at something.

Each control paints maps of a clip's frames, (T, h, w), from the pixels alone or from nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.nn import functional as F

Maps = npt.NDArray[np.float64]
Painter = Callable[[Tensor, int], Maps]
"""Frames (T, 3, S, S) as they are read, and pixels from one cell to the next -> maps."""


def paint_colour(frames: Tensor, stride: int) -> Maps:
    """How colourful the surroundings of each cell are: the largest of red, green and blue minus the least."""
    chroma = frames.float().amax(1, keepdim=True) - frames.float().amin(1, keepdim=True)
    side = stride | 1  # odd, so that a cell stands in the middle of what it is the mean of
    blurred = F.avg_pool2d(chroma, side, stride=1, padding=side // 2, count_include_pad=False)
    return np.asarray(blurred[:, 0, ::stride, ::stride].double().cpu().numpy())


def paint_centre(frames: Tensor, stride: int) -> Maps:
    """Hottest in the middle of the frame, where objects like to be."""
    count, side = len(frames), frames.shape[-1]
    off = np.arange(0, side, stride) - (side - 1) / 2
    return np.broadcast_to(1 / (1 + off[:, None] ** 2 + off**2), (count, len(off), len(off))).copy()


def paint_anywhere(frames: Tensor, stride: int) -> Maps:
    """Anything, the same for the same frames."""
    cells = -(-frames.shape[-1] // stride)
    rng = np.random.default_rng(int(frames.long().sum()))
    return rng.random((len(frames), cells, cells))


CONTROLS: Mapping[str, Painter] = {"colour": paint_colour, "centre": paint_centre, "random": paint_anywhere}
