"""The findings: intervals and answers against planted numbers, and a page that says what the JSON says."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr, t, ttest_ind

from benchmarks.findings import build_longer, build_tables, fill_page, load_record, main, save_pictures
from benchmarks.findings_answers import SCORES, Answer, answer_all, find_parts, foretell
from benchmarks.findings_plan import LONGER, Plan, load_plan
from benchmarks.findings_statistics import (
    Number,
    find_difference,
    find_mean,
    judge_all,
    judge_difference,
    judge_threshold,
    share_of_time,
)
from gst_analysis.errors import SpecError

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results/findings.json"


def plant(world: str, seed: int, shares: Sequence[float], *, moved: float = 0.05) -> dict[str, Any]:
    """A run in which time has these shares of both halves, by every score, in every block."""
    shallow, deep = shares
    spatial, temporal = [1 - shallow] * 4 + [1 - deep] * 4, [shallow] * 4 + [deep] * 4
    names = ("gamma", "gamma_sum", "invariant", "taylor", "alone", "alone_accuracy")
    whole = (shallow + deep) / 2
    joint = {part: [1 - s, s] for part, s in (("shallow", shallow), ("deep", deep), ("whole", whole))}
    return {
        "name": f"{world}-{seed}",
        "world": world,
        "seed": seed,
        "epochs": 3,
        "accuracy": 0.98,
        "moved": moved,
        "blocks": [f"layer{stage}.{index}" for stage in (1, 2, 3, 4) for index in (0, 1)],
        "channels": [[6, 6, 12, 12, 24, 24, 48, 48], [2, 2, 4, 4, 8, 8, 16, 16]],
        "joint": joint,
        "joint_accuracy": joint,
        "temporal_use": temporal,
        **{name: [spatial, temporal] for name in names},
    }


def plant_both(temporal: Sequence[float], static: Sequence[float], spread: float) -> list[dict[str, Any]]:
    """Five runs of both worlds around their shares."""
    rng = np.random.default_rng(0)
    return [
        plant(world, seed, (np.array(shares) + rng.normal(0, spread, 2)).tolist())
        for world, shares in (("temporal", temporal), ("static", static))
        for seed in range(5)
    ]


def test_intervals_of_means_and_differences() -> None:
    """Student's by its formula, Welch's against SciPy's."""
    one, other = [0.5, 0.6, 0.75], [0.2, 0.25, 0.1, 0.3]
    half = t.ppf(0.975, 2) * np.std(one, ddof=1) / 3**0.5
    mean = find_mean(one)
    assert (mean.low, mean.value, mean.high) == pytest.approx(
        (np.mean(one) - half, np.mean(one), np.mean(one) + half)
    )
    found, ends = (
        find_difference(one, other),
        ttest_ind(one, other, equal_var=False).confidence_interval(0.95),
    )
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert find_difference([0.5, 0.5], [0.5, 0.5]) == Number(0.0, 0.0, 0.0)


def test_too_few_runs_have_no_interval_and_undefined_ones_no_mean() -> None:
    assert find_mean([0.5]) == Number(0.5)
    assert find_mean([]) == find_mean([0.5, float("nan")]) == find_difference([], [0.5, 0.6]) == Number(None)
    assert find_difference([0.75], [0.25, 0.25]) == Number(0.5)
    assert judge_difference(Number(0.5), 0.05) == judge_threshold(Number(0.9), 0.5) == "undecided"


def test_intervals_cover_the_truth() -> None:
    """Five seeds against five, of unlike spread: 95% of Welch's intervals hold the planted difference."""
    rng = np.random.default_rng(1)
    held = []
    for _ in range(500):
        found = find_difference(rng.normal(0.5, 0.1, 5).tolist(), rng.normal(0.3, 0.03, 5).tolist())
        assert found.low is not None
        assert found.high is not None
        held.append(found.low <= 0.2 <= found.high)
    assert 0.93 <= np.mean(held) <= 0.975


