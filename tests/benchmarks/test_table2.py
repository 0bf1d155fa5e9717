"""The planted Table 2 in a tiny setting: runs done once, a budget that is kept, a table that adds up."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import nct, t

from benchmarks import table2, table2_runs
from benchmarks.table2 import build_record, correlate, find_mean, format_table, main, summarise_line
from benchmarks.table2_runs import ENTRIES, Budget, Outcome, count_cost, do_run, place_run
from gst_analysis.errors import SpecError
from gst_analysis.files import to_json

TINY = Budget(
    width=8, train_clips=24, test_clips=24, video_frames=8, size=32, frames=2, epochs=1, batch_size=12
)
WORDS = [f"--{n.replace('_', '-')}={getattr(TINY, n)}" for n in vars(TINY)]
C2D, TSM = ENTRIES[0], ENTRIES[4]


def pretend(runs: Path, name: str, seed: int, top1: float) -> None:
    entry = next(e for e in ENTRIES if e.folder == name)
    folder = place_run(runs, entry, seed)
    folder.mkdir(parents=True)
    (folder / "outcome.json").write_text(to_json(Outcome(name, seed, 48, top1, 0.9, 1.0, 60.0)))


def test_a_run_is_trained_measured_and_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "--only",
        "c2d",
        "--seeds",
        "1",
        "--runs",
        str(tmp_path / "runs"),
        "--json",
        str(tmp_path / "t.json"),
    ]
    assert main([*words, *WORDS]) == 0
    told = capsys.readouterr()
    assert "1 networks x 1 seeds = 1 runs, 0 finished, 1 left" in told.err
    record = json.loads((tmp_path / "t.json").read_text())
    line = next(line for line in record["lines"] if line["network"] == "c2d")
    assert (len(line["top1"]), line["missing"], line["low"]) == (1, [], None)
    assert record["missing"] == [f"{e.folder}-seed0" for e in ENTRIES[1:]]
    assert f"| C2D | {line['params']:,} |" in told.out

    monkeypatch.setattr(table2_runs, "train", None)  # to train again would fail
    assert main([*words, *WORDS]) == 0
    assert json.loads((tmp_path / "t.json").read_text())["lines"] == record["lines"]
    assert main([*words, *WORDS, "--epochs", "2"]) == 2
    assert (
        "expected runs of the budget that is asked for; found runs with epochs 1" in capsys.readouterr().err
    )


def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a run left its state, training is asked to go on; without an outcome none is finished."""
    asked = []

    def stop(recipe: str, settings: object, *, out: Path, resume: bool) -> None:
        asked.append(resume)
        out.mkdir(exist_ok=True)
        (out / "state.pt").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(table2_runs, "train", stop)
    monkeypatch.setattr(table2_runs, "prepare_world", lambda folder, world, say: folder)
    words = ["--only", "tsm", "--runs", str(tmp_path), "--json", str(tmp_path / "t.json")]
    assert [main(words), main(words)] == [130, 130]
    assert asked == [False, True]


def test_other_clips_in_the_folder_are_refused(tmp_path: Path) -> None:
    few = dataclasses.replace(TINY, test_clips=2)
    table2_runs.prepare_world(tmp_path / "world", few.world(test=True), lambda text: None)
    with pytest.raises(SpecError, match="this budget's clips"):
        do_run(tmp_path, TINY, C2D, 0, threads=1, say=lambda text: None)


def test_lines_hold_means_over_seeds_and_what_is_printed(tmp_path: Path) -> None:
    for name, values in {
        "c2d": (0.1, 0.2, 0.3),
        "gst-1of4": (0.7, 0.8),
        "tsm": (0.6,),
        "c3d": (0.65, 0.7),
    }.items():
        for seed, top1 in enumerate(values):
            pretend(tmp_path, name, seed, top1)
    record = build_record(tmp_path, TINY, ENTRIES, 3)
    lines = {line.network: line for line in record["lines"]}
    c2d = lines["c2d"]
    half = t.ppf(0.975, 2) * 0.1 / 3**0.5
    assert (c2d.mean, c2d.low, c2d.high) == pytest.approx((0.2, max(0, 0.2 - half), 0.2 + half))
    assert c2d.printed == {"v1": 20.4, "v2": 30.5}
    assert lines["gst-1of4"].missing == [2]
    assert (lines["tsm"].mean, lines["tsm"].low, lines["tsm"].printed) == (
        0.6,
        None,
        {"v1": None, "v2": None},
    )
    assert record["rank_correlation"]["v1"] == {
        "networks": 3,
        "spearman": 1.0,
        "low": pytest.approx(3**0.5 / 2),
        "high": 1.0,
    }
    assert correlate(record["lines"][:1], "v1")["spearman"] is None
    left = record["rank_correlation_without_c2d"]["v1"]
    assert (left["networks"], left["spearman"]) == (2, None)
    assert "| all but C2D | 2 | - | - |" in table2.format_correlations(record)
    assert format_table(record["lines"]).count("\n") == len(ENTRIES) + 1


