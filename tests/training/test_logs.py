from __future__ import annotations

import json
from pathlib import Path

from gst_analysis.training.logs import RunLog
from gst_analysis.training.table import EVENTS, STEPS, TRAINING_STEPS
from tests.tracking.recorder import Recorder

ROW = dict.fromkeys(TRAINING_STEPS.columns, 1) | {"loss": 0.5, "top1": float("nan")}


def test_every_line_is_on_disk_at_once_and_nan_is_empty(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.add_event("started", {"x": float("inf")})
    log.add_steps(ROW)
    lines = [json.loads(line) for line in (tmp_path / EVENTS).read_text().splitlines()]
    assert lines[0] == {"event": "started", "x": None}
    assert lines[1]["loss"] == 0.5
    assert lines[1]["top1"] is None
    assert (tmp_path / STEPS).read_text().splitlines() == [",".join(TRAINING_STEPS.columns), "1,1,0.5,,1,1,1"]
    log.close()


def test_a_log_is_cut_back_to_where_it_was_saved(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.add_steps(ROW)
    sizes, before = log.sizes(), (tmp_path / EVENTS).read_text()
    log.add_steps(ROW)
    log.add_event("lost", {})
    log.close()
    (tmp_path / EVENTS).write_text((tmp_path / EVENTS).read_text() + '{"event": "half a li')
    again = RunLog(tmp_path, sizes=sizes)
    assert (tmp_path / EVENTS).read_text() == before
    again.add_event("resumed", {})
    again.close()
    assert (tmp_path / EVENTS).read_text() == before + '{"event": "resumed"}\n'
    assert len((tmp_path / STEPS).read_text().splitlines()) == 2


def test_a_log_that_was_deleted_begins_anew(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.add_steps(ROW)
    sizes = log.sizes()
    log.close()
    (tmp_path / STEPS).unlink()
    RunLog(tmp_path, sizes=sizes).close()
    assert (tmp_path / STEPS).read_text() == ",".join(TRAINING_STEPS.columns) + "\n"


def test_ranks_that_do_not_lead_write_nothing(tmp_path: Path) -> None:
    log = RunLog(None)
    log.add_steps(ROW)
    log.add_event("started", {})
    assert log.sizes() == {}
    log.close()
    assert not list(tmp_path.iterdir())


def test_a_tracker_that_fails_ends_no_log(tmp_path: Path) -> None:
    failing, told = Recorder(fails_after=0), Recorder()
    log = RunLog(tmp_path, trackers=[failing, told])
    log.add_steps(ROW)
    log.close()
    lines = [json.loads(line) for line in (tmp_path / EVENTS).read_text().splitlines()]
    assert [line["event"] for line in lines] == ["steps", "note"]
    assert "Recorder was given up: ConnectionError" in lines[1]["text"]
    assert told.scalars[0][1]["steps/loss"] == 0.5
    assert told.closed
