"""Records in, torch DataLoaders out: clips leave as uint8 and are normalised on the device."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from gst_analysis.data.dataset import ClipBatch, ClipDataset, ReadingPlan, collate_clips
from gst_analysis.data.records import RecordList
from gst_analysis.data.transforms import Augmentation
from gst_analysis.errors import DataError
from gst_analysis.training.caching import FrameStore
from gst_analysis.training.config import TrainConfig

Loader = DataLoader[Any]
"""Of ClipItems and SkippedClips, in ClipBatches."""


def build_dataset(
    records: RecordList,
    config: TrainConfig,
    *,
    train: bool,
    progress: Callable[[int, int], object] | None = None,
) -> ClipDataset:
    """The dataset of one split, its frames in memory if the configuration says so."""
    clip = config.clip
    augmentation = Augmentation(
        clip.scales, clip.max_distortion, clip.flip, clip.brightness, clip.contrast, clip.saturation, clip.hue
    )
    plan = ReadingPlan(clip.spec(), train, augmentation, seed=config.run.seed, normalise=False)
    if config.data.cache == "none":
        return ClipDataset(records, plan)
    store = FrameStore(config.data.cache_mib)
    store.fill(records, progress)
    return ClipDataset(records, plan, read=store)


def build_loader(
    dataset: ClipDataset, sampler: Sampler[list[int]], config: TrainConfig, device: torch.device
) -> Loader:
    """A loader of ClipBatches whose workers leave the global random state alone and outlive an epoch."""
    workers = min(config.data.workers, count_processors())
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
    """The next few batches; a worker that died is an error of ours."""
    try:
        return list(itertools.islice(batches, count))
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(
            "reading clips", expected="workers that keep running", found=str(error).partition("\n")[0][:120],
            todo="resume with fewer data.workers: memory may have run out",
        ) from error  # fmt: skip


def to_device(batch: ClipBatch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips and labels where the network is; the copy does not wait."""
    return batch.clips.to(device, non_blocking=True), batch.labels.to(device, non_blocking=True)


def _begin_worker(_: int) -> None:
    """Ctrl-C reaches every process of the terminal; only the training process shall answer it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
