"""Which frames of a clip to take: whole numbers in, whole numbers out.

Every function takes the clip's number of frames and returns sorted positions from 0, as many as asked
for. A clip shorter than that repeats its frames evenly, each by its nearest neighbour.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from gst_analysis.errors import DataError, SpecError
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
else:  # whoever reads what a checkpoint says of its clips samples none
    np = Door("numpy")

Indices: TypeAlias = "npt.NDArray[np.int64]"


def segment_indices(total: int, frames: int, *, rng: np.random.Generator | None = None) -> Indices:
    """One frame of each of `frames` equal segments (TSN): its middle, or a random one if `rng` is given.

    Segment k covers the positions from k * total / frames up to (k + 1) * total / frames, and the frame
    is the one that holds the drawn point, so that no remainder is lost at the end and short clips need
    no other rule. The middle is exact: (2k + 1) * total // (2 * frames).
    """
    _check(total, frames)
    starts = np.arange(frames, dtype=np.int64) * total
    if rng is None:
        return (2 * starts + total) // (2 * frames)
    return (starts + rng.integers(0, total, size=frames)) // frames


def strided_indices(
    total: int, frames: int, stride: int, *, rng: np.random.Generator | None = None
) -> Indices:
    """`frames` positions `stride` apart (dense sampling): from the middle, or from a random start.

    Where the clip is too short for that, the stride shrinks as far as needed; where even neighbouring
    frames are too few, all frames are spread evenly.
    """
    _check(total, frames)
    _at_least_one(stride, "stride")
    if total < frames:
        return segment_indices(total, frames)
    stride = _fitting_stride(total, frames, stride)
    slack = total - 1 - (frames - 1) * stride
    start = slack // 2 if rng is None else int(rng.integers(0, slack + 1))
    return start + stride * np.arange(frames, dtype=np.int64)


def multi_clip_indices(total: int, frames: int, clips: int, *, sampling: str = "segments") -> Indices:
    """`clips` evenly placed samplings of one clip for testing: an array (clips, frames).

    One clip is the middle sampling. Segments are read at `clips` points each; dense windows run from
    the clip's first frame to its last.
    """
    _check(total, frames)
    _at_least_one(clips, "clips")
    stride = parse_sampling(sampling)
    if run := parse_runs(sampling):
        return np.stack([run_indices(total, frames, run) for _ in range(clips)])
    c, k = np.ogrid[:clips, :frames]
    if stride is None or total < frames:
        return np.asarray((2 * (clips * k + c) + 1) * total // (2 * clips * frames), dtype=np.int64)
    stride = _fitting_stride(total, frames, stride)
    slack = total - 1 - (frames - 1) * stride
    starts = np.full_like(c, slack // 2) if clips == 1 else (2 * c * slack + clips - 1) // (2 * (clips - 1))
    return np.asarray(starts + stride * k, dtype=np.int64)


def sample_frames(
    total: int, frames: int, *, sampling: str = "segments", rng: np.random.Generator | None = None
) -> Indices:
    """Sample as ClipSpec.sampling says: `segments`, `dense-4` for a stride of 4, `segments-of-5` for runs."""
    if run := parse_runs(sampling):
        return run_indices(total, frames, run, rng=rng)
    stride = parse_sampling(sampling)
    if stride is None:
        return segment_indices(total, frames, rng=rng)
    return strided_indices(total, frames, stride, rng=rng)


def parse_sampling(sampling: str) -> int | None:
    """The stride of `dense-N`; None for segments."""
    match = re.fullmatch(r"dense-([1-9][0-9]{0,3})", sampling)
    if match is None and sampling != "segments" and not parse_runs(sampling):
        raise SpecError(
            "sampling",
            expected="segments, or dense-N with a stride of N frames",
            found=repr(sampling)[:60],
            todo="write one of them",
        )
    return int(match[1]) if match else None


def parse_runs(sampling: str) -> int:
    """How many neighbouring frames `segments-of-N` takes of each segment; 0 for any other sampling."""
    match = re.fullmatch(r"segments-of-([1-9][0-9]?)", sampling)
    return int(match[1]) if match else 0


def run_indices(total: int, frames: int, run: int, *, rng: np.random.Generator | None = None) -> Indices:
    """Runs of `run` neighbouring frames, one a segment, as TDN reads a clip.

    A run starts in the middle of its segment, or anywhere in it if `rng` is given; it stands still at the
    clip's last frame. Of a clip too short for runs that begin apart, every run begins at its start.
    """
    _check(total, frames)
    if frames % run:
        raise SpecError(
            "frames",
            expected=f"a multiple of {run}, as the sampling takes {run} of each segment",
            found=str(frames),
            todo="correct the number of frames",
        )
    segments = frames // run
    room = (total - run + 1) / segments if total > segments + run - 1 else 0.0
    within = 0.5 if rng is None else rng.random(segments)
    starts = (room * (np.arange(segments) + within)).astype(np.int64)
    picked: Indices = np.minimum(starts[:, None] + np.arange(run), total - 1).ravel()
    return picked


def _fitting_stride(total: int, frames: int, stride: int) -> int:
    return stride if frames == 1 else min(stride, (total - 1) // (frames - 1))


def _check(total: int, frames: int) -> None:
    _at_least_one(total, "frames in the clip")
    _at_least_one(frames, "frames to sample")


def _at_least_one(value: Any, name: str) -> None:
    if value < 1:
        raise DataError(name, expected="at least 1", found=str(value), todo="leave it out or ask for more")
