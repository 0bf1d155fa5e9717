"""`make bench`: verdicts, rows and the record; what is timed is timed at a small size, in slow tests."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest

from benchmarks import bench, bench_rows, commands, data_rows
from benchmarks.bench_rows import Settings, Target, measure_commands, measure_explorer, measure_forward
from benchmarks.commands import IMPORT, Cost, Growth, judge_growth, run_once
from benchmarks.explorer import Waits
from benchmarks.growth import measure_growth, tabulate_growth

ROOT = Path(__file__).parents[2]


def test_verdicts_and_rows() -> None:
    assert Target("a", 0.9, at_most=0.9).met is True
    assert Target("a", 0.91, at_most=0.9).met is False
    assert Target("a", 3.1, at_least=3.2).met is False
    assert Target("a", None, at_least=3.2).met is None
    assert "not measured" in bench.format_row(Target("a", None))
    assert bench.format_row(Target("for knowing", 0.5)).split() == ["for", "knowing", "0.50"]
    row = bench.format_row(Target("a ratio", 0.5, at_most=0.9, spread=(0.4, 0.6), note="of two"))
    assert row.split() == ["a", "ratio", "≤", "0.9", "0.50", "0.40-0.60", "met", "of", "two"]


def test_the_pages_table_is_what_was_written() -> None:
    record = json.loads((ROOT / "benchmarks" / "results" / "bench-cpu.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    lines = list(bench.tabulate_record(record))
    assert len(lines) == len(record["targets"]) + 2
    assert "\n".join(lines) in page
    assert f"{record['machine']['date']}: one run" in page.replace("\n", " ")


def test_a_run_of_ones_own_leaves_the_published_numbers_alone() -> None:
    """They are held to the page: whoever measures on another machine must not break the tests by it."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^BENCH_JSON \?= build/", lines, re.MULTILINE)
    (recipe,) = re.findall(r"^bench:.*\n((?:\t.*\n)+)", lines, re.MULTILINE)
    assert "--json $(BENCH_JSON)" in recipe
    assert "results" not in recipe
    assert "build/" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()


