"""A dataset's decoded frames kept in memory: for small clips, where decoding costs more than training."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gst_analysis.clips.media import Frames, Indices
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.spans import read_frames
from gst_analysis.errors import DataError

_AT_ONCE = 32


class FrameStore:
    """Reads like `read_frames`, but what it holds it does not decode again.

    Clips that do not fit, or cannot be read, are left to `read_frames` each time.
    """

    def __init__(self, limit_mib: int) -> None:
        self.limit_bytes = limit_mib * 2**20
        self.used_bytes = 0
        self._clips: dict[ClipRecord, Frames] = {}

    def __len__(self) -> int:
        return len(self._clips)

    def fill(self, records: RecordList, progress: Callable[[int, int], object] | None = None) -> None:
        """Decode clips in their order until all are held or the limit is reached."""
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for start in range(0, len(records), _AT_ONCE):
                some = records[start : start + _AT_ONCE]
                for record, frames in zip(some, pool.map(_read_whole, some), strict=True):
                    if frames is not None and not self._keep(record, frames):
                        return
                if progress is not None:
                    progress(start + len(some), len(records))

    def __call__(self, record: ClipRecord, choose: Callable[[int], Indices]) -> Frames:
        """The frames that `choose` picks from the clip's number of frames."""
        held = self._clips.get(record)
        if held is None:
            return read_frames(record, choose)
        taken = np.ravel(choose(len(held)))
        return Frames(held.pixels[taken], held.seconds[taken], held.indices[taken])

    def _keep(self, record: ClipRecord, frames: Frames) -> bool:
        if self.used_bytes + frames.pixels.nbytes > self.limit_bytes:
            return False
        self.used_bytes += frames.pixels.nbytes
        self._clips[record] = frames
        return True


def _read_whole(record: ClipRecord) -> Frames | None:
    try:
        return read_frames(record, lambda total: np.arange(total, dtype=np.int64))
    except DataError:
        return None
