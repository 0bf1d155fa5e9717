"""What a video file's packets say without decoding them: how many, when, and whether some are missing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from gst_analysis.clips.media import Indices
from gst_analysis.clips.patience import Patience

_SEEKABLE = ("mov", "matroska")
_ONE_FRAME_A_PACKET = frozenset({"h264", "hevc", "vp9", "av1", "libdav1d", "libaom-av1"})
_TAG = re.compile(r"([0-9]{1,4}):([0-9]{2}):([0-9]{2}(?:\.[0-9]{1,12})?)")


@dataclass(frozen=True)
class PacketIndex:
    """`pts` of the shown packets in display order and of the keyframes among them; `missing` at the end.

    Where `exact`, the n-th timestamp is that of the n-th decoded frame, so that seeking can be checked.
    """

    pts: Indices
    keys: Indices
    exact: bool
    missing: int


class _Packet(NamedTuple):
    """What is kept of a packet: never its data, so that long files take little memory."""

    pts: int | None
    duration: int
    key: bool
    shown: bool
    torn: bool


def scan_packets(container: InputContainer, stream: VideoStream, patience: Patience) -> PacketIndex:
    """Read all packets of a stream once, without decoding."""
    packets = [
        _Packet(p.pts, p.duration or 0, p.is_keyframe, not (p.is_discard or p.is_corrupt), p.is_corrupt)
        for p in patience.watch(container.demux(stream))
        # PyAV's last packet holds nothing: it asks the decoder for what is left.
        if p.size or p.dts is not None
    ]
    shown = [p for p in packets if p.shown]
    pts = _sorted([p.pts for p in shown if p.pts is not None])
    exact = (
        any(name in container.format.name for name in _SEEKABLE)
        and stream.codec_context.name in _ONE_FRAME_A_PACKET
        and len(pts) == len(shown) > 0
        # Packets before the first keyframe may give no frames.
        and packets[0].key
    )
    torn = bool(packets) and packets[-1].torn
    held = packets[-1].duration if packets else 0
    missing = max(
        int(torn),
        _missing_packets(container, stream, len(packets) - torn),
        _missing_time(container, stream, pts, held),
    )
    return PacketIndex(pts, _sorted([p.pts for p in shown if p.key and p.pts is not None]), exact, missing)


def _sorted(values: list[int]) -> Indices:
    return np.unique(np.array(values, dtype=np.int64))


def _missing_packets(container: InputContainer, stream: VideoStream, count: int) -> int:
    """Packets that the container's own index or header lists beyond those that came."""
    if "mov" in container.format.name and not stream.frames <= count:
        # An edit list may rightly show fewer samples than the header counts; the index knows.
        entries = getattr(stream, "index_entries", None)
        return max(0, (len(entries) if entries is not None else stream.frames) - count)
    if container.format.name == "avi":
        missing = stream.frames - count
        return missing if missing > 1 else 0  # packed B-frames may leave the header one ahead
    return 0


def _missing_time(container: InputContainer, stream: VideoStream, pts: Indices, held_units: int) -> int:
    """Frames that fit into the time that a Matroska or WebM file states and its packets do not fill."""
    stated, by_stream = _stated_seconds(container, stream)
    if stated is None or not len(pts) or stream.time_base is None:
        return 0
    step = float(stream.time_base)
    gaps, held = np.diff(pts) * step, held_units * step
    usual = float(np.median(gaps)) if len(gaps) else held
    # The file's own duration may hold its last frame for long; the stream's counts its packets' time.
    slack = 1.5 * usual if by_stream else 2 * max(gaps.max(initial=0.0), held)
    rest = stated - (float(pts[-1]) * step + held)
    return max(1, round(rest / usual)) if usual > 0 and rest > slack else 0


def _stated_seconds(container: InputContainer, stream: VideoStream) -> tuple[float | None, bool]:
    """Where the video should end, and whether the stream says so rather than the whole file."""
    if "matroska" not in container.format.name:
        return None, False
    match = _TAG.fullmatch(stream.metadata.get("DURATION", ""))
    if match:
        return 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3]), True
    if container.duration is None or len(container.streams) > 1:
        return None, False  # the longest stream may be the sound
    return container.duration / av.time_base, False
