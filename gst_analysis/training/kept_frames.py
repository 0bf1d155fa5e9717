"""Frames kept on disk at the size in which they are used: decoded once, read in every later epoch and run.

A clip's frames are brought to one form (their short side as validation has it, then JPEG or raw) whether they
are kept or not. So what a run learns depends on the form alone: not on what was kept, by whom, or when.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torchvision.transforms.v2 import functional as F

from gst_analysis.clips.dataset import choose_reader
from gst_analysis.clips.decoding import open_clip
from gst_analysis.clips.media import Frames, Indices, OpenClip, Pixels
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.spans import find_span
from gst_analysis.errors import DataError, OutputError, legible, one_line
from gst_analysis.files import find_cache
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.progress import NOTICES
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.kept_files import (
    QUALITY,
    Damaged,
    Form,
    PackedFrames,
    load_kept,
    pack_frame,
    unpack_frame,
)
from gst_analysis.training.kept_room import FolderRoom

logger = logging.getLogger(NOTICES)
Choose = Callable[[int], Indices]
MOST_BYTES = 2**28
"""What one clip's frames may take at the used size, raw, as they are packed in memory; more are not kept."""
_BLOCK_BYTES, _LEAST_BLOCK = 2**26, 8
_FULL, _FAILED, _DAMAGED = range(3)


def open_kept_frames(config: TrainConfig) -> KeptFrames | None:
    """The frames that a run keeps on disk; None where its settings keep none there.

    Raises:
        OutputError: their folder cannot be made.
    """
    data, form = config.data, config.data.cache
    if form == "none" or form == "memory":
        return None
    folder = find_cache() / "frames"
    if data.cache_folder is not None:  # a folder of our own in it: it may hold other things
        folder = Path(data.root, data.cache_folder, "gst-frames")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            legible(folder),
            expected="a folder that frames can be kept in",
            found=error.strerror or str(error),
            todo="choose another data.cache_folder, or set data.cache to none",
        ) from error
    return KeptFrames(form, config.clip.spec(), FolderRoom(folder, data.cache_mib * 2**20))


