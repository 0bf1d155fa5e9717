"""The frames of a film in one pass, beside the blocks that they were read in before: what do they cost?

    python -m benchmarks.films [--rounds 3] [--seconds 10]

Clips of a moving pattern in H.264, with a keyframe every 250 frames, as encoders make by themselves. A block
held 64 MB and began at the keyframe before it, so that frames were decoded again and again. Processor time of
all frames, each form in every round, in turn; and that the frames are the same.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from gst_analysis.clips.media import Pixels
from gst_analysis.clips.patience import VARIABLE
from gst_analysis.clips.pictures import LONGEST
from gst_analysis.clips.video_files import VideoFile

SIZES = ((320, 240), (1280, 720), (1920, 1080), (3840, 2160))
RATE, KEYFRAMES = 30, 250
_BLOCK_BYTES = 64_000_000


def write_clip(path: Path, width: int, height: int, seconds: float) -> Path:
    """A square that goes round over a slope of colours."""
    y, x = np.mgrid[:height, :width]
    slope = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=-1).astype(np.uint8)
    side = min(width, height) // 6
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = KEYFRAMES
        for number in range(round(seconds * RATE)):
            picture = slope.copy()
            across = int((0.4 + 0.3 * np.sin(number / 15)) * width)
            down = int((0.4 + 0.3 * np.cos(number / 22)) * height)
            picture[down : down + side, across : across + side] = (250, number % 256, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def read_blocks(clip: VideoFile) -> Iterator[Pixels]:
    """All frames, a block at a time: the form that was."""
    height, width = clip.read([0]).pixels[0].shape[:2]
    size = max(8, _BLOCK_BYTES // (height * width * 3))
    for start, stop in pairwise([*range(0, clip.num_frames, size), clip.num_frames]):
        yield from clip.read(range(start, stop)).pixels


def read_once(clip: VideoFile) -> Iterator[Pixels]:
    """All frames in one pass: the form that is."""
    return clip.follow(range(clip.num_frames))


def _time(read: Callable[[VideoFile], Iterator[Pixels]], clip: VideoFile) -> float:
    begun = time.process_time()
    for _ in read(clip):
        pass
    return time.process_time() - begun


def main() -> None:
    """Print a row a size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    os.environ.setdefault(VARIABLE, "600")  # the form that was may need it on a machine that others use
    print("| frames | in blocks | in one pass | ratio (rounds) | the same frames |\n|---|--:|--:|--:|---|")
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            clip = VideoFile(write_clip(Path(folder) / f"{width}.mp4", width, height, given.seconds))
            clip = clip.reduced(LONGEST) if width > LONGEST else clip
            pairs = [(_time(read_blocks, clip), _time(read_once, clip)) for _ in range(given.rounds)]
            ratios = sorted(before / now for before, now in pairs)
            same = "yes" if all(map(np.array_equal, read_blocks(clip), read_once(clip))) else "no"
            before, now = (statistics.median(times) for times in zip(*pairs, strict=True))
            spread = f"{statistics.median(ratios):.1f} ({ratios[0]:.1f}–{ratios[-1]:.1f})"
            print(f"| {width}×{height} | {before:.2f} s | {now:.2f} s | {spread} | {same} |", flush=True)


if __name__ == "__main__":
    main()