def test_a_table_of_the_same_budget_is_gone_on_with_elsewhere(tmp_path: Path) -> None:
    pretend(tmp_path / "first", "c2d", 0, 0.25)
    pretend(tmp_path / "first", "tsm", 1, 0.5)
    table = tmp_path / "table.json"
    record = build_record(tmp_path / "first", TINY, ENTRIES, 2)
    table.write_text(to_json(record))
    assert table2.take_outcomes(table, tmp_path / "second", TINY) == 2
    assert build_record(tmp_path / "second", TINY, ENTRIES, 2)["lines"] == record["lines"]
    assert table2.take_outcomes(table, tmp_path / "second", TINY) == 0
    assert table2.take_outcomes(table, tmp_path / "third", dataclasses.replace(TINY, epochs=2)) == 0
    assert table2.take_outcomes(tmp_path / "none.json", tmp_path / "third", TINY) == 0


def test_every_line_of_the_papers_table_has_its_network() -> None:
    printed = [table2.find_printed(entry) for entry in ENTRIES]
    assert [None in row.values() for row in printed] == [entry.printed is None for entry in ENTRIES]
    assert len({entry.folder for entry in ENTRIES}) == len(ENTRIES)
    costs = {entry.folder: count_cost(Budget(), entry) for entry in ENTRIES}
    assert costs["gst-1of8"] < costs["gst-1of4"] < costs["gst-1of2"] < costs["c3d"]
    assert costs["c2d"] == costs["tsm"]


def test_one_seed_has_no_interval() -> None:
    assert find_mean([0.5]) == (0.5, None, None)
    assert find_mean([]) == (None, None, None)
    assert summarise_line(TSM, TINY, {}, 3).missing == [0, 1, 2]


def test_the_page_shows_what_the_runs_found() -> None:
    record = json.loads(table2.TARGET.read_text(encoding="utf-8"))
    lines = [table2.Line(**line) for line in record["lines"]]
    page = Path("docs/planted-worlds.md").read_text(encoding="utf-8")
    assert table2.format_table(lines) in page
    assert table2.format_correlations(record) in page
    assert max(line.mean for line in lines if line.mean is not None) <= 0.95, "by its mean over seeds"
    outcomes = [Outcome(**outcome) for outcome in record["outcomes"]]
    for line in lines:
        own = {one.seed: one for one in outcomes if one.network == line.network}
        assert [one.top1 for _, one in sorted(own.items())] == line.top1
        assert find_mean(line.top1) == (line.mean, line.low, line.high)
    missing = [name for line in lines for name in (f"{line.network}-seed{seed}" for seed in line.missing)]
    assert missing == record["missing"]
    assert dataclasses.asdict(Budget()) == record["budget"]


def test_the_page_says_what_a_longer_table_needs() -> None:
    """Of runs that found the steps, within networks: so many seeds, and so many hours, for so many points."""
    outcomes = [Outcome(**outcome) for outcome in json.loads(table2.TARGET.read_text())["outcomes"]]
    page = Path("docs/planted-worlds.md").read_text(encoding="utf-8")
    minutes = np.array([one.seconds for one in outcomes]) / 60
    assert f"{minutes.mean():.1f} minutes of one core a run on average" in page
    assert f"median {np.median(minutes):.1f}); four of thirty took 11 to 28" in page
    assert sorted(minutes.round())[-4] == 11
    assert minutes.max().round() == 28
    found = [[one.top1 for one in outcomes if one.network == e.folder and one.top1 > 0.7] for e in ENTRIES]
    squares = sum(np.var(own) * len(own) for own in found if own)
    deviation = np.sqrt(squares / sum(len(own) - 1 for own in found if own))
    assert f"differ by {100 * deviation:.1f} points" in page
    for points, seeds in ((10, 6), (5, 19), (3, 49)):
        assert power(points / 100 / deviation, seeds) > 0.8 > power(points / 100 / deviation, seeds - 1)
        left = 10 * seeds - len(outcomes)
        line = f"| {points} points | {seeds} | {left} runs, {left * minutes.mean() / 60:.0f} hours |"
        assert line in page


def power(effect: float, seeds: int) -> float:
    """How often a t test of two networks tells an effect, in standard deviations."""
    free = 2 * seeds - 2
    return float(nct.sf(t.ppf(0.975, free), free, effect * np.sqrt(seeds / 2)))
