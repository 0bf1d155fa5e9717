"""Frames and words in; a video file with the running prediction below the picture out.

Plays in a browser: H.264 in mp4 with its index in front, or VP9 in webm, both 4:2:0. No torch here.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from textwrap import wrap

import av
import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from gst_analysis.errors import OutputError
from gst_analysis.figures.class_pairs import shorten
from gst_analysis.figures.clip_stories import ClipStory, Moment
from gst_analysis.figures.frame_traces import wrong_colour
from gst_analysis.figures.style import DARK
from gst_analysis.results import write_whole

VIDEO_FORMATS = ("mp4", "webm")
_CODECS = {
    "mp4": ("libx264", {"preset": "veryfast", "crf": "20"}, {"movflags": "+faststart"}),
    "webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "6", "crf": "30", "b": "0"}, {}),
}
_NARROWEST, _WIDEST = 480, 960
_BAND, _MARGIN = 110, 12
_FLASH_S = 0.6
"""How long a change of state is shown."""


@dataclass(frozen=True)
class Caption:
    """What stands below a frame."""

    moment: Moment
    seconds: float
    turned: bool
    """Whether the state changed a moment ago."""


def save_annotated_video(
    path: Path, frames: Iterable[tuple[int, np.ndarray]], story: ClipStory, *, rate: float
) -> Path:
    """Write a video of the clip with the prediction of the moment below the picture, whole or not at all.

    Args:
        path: ends in .mp4 or .webm.
        frames: place in the video and pixels (H, W, 3) of every frame, in order; read one by one.
        story: what read_story made of the clip's tables.
        rate: frames a second.

    Raises:
        OutputError: another ending, or a place that cannot be written.
    """
    kind = path.suffix.removeprefix(".")
    if kind not in VIDEO_FORMATS:
        raise OutputError(
            str(path), expected=f"a name that ends in {' or '.join(VIDEO_FORMATS)}", found=repr(path.suffix),
            todo="choose one of them",
        )  # fmt: skip
    # An mp4 is opened by its name once more, to move its index to the front.
    with tempfile.TemporaryDirectory(prefix="gst-analysis-") as folder:
        draft = Path(folder) / f"video.{kind}"
        _encode(draft, kind, _compose(frames, story, rate), rate)
        with draft.open("rb") as source:
            return write_whole(path, lambda file: shutil.copyfileobj(source, file))


def follow_captions(story: ClipStory, places: Iterable[int], rate: float) -> Iterator[Caption]:
    """The caption of every frame of the video.

    In prefix mode a row holds from its own frame on, because only then its frames have been seen; else the
    nearest row holds.
    """
    sources = np.array([moment.source_frame for moment in story.moments])
    turns, shown, since = story.turn_frames, -1, np.inf
    first: int | None = None
    for place in places:
        first = place if first is None else first
        if story.mode == "prefix":
            row = max(0, int(np.searchsorted(sources, place, side="right")) - 1)
        else:
            row = int(np.abs(sources - place).argmin())
        passed = any(frame in turns for frame in range(shown + 1, row + 1)) and shown >= 0
        since = 0.0 if passed else since + 1 / rate
        shown = row
        yield Caption(story.moments[row], (place - first) / rate, since < _FLASH_S)


def _compose(frames: Iterable[tuple[int, np.ndarray]], story: ClipStory, rate: float) -> Iterator[np.ndarray]:
    """Every frame with its band below it."""
    current: list[np.ndarray] = []

    def places() -> Iterator[int]:
        for place, pixels in frames:
            current[:] = [pixels]
            yield place

    for caption in follow_captions(story, places(), rate):
        yield draw_caption(current[0], caption, story)


def draw_caption(pixels: np.ndarray, caption: Caption, story: ClipStory) -> np.ndarray:
    """One frame, enlarged or reduced to a readable width, above a band with label, bar and time."""
    tall, wide = pixels.shape[:2]
    width = int(np.clip(wide, _NARROWEST, _WIDEST)) // 2 * 2
    height = max(2, round(tall * width / wide / 2) * 2)
    method = Image.Resampling.BICUBIC if width > wide else Image.Resampling.BOX
    page = Image.new("RGB", (width, height + _BAND), DARK.paper)
    page.paste(Image.fromarray(pixels).resize((width, height), method), (0, 0))
    draw = ImageDraw.Draw(page)
    _draw_band(draw, (width, height), caption, story)
    if caption.turned:
        draw.rectangle((0, 0, width - 1, height - 1), outline=DARK.ink, width=3)
    return np.asarray(page)


def _draw_band(draw: ImageDraw.ImageDraw, size: tuple[int, int], caption: Caption, story: ClipStory) -> None:
    """Below a picture of this size: label and number, bar, time and change."""
    left, right, top, moment = _MARGIN, size[0] - _MARGIN, size[1] + 8, caption.moment
    colour = DARK.accent if moment.right else wrong_colour(DARK)
    told = story.say_share(moment)
    room = right - left - _MARGIN - round(_font(17).getlength(told))
    draw.multiline_text((left, top), _fit_label(moment.label, room), font=_font(15), fill=DARK.ink, spacing=3)
    draw.text((right, top), told, font=_font(17), fill=colour, anchor="ra")
    end = left + round((right - left) * story.share(moment))
    draw.rectangle((left, top + 45, right, top + 59), fill=DARK.grid)
    draw.rectangle((left, top + 45, end, top + 59), fill=colour)
    words = f"{caption.seconds:.2f} s   {_kind_of_row(story)}"
    draw.text((left, top + 68), words, font=_font(13), fill=DARK.faint)
    if caption.turned:
        draw.text((right, top + 68), "◆ change of state", font=_font(13), fill=DARK.ink, anchor="ra")


def _kind_of_row(story: ClipStory) -> str:
    kinds = {
        "frame": "each frame's own prediction", "prefix": "prediction so far",
        "leave-one-out": "loss without the frame", "window": "prediction around here",
    }  # fmt: skip
    return kinds[story.mode]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


@cache
def _fit_label(label: str, room: int) -> str:
    """The label in two lines at most; a longer one loses its middle."""
    letters = max(8, int(room / (0.56 * 15)))
    return "\n".join(wrap(shorten(label, 2 * letters - 8), letters)[:2])


def _encode(path: Path, kind: str, pictures: Iterator[np.ndarray], rate: float) -> None:
    codec, options, muxing = _CODECS[kind]
    step = Fraction(rate).limit_denominator(1001)
    with av.open(str(path), "w", format=kind, options=muxing) as container:
        stream = container.add_stream(codec, rate=step, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