@pytest.mark.parametrize(
    ("low", "high", "difference", "above", "below"),
    [
        (0.01, 0.03, "yes", "no", "yes"),
        (-0.04, 0.04, "no", "no", "yes"),
        (-0.3, -0.1, "no", "no", "yes"),
        (-0.1, 0.3, "undecided", "no", "yes"),
        (0.4, 0.6, "yes", "undecided", "undecided"),
        (0.51, 0.7, "yes", "yes", "no"),
    ],
)
def test_what_counts_as_an_answer(low: float, high: float, difference: str, above: str, below: str) -> None:
    number = Number((low + high) / 2, low, high)
    assert judge_difference(number, 0.05) == difference
    assert judge_threshold(number, 0.5) == above
    assert judge_threshold(number, 0.5, above=False) == below


def test_several_hold_where_none_fails() -> None:
    assert judge_all(["yes", "yes"]) == "yes"
    assert judge_all(["yes", "undecided"]) == "undecided"
    assert judge_all(["undecided", "no"]) == "no"


def test_shares() -> None:
    assert share_of_time(3, 1) == 0.25
    assert share_of_time(-1, 2) == 1
    assert share_of_time(2, -5) == 0
    assert np.isnan(share_of_time(0, -1))


def test_halves_are_added_up_before_they_are_divided() -> None:
    run = plant("temporal", 0, (0.5, 0.5)) | {
        "alone": [[9, 9, 9, 9, 1, 1, 0, 2], [1, 0, 0, 3, 2, 4, 0, 6]],
        "temporal_use": [0.1] * 4 + [0.3] * 4,
        "joint": {"shallow": [3, 1], "deep": [1, 3], "whole": [1, 1]},
    }
    assert find_parts(run, "alone") == pytest.approx({"shallow": 0.1, "deep": 0.75, "whole": 16 / 56})
    assert find_parts(run, "temporal_use") == pytest.approx({"shallow": 0.1, "deep": 0.3, "whole": 0.2})
    assert find_parts(run, "joint") == {"shallow": 0.25, "deep": 0.75, "whole": 0.5}


def say(answers: Sequence[Answer], score: str) -> dict[str, str]:
    return {f"{one.question} {one.about}".strip(): one.verdict for one in answers if one.score == score}


@pytest.mark.parametrize(
    ("temporal", "static", "spread", "expected"),
    [
        (
            (0.2, 0.8),
            (0.2, 0.3),
            0.02,
            {"interaction": "yes", "level whole": "yes", "paper": "yes", "trend static": "yes"},
        ),
        (  # worlds differ in level alone, which the page once took for the paper's finding
            (0.3, 0.3),
            (0.1, 0.1),
            0.01,
            {
                "interaction": "no",
                "level whole": "yes",
                "level deep": "yes",
                "paper": "no",
                "trend temporal": "no",
            },
        ),
        ((0.4, 0.6), (0.3, 0.4), 0.3, {"interaction": "undecided", "paper": "undecided"}),
        ((0.3, 0.4), (0.3, 0.3), 0.01, {"interaction": "yes", "outweighs deep": "no", "paper": "no"}),
    ],
)
def test_planted_worlds_are_answered(
    temporal: Sequence[float], static: Sequence[float], spread: float, expected: dict[str, str]
) -> None:
    answers = answer_all(plant_both(temporal, static, spread), load_plan())
    for score in SCORES:
        found = say(answers, score)
        asked = {key for key in expected if key in found}
        assert {key: found[key] for key in asked} == {key: expected[key] for key in asked}, score
        assert ("paper" in found) == (score != "temporal_use")


def test_scales_must_have_moved_to_be_asked() -> None:
    """A score that is the truth is ahead of counting; of scales that stand still nothing is said."""
    plan, rng = load_plan(), np.random.default_rng(0)
    runs = [plant("static", seed, (0.4, 0.6), moved=2 * plan.moved) for seed in range(5)]
    for run in runs:
        run["alone"] = run["gamma_sum"] = rng.random((2, 8)).tolist()
    found = foretell(runs, "gamma_sum", plan)
    counting = [spearmanr(np.ravel(run["alone"]), np.ravel(run["channels"])).statistic for run in runs]
    assert found.ahead.value == pytest.approx(1 - np.mean(counting))
    assert found.like_counting == pytest.approx(counting)
    assert found.verdict == "yes"
    runs[0]["moved"] = plan.moved / 2
    assert foretell(runs, "gamma_sum", plan).verdict == "undecided"


