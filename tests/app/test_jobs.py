"""Long work beside the pages: progress, stopping, failing, and how much is kept."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app import cached_results
from app import jobs as module
from app.cached_results import Keeper, kept
from app.jobs import Jobs
from app.visits import Visitor
from gst_analysis.errors import DataError, OutputError

Tell = Callable[[int, int, str], object]
ME = Visitor()


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs()
    yield made
    made.close()


def wait(jobs: Jobs, key: str) -> Any:
    job = jobs.find(key)
    assert job is not None
    assert job.ended.wait(10)
    return job


def test_a_result_is_kept_and_the_work_done_once(jobs: Jobs) -> None:
    asked: list[int] = []

    def work(tell: Tell) -> str:
        tell(1, 2, "halfway")
        asked.append(1)
        return "done"

    jobs.start("a", work, ME)
    job = wait(jobs, "a")
    assert (job.result, job.share, job.at) == ("done", 0.5, "halfway")
    jobs.start("a", work, ME)
    assert wait(jobs, "a") is job
    assert asked == [1]


def test_a_running_job_stops_at_the_next_sign_of_progress(jobs: Jobs) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(tell: Tell) -> None:
        begun.set()
        go_on.wait(10)
        tell(1, 2, "")
        raise AssertionError("it went on")

    jobs.start("a", work, ME)
    assert begun.wait(10)
    job = jobs.find("a")
    assert job is not None
    assert job.running
    job.cancel()
    assert jobs.find("a") is None
    go_on.set()
    assert job.ended.wait(10)
    assert job.stopped
    jobs.start("a", lambda tell: "anew", ME)
    assert wait(jobs, "a").result == "anew"


def test_a_waiting_job_can_be_stopped_before_it_begins(jobs: Jobs) -> None:
    go_on, ran = threading.Event(), []
    jobs.start("first", lambda tell: go_on.wait(10), ME)
    jobs.start("second", lambda tell: ran.append(1), ME)
    second = jobs.find("second")
    assert second is not None
    second.cancel()
    assert second.ended.is_set()
    go_on.set()
    jobs.start("third", lambda tell: "after", ME)
    assert wait(jobs, "third").result == "after"
    assert not ran


def test_an_expected_error_is_kept_as_it_is_and_the_work_may_be_tried_again(jobs: Jobs) -> None:
    def fail(tell: Tell) -> None:
        raise DataError("clips", expected="some", found="none", todo="name others")

    jobs.start("a", fail, ME)
    assert "expected some" in str(wait(jobs, "a").error)
    jobs.start("a", lambda tell: "well", ME)
    assert wait(jobs, "a").result == "well"


def test_a_fault_of_ours_tells_the_log_and_not_the_visitor(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    jobs.start("a", lambda tell: [][1], ME)
    assert "a fault of ours" in str(wait(jobs, "a").error)
    assert "list index out of range" in caplog.text


def test_results_and_waiting_work_are_bounded(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    for number in range(5):
        jobs.start(str(number), lambda tell, n=number: n, ME)  # type: ignore[misc] # mypy guesses no type of a default in a lambda
        wait(jobs, str(number))
    assert [jobs.find(str(number)) is not None for number in range(5)] == [False, False, True, True, True]
    go_on = threading.Event()
    many = [Visitor() for _ in range(module.MOST_WAITING // module.MOST_OF_ONE)]
    for number in range(module.MOST_WAITING):
        jobs.start(f"long {number}", lambda tell: go_on.wait(10), many[number // module.MOST_OF_ONE])
        if number == module.MOST_OF_ONE - 1:
            with pytest.raises(OutputError, match="your work: expected fewer than 4"):
                jobs.start("one more", lambda tell: None, many[0])
    with pytest.raises(OutputError, match="try again in a minute"):
        jobs.start("one more", lambda tell: None, ME)
    go_on.set()


def test_a_job_ends_when_nobody_waits_for_it_and_not_before(jobs: Jobs) -> None:
    mine, other, go_on = Visitor(), Visitor(), threading.Event()
    jobs.start("a", telling(go_on), mine)
    job = jobs.find("a")
    assert job is not None
    assert (job.is_for(mine), job.is_for(other)) == (True, False)
    job.leave(other)  # who never asked for it
    jobs.start("a", lambda tell: None, other)  # it has begun: both have the same
    assert jobs.find("a") is job
    job.leave(mine)
    assert not job.stopping
    del other
    gc.collect()
    jobs.drop_unwanted()
    go_on.set()
    assert job.ended.wait(10)
    assert job.stopped


def test_what_is_stopping_can_be_asked_for_anew(jobs: Jobs) -> None:
    go_on = threading.Event()
    jobs.start("a", telling(go_on), ME)
    job = jobs.find("a")
    assert job is not None
    job.leave(ME)
    jobs.start("a", lambda tell: "anew", ME)
    go_on.set()
    assert wait(jobs, "a").result == "anew"


def test_visitors_take_turns_and_know_their_place(jobs: Jobs) -> None:
    """One who asks for three things does not hold up another who asks for one."""
    first, second, go_on = Visitor(), Visitor(), threading.Event()
    done: list[str] = []
    jobs.start("a0", lambda tell: go_on.wait(10), first)
    for name in ("a1", "a2"):
        jobs.start(name, lambda tell, name=name: done.append(name), first)  # type: ignore[misc] # mypy guesses no type of a default in a lambda
    jobs.start("b", lambda tell: done.append("b"), second)
    assert [ahead(jobs, name) for name in ("b", "a1", "a2")] == [1, 2, 3]
    go_on.set()
    assert jobs.place(wait(jobs, "a2")) is None
    assert done == ["b", "a1", "a2"]


def ahead(jobs: Jobs, key: str) -> int:
    """How many are done before it."""
    job = jobs.find(key)
    assert job is not None
    queued = jobs.place(job)
    assert queued is not None
    return queued.ahead


def test_what_takes_seconds_does_not_wait_for_what_takes_minutes(jobs: Jobs) -> None:
    go_on = threading.Event()
    jobs.start("long", lambda tell: go_on.wait(10), ME)
    jobs.start("short", lambda tell: "done", Visitor(), lane="seconds")
    assert wait(jobs, "short").result == "done"
    go_on.set()


def telling(go_on: threading.Event) -> Any:
    """Work that waits, then says that it goes on."""

    def work(tell: Tell) -> None:
        go_on.wait(10)
        tell(1, 2, "")

    return work


def test_time_left_follows_the_speed_of_what_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("app.jobs.time.monotonic", lambda: now[0])
    job = module.BackgroundJob(lambda tell: None, ME)
    job.progress(0, 10, "Rendering")
    now[0] += 1
    job.progress(2, 10, "Rendering")
    assert job.remaining_s is None  # too early to say
    now[0] += 3
    job.progress(4, 10, "Rendering")
    assert job.remaining_s == pytest.approx(9)  # two in three seconds, after the first sign
    job.progress(0, 10, "Measuring")
    assert job.remaining_s is None
    for done in (1, 5):
        now[0] += 4
        job.progress(done, 10, "Measuring")
    assert job.remaining_s == pytest.approx(5)


def test_results_of_jobs_are_bounded_in_bytes(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 2500)
    for number in range(4):
        jobs.start(str(number), lambda tell: b"x" * 1000, ME)
        wait(jobs, str(number))
    jobs.start("large", lambda tell: b"x" * 9000, ME)
    assert len(wait(jobs, "large").result) == 9000
    assert [name for name in map(str, range(4)) if jobs.find(name) is not None] == ["2", "3"]


def test_what_pages_remember_is_bounded_whatever_they_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper, made = Keeper(50_000), []
    monkeypatch.setattr(cached_results, "keeper", lambda: keeper)

    @kept
    def read(content: int, *, size: int = 900, _path: str = "") -> list[bytes]:
        made.append(content)
        return [bytes([content % 251])] * 3 + [b"x" * size]

    for content in range(500):
        assert read(content, _path=f"another {content}")[0] == bytes([content % 251])
    assert keeper.bytes <= 50_000
    assert 40 <= len(keeper) <= 55
    read(499, _path="elsewhere").append(b"mine")
    assert len(read(499, size=900)) == 4
    assert len(made) == 500
    assert len(read(1, size=90_000)[-1]) == 90_000  # given, and not kept
    assert len(keeper) >= 40
    assert keeper._busy == {}


def test_two_who_ask_for_the_same_have_it_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper, made = Keeper(10_000), []
    monkeypatch.setattr(cached_results, "keeper", lambda: keeper)
    begun, go_on = threading.Event(), threading.Event()

    @kept
    def make(name: str) -> str:
        made.append(name)
        begun.set()
        go_on.wait(10)
        return name

    threads = [threading.Thread(target=make, args=("a",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert made == ["a"]