class KeptFrames:
    """Reads like `read_frames` or `read_flow`, but frames at the used size, and keeps all of a clip's.

    Args:
        form: how frames are kept.
        spec: what is made of them: its `resize` (or `crop`, if larger) is their short side; smaller ones
            stay as they are.
        room: the folder, and how much may be kept in it.
    """

    def __init__(self, form: Form, spec: ClipSpec, room: FolderRoom) -> None:
        self.form, self.side, self.room = form, max(spec.resize, spec.crop), room
        self._flow, self._read = spec.flow, choose_reader(spec)
        self._left: set[ClipRecord] = set()
        """Clips that cannot be kept."""
        # What was said, in shared memory, so that processes that read clips do not say it again.
        told = torch.zeros(3, dtype=torch.uint8)
        self._told = told.share_memory_()  # type: ignore[no-untyped-call] # torch leaves it untyped

    def __call__(self, record: ClipRecord, choose: Choose) -> Frames:
        """The frames that `choose` picks from the clip's number of frames."""
        choose = functools.cache(choose)  # it may draw at random, and must not draw again
        identity = None if record in self._left else identify(record.path)
        if identity is None:
            return self._convert(self._read(record, choose))
        path = self._place(record)
        try:
            found = load_kept(path, identity, self.form, choose)
        except Damaged as odd:
            told = f"frames kept of {one_line(record.clip)} are damaged ({odd})"
            self._say(_DAMAGED, f"{told}: they are made anew, and so are any others that are")
            found = None
        return found if found is not None else self._keep(record, choose, path, identity)

    def tell(self) -> None:
        """Say where frames are kept, and how much room they take."""
        held, most = self.room.measure() / 2**20, self.room.limit_bytes // 2**20
        where = f"frames are kept in {legible(self.room.folder)} ({held:,.1f} of at most {most:,} MiB)"
        logger.info("%s; all that lies there may be deleted at any time", where)

    def _keep(self, record: ClipRecord, choose: Choose, path: Path, identity: bytes) -> Frames:
        """Decode all frames of a clip, keep them if there is room, and return the chosen ones."""
        there = _measure(path)
        over = bool(self._told[_FAILED] or (self._told[_FULL] and not there))
        packed = None if over else self._pack(record)
        if packed is None:
            if not over:
                self._left.add(record)
            return self._convert(self._read(record, choose))
        try:
            self._save(packed, path, identity, packed.num_bytes - there)
        except (OSError, OutputError) as error:
            reason = error.found if isinstance(error, OutputError) else error.strerror
            told = f"frames cannot be kept in {legible(self.room.folder)} ({reason})"
            self._say(_FAILED, f"{told}: other clips are decoded each time")
        return packed.take(choose)

    def _save(self, packed: PackedFrames, path: Path, identity: bytes, more: int) -> None:
        """Write the file if there is room for so many bytes more."""
        if not self.room.take(more):
            told = f"frames kept in {legible(self.room.folder)} take all of data.cache_mib"
            todo = "set it higher, or empty the folder"
            self._say(_FULL, f"{told}: other clips are decoded each time; {todo}")
            return
        try:
            packed.save(path, identity)
        except BaseException:
            self.room.take(-more)
            raise

    def _pack(self, record: ClipRecord) -> PackedFrames | None:
        """All frames of a clip in their form; None where they cannot all be decoded, or are too many."""
        try:
            with open_clip(record.path, flow=self._flow) as clip:
                span = find_span(record, clip)
                first = clip.read([span.start]).pixels
                height, width = self._reduce(first).shape[1:3]
                if len(span) * height * width * 3 > MOST_BYTES:
                    return None
                # A block at a time, for frames as they are decoded may be much larger than those kept.
                step = max(_LEAST_BLOCK, _BLOCK_BYTES // first.nbytes)
                blocks = [
                    self._pack_block(clip, range(start, min(start + step, span.stop)))
                    for start in span[::step]
                ]
        except DataError:
            return None
        if {(block.height, block.width) for block in blocks} != {(height, width)}:
            return None
        contents = tuple(content for block in blocks for content in block.contents)
        return replace(
            blocks[0], contents=contents, seconds=np.concatenate([block.seconds for block in blocks])
        )

    def _pack_block(self, clip: OpenClip, places: range) -> PackedFrames:
        frames = clip.read(places)
        pixels = self._reduce(frames.pixels)
        contents = tuple(pack_frame(frame, self.form) for frame in pixels)
        return PackedFrames(
            self.form, contents, pixels.shape[1], pixels.shape[2], places.start, frames.seconds
        )

    def _convert(self, frames: Frames) -> Frames:
        """Frames in the form in which they would be kept."""
        pixels = self._reduce(frames.pixels)
        if self.form != "raw":
            height, width = pixels.shape[1:3]
            packed = [pack_frame(frame, self.form) for frame in pixels]
            pixels = np.stack([unpack_frame(content, self.form, height, width) for content in packed])
        return replace(frames, pixels=pixels)

    def _reduce(self, pixels: Pixels) -> Pixels:
        """Frames (T, H, W, 3) with their short side as used, resized as validation resizes them."""
        if self.side >= min(pixels.shape[1:3]):  # to enlarge them would only cost room
            return pixels
        small = F.resize(torch.from_numpy(pixels).permute(0, 3, 1, 2), [self.side], antialias=True)
        return np.ascontiguousarray(small.permute(0, 2, 3, 1).numpy())

    def _place(self, record: ClipRecord) -> Path:
        """Where a clip's frames are kept: no name of a file is used as one, whatever it has in it."""
        cut = record.num_frames, record.start_frame, record.stop_frame, record.start_s, record.stop_s
        told = os.fsencode(os.path.abspath(record.path)), cut, self._flow, self.form, self.side, QUALITY
        name = hashlib.sha256(repr(told).encode()).hexdigest()
        return self.room.folder / f"{self.form}-{self.side}" / name[:2] / f"{name}.frames"

    def _say(self, what: int, text: str) -> None:
        """Say what was not said yet, by any process that reads clips for this run."""
        with self.room.alone():
            said, self._told[what] = bool(self._told[what]), 1
        if not said:
            logger.warning(text)


def _measure(path: Path) -> int:
    """The size of a file; 0 where there is none."""
    with suppress(OSError):
        return path.stat().st_size
    return 0


def identify(path: str | os.PathLike[str]) -> bytes | None:
    """What changes with the content of a video file or of a folder of images: their sizes and times.

    None where nothing can be looked at: opening it says why.
    """
    try:
        told = [(b"", os.stat(path))]
        if stat.S_ISDIR(told[0][1].st_mode):
            with os.scandir(path) as entries:
                told = sorted((os.fsencode(entry.name), entry.stat()) for entry in entries)
    except (OSError, ValueError):
        return None
    return hashlib.sha256(
        repr([(name, one.st_size, one.st_mtime_ns) for name, one in told]).encode()
    ).digest()