def test_tables_go_to_their_places() -> None:
    plan = load_plan()
    record = {"missing": ["one"], "runs": plant_both((0.2, 0.8), (0.2, 0.3), 0.02)}
    tables = build_tables(record, plan)
    assert "**yes** +0.48 (+0.46 to +0.50)" in tables["answers"].splitlines()[2]
    page = "a\n<!-- table: answers -->\nold\n<!-- end of table -->\nb"
    assert "**Not measured yet:** one." in tables["runs"]
    filled = fill_page(page, tables)
    assert filled == page.replace("old", tables["answers"])
    assert fill_page(filled, tables) == filled


@pytest.mark.slow
def test_figures_of_planted_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"runs": plant_both((0.2, 0.8), (0.2, 0.3), 0.02)}
    monkeypatch.setattr("benchmarks.findings.FIGURE_4", (tmp_path / "none.pth",))
    save_pictures(record, load_plan(), tmp_path)
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert set(sizes) == {"halves.png", "blocks.png", "answers.png"}
    assert max(sizes.values()) < 150_000


def test_runs_of_another_plan_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "f.json"
    file.write_text(json.dumps({"plan": "other", "runs": [], "missing": []}))
    with pytest.raises(SpecError, match="by another"):
        load_record(file, load_plan())
    assert main(["--json", str(file)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_page_says_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table of the page is that of the committed JSON, to the letter."""
    plan: Plan = load_plan()
    monkeypatch.chdir(ROOT)  # results are named from the root
    tables = build_tables(load_record(RESULTS, plan), plan) | build_longer(load_plan(LONGER))
    page = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    assert fill_page(page, tables) == page
    assert all(f"<!-- table: {name} -->" in page for name in tables)


def test_intervals_in_the_text_are_those_of_a_table() -> None:
    """A number with its interval between the tables stands in one of them, too."""
    page = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    text = "\n".join(line for line in page.splitlines() if not line.startswith("|"))
    told = re.findall(r"[+-]?\d\.\d\d\s\([^()]* to [^()]*\)", text)
    assert told
    assert [one for one in told if " ".join(one.split()) not in rows] == []


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (
            "findings",
            {
                "joint": 0.056,
                "joint_accuracy": 0.008,
                "alone": 0.230,
                "alone_accuracy": 0.190,
                "taylor": 0.008,
                "invariant": 0.048,
                "gamma": 0.024,
                "temporal_use": 0.040,
            },
        ),
        ("findings-longer", {"joint": 0.1, "joint_accuracy": 0.1}),
    ],
)
def test_the_page_says_what_an_exact_test_of_worlds_says(file: str, expected: dict[str, float]) -> None:
    """Runs are dealt to the worlds in every way there is; no shape of their spread is taken for granted."""
    runs = json.loads((ROOT / f"benchmarks/results/{file}.json").read_text(encoding="utf-8"))["runs"]
    ours = {number for number, run in enumerate(runs) if run["world"] == "temporal"}
    for score, p in expected.items():
        halves = [find_parts(run, score) for run in runs]
        rises = np.array([one["deep"] - one["shallow"] for one in halves])
        dealt = [
            rises[list(some)].mean() - np.delete(rises, some).mean()
            for some in combinations(range(len(runs)), len(ours))
        ]
        seen = rises[list(ours)].mean() - np.delete(rises, list(ours)).mean()
        assert np.mean(np.abs(dealt) >= abs(seen) - 1e-12) == pytest.approx(p, abs=0.0005), score
    page = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    assert "p is 0.056 for the primary\nquestion, 0.008 for accuracy of a half at once, at most 0.048" in page
