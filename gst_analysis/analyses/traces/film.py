"""Frames and words in; a video file with the running prediction below the picture out. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from gst_analysis.analyses.traces.story import ClipStory, Moment
from gst_analysis.analyses.traces.tints import pick_tint
from gst_analysis.clips.media import Seconds
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.pictures import iterate_frames, measure_rate, read_times
from gst_analysis.clips.records import ClipRecord
from gst_analysis.files import Writer, write_whole
from gst_analysis.style.films import film_writer, kind_of_film
from gst_analysis.style.names import shorten
from gst_analysis.style.theme import DARK

_NARROWEST, _WIDEST = 480, 960
_BAND, _MARGIN = 110, 12
_FLASH_S = 0.6
"""How long a change of state is shown."""
_ROUNDING_S = 0.0025
"""Two frames whose times are rounded to milliseconds can lie so much farther apart than two others."""


@dataclass(frozen=True)
class Caption:
    """What stands below a frame."""

    moment: Moment
    seconds: float
    turned: bool
    """Whether the state changed a moment ago."""


@dataclass(frozen=True)
class Footage:
    """A clip's frames with their places in the video, read one by one, and when they are shown."""

    frames: Iterable[tuple[int, np.ndarray]]
    rate: float
    """Frames a second."""
    times: Sequence[float] | None = None
    """The second from which each frame is shown, the first at 0, where they do not follow evenly."""


def read_footage(record: ClipRecord, at_hand: OpenedClips) -> Footage:
    """What a film of a clip is made of.

    Raises:
        DataError: a frame cannot be read, now or when its turn comes.
    """
    times = read_times(record, at_hand=at_hand)
    uneven = None if times is None or _are_even(times) else times.tolist()
    return Footage(iterate_frames(record, at_hand=at_hand), measure_rate(record, at_hand=at_hand), uneven)


def _are_even(times: Seconds) -> bool:
    """Whether frames follow evenly, but for the rounding of containers that count milliseconds."""
    return bool(np.ptp(np.diff(times)) < _ROUNDING_S) if len(times) > 1 else True


def save_annotated_video(path: Path, footage: Footage, story: ClipStory, *, replace: bool = True) -> Path:
    """Write a video of the clip with the prediction of the moment below the picture, whole or not at all.

    Args:
        path: ends in .mp4 or .webm.
        footage: the clip.
        story: what read_story made of the clip's tables.
        replace: take the place of a file of that name.

    Raises:
        DataError: a frame cannot be read.
        OutputError: another ending, a place that cannot be written, or another file there.
    """
    return write_whole(path, annotated_writer(kind_of_film(path), footage, story), replace=replace)


def annotated_writer(kind: str, footage: Footage, story: ClipStory, stamp: str = "") -> Writer:
    """What writes such a video, mp4 or webm, with a word of where it came from."""
    rate, times = footage.rate, footage.times
    composed = _compose(footage.frames, story, rate, times)
    return film_writer(kind, composed, rate=rate, times=times, stamp=stamp)


def follow_captions(
    story: ClipStory, places: Iterable[int], rate: float, times: Sequence[float] | None = None
) -> Iterator[Caption]:
    """The caption of every frame of the video.

    In prefix mode a row holds from its own frame on, because only then its frames have been seen; else the
    nearest row holds.
    """
    sources = np.array([moment.source_frame for moment in story.moments])
    turns, shown, turned_at = story.turn_frames, -1, -np.inf
    for number, place in enumerate(places):
        seconds = number / rate if times is None else times[number]
        if story.mode == "prefix":
            row = max(0, int(np.searchsorted(sources, place, side="right")) - 1)
        else:
            row = int(np.abs(sources - place).argmin())
        if shown >= 0 and any(frame in turns for frame in range(shown + 1, row + 1)):
            turned_at = seconds
        shown = row
        yield Caption(story.moments[row], seconds, seconds - turned_at < _FLASH_S - 1e-9)


def _compose(
    frames: Iterable[tuple[int, np.ndarray]], story: ClipStory, rate: float, times: Sequence[float] | None
) -> Iterator[np.ndarray]:
    """Every frame with its band below it."""
    current: list[np.ndarray] = []

    def places() -> Iterator[int]:
        for place, pixels in frames:
            current[:] = [pixels]
            yield place

    for caption in follow_captions(story, places(), rate, times):
        yield draw_caption(current[0], caption, story)


def draw_caption(pixels: np.ndarray, caption: Caption, story: ClipStory) -> np.ndarray:
    """One frame, enlarged or reduced to a readable width, above a band with label, bar and time."""
    tall, wide = pixels.shape[:2]
    width = int(np.clip(wide, _NARROWEST, _WIDEST)) // 2 * 2
    height = max(2, round(tall * width / wide / 2) * 2)
    method = Image.Resampling.BICUBIC if width > wide else Image.Resampling.BOX
    scale = width / _NARROWEST  # a wide film is shown as small as a narrow one
    page = Image.new("RGB", (width, height + round(_BAND * scale / 2) * 2), DARK.paper)
    page.paste(Image.fromarray(pixels).resize((width, height), method), (0, 0))
    draw = ImageDraw.Draw(page)
    _draw_band(draw, (width, height), caption, story, scale)
    if caption.turned:
        draw.rectangle((0, 0, width - 1, height - 1), outline=DARK.ink, width=3)
    return np.asarray(page)


def _draw_band(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], caption: Caption, story: ClipStory, scale: float
) -> None:
    """Below a picture of this size: label and number, bar, time and change."""
    margin, moment = round(_MARGIN * scale), caption.moment
    left, right, top = margin, size[0] - margin, size[1] + round(8 * scale)
    large, middle, small = (_font(round(points * scale)) for points in (17, 15, 13))
    colour, told = pick_tint(story, moment, DARK), story.say_share(moment)
    room = right - left - margin - round(large.getlength(told))
    label = _fit_label(moment.label, round(room / scale))
    draw.multiline_text((left, top), label, font=middle, fill=DARK.ink, spacing=round(3 * scale))
    draw.text((right, top), told, font=large, fill=colour, anchor="ra")
    end = left + round((right - left) * story.share(moment))
    high, low, foot = (top + round(pixels * scale) for pixels in (45, 59, 68))
    draw.rectangle((left, high, right, low), fill=DARK.grid)
    draw.rectangle((left, high, end, low), fill=colour)
    words = f"{caption.seconds:.2f} s   {_kind_of_row(story, moment)}"
    draw.text((left, foot), words, font=small, fill=DARK.faint)
    if caption.turned:
        draw.text((right, foot), "◆ change of state", font=small, fill=DARK.ink, anchor="ra")


def _kind_of_row(story: ClipStory, moment: Moment) -> str:
    """What a row is; where that was measured, also how much of it is the frame's own."""
    if story.evidence is not None and story.mode in ("frame", "prefix"):
        kind = "prediction" if story.mode == "frame" else "so far"
        return f"{kind}, {story.evidence.own[moment.frame]:.0%} of it this frame's"
    kinds = {
        "frame": "each frame's own prediction",
        "prefix": "prediction so far",
        "leave-one-out": "loss without the frame",
        "still": "this frame alone, standing still",
        "window": "prediction around here",
    }
    return kinds[story.mode]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


@cache
def _fit_label(label: str, room: int) -> str:
    """The label in two lines at most; a longer one loses its middle."""
    letters = max(8, int(room / (0.56 * 15)))
    return "\n".join(wrap(shorten(label, 2 * letters - 8), letters)[:2])
