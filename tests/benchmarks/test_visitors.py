"""What is said of many visits: times of pages, and whether memory grew; nothing is served here."""

from __future__ import annotations

import json
import random
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from app.navigation import list_pages
from benchmarks.open_pages import Drawn
from benchmarks.soak import RESULT as SOAK
from benchmarks.soak import print_growth, summarise_growth, tabulate_visits
from benchmarks.visitors import RESULT as VISITORS
from benchmarks.visitors import plan_visit, print_visitors, summarise_pages


def drawn(page: str, *seconds: float, kinds: tuple[str, ...] = ("markdown",)) -> list[Drawn]:
    return [Drawn(page, one, frozenset(kinds)) for one in seconds]


def test_pages_are_summed_up() -> None:
    """Of 20 pages one may take longer than the 95th percentile, which is the 19th."""
    told = summarise_pages([*drawn("", *[1.0] * 18), *drawn("traces", 7.0, 30.0, kinds=("exception",))])
    assert (told["pages"], told["median_s"], told["p95_s"], told["slowest_s"]) == (20, 1.0, 7.0, 30.0)
    assert told["slowest_page"] == "traces"
    assert told["failed"] == ["traces", "traces"]
    assert told["by_page"]["start"] == {"pages": 18, "median_s": 1.0, "p95_s": 1.0, "slowest_s": 1.0}


def test_what_grows_and_what_is_flat(capsys: pytest.CaptureFixture[str]) -> None:
    rising = [100.0] * 100 + [300.0 + number / 2 for number in range(100)]
    grown = summarise_growth(rising)
    assert grown["slope_mb_per_100_visits"] == pytest.approx(50)
    assert grown["flat"] is False
    # What is taken in the first half, and what comes and goes, is no growth.
    settled = summarise_growth([100.0 + min(number, 100) + number % 3 for number in range(200)])
    assert settled["slope_mb_per_100_visits"] == pytest.approx(0, abs=0.5)
    assert settled["flat"] is True
    print_growth(grown)
    print_visitors(summarise_pages(drawn("cost", 2.0)))
    said = capsys.readouterr().out
    assert "+50.0 MB in 100 visits" in said
    assert "growing" in said
    assert "p95 at most 10 s: met" in said


def test_a_visitors_plan_is_of_pages_that_there_are_and_repeatable() -> None:
    plans = [
        [plan_visit(chance) for _ in range(60)] for chance in (random.Random("1 0"), random.Random("1 0"))
    ]
    assert plans[0] == plans[1]
    assert {page for page, _ in plans[0]} == {"", *(one.script for one in list_pages()[1:])}
    assert all("ckpt" in parse_qs(query) for _, query in plans[0])


def test_the_pages_table_is_what_was_written() -> None:
    """Its verdicts are worked out again from what each of both runs kept."""
    visitors, soak = (json.loads(path.read_text(encoding="utf-8")) for path in (VISITORS, SOAK))
    page = (Path(__file__).parents[2] / "docs/security.md").read_text(encoding="utf-8")
    assert "\n".join(tabulate_visits(visitors, soak)) in page
    for found in (visitors, soak):
        assert found["p95_s"] <= visitors["most_p95_s"]
        assert found["failed"] == []
        assert f"on {found['machine']['date']}" in page
        assert found["machine"]["cpu"] in page
    kept = soak["memory"]
    again = summarise_growth(kept["after_each_visit_mb"])
    assert again["flat"] is kept["flat"] is True
    assert again["grown_share"] == pytest.approx(kept["grown_share"], abs=1e-4)
