"""Which frames of a clip are shown, and in which order: places from 0. No torch, no network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gst_analysis.analyses.order.table import SHUFFLED

Places = npt.NDArray[np.int64]
_MOST_STILLS = 8
"""Stills that are tried to find the best one: a network of 64 frames shall not be run 64 times for it."""
STILLS = ("frozen-surest", "frozen-best")


def order_frames(condition: str, frames: int) -> Places:
    """The frames of a clip, as a condition shows them, where that is one way for all clips."""
    places = np.arange(frames)
    half = (frames + 1) // 2
    orders = {
        "in-order": places,
        "reversed": places[::-1],
        "halves-swapped": np.r_[places[half:], places[:half]],
        "ends": np.r_[np.zeros(half), np.full(frames - half, frames - 1)],
        "every-second": np.repeat(places[::2], 2)[:frames],
        "half-as-many": places[::2],
        "frozen-first": np.zeros(frames),
        "frozen-middle": np.full(frames, frames // 2),
        "frozen-last": np.full(frames, frames - 1),
        "shift-later": np.r_[0, places[:-1]],
        "shift-sooner": np.r_[places[1:], frames - 1],
    }
    return np.ascontiguousarray(orders[condition], dtype=np.int64)


def shuffle_frames(frames: int, seed: Sequence[int]) -> Places:
    """A random order that is not the one of counting, which would show the clip as it is."""
    rng = np.random.default_rng(list(seed))
    order = rng.permutation(frames)
    while frames > 1 and (order == np.arange(frames)).all():
        order = rng.permutation(frames)
    return order


def list_stills(frames: int) -> list[int]:
    """The frames that are held still in turn to find the best: all, or of a long clip some spread evenly."""
    if frames <= _MOST_STILLS:
        return list(range(frames))
    return sorted({round(place) for place in np.linspace(0, frames - 1, _MOST_STILLS)})


def describe_frames(condition: str, frames: int) -> str:
    """Which frames are shown, as text; empty where every clip is shown others."""
    if condition == SHUFFLED or condition in STILLS:
        return ""
    known = "in-order" if condition.startswith("pad-") else condition
    return " ".join(map(str, order_frames(known, frames)))
