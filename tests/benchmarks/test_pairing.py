"""The stopwatch of the benchmarks, held against delays that are known."""

from __future__ import annotations

import time

import pytest

from benchmarks import pairing
from benchmarks.pairing import Call, median_ms, summarise_ratio, time_call, time_interleaved


def test_every_round_runs_each_once_and_the_order_turns() -> None:
    ran: list[str] = []
    calls = {name: lambda name=name: ran.append(name) for name in "abc"}
    timings = time_interleaved(calls, rounds=3, warmup=1)
    assert "".join(ran) == "abc" + "abc" + "bca" + "cab"
    assert {name: len(times) for name, times in timings.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_known_delay_is_measured() -> None:
    assert 0.02 <= time_call(lambda: time.sleep(0.02)).seconds < 1


def test_ratios_are_taken_within_a_round() -> None:
    """A machine that slows down threefold for one round leaves every ratio at two."""
    timings = {
        "slow": [Call(2.0, 0), Call(6.0, 0), Call(2.2, 0)],
        "fast": [Call(1.0, 0), Call(3.0, 0), Call(1.1, 0)],
    }
    ratio = summarise_ratio(timings, "fast", against="slow")
    assert ratio.low == pytest.approx(2)
    assert ratio.median == pytest.approx(2)
    assert ratio.high == pytest.approx(2)
    assert median_ms(timings["fast"]) == pytest.approx(1100)


def pretend(monkeypatch: pytest.MonkeyPatch, *readings: float) -> None:
    """What all other processes will have used, look by look."""
    clock = iter(readings)
    monkeypatch.setattr(pairing, "_others_seconds", lambda: next(clock))
    monkeypatch.setattr(pairing, "GLANCE_S", 0.001)


def test_a_disturbed_call_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are busy at the first look, quiet at the second, busy during the first call only."""
    pretend(monkeypatch, 0, 5, 5, 5, 5, 15, 15, 15, 15, 15)
    made: list[int] = []
    call = time_call(lambda: made.append(1), tries=5)
    assert len(made) == 2
    assert call.others == 0


def test_a_single_try_neither_waits_nor_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 0, 30)
    made: list[int] = []
    assert time_call(lambda: made.append(1)).others > 1
    assert len(made) == 1


def test_the_least_disturbed_of_all_tries_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 0, 0, 0, 30, 30, 30, 30, 31, 31, 31, 31, 81)
    call = time_call(lambda: time.sleep(0.01), tries=3)
    assert call.others * call.seconds == pytest.approx(1.0)


def test_waiting_for_quiet_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "LOOKS", 3)
    pretend(monkeypatch, *range(0, 60, 10), 60, 60)
    made: list[int] = []
    time_call(lambda: made.append(1), tries=2)
    assert len(made) == 1