def test_the_pages_table_of_growth_is_what_was_written() -> None:
    record = json.loads((ROOT / "benchmarks" / "results" / "growth-cpu.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert "\n".join(tabulate_growth(record["rows"])) in page


def test_growth_is_shared_among_pixels() -> None:
    """Two clips of 16 frames are four times the work: three times the cost is 0.75 for each pixel."""
    row = {"clips": 2, "frames": 16, "size": 224, "fused over base": 3.0}
    lines = list(tabulate_growth([{**row, "fused over 2-D": 0.9, "fused over folded": 0.7}]))
    assert lines[2] == "| 2 | 16 | 224 | 3.00 | 0.75 | 0.90 | 0.70 |"


def test_gpu_targets_are_the_worst_of_the_best(tmp_path: Path) -> None:
    """Two forms in one setting and one in another: 0.9 and 1.2 are best, and 1.2 counts."""
    told = [("s1", 1.5), ("s1", 0.9), ("s2", 1.2)]
    rows = [{"target": "share of the 2-D time", "setting": where, "value": value} for where, value in told]
    file = tmp_path / "gpu.json"
    file.write_text(json.dumps({"targets": rows, "machine": {"gpu": "a card", "date": "today"}}))
    share, times = bench.list_gpu_targets(file)
    assert (share.value, share.spread, share.met) == (1.2, (0.9, 1.2), False)
    assert (times.value, times.met) == (None, None)
    assert all(target.value is None for target in bench.list_gpu_targets(tmp_path / "none.json"))


def test_all_parts_are_told_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        bench, "PARTS", {"forward": lambda settings: iter([Target("mine", 2.0, at_most=1.0)])}
    )
    file = tmp_path / "bench.json"
    assert bench.main(["--only", "forward", "--threads", "1", "--json", str(file)]) == 0
    record = json.loads(file.read_text())
    assert record["targets"][0]["met"] is False
    assert record["machine"]["cores"] > 0
    assert "mine" in capsys.readouterr().out


def test_many_files_are_held_against_few() -> None:
    """9 more files in 9 s and 99 more in 198: each costs twice as much."""
    time, memory = judge_growth([Growth(1, 5, 50), Growth(10, 14, 60), Growth(100, 203, 63)])
    assert (time.found, time.met) == (2, False)
    assert (memory.found, memory.met) == (1.05, True)


def test_whole_commands_are_told_round_by_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command took 1 of 4 and 3 of 4 s; of importing torch no row is made."""
    costs = {IMPORT: [Cost(4, 8, 600)] * 2, "inspect": [Cost(1, 4, 50), Cost(3, 4, 300)]}
    monkeypatch.setattr(commands, "measure_costs", lambda folder, rounds: (186.0, costs))
    time, memory = measure_commands(Settings(shared=True))
    assert (time.value, time.spread, time.met) == (0.5, (0.25, 0.75), False)
    assert (memory.value, memory.met) == (300, False)
    assert next(measure_commands(Settings())).value == 0.5


def test_a_commands_memory_is_its_own(tmp_path: Path) -> None:
    """A process counts as its own the memory of what it was started by: here that has torch, 500 MB."""
    assert run_once(("-S", "-c", "pass"), tmp_path).peak_mb < 100


def test_the_explorers_waits_are_told_or_said_to_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits(2.5, 11.0, 4.0, 1.0, {"a": 3.0, "b": 1.0}, {"a": 0.2, "b": 0.9})
    monkeypatch.setattr(bench_rows, "measure_waits", lambda: waits)
    monkeypatch.setattr(bench_rows, "find_browser", lambda: "chromium")
    picture, verdict, switch = measure_explorer(Settings(shared=True))
    assert (picture.value, picture.met, switch.met) == (2.5, True, False)
    assert (verdict.value, verdict.met) == (11.0, False)
    assert switch.value == pytest.approx(0.55)
    assert "others use the machine" in picture.note
    monkeypatch.setattr(bench_rows, "find_browser", lambda: None)
    assert [target.met for target in measure_explorer(Settings())] == [None, None, None]


@pytest.mark.slow
def test_forms_are_timed_side_by_side() -> None:
    found = list(measure_forward(Settings(frames=2, size=32, rounds=2, threads=1)))
    assert len(found) == 5
    assert all(target.value is not None and target.value > 0 for target in found)


@pytest.mark.slow
def test_growth_is_over_the_base() -> None:
    (row,) = measure_growth(Settings(rounds=1, warmup=0), shapes=[(1, 4, 64)])
    assert 0 < float(str(row["fused over base"])) < 0.5


@pytest.mark.slow
def test_data_sets_are_timed_at_a_small_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader and every analysis give a row; nobody is held to a target here."""
    monkeypatch.setattr(data_rows, "FRAMES", 12)
    monkeypatch.setattr(data_rows, "SIZE", 64)
    monkeypatch.setattr(data_rows, "REPEATS", dict.fromkeys(data_rows.REPEATS, 1))
    monkeypatch.setattr(data_rows, "CASES", (("evaluate", 8, 32), ("order", 8, 32)))
    settings = Settings(rounds=1, threads=1, shared=True)
    found = [*data_rows.measure_loader(settings), *data_rows.measure_analyses(settings)]
    assert len(found) == 2 + 2 * 3
    assert all(target.value is not None and target.value > 0 for target in found)


def test_an_analysis_is_held_against_its_slower_stage_and_against_both_at_once() -> None:
    """Alone 2 and 4 s, together 5 s, the analysis 8 s; of the 8 s of work in it the stages account for 6."""
    times = {"decode": (2, 0, 2), "network": (4, 4, 0), "side_by_side": (5, 4, 2), "whole": (8, 5, 3)}
    rounds = [{part: data_rows.Spent(*map(float, spent)) for part, spent in times.items()}]
    found = [(row.value, row.met) for row in data_rows._tell_analysis("a", rounds, Settings())]
    assert found == [(0.5, False), (0.8, True), (0.75, True)]


def test_stages_side_by_side_overlap() -> None:
    together = threading.Barrier(2, timeout=20)
    data_rows.Stages(lambda: None, together.wait, together.wait).side_by_side()


def test_a_shared_machine_counts_the_busier_side() -> None:
    spent = data_rows.Spent(wall=9.0, here=2.0, elsewhere=3.0)
    assert spent.last(Settings(shared=True)) == 3
    assert spent.last(Settings()) == 9
    assert spent.processor == 5
