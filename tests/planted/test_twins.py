"""Twins share what they should, pixel by pixel, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from gst_analysis.planted.twins import ORDERS, TwinConfig, build_twin, list_orders, render_twins

CONFIG = TwinConfig(6, 32)


@pytest.mark.parametrize("frames", [2, 3, 4, 5, 8, 16])
def test_orders_show_every_frame_once(frames: int) -> None:
    orders = list_orders(frames)
    assert len(set(orders)) == len(orders)
    assert all(sorted(order) == list(range(frames)) for order in orders)
    assert len(orders) == (2 if frames == 2 else len(orders))
    if frames >= 4:
        assert len(orders) == len(ORDERS)
        turns = [np.abs(np.diff(order)).max() for order in orders[:4]]
        assert max(turns) <= 2, "no jumps but in those of halves"


def test_looks_share_their_ways_and_nothing_that_is_seen() -> None:
    one, other = (build_twin(CONFIG, 0, look, 0) for look in (0, 1))
    for first, second in zip(one.sprites, other.sprites, strict=True):
        np.testing.assert_array_equal(first.track, second.track)
        assert first.colour != second.colour
    np.testing.assert_array_equal(one.backdrop.pan, other.backdrop.pan)
    assert one.backdrop.texture_seed != other.backdrop.texture_seed
    assert one.noise_seed != other.noise_seed


def test_cameras_share_what_is_seen_and_scenes_do_not() -> None:
    frames = render_twins(CONFIG, 0).astype(float)
    assert frames.shape == (3, 2, 6, 32, 32, 3)
    between = np.abs(frames[0, 0] - frames[1, 0]).mean()
    assert 0 < np.abs(frames[:, 0] - frames[:, 1]).mean() < between / 2
    assert not np.array_equal(
        build_twin(CONFIG, 0, 0, 0).sprites[-1].track, build_twin(CONFIG, 6, 0, 0).sprites[-1].track
    )
    np.testing.assert_array_equal(render_twins(CONFIG, 0), frames)
