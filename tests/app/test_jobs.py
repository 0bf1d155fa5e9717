"""Long work beside the pages: progress, stopping, failing, and how much is kept."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app import jobs as module
from app.jobs import Jobs, Visitor
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
    go_on.set()
    assert job.ended.wait(10)
    assert job.stopped
    assert jobs.find("a") is None
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
        jobs.start(str(number), lambda tell, n=number: n, ME)  # type: ignore[misc]
        wait(jobs, str(number))
    assert [jobs.find(str(number)) is not None for number in range(5)] == [False, False, True, True, True]
    go_on = threading.Event()
    for number in range(module.MOST_WAITING):
        jobs.start(f"long {number}", lambda tell: go_on.wait(10), ME)
    with pytest.raises(OutputError, match="try again in a minute"):
        jobs.start("one more", lambda tell: None, ME)
    go_on.set()


def test_a_job_is_its_visitors_until_they_leave(jobs: Jobs) -> None:
    mine, other, go_on = Visitor(), Visitor(), threading.Event()
    jobs.start("a", lambda tell: go_on.wait(10), mine)
    jobs.start("a", lambda tell: None, other)  # it has begun: it stays mine
    job = jobs.find("a")
    assert job is not None
    assert (job.owner.admits(mine), job.owner.admits(other)) == (True, False)
    del mine
    gc.collect()
    assert job.owner.admits(other)
    go_on.set()


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
    assert job.remaining_s == pytest.approx(6)
    job.progress(0, 10, "Measuring")
    assert job.remaining_s is None
    now[0] += 5
    job.progress(5, 10, "Measuring")
    assert job.remaining_s == pytest.approx(5)
