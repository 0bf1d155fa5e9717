"""Several checkpoints: files are looked through two at a time, and nothing that is found depends on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gst_analysis import compare_scales, load_checkpoint
from gst_analysis.checkpoints import several
from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.checkpoints.several import glance_ahead
from gst_analysis.files import to_json
from tests.conftest import SaveSmall


def count_cores(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)


def test_what_was_looked_through_comes_in_order_and_the_rest_as_it_was(
    tmp_path: Path, save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_cores(monkeypatch, 2)
    good, broken = save_small(), tmp_path / "broken.pth"
    broken.write_bytes(b"nothing of a checkpoint")
    held = load_checkpoint(good)
    first, second, third, fourth = glance_ahead([good, broken, held, good])
    assert isinstance(first, Checkpoint)
    assert isinstance(fourth, Checkpoint)
    assert first.sha256 == fourth.sha256 == held.sha256
    assert second is broken
    assert third is held


def test_two_at_a_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of a pair waits for the other; a third beside them would be seen."""
    together, at_work, most = threading.Barrier(2, timeout=20), [0], [0]
    lock = threading.Lock()

    def glance(source: Any) -> None:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        together.wait()
        with lock:
            at_work[0] -= 1

    count_cores(monkeypatch, 8)
    monkeypatch.setattr(several, "glance_unbuilt", glance)
    assert list(glance_ahead(["a", "b", "c", "d"])) == ["a", "b", "c", "d"]
    assert most == [2]


def test_no_more_is_looked_through_than_two_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read and waits takes memory: it must not grow with the number of files."""
    begun: list[str] = []
    count_cores(monkeypatch, 2)
    monkeypatch.setattr(several, "glance_unbuilt", begun.append)
    coming: Iterator[Any] = glance_ahead([f"{number}" for number in range(50)])
    for taken in range(1, 20):
        next(coming)
        assert len(begun) <= taken + 2


def test_one_core_reads_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def glance(source: Any) -> None:
        raise AssertionError

    count_cores(monkeypatch, 1)
    monkeypatch.setattr(several, "glance_unbuilt", glance)
    assert list(glance_ahead(["a", "b"])) == ["a", "b"]


def test_a_comparison_is_the_same_on_one_core(
    tmp_path: Path, save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"nothing of a checkpoint")
    files = [save_small(seed=1), broken, save_small(seed=2), save_small(seed=1, file="again.pth")]

    def compare(cores: int) -> Any:
        count_cores(monkeypatch, cores)
        return compare_scales(*files)

    one, two = compare(1), compare(2)
    assert to_json(one.to_document()) == to_json(two.to_document())
    assert list(two.failures) == ["broken"]
