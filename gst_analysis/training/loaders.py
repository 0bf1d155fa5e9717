"""Records in, torch DataLoaders out: clips leave as uint8 and are normalised on the device.

For small clips, where decoding costs more than training, a data set's frames can be kept: in memory here, on
disk in kept_frames.py.
"""

from __future__ import annotations

import itertools
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from gst_analysis.clips.dataset import (
    ClipBatch,
    ClipDataset,
    FrameReader,
    ReadingPlan,
    choose_reader,
    collate_clips,
)
from gst_analysis.clips.media import Frames, Indices
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.spans import read_frames
from gst_analysis.clips.transforms import Augmentation
from gst_analysis.errors import DataError
from gst_analysis.progress import Progress, no_progress
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.kept_frames import KeptFrames, open_kept_frames
from gst_analysis.training.progress import STOPPING

_AT_ONCE = 32  # clips that threads decode into memory before any is kept
Loader = DataLoader[Any]
"""Of ClipItems and SkippedClips, in ClipBatches."""


def build_dataset(
    records: RecordList,
    config: TrainConfig,
    *,
    train: bool,
    progress: Progress | None = None,
    kept: KeptFrames | None = None,
) -> ClipDataset:
    """The dataset of one split, its frames in memory or on disk if the configuration says so.

    Args:
        records: its clips.
        config: how they are read.
        train: at random, rather than as validation sees them.
        progress: called while clips are read into memory.
        kept: what keeps frames on disk, where splits share one; opened anew if None.
    """
    clip = config.clip
    augmentation = Augmentation(
        clip.scales, clip.max_distortion, clip.flip, clip.brightness, clip.contrast, clip.saturation, clip.hue
    )
    plan = ReadingPlan(clip.spec(), train, augmentation, seed=config.run.seed, normalise=False)
    if config.data.cache == "none":
        return ClipDataset(records, plan)
    if config.data.cache != "memory":
        return ClipDataset(records, plan, read=kept or open_kept_frames(config))
    store = FrameStore(config.data.cache_mib, choose_reader(plan.spec))
    store.fill(records, progress or no_progress)
    return ClipDataset(records, plan, read=store)


def build_loader(
    dataset: ClipDataset, sampler: Sampler[list[int]], config: TrainConfig, device: torch.device
) -> Loader:
    """A loader of ClipBatches whose workers leave the global random state alone and outlive an epoch."""
    workers = min(config.data.workers, count_processors())
    if workers:
        multiprocessing.util.Finalize(None, _kill_workers, exitpriority=100)
    generator = torch.Generator().manual_seed(config.run.seed)
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=collate_clips,
        pin_memory=device.type == "cuda",
        worker_init_fn=_begin_worker,
        generator=generator,
        persistent_workers=workers > 0,
        # Forked workers share the frames in memory, and notice when this process is killed.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
    )


def count_processors() -> int:
    """Processors that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def take_pieces(batches: Iterator[ClipBatch], count: int) -> list[ClipBatch]:
    """The next few batches."""
    return list(itertools.islice(batches, count))


@contextmanager
def explain_dead_workers() -> Iterator[None]:
    """Turn the end of a data worker, which torch raises wherever the main process is just then, into ours.

    A signal handler raises it, so it may come out of anything: of a step, or of writing a file, where
    another error on the way out may lie over it.
    """
    try:
        yield
    except Exception as error:
        if not is_dead_worker(error):
            raise
        raise DataError(
            "reading clips",
            expected="data.workers that keep running",
            found="a process that reads clips and was killed, probably because memory ran out",
            todo="set fewer data.workers, then go on with --resume",
        ) from error


def is_dead_worker(error: BaseException | None) -> bool:
    """Whether an error, or one that it came of, is torch's of a data worker that ended."""
    while error is not None:
        if isinstance(error, RuntimeError) and str(error).startswith("DataLoader worker (pid"):
            return True
        error = error.__cause__ or error.__context__
    return False


def to_device(batch: ClipBatch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips and labels where the network is; the copy does not wait."""
    return batch.clips.to(device, non_blocking=True), batch.labels.to(device, non_blocking=True)


def _begin_worker(_: int) -> None:
    """Leave it to the training process to answer what reaches every process of a terminal or a job."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def end_workers(loader: Loader) -> None:
    """End the processes that read clips; an error on its way out would else keep them to the very end."""
    iterator, loader._iterator = loader._iterator, None
    if isinstance(iterator, _MultiProcessingDataLoaderIter):
        with suppress(RuntimeError):  # one of them has ended by itself
            iterator._shutdown_workers()


def _kill_workers() -> None:
    """Kill what is left as this process ends: they ignore the SIGTERM with which Python would end them."""
    for child in multiprocessing.active_children():
        if child.daemon:
            child.kill()


class FrameStore:
    """Reads like `read_frames` or `read_flow`, but what it holds it does not decode again.

    Clips that do not fit, or cannot be read, are left to those each time.
    """

    def __init__(self, limit_mib: int, read: FrameReader = read_frames) -> None:
        self.limit_bytes, self._read = limit_mib * 2**20, read
        self.used_bytes = 0
        self._clips: dict[ClipRecord, Frames] = {}

    def __len__(self) -> int:
        return len(self._clips)

    def fill(self, records: RecordList, progress: Progress = no_progress) -> None:
        """Decode clips in their order until all are held or the limit is reached."""
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for start in range(0, len(records), _AT_ONCE):
                some = records[start : start + _AT_ONCE]
                for record, frames in zip(some, pool.map(self._read_whole, some), strict=True):
                    if frames is not None and not self._keep(record, frames):
                        return
                progress(start + len(some), len(records), "")

    def __call__(self, record: ClipRecord, choose: Callable[[int], Indices]) -> Frames:
        """The frames that `choose` picks from the clip's number of frames."""
        held = self._clips.get(record)
        if held is None:
            return self._read(record, choose)
        taken = np.ravel(choose(len(held)))
        return Frames(held.pixels[taken], held.seconds[taken], held.indices[taken])

    def _keep(self, record: ClipRecord, frames: Frames) -> bool:
        if self.used_bytes + frames.pixels.nbytes > self.limit_bytes:
            return False
        self.used_bytes += frames.pixels.nbytes
        self._clips[record] = frames
        return True

    def _read_whole(self, record: ClipRecord) -> Frames | None:
        try:
            return self._read(record, lambda total: np.arange(total, dtype=np.int64))
        except DataError:
            return None
