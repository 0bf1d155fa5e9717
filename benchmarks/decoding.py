"""Our decoding beside torchcodec's and decord's, where they are installed: the same frames, and at what cost?

    python -m benchmarks.decoding [--size 320] [--rounds 3]

Clips are rendered by a planted world (H.264 in mp4). Every frame is compared; then eight of each clip's
frames are read from a clip that was just opened, as training does, on one thread, in processor time.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import gst_analysis as gst
from gst_analysis.clips.decoding import open_clip

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Read = Callable[[Path, int], Pixels]
"""A clip and how many frames, spread evenly; all of them if 0."""
CLIPS, SAMPLED = 16, 8


def _choose(frames: int, wanted: int) -> list[int]:
    return list(range(frames)) if not wanted else np.linspace(0, frames - 1, wanted).astype(int).tolist()


def read_ours(path: Path, wanted: int) -> Pixels:
    """By gst-analysis, which is PyAV with its checks."""
    with open_clip(path) as clip:
        return np.asarray(clip.read(_choose(clip.num_frames, wanted)).pixels)


def find_readers() -> dict[str, Read]:
    """What is installed here and can be loaded; torchcodec needs the system's FFmpeg."""
    found: dict[str, Read] = {"gst-analysis": read_ours}
    for name, open_with in (("torchcodec", _by_torchcodec), ("decord", _by_decord)):
        try:
            found[name] = open_with()
        except (ImportError, RuntimeError) as error:
            print(f"{name}: not here ({str(error).splitlines()[0][:80]})")
    return found


def _by_torchcodec() -> Read:
    decoder: Any = importlib.import_module("torchcodec.decoders").VideoDecoder

    def read(path: Path, wanted: int) -> Pixels:
        clip = decoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=1)
        return np.asarray(clip.get_frames_at(_choose(len(clip), wanted)).data.numpy())

    return read


def _by_decord() -> Read:
    reader: Any = importlib.import_module("decord").VideoReader

    def read(path: Path, wanted: int) -> Pixels:
        clip = reader(str(path), num_threads=1)
        return np.asarray(clip.get_batch(_choose(len(clip), wanted)).asnumpy())

    return read


def main() -> None:
    """Print for each reader how many frames differ, and its cost a clip."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        gst.make_world(f"{folder}/world", world="state-change", clips=CLIPS, size=given.size)
        paths = sorted(Path(folder).rglob("*.mp4"))
        readers = find_readers()
        for name, read in readers.items():
            same = [np.array_equal(read(path, 0), read_ours(path, 0)) for path in paths]
            costs = [_time(read, paths) for _ in range(given.rounds)]
            print(
                f"{name}: {sum(same)} of {len(paths)} clips equal, {statistics.median(costs):.2f} ms a clip"
            )


def _time(read: Read, paths: list[Path]) -> float:
    begun = time.process_time()
    for path in paths:
        read(path, SAMPLED)
    return 1000 * (time.process_time() - begun) / len(paths)


if __name__ == "__main__":
    main()
