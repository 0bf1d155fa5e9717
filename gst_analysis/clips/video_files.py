"""Video files by PyAV: a file in, exactly the frames that one sequential decode would give out.

Seeking is used only in containers and codecs where every packet is one frame, only past keyframes,
and only as long as each frame that comes back bears the wanted timestamp; otherwise the file is read
forwards once. Only wanted frames are converted and kept.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from gst_analysis.clips.boxes import check_claims
from gst_analysis.clips.endings import is_cut_off
from gst_analysis.clips.media import (
    MAX_PIXELS,
    ClipInfo,
    Frames,
    Indices,
    Pixels,
    Seconds,
    check_indices,
    check_room,
    check_size,
    gather,
    too_short,
)
from gst_analysis.clips.packets import scan_packets
from gst_analysis.clips.patience import Patience
from gst_analysis.errors import DataError

_OPTIONS = {
    # Play lists and the like name other files and addresses; only containers of video are opened.
    "format_whitelist": "mov,matroska,avi,mpeg,mpegvideo,mpegts,ogg,flv,asf,gif,ivf,h264,hevc,m4v,obu",
    "protocol_whitelist": "file",
}
_SCAN, _MOST_SCANS = b"\xff\xda", 32
"""Where a JPEG paints over itself, and how often one of a film may: time is not looked at within a frame."""


class _Inexact(Exception):
    """Seeking did not bring back the wanted timestamp: read forwards instead."""


class VideoFile:
    """An open clip in a video file. Decodes on one thread: parallelism is over clips."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._longest: int | None = None
        self._turned: tuple[int, int, int, int] | None = None
        check_claims(path)
        with self._opened() as (container, stream, patience):
            self._index = scan_packets(container, stream, patience)
            self._cut_off = is_cut_off(path, container.format.name)
            self._unit_s = float(stream.time_base or 0)
            self._rate = float(stream.average_rate or stream.guessed_rate or 0)
            self._size = stream.codec_context.width, stream.codec_context.height

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as the file states them."""
        return self._size

    def reduced(self, longest: int) -> VideoFile:
        """This file for people to look at: no side of a frame that it reads is longer than so many pixels."""
        other = copy.copy(self)
        other._longest = longest
        other._size = self._fit(*self._size)
        return other

    def _fit(self, width: int, height: int) -> tuple[int, int]:
        """The size that a frame of this one is read in."""
        share = min(1.0, (self._longest or max(width, height, 1)) / max(width, height, 1))
        return max(1, round(width * share)), max(1, round(height * share))

    @property
    def num_frames(self) -> int:
        return len(self._pts)

    @property
    def times(self) -> Seconds:
        return self._seconds(self._pts)

    @property
    def missing(self) -> int:
        return max(self._index.missing, int(self._cut_off))

    def describe(self) -> ClipInfo:
        """Decodes the first frame, and all frames where only that can count them."""
        times = self.times
        with self._opened() as (container, stream, patience):
            frame = self._first(container, stream, patience)
            height, width = self._upright(frame, VideoReformatter()).shape[:2]
            codec = stream.codec_context.name
        count, fps = len(times), self._rate or None
        if count > 1 and times[-1] > 0:
            measured = (count - 1) / float(times[-1])
            # Timestamps of whole milliseconds blur a stated rate; a rate far from them is not believed.
            fps = fps if fps and abs(measured / fps - 1) < 0.01 else measured
        seconds = float(times[-1]) + 1 / fps if fps else None
        return ClipInfo(count, fps, width, height, seconds, frame.rotation, codec, count + self.missing)

    def read(self, indices: Sequence[int] | Indices) -> Frames:
        self._refuse_truncated()
        index = self._index
        wanted = check_indices(self.path, indices, len(index.pts) if index.exact else None)
        check_room(self.path, wanted, *self._size)
        if index.exact:
            with suppress(_Inexact):
                return gather(self.path, wanted, self._read_seeking(wanted), self.times[wanted])
        frames, pts = self._read_forward(wanted)
        return gather(self.path, wanted, frames, self._seconds(pts)[wanted])

    def follow(self, span: range) -> Iterator[Pixels]:
        """The frames of a span one after another: the file is gone through once, and none is kept.

        Raises:
            DataError: a frame cannot be decoded, or is not there.
        """
        self._refuse_truncated()
        check_indices(self.path, [span[0], span[-1]], len(self._index.pts) if self._index.exact else None)
        given = 0
        if self._index.exact:
            with suppress(_Inexact):
                for _, pixels in self._seek(np.arange(span.start, span.stop), each=True):
                    yield pixels
                    given += 1
        if given < len(span):
            yield from self._count(span[given:])

    def verify(self) -> None:
        self._refuse_truncated()
        decoded = len(self._decode_pts())
        if decoded != self.num_frames:
            raise DataError(
                str(self.path),
                expected=f"{self.num_frames} frames, as many as packets",
                found=f"{decoded} that can be decoded",
                todo="re-encode it, or leave the clip out",
            )

    def close(self) -> None:
        """The file is only open while it is read."""

    @cached_property
    def _pts(self) -> Sequence[int | None]:
        """Every frame's timestamp: from the packets where that is exact, else by decoding them all."""
        if self._index.exact:
            return [int(pts) for pts in self._index.pts]
        return self._decode_pts()

    def _decode_pts(self) -> list[int | None]:
        with self._opened() as (container, stream, patience):
            pts = [frame.pts for frame in _decode(container, stream, patience)]
        if not pts:
            raise self._no_frames()
        return pts

    def _refuse_truncated(self) -> None:
        if self.missing:
            frames = "frame" if self.missing == 1 else "frames"
            raise DataError(
                str(self.path),
                expected="a whole file",
                found=f"a truncated one that lacks about {self.missing} {frames} at its end",
                todo="fetch it again, or leave the clip out",
            )

    def _seconds(self, pts: Sequence[int | None]) -> Seconds:
        """Seconds from the first frame; by the frame rate where timestamps are missing or jump back."""
        known = np.array([value for value in pts if value is not None], dtype=np.float64)
        if len(known) < len(pts) or not self._unit_s or (np.diff(known) <= 0).any():
            step = 1 / self._rate if self._rate else np.nan
            return np.arange(len(pts), dtype=np.float64) * step
        return np.asarray((known - known[:1]) * self._unit_s, dtype=np.float64)

    def _read_seeking(self, wanted: Indices) -> dict[int, Pixels]:
        return dict(self._seek(np.unique(wanted)))

    def _seek(self, places: Indices, *, each: bool = False) -> Iterator[tuple[int, Pixels]]:
        """Frames at places that ascend, each with its place; only in a file whose packets are frames.

        With `each` every frame may take as long as else all of them, and what is done with it does not count.
        """
        pts, keys = self._index.pts, self._index.keys
        to_rgb = VideoReformatter()  # one for each reading: several threads may read one clip
        with self._opened() as (container, stream, patience):
            decoder, position = _decode(container, stream, patience), int(pts[0])
            for index in places:
                target = int(pts[index])
                key = int(keys[keys <= target].max(initial=position))
                if key > position:
                    container.seek(key, stream=stream, backward=True)
                    decoder = _decode(container, stream, patience)
                pixels, position = self._upright(_advance(decoder, target), to_rgb), target
                yield int(index), pixels
                if each:
                    patience.renew()

    def _read_forward(self, wanted: Indices) -> tuple[dict[int, Pixels], list[int | None]]:
        frames: dict[int, Pixels] = {}
        pts: list[int | None] = []
        needed, last, to_rgb = set(wanted.tolist()), int(wanted.max()), VideoReformatter()
        with self._opened() as (container, stream, patience):
            for place, frame in enumerate(_decode(container, stream, patience)):
                pts.append(frame.pts)
                if place in needed:
                    frames[place] = self._upright(frame, to_rgb)
                if place == last:
                    return frames, pts
        raise too_short(self.path, last, len(pts))

    def _count(self, span: range) -> Iterator[Pixels]:
        """The frames of a span by counting all that a sequential decode gives."""
        to_rgb, place = VideoReformatter(), -1
        with self._opened() as (container, stream, patience):
            for place, frame in enumerate(_decode(container, stream, patience)):
                if place in span:
                    yield self._upright(frame, to_rgb)
                    patience.renew()
                if place == span[-1]:
                    return
        raise too_short(self.path, span[-1], place + 1)

    def _upright(self, frame: VideoFrame, to_rgb: VideoReformatter) -> Pixels:
        check_size(self.path, frame.width, frame.height)
        # One thread, and no converter inside the frame: a frame that outlives this call in a reference
        # cycle would else be freed in a forked worker, where waiting for its threads never ends.
        if self._longest is None:
            rgb = to_rgb.reformat(frame, format="rgb24", threads=1)
        else:
            wide, tall = self._fit(frame.width, frame.height)
            rgb = to_rgb.reformat(frame, wide, tall, format="rgb24", interpolation="AREA", threads=1)
        matrix = self._turned
        if matrix is None:
            matrix = display_matrix(frame)
            # A frame that was asked for it lies in a reference cycle: of a large video a gigabyte of them
            # would wait to be collected. So where frames are only looked at, the first one tells for all.
            self._turned = None if self._longest is None else matrix
        return turn_upright(np.asarray(rgb.to_ndarray(), dtype=np.uint8), matrix)

    def _first(self, container: InputContainer, stream: VideoStream, patience: Patience) -> VideoFrame:
        for frame in _decode(container, stream, patience):
            return frame
        raise self._no_frames()

    def _no_frames(self) -> DataError:
        return DataError(
            str(self.path),
            expected="at least one frame",
            found="none: it is empty, or cut off within its index",
            todo="fetch it again, or leave the clip out",
        )

    @contextmanager
    def _opened(self) -> Iterator[tuple[InputContainer, VideoStream, Patience]]:
        """The container, its best video stream and the time there is; PyAV's errors become ours."""
        patience = Patience(self.path)
        try:
            with av.open(
                f"file:{os.path.abspath(self.path)}",
                options=_OPTIONS,
                metadata_errors="ignore",
                timeout=patience.seconds,  # of each search within FFmpeg
            ) as container:
                yield container, self._best(container), patience
        except (av.error.FFmpegError, UnicodeError) as error:
            if isinstance(error, av.error.ExitError) or patience.is_over:
                raise patience.error() from error
            raise DataError(
                str(self.path),
                expected="a video file that can be decoded",
                found=getattr(error, "strerror", None) or str(error),
                todo="check that the file is whole, or leave the clip out",
            ) from error

    def _best(self, container: InputContainer) -> VideoStream:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.disposition & av.stream.Disposition.attached_pic:
            raise DataError(
                str(self.path),
                expected="a video stream",
                found=f"none ({container.format.name})",
                todo="check that it is a video, and whole",
            )
        context = stream.codec_context
        if context is None:
            raise DataError(
                str(self.path),
                expected="a codec that can be decoded",
                found="an unknown one",
                todo="check that the file is whole, or re-encode it, for example as H.264",
            )
        if context.width and context.height:
            check_size(self.path, context.width, context.height)
        context.thread_count = 1
        context.options = {"max_pixels": str(MAX_PIXELS)}  # of frames whose size the header does not tell
        return stream


