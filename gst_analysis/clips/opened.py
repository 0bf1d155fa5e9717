"""Clips that stay at hand for a while: opened and counted once, and with the frames that were read last.

A command that looks at a clip several times (to run a network, to say where its frames stand, to draw them)
passes one of these along. No file is held open: what is kept of a clip is where its frames lie in it. A clip
that has changed on disk is opened anew.
"""

from __future__ import annotations

import functools
import os
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

import numpy as np

from gst_analysis.clips.decoding import open_media
from gst_analysis.clips.media import Frames, Indices, OpenClip, Pixels
from gst_analysis.clips.records import AnyPath, ClipRecord
from gst_analysis.clips.spans import find_span

FRAME_BYTES = 100_000_000
"""What the frames that are kept may take together: those of a few dozen small clips, or of one large one."""
_MOST_CLIPS = 256
"""An hour of video has an index of some megabytes."""

Key = tuple[str, int, int]
"""A path, and the size and time of what lies there."""
Kept = TypeVar("Kept")


class OpenedClips:
    """Clips by their paths, for several threads; those looked at last are kept.

    Args:
        frame_bytes: how much room frames may take; 0 to keep none.
        flow: whether the images of optical flow in their folders are meant.
    """

    def __init__(self, *, frame_bytes: int = FRAME_BYTES, flow: bool = False) -> None:
        self._frame_bytes, self._flow = frame_bytes, flow
        self._clips: OrderedDict[Key, OpenClip] = OrderedDict()
        self._frames: OrderedDict[Key, Frames] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[Callable[..., OpenedClips], tuple[()]]:
        """In another process, or read from a file, nothing is opened yet."""
        return functools.partial(OpenedClips, flow=self._flow), ()

    def open(self, path: AnyPath) -> OpenClip:
        """The video file or frame folder.

        Raises:
            DataError: there is none, or it cannot be opened.
        """
        key = _identify(path)
        clip = self._recall(self._clips, key)
        if clip is None:
            clip = open_media(path, flow=self._flow)
            if key is not None:
                with self._lock:
                    self._clips[key] = clip
                    while len(self._clips) > _MOST_CLIPS:
                        self._clips.popitem(last=False)
        return clip

    def read(self, record: ClipRecord, choose: Callable[[int], Indices]) -> Frames:
        """Read what `spans.read_frames` reads, or recall it where it was read last.

        Raises:
            DataError: the file cannot be read, or ends before the annotation says.
        """
        clip = self.open(record.path)
        span = find_span(record, clip)
        wanted = span.start + np.ravel(choose(len(span)))
        kept = self._recall(self._frames, _identify(record.path))
        if kept is not None and np.array_equal(kept.indices, wanted):
            return kept
        frames = clip.read(wanted)
        self._keep(_identify(record.path), frames)
        return frames

    def look(self, path: AnyPath, index: int) -> Pixels:
        """One frame (H, W, 3) of a file, from memory where it was read last.

        Raises:
            DataError: the clip cannot be read.
        """
        kept = self._recall(self._frames, _identify(path))
        if kept is not None and index in kept.indices:
            place = int(np.argmax(kept.indices == index))
            return np.asarray(kept.pixels[place])
        return np.asarray(self.open(path).read([index]).pixels[0])

    def _recall(self, kept: OrderedDict[Key, Kept], key: Key | None) -> Kept | None:
        if key is None:
            return None
        with self._lock:
            if key in kept:
                kept.move_to_end(key)
            return kept.get(key)

    def _keep(self, key: Key | None, frames: Frames) -> None:
        if key is None or frames.pixels.nbytes > self._frame_bytes:
            return
        with self._lock:
            self._frames[key] = frames
            self._frames.move_to_end(key)
            while sum(one.pixels.nbytes for one in self._frames.values()) > self._frame_bytes:
                self._frames.popitem(last=False)


def _identify(path: AnyPath) -> Key | None:
    """None where nothing can be looked at: opening it says why."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return os.fspath(path), found.st_size, found.st_mtime_ns
