"""Bands, agreement and the verdict on numbers whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from gst_analysis.analyses.profile.agreement import find_agreement, find_side, tabulate_agreement
from gst_analysis.analyses.profile.bands import average_estimates, average_shares, share_losses, share_sums
from gst_analysis.analyses.profile.table import PROFILE, UNTRAINED
from gst_analysis.analyses.profile.verdict import word_verdict
from gst_analysis.probes.resampling import Interval


def row(
    measure: str, value: float, off: float = 0.02, *, stage: int = 4, even: float = 0.25
) -> dict[str, Any]:
    """A stage's row of a PROFILE table."""
    level, depth = ("stage", stage / 4) if stage else ("network", float("nan"))
    where = {
        "checkpoint": "net",
        "measure": measure,
        "level": level,
        "stage": stage,
        "place": "",
        "depth": depth,
    }
    numbers = {"value": value, "low": value - off, "high": value + off, "even": even}
    return {**where, "group": "", **numbers, "source": "clips", "undefined": ""}


def tell(*rows: dict[str, Any]) -> str:
    table = pd.DataFrame(list(rows), columns=list(PROFILE.columns))
    return word_verdict(table, confidence=0.95).sentence


ABOVE, LEVEL, BELOW = 0.4, 0.25, 0.1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("gamma", ABOVE), row("ablation", ABOVE)], "agree"),
        ([row("gamma", BELOW), row("ablation", BELOW), row("invariant", LEVEL, 0.3)], "agree"),
        ([row("gamma", BELOW), row("ablation", ABOVE)], "disagree"),
        ([row("gamma", LEVEL), row("ablation", ABOVE)], "disagree"),  # the bands part
        ([row("gamma", LEVEL, 0.2), row("ablation", ABOVE)], "open"),  # the band of γ could hold both
        ([row("gamma", LEVEL), row("ablation", LEVEL)], "open"),
        ([row("ablation", ABOVE)], "open"),
        ([row("ablation", ABOVE), row("temporal-use", BELOW)], "open"),  # which asks something else
        ([row("gamma", float("nan")), row("ablation", ABOVE), row("joint", ABOVE)], "agree"),
        ([row("gamma", 0.6), row("ablation", ABOVE)], "agree"),  # how far above is another question
        ([row("gamma", ABOVE, even=float("nan")), row("ablation", ABOVE)], "open"),
        ([row("gamma", ABOVE) | {"undefined": UNTRAINED}, row("ablation", ABOVE)], "open"),
        ([], "open"),
    ],
)
def test_measures_agree_where_their_bands_say_so(rows: list[dict[str, Any]], expected: str) -> None:
    assert find_agreement(rows) == expected
    assert find_agreement(rows[::-1]) == expected


def test_agreement_names_who_stands_where() -> None:
    table = pd.DataFrame([row("gamma", LEVEL), row("ablation", ABOVE), row("joint", ABOVE)])
    (found,) = tabulate_agreement(table).to_dict("records")
    assert (found["above"], found["below"], found["level_with"]) == ("ablation, joint", "", "gamma")
    assert found["verdict"] == "disagree"


def test_the_network_as_a_whole_is_no_place_of_agreement() -> None:
    table = pd.DataFrame([row("gamma", ABOVE), row("gamma", ABOVE, stage=0), row("ablation", ABOVE)])
    assert tabulate_agreement(table)["level"].tolist() == ["stage"]


def test_equal_scales_stand_on_no_side() -> None:
    found = share_sums(np.ones(8), np.ones(24)).build_band(0.99)
    assert (found.value, found.low, found.high, found.even) == (0.25, 0.25, 0.25, 0.25)
    assert find_side(vars(found)) == "level"


def test_the_verdict_says_what_is_lost_whether_scales_show_it_and_whether_order_matters() -> None:
    answers = [
        row("in order", 0.98, stage=0, even=1 / 12),
        row("in reverse", 0.03, 0.03, stage=0, even=1 / 12),
    ]
    told = tell(
        *answers, row("ablation", 0.4, 0.04), row("ablation", 0.45, 0.04, stage=3), row("gamma", 0.25)
    )
    assert told == (
        "In stages 3 and 4 time carries 45% (41 to 49%), 40% (36 to 44%) of what is lost "
        "(its part of the channels: 25%); γ does not show it; "
        "order matters: 3% right when reversed, 98% in order; "
        "with 95% confidence in all stages and lines at once."
    )
    assert "γ agrees" in tell(*answers, row("ablation", ABOVE), row("gamma", ABOVE))
    assert "γ says the opposite in 1 of 1 stages" in tell(
        *answers, row("ablation", ABOVE), row("gamma", BELOW)
    )
    two = [row("ablation", BELOW, stage=3), row("gamma", LEVEL, stage=3)]
    assert "γ says the same in 1 of the 2 stages where losses are sure" in tell(
        *answers, *two, row("ablation", ABOVE), row("gamma", ABOVE)
    )
    assert "In stage 4 time carries at most 12% of what is lost" in tell(*answers, row("ablation", BELOW))


