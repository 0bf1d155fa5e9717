"""Clips that all fit into memory are decoded once, however often they are gone through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from gst_analysis.clips.records import RecordList
from gst_analysis.inference.reading import read_ahead
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.probes import clip_stream
from gst_analysis.probes.clip_stream import ClipStream
from tests.analyses.labelled_clips import small_model, write_clips


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips each reading from files was of."""
    counts: list[int] = []

    def counted(numbered: Any, *args: Any, **more: Any) -> Any:
        counts.append(len(numbered))
        return read_ahead(numbered, *args, **more)

    monkeypatch.setattr(clip_stream, "read_ahead", counted)
    return counts


def open_stream(records: RecordList, keep: int) -> ClipStream:
    return ClipStream(small_model(), records, InferenceSettings(batch=2), torch.device("cpu"), keep=keep)


@pytest.mark.parametrize(("keep", "readings"), [(2**20, [3]), (2**10, [3, 3]), (0, [3, 3])])
def test_what_fits_is_read_once(keep: int, readings: list[int], tmp_path: Path, passes: list[int]) -> None:
    stream = open_stream(write_clips(tmp_path, [0, 1, 2]), keep)
    first, second = (list(stream.batches()) for _ in range(2))
    assert passes == readings
    assert [one.places for one in first] == [one.places for one in second]
    assert all(torch.equal(one.clips, two.clips) for one, two in zip(first, second, strict=True))


def test_half_a_pass_is_not_taken_for_a_whole_one(tmp_path: Path, passes: list[int]) -> None:
    stream = open_stream(write_clips(tmp_path, [0, 1, 2, 3, 4, 0]), 2**20)
    broken_off = stream.batches()
    assert next(broken_off).places == (0, 1)
    broken_off.close()  # type: ignore[attr-defined] # a generator, said to be an iterator
    assert sum(len(batch.places) for batch in stream.batches()) == 6
    assert passes == [6, 6]


def test_what_was_begun_is_what_comes_next(tmp_path: Path, passes: list[int]) -> None:
    stream = open_stream(write_clips(tmp_path, [0, 1, 2, 3]), 2**20)
    stream.begin()
    stream.begin()
    assert passes == [4]
    assert [batch.places for batch in stream.batches()] == [(0, 1), (2, 3)]
    stream.begin()  # all is in memory
    assert [batch.places for batch in stream.batches()] == [(0, 1), (2, 3)]
    assert passes == [4]
