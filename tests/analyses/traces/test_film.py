"""The annotated video: what a browser needs, every frame in it, and the right words at the right time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from gst_analysis.analyses.traces.film import (
    Footage,
    _kind_of_row,
    draw_caption,
    follow_captions,
    save_annotated_video,
)
from gst_analysis.analyses.traces.story import read_story
from gst_analysis.errors import OutputError
from gst_analysis.style.theme import DARK
from tests.analyses.traces.stories import make_influence, make_story, make_tables
from tests.clips.planted_clips import planted_frame, read_number
from tests.untyped import untyped

RATE = 12.0


def film(frames: int = 24, *, width: int = 96, height: int = 64) -> Iterator[tuple[int, np.ndarray]]:
    return ((n, planted_frame(n, width, height)) for n in range(frames))


@pytest.mark.parametrize(("kind", "codec"), [("mp4", "h264"), ("webm", "vp9")])
def test_a_browser_can_play_it(tmp_path: Path, kind: str, codec: str) -> None:
    path = save_annotated_video(tmp_path / f"a.{kind}", Footage(film(), RATE), make_story())
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == (codec, "yuv420p")
        assert stream.average_rate == 12
        pictures: list[Any] = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(pictures) == 24
    assert pictures[0].shape == (320 + 110, 480, 3)
    assert [read_number(p[:320:5, ::5][:64]) for p in pictures] == list(range(24))  # enlarged five times
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_mp4_has_its_index_in_front(tmp_path: Path) -> None:
    path = save_annotated_video(tmp_path / "a.mp4", Footage(film(), RATE), make_story())
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_each_frame_has_the_nearest_rows_words() -> None:
    story = make_story()  # rows at frames 1, 4, 7, …; the change is at row 4, frame 13
    captions = list(follow_captions(story, range(24), RATE))
    expected = [story.moments[min(7, n // 3)] for n in range(24)]
    assert [c.moment for c in captions] == expected
    assert [c.seconds for c in captions] == pytest.approx([n / 12 for n in range(24)])
    turned = [n for n, c in enumerate(captions) if c.turned]
    assert turned == list(range(12, 12 + len(turned)))
    assert len(turned) == 8  # 0.6 s


def test_a_prefix_says_nothing_before_it_has_been_seen() -> None:
    story = make_story(mode="prefix")
    captions = list(follow_captions(story, range(24), RATE))
    assert [c.moment.frame for c in captions] == [max(0, (n - 1) // 3) for n in range(24)]
    assert next(n for n, c in enumerate(captions) if c.turned) == 13


def test_uneven_frames_have_their_own_times() -> None:
    times = [0, 0.04, 0.2, 0.24, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 2.2, 2.4]
    captions = list(follow_captions(make_story(), range(15), RATE, times))
    assert [c.seconds for c in captions] == times
    assert [n for n, c in enumerate(captions) if c.turned] == [12, 13]  # 0.6 s from 1.7 s


def test_how_much_is_the_frames_own_is_told() -> None:
    for mode, words in (("frame", "prediction, 40% of it this frame's"), ("prefix", "so far, 67% of it")):
        story = read_story(*make_tables(mode=mode), make_influence(mode=mode))
        assert _kind_of_row(story, story.moments[1]).startswith(words)
        plain = make_story(mode=mode)
        assert "%" not in _kind_of_row(plain, plain.moments[1])


def test_a_part_of_a_video_starts_at_nought() -> None:
    captions = list(follow_captions(make_story(), range(6, 18), RATE))
    assert captions[0].seconds == 0
    assert captions[0].moment.source_frame == 7


def test_the_bar_is_as_long_as_the_probability() -> None:
    story = make_story()
    caption = next(iter(follow_captions(story, [0], RATE)))
    page = draw_caption(planted_frame(0), caption, story)
    row = page[320 + 8 + 52].astype(int)
    ground = np.array([int(DARK.grid[i : i + 2], 16) for i in (1, 3, 5)])
    paper = np.array([int(DARK.paper[i : i + 2], 16) for i in (1, 3, 5)])
    empty, outside = (row == ground).all(axis=1).sum(), (row == paper).all(axis=1).sum()
    assert (480 - empty - outside) / (480 - outside) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(("width", "height"), [(33, 71), (1921, 1081), (64, 200), (8, 8)])
def test_any_size_becomes_even_and_readable(width: int, height: int) -> None:
    caption = next(iter(follow_captions(make_story(), [0], RATE)))
    page = draw_caption(np.zeros((height, width, 3), dtype=np.uint8), caption, make_story())
    assert page.shape[0] % 2 == page.shape[1] % 2 == 0
    assert 480 <= page.shape[1] <= 960
    band = 110 * page.shape[1] / 480  # as large on a wide film: both are shown in one column of a page
    assert (page.shape[0] - band) / page.shape[1] == pytest.approx(height / width, rel=0.02)


def test_odd_names_and_rates_are_written(tmp_path: Path) -> None:
    story = make_story(names=("<b>$x$</b> \U0001f600 " * 20, "二つに裂く"), truth=None)
    path = save_annotated_video(tmp_path / "a.mp4", Footage(film(3), 30000 / 1001), story)
    with av.open(str(path)) as container:
        assert float(untyped(container.streams.video[0].average_rate)) == pytest.approx(29.97, abs=0.01)


def test_other_endings_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="mp4 or webm"):
        save_annotated_video(tmp_path / "a.avi", Footage(film(1), RATE), make_story())
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another place"):
        save_annotated_video(tmp_path / "file" / "a.mp4", Footage(film(1), RATE), make_story())


def test_a_film_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[int, np.ndarray]]:
        yield from film(3)
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"):
        save_annotated_video(tmp_path / "a.mp4", Footage(broken(), RATE), make_story())
    assert not list(tmp_path.iterdir())
