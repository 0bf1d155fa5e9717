"""Pictures in; a video file that browsers play out: H.264 in mp4 with its index in front, or VP9 in webm.

Both are 4:2:0, and written whole or not at all. No torch here.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import numpy as np

from gst_analysis.errors import OutputError
from gst_analysis.files import Writer

FILM_FORMATS = ("mp4", "webm")
_MILLISECOND = Fraction(1, 1000)
_WEBM = {"deadline": "realtime", "cpu-used": "6", "crf": "30", "b": "0"}


def kind_of_film(path: Path) -> str:
    """The kind of film that a path asks for by its ending.

    Raises:
        OutputError: another ending.
    """
    kind = path.suffix.removeprefix(".")
    if kind not in FILM_FORMATS:
        raise OutputError(
            str(path),
            expected=f"a name that ends in {' or '.join(FILM_FORMATS)}",
            found=repr(path.suffix),
            todo="choose one of them",
        )
    return kind


def film_writer(
    kind: str,
    pictures: Iterable[np.ndarray],
    *,
    rate: float,
    times: Sequence[float] | None = None,
    preset: str = "veryfast",
    stamp: str = "",
) -> Writer:
    """What writes pictures (H, W, 3) of one even size as a video, one by one, whole or not at all.

    Args:
        kind: mp4 or webm.
        pictures: uint8, in order.
        rate: pictures a second.
        times: the second from which each is shown, where they do not follow evenly.
        preset: x264's, for mp4: how much time is spent on making the file small.
        stamp: where it came from; the file's comment.
    """

    def write(file: IO[bytes]) -> None:
        # An mp4 is opened by its name once more, to move its index to the front.
        with tempfile.TemporaryDirectory(prefix="gst-analysis-") as folder:
            draft = Path(folder) / f"film.{kind}"
            _encode(draft, pictures, _Way(rate, times, preset, stamp))
            with draft.open("rb") as source:
                shutil.copyfileobj(source, file)

    return write


@dataclass(frozen=True)
class _Way:
    """How a film is written."""

    rate: float
    times: Sequence[float] | None
    preset: str
    stamp: str


def _encode(path: Path, pictures: Iterable[np.ndarray], way: _Way) -> None:
    mp4 = path.suffix == ".mp4"
    codec, options = ("libx264", {"preset": way.preset, "crf": "20"}) if mp4 else ("libvpx-vp9", _WEBM)
    # A webm would else be given a random name within, so that no two of one film were the same.
    muxing = {"movflags": "+faststart"} if mp4 else {"fflags": "+bitexact"}
    with av.open(str(path), "w", format=path.suffix.removeprefix("."), options=muxing) as container:
        stream = container.add_stream(codec, rate=Fraction(way.rate).limit_denominator(1001), options=options)
        assert isinstance(stream, av.VideoStream)
        if way.stamp:
            container.metadata["comment"] = way.stamp
        stream.pix_fmt = "yuv420p"
        # Several threads make x264 decide otherwise now and then, on a busy machine in one film of twenty.
        stream.codec_context.thread_count = 1
        if way.times is not None:
            stream.codec_context.time_base = _MILLISECOND
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = number if way.times is None else round(way.times[number] / _MILLISECOND)
            if way.times is not None:
                frame.time_base = _MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
