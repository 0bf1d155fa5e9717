"""Training views from frames that `data.cache` keeps, against clips that are decoded each time.

    python -m benchmarks.kept_frames [--rounds 3] [--world FOLDER]

Processor time of one thread, for the training views of a planted world's clips (40 frames of 240x240, H.264
in mp4): decoded each time; from frames kept as JPEG and raw, at the used size; and from memory. The ways take
turns. Then how far views from kept frames lie from decoded ones, as training and as validation see them.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from benchmarks.data_rows import planted_world
from benchmarks.settings import using_threads
from gst_analysis.clips.dataset import ClipDataset, ClipItem
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.clips.records import RecordList
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.loaders import build_dataset
from gst_analysis.training.recipes import load_config

SIZES = (64, 112, 224)
FORMS = ("jpeg", "raw")
WAYS = ("none", *FORMS, "memory")


def configure(size: int, cache: str, folder: Path) -> TrainConfig:
    """A run on views of this size."""
    clip = {"clip.crop": size, "clip.resize": size * 8 // 7}
    kept = {"data.cache": cache, "data.cache_folder": str(folder)}
    return load_config("planted-temporal", overrides={**clip, **kept})


def time_views(dataset: ClipDataset) -> float:
    """Milliseconds of processor time for a clip's view."""
    begun = time.process_time()
    for place in range(len(dataset)):
        dataset[place]
    return 1000 * (time.process_time() - begun) / len(dataset)


def compare(records: RecordList, size: int, rounds: int) -> str:
    """Lines: milliseconds decoded each time, how many times faster each other way is, and how it differs."""
    with tempfile.TemporaryDirectory() as name:
        configs = {way: configure(size, way, Path(name)) for way in WAYS}
        seen = {way: build_dataset(records, config, train=True) for way, config in configs.items()}
        filled = {way: time_views(dataset) for way, dataset in seen.items()}  # here frames are kept
        found = [{way: time_views(dataset) for way, dataset in seen.items()} for _ in range(rounds)]
        told = [f"{size} pixels: decoded {statistics.median(one['none'] for one in found):.2f} ms a clip"]
        fixed = {way: build_dataset(records, config, train=False) for way, config in configs.items()}
        for way in WAYS[1:]:
            faster = statistics.median(one["none"] / one[way] for one in found)
            told.append(f"{way}: {faster:.2f} times faster")
            if way in FORMS:
                room = _measure(Path(name), way) / len(records)
                apart = [_differ(data["none"], data[way]) for data in (fixed, seen)]
                first = filled[way] / filled["none"]
                told.append(f"  first epoch {first:.2f} of decoding, {room:.2f} MB a clip")
                told.append(f"  differs by {apart[0]} in validation, {apart[1]} in training")
    return "\n  ".join(told)


def _measure(folder: Path, form: str) -> float:
    """Megabytes of the frames kept in one form."""
    return sum(path.stat().st_size for path in folder.rglob(f"{form}-*/*/*.frames")) / 1e6


def _differ(one: ClipDataset, other: ClipDataset) -> str:
    """How far the views of both lie apart: mean of absolute differences of 255 steps, and decibels."""
    pairs = [(one[place], other[place]) for place in range(len(one))]
    apart = [
        a.clip.double() - b.clip.double()
        for a, b in pairs
        if isinstance(a, ClipItem) and isinstance(b, ClipItem)
    ]
    mean = statistics.mean(float(gap.abs().mean()) for gap in apart)
    square = statistics.mean(float(gap.square().mean()) for gap in apart)
    return f"{mean:.2f} steps ({10 * math.log10(255**2 / square):.1f} dB)" if square else "no difference"


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
