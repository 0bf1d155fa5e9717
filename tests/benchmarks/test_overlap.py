"""What an analysis spends is told part by part, and what is compared does the same work."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from benchmarks import overlap
from benchmarks.overlap import FAST, FIRST, LAST, LATER, NETWORK, PIXELS, WATCHED, Watch, find_function
from benchmarks.shared_work import pair_prefixes
from tests.analyses.labelled_clips import small_model


@pytest.mark.parametrize("name", [name for _, name in WATCHED])
def test_what_is_watched_is_there(name: str) -> None:
    assert callable(find_function(name))


class Clips:
    """Three clips, of which the last is known to be the last."""

    def __init__(self) -> None:
        self._waiting = [1, 2, 3]

    def take(self) -> None:
        time.sleep(0.02)
        self._waiting.pop()


def test_every_second_is_of_one_part() -> None:
    watch, clips = Watch(), Clips()

    def pause(*_: Any) -> None:
        time.sleep(0.02)

    pixels = watch.wrap(PIXELS, pause)
    take = watch.wrap(LATER, Clips.take)
    network = watch.wrap(NETWORK, pause)
    fast = watch.wrap(FAST, lambda: network())  # its trial is of making it
    fast()
    for _ in range(3):
        take(clips)
        pixels()
        network()
    seconds = {part: spent[0] for part, spent in watch.end().items()}
    for part, least in {FAST: 1, FIRST: 1, LATER: 2, PIXELS: 3, NETWORK: 2, LAST: 1}.items():
        assert seconds[part] >= 0.02 * least, part
    assert seconds[overlap.REST] < 0.02


def test_shared_prefixes_find_what_whole_passes_find() -> None:
    pair = pair_prefixes(small_model(), ("stage", "share"))
    for one, other in zip(pair.shared(), pair.apart(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