def _decode(container: InputContainer, stream: VideoStream, patience: Patience) -> Iterator[VideoFrame]:
    """Every frame from here on; time is looked at between packets, as many of them may give no frame."""
    jpeg = stream.codec_context.name == "mjpeg"
    for packet in patience.watch(container.demux(stream)):
        if jpeg and bytes(packet).count(_SCAN) > _MOST_SCANS:
            raise DataError(
                str(patience.path),
                expected=f"frames of at most {_MOST_SCANS} scans",
                found=f"one of {bytes(packet).count(_SCAN):,}, which takes as long as so many frames",
                todo="re-encode it, or leave the clip out",
            )
        for frame in packet.decode():
            assert isinstance(frame, VideoFrame)
            yield frame


def _advance(decoder: Iterator[VideoFrame], target: int) -> VideoFrame:
    """Decode up to the frame with that timestamp."""
    for frame in decoder:
        if frame.pts is None or frame.pts > target or frame.is_corrupt:
            break
        if frame.pts == target:
            return frame
    raise _Inexact


def display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Where a frame's right and down are shown: (right's x, right's y, down's x, down's y)."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(data, SideData) or data.buffer_size < 20:
        return 1, 0, 0, 1
    right_x, right_y, _, down_x, down_y = np.frombuffer(bytes(data), dtype=np.int32)[:5].tolist()
    matrix = (right_x, right_y, down_x, down_y)
    least = max(map(abs, matrix)) / 100  # rounding in some writers' sines
    a, b, c, d = (value if abs(value) > least else 0 for value in matrix)
    return a, b, c, d


def turn_upright(pixels: Pixels, matrix: tuple[int, int, int, int]) -> Pixels:
    """Turn and mirror by quarter turns as the matrix says; any other angle is left as it is."""
    a, b, c, d = matrix
    if (a or d) and (b or c):
        return pixels
    if not a and not d and b and c:
        pixels, a, d = pixels.swapaxes(0, 1), c, b
    if a < 0:
        pixels = pixels[:, ::-1]
    if d < 0:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
