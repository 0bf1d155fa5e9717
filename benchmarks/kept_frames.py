"""Would frames kept on disk, at the size in which they are used, be read faster than clips are decoded?

    python -m benchmarks.kept_frames [--rounds 3] [--world FOLDER]

Processor time of one thread, for the training views of a planted world's clips (40 frames of 240x240, H.264
in mp4): decoded each time; from JPEG files of frames at the used size; from one raw array a clip, mapped; and
from memory, as `data.cache = "memory"` does. All frames of a clip are kept, because training draws anew.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as F

from benchmarks.data_rows import planted_world
from benchmarks.settings import using_threads
from gst_analysis.clips.dataset import ClipDataset, FrameReader, ReadingPlan
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.clips.media import Frames, Indices, Pixels
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.spans import read_frames
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.training.loaders import FrameStore

SIZES = (64, 112, 224)
QUALITY = 90
Choose = Callable[[int], Indices]


def keep_clips(records: RecordList, folder: Path, side: int) -> tuple[float, float]:
    """Write every clip's frames, their short side as used, in both forms; megabytes a clip of each."""
    for record in records:
        pixels = read_frames(record, np.arange).pixels
        if side < min(pixels.shape[1:3]):  # to enlarge them would only cost room
            small = F.resize(torch.from_numpy(pixels).permute(0, 3, 1, 2), [side], antialias=True)
            pixels = np.ascontiguousarray(small.permute(0, 2, 3, 1).numpy())
        np.save(_place(folder, record).with_suffix(".npy"), pixels)
        _place(folder, record).mkdir()
        for number, frame in enumerate(pixels):
            Image.fromarray(frame).save(_place(folder, record) / f"{number}.jpg", quality=QUALITY)
    raw, jpeg = (sum(path.stat().st_size for path in folder.rglob(kind)) for kind in ("*.npy", "*.jpg"))
    return raw / len(records) / 1e6, jpeg / len(records) / 1e6


def _place(folder: Path, record: ClipRecord) -> Path:
    return folder / Path(record.clip).stem


def read_raw(folder: Path) -> FrameReader:
    """Frames out of one array a clip."""

    def read(record: ClipRecord, choose: Choose) -> Frames:
        held = np.load(_place(folder, record).with_suffix(".npy"), mmap_mode="r")
        return _as_frames(np.asarray(held[np.ravel(choose(len(held)))]))

    return read


def read_jpeg(folder: Path, frames: int) -> FrameReader:
    """Frames out of a file each; how many there are is known."""

    def read(record: ClipRecord, choose: Choose) -> Frames:
        files = [_place(folder, record) / f"{number}.jpg" for number in np.ravel(choose(frames))]
        return _as_frames(np.stack([np.asarray(Image.open(file)) for file in files]))

    return read


def _as_frames(pixels: Pixels) -> Frames:
    places = np.arange(len(pixels))
    return Frames(pixels, places.astype(np.float64), places)


def time_views(records: RecordList, size: int, read: FrameReader) -> float:
    """Milliseconds of processor time for a clip's training view."""
    plan = ReadingPlan(ClipSpec(8, resize=size * 8 // 7, crop=size), train=True, normalise=False)
    dataset = ClipDataset(records, plan, read=read)
    begun = time.process_time()
    for place in range(len(records)):
        dataset[place]
    return 1000 * (time.process_time() - begun) / len(records)


def compare(records: RecordList, size: int, rounds: int) -> str:
    """A line: milliseconds decoded each time, and how many times faster each other way is."""
    with tempfile.TemporaryDirectory() as name:
        raw, jpeg = keep_clips(records, Path(name), size * 8 // 7)
        frames = len(read_frames(records[0], np.arange).pixels)
        store = FrameStore(2048)
        store.fill(records)
        ways: dict[str, FrameReader] = {
            "jpeg": read_jpeg(Path(name), frames),
            "raw": read_raw(Path(name)),
            "memory": store,
        }
        found = [
            {"video": time_views(records, size, read_frames)}
            | {way: time_views(records, size, read) for way, read in ways.items()}
            for _ in range(rounds)
        ]
    times = {way: statistics.median(one["video"] / one[way] for one in found) for way in ways}
    told = [f"{size} pixels: decoded {statistics.median(one['video'] for one in found):.2f} ms a clip"]
    told += [f"{way} {ratio:.2f} times faster" for way, ratio in times.items()]
    return ", ".join(told) + f"; MB a clip: jpeg {jpeg:.2f}, raw {raw:.2f}"


def main() -> None:
    """Print a line for every size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--world", type=Path, help="a planted world; one is rendered if not given")
    given = parser.parse_args()
    with using_threads(1), planted_world() if given.world is None else nullcontext(given.world) as world:
        records = load_labelled_clips(world / "train.json")
        files = {record.path for record in records}
        print(f"video: {sum(path.stat().st_size for path in files) / len(files) / 1e6:.2f} MB a clip")
        for size in SIZES:
            print(compare(records, size, given.rounds), flush=True)


if __name__ == "__main__":
    main()
