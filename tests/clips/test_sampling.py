"""Frame sampling: properties that hold for every length, and hand-made cases."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gst_analysis.clips.sampling import (
    Indices,
    multi_clip_indices,
    parse_sampling,
    sample_frames,
    segment_indices,
    strided_indices,
)
from gst_analysis.errors import DataError, SpecError

totals = st.integers(1, 5000)
counts = st.integers(1, 64)
strides = st.integers(1, 40)
seeds = st.integers(0, 2**32 - 1)
samplings = st.one_of(st.just("segments"), strides.map("dense-{}".format))


def assert_sound(indices: Indices, total: int, frames: int) -> None:
    assert indices.shape == (frames,)
    assert indices.dtype == np.int64
    assert (np.diff(indices) >= 0).all(), "not in the order of time"
    assert indices[0] >= 0
    assert indices[-1] < total
    if total >= frames:
        assert (np.diff(indices) > 0).all(), "repeats a frame of a clip that has enough"


@settings(deadline=None)
@given(totals, counts)
def test_the_middle_of_each_segment_is_exact(total: int, frames: int) -> None:
    indices = segment_indices(total, frames)
    assert_sound(indices, total, frames)
    middles = [Fraction(total) * (2 * k + 1) / (2 * frames) for k in range(frames)]
    assert indices.tolist() == [middle.__floor__() for middle in middles]


@settings(deadline=None)
@given(totals, counts, seeds)
def test_a_random_frame_lies_in_its_segment(total: int, frames: int, seed: int) -> None:
    indices = segment_indices(total, frames, rng=np.random.default_rng(seed))
    assert indices.shape == (frames,)
    assert (np.diff(indices) >= 0).all()
    for k, index in enumerate(indices.tolist()):
        start, stop = Fraction(k * total, frames), Fraction((k + 1) * total, frames)
        assert start - 1 < index < stop, "the frame does not touch its segment"
    again = segment_indices(total, frames, rng=np.random.default_rng(seed))
    assert indices.tolist() == again.tolist()


@settings(deadline=None)
@given(st.integers(1, 63), st.integers(2, 64))
def test_short_clips_repeat_every_frame_by_its_nearest(total: int, frames: int) -> None:
    if total > frames:
        total, frames = frames, total
    indices = segment_indices(total, frames)
    counts = np.bincount(indices, minlength=total)
    assert counts.min() >= frames // total
    assert counts.max() <= -(-frames // total)


def test_a_clip_of_three_frames_is_not_its_first_frame_eight_times() -> None:
    assert segment_indices(3, 8).tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert segment_indices(1, 4).tolist() == [0, 0, 0, 0]
    assert segment_indices(16, 8).tolist() == [1, 3, 5, 7, 9, 11, 13, 15]
    assert segment_indices(30, 8).tolist() == [1, 5, 9, 13, 16, 20, 24, 28]


def test_random_segments_reach_every_frame_evenly() -> None:
    rng = np.random.default_rng(0)
    seen = np.bincount(np.concatenate([segment_indices(29, 8, rng=rng) for _ in range(4000)]), minlength=29)
    expected = 4000 * 8 / 29
    assert abs(seen / expected - 1).max() < 0.12


@settings(deadline=None)
@given(totals, counts, strides, st.one_of(st.none(), seeds))
def test_dense_frames_lie_one_stride_apart(total: int, frames: int, stride: int, seed: int | None) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    indices = strided_indices(total, frames, stride, rng=rng)
    assert_sound(indices, total, frames)
    steps = set(np.diff(indices).tolist())
    if total >= (frames - 1) * stride + 1:
        assert steps <= {stride}
        if rng is None:
            before, after = indices[0], total - 1 - indices[-1]
            assert 0 <= after - before <= 1, "not in the middle"
    elif total >= frames:
        assert len(steps) == 1
        widest = (total - 1) // (frames - 1)
        assert steps == {widest}, "shrunk more than needed"


def test_random_starts_reach_both_ends() -> None:
    rng = np.random.default_rng(0)
    firsts = {int(strided_indices(20, 4, 3, rng=rng)[0]) for _ in range(400)}
    assert firsts == set(range(11))


@settings(deadline=None)
@given(totals, counts, st.integers(1, 10), samplings)
def test_many_clips_are_each_a_sound_sampling(total: int, frames: int, clips: int, sampling: str) -> None:
    indices = multi_clip_indices(total, frames, clips, sampling=sampling)
    assert indices.shape == (clips, frames)
    for row in indices:
        assert_sound(row, total, frames)
    assert (np.diff(indices, axis=0) >= 0).all()
    if clips == 1:
        assert indices[0].tolist() == sample_frames(total, frames, sampling=sampling).tolist()


@settings(deadline=None)
@given(st.integers(100, 5000), st.integers(2, 10), st.integers(1, 8))
def test_many_dense_clips_cover_both_ends(total: int, clips: int, stride: int) -> None:
    indices = multi_clip_indices(total, 8, clips, sampling=f"dense-{stride}")
    assert indices[0, 0] == 0
    assert indices[-1, -1] == total - 1


@settings(deadline=None)
@given(st.integers(100, 5000), counts)
def test_segments_cover_both_ends(total: int, frames: int) -> None:
    indices = segment_indices(total, frames)
    assert indices[0] < -(-total // frames)
    assert indices[-1] >= total - -(-total // frames)


def test_three_dense_clips_start_at_the_ends_and_in_the_middle() -> None:
    assert multi_clip_indices(11, 8, 3, sampling="dense-1")[:, 0].tolist() == [0, 2, 3]  # of 0, 1.5 and 3
    assert multi_clip_indices(12, 8, 3, sampling="dense-1")[:, 0].tolist() == [0, 2, 4]
    assert multi_clip_indices(12, 8, 4, sampling="dense-1")[:, 0].tolist() == [0, 1, 3, 4]


def test_two_clips_of_segments_interleave() -> None:
    assert multi_clip_indices(32, 4, 2).tolist() == [[2, 10, 18, 26], [6, 14, 22, 30]]


@pytest.mark.parametrize(("total", "frames", "stride"), [(0, 8, 1), (8, 0, 1), (8, 8, 0), (-1, 8, 1)])
def test_nothing_is_sampled_from_nothing(total: int, frames: int, stride: int) -> None:
    with pytest.raises(DataError, match="at least 1"):
        strided_indices(total, frames, stride)


def test_sampling_is_named_as_in_a_clip_spec() -> None:
    assert parse_sampling("segments") is None
    assert parse_sampling("dense-4") == 4
    for wrong in ("dense", "dense-0", "uniform", "dense-4 "):
        with pytest.raises(SpecError, match="segments, or dense-N"):
            parse_sampling(wrong)


def test_runs_of_five_are_taken_as_tdn_reads_a_clip() -> None:
    """The official rule, by hand: 64 frames, 8 segments: a tick of 60 / 8, each run from its middle on."""
    starts = [int(7.5 / 2 + 7.5 * k) for k in range(8)]
    expected = [start + k for start in starts for k in range(5)]
    assert sample_frames(64, 40, sampling="segments-of-5").tolist() == expected
    assert multi_clip_indices(64, 40, 2, sampling="segments-of-5").tolist() == [expected] * 2


def test_runs_of_a_short_clip_stand_still_at_its_end() -> None:
    found = sample_frames(3, 10, sampling="segments-of-5").tolist()
    assert found == [0, 1, 2, 2, 2] * 2
    # 12 frames and 8 segments: not one more than segments and run together, so every run starts at 0.
    assert sample_frames(12, 40, sampling="segments-of-5").tolist() == [0, 1, 2, 3, 4] * 8
    assert sample_frames(13, 40, sampling="segments-of-5").tolist() != [0, 1, 2, 3, 4] * 8


def test_random_runs_start_in_their_own_segment() -> None:
    rng = np.random.default_rng(0)
    drawn = np.stack([sample_frames(44, 20, sampling="segments-of-5", rng=rng) for _ in range(300)])
    runs = drawn.reshape(300, 4, 5)
    assert (np.diff(runs, axis=2) == 1).all()
    for segment in range(4):  # ten starts each: a tick of 40 / 4
        assert set(runs[:, segment, 0]) == set(range(10 * segment, 10 * segment + 10))


def test_runs_need_a_multiple_of_their_length() -> None:
    with pytest.raises(SpecError, match="a multiple of 5"):
        sample_frames(64, 8, sampling="segments-of-5")