def test_scores_are_read_only_where_no_loss_says_anything() -> None:
    scores = [row("invariant", ABOVE), row("gamma", BELOW)]
    assert tell(*scores) == (
        "The invariant score gives time more than its part of the channels in stage 4 (40%, its part 25%); "
        "γ gives time less than its part of the channels in stage 4 (10%, its part 25%)"
        "; with 95% confidence in all stages and lines at once."
    )
    assert "gives time" not in tell(*scores, row("ablation", ABOVE))


def test_nothing_is_claimed_of_a_network_that_guesses() -> None:
    guess = row("in order", 0.1, 0.05, stage=0, even=1 / 12)
    told = tell(guess, row("ablation", ABOVE), row("in reverse", 0.01, 0.0, stage=0, even=1 / 12))
    assert told.startswith("It is right in 10%, no surer than a guess (8%), so what it loses says nothing; ")
    assert "time carries" not in told
    assert "order matters" not in told


def test_little_need_for_order_is_claimed_only_where_the_band_says_so() -> None:
    straight = row("in order", 0.98, 0.01, stage=0, even=0.1)
    assert "at most 7% of what it knows needs it" in tell(
        straight, row("temporality", 0.04, 0.03, stage=0, even=0)
    )
    assert "order" not in tell(straight, row("temporality", 0.04, 0.2, stage=0, even=0))


def test_a_share_of_losses_lies_between_what_both_intervals_allow() -> None:
    band = share_losses(Interval(1.0, 0.8, 1.2), Interval(3.0, 2.0, 4.0), 0.25)
    assert (band.value, band.low, band.high) == pytest.approx((0.25, 0.8 / 4.8, 1.2 / 3.2))
    nothing = share_losses(Interval(0.1, -0.1, 0.3), Interval(0.0, -0.2, 0.2), 0.25)
    assert np.isnan(nothing.value)
    assert "nothing is surely lost" in nothing.undefined
    gain = share_losses(Interval(-0.2, -0.3, -0.1), Interval(1.0, 0.5, 1.5), 0.25)
    assert (gain.value, gain.low, gain.high) == (0, 0, 0)


def test_few_or_shared_channels_have_no_band() -> None:
    assert "fewer than 4" in share_sums(np.ones(3), np.ones(24)).undefined
    assert "shared by energy" in share_sums(np.ones(8), np.ones(8), related=True).undefined
    assert np.isnan(average_estimates([share_sums(np.ones(3), np.ones(9))]).build_band(0.95).low)


def test_the_error_is_that_of_a_bootstrap() -> None:
    """Derived a second time: both groups drawn anew."""
    random = np.random.default_rng(0)
    ours, theirs = random.uniform(0.5, 1.5, 64), random.uniform(0.2, 1.0, 192)
    drawn = [random.choice(ours, (4000, 64)).sum(1), random.choice(theirs, (4000, 192)).sum(1)]
    shares = drawn[0] / (drawn[0] + drawn[1])
    found = share_sums(ours, theirs)
    assert found.error == pytest.approx(shares.std(), rel=0.05)
    band = found.build_band(0.95)
    assert (band.low, band.high) == pytest.approx(tuple(np.quantile(shares, [0.025, 0.975])), abs=0.003)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [4, 8, 32])
def test_bands_hold_the_truth_as_often_as_they_say(channels: int) -> None:
    """Uneven draws, a quarter of them temporal, in two places of a stage."""
    random, held = np.random.default_rng(1), []
    for _ in range(2000):
        places = [
            share_sums(random.lognormal(0, 0.5, channels), random.lognormal(0, 0.5, 3 * channels))
            for _ in range(2)
        ]
        band = average_estimates(places).build_band(0.95)
        held.append(band.low <= 0.25 <= band.high)
    assert 0.93 <= np.mean(held) <= 0.98
    filters = [average_shares(random.beta(2, 1, channels), 2 / 3).build_band(0.95) for _ in range(2000)]
    assert 0.93 <= np.mean([band.low <= 2 / 3 <= band.high for band in filters]) <= 0.98
