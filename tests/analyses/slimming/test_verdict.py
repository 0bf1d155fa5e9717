"""Which rule wins is said of budgets where intervals tell, and of no other."""

from __future__ import annotations

import pandas as pd
import pytest

from gst_analysis.analyses.slimming.verdict import find_even_match, say_which_rule_wins


def make_curve(leads: list[tuple[float, float, float]]) -> pd.DataFrame:
    """A SLIM_CURVE: how far the scores are ahead of the plain rule at 90%, 80%, … of the multiply-adds."""
    whole = {"method": "uniform", "removed": 0, "macs_share": 1.0, "macs": 100, "accuracy": 1.0}
    rows = [whole | {"ahead": 0.0, "ahead_low": 0.1, "ahead_high": 0.2}]
    for place, (lead, low, high) in enumerate(leads, start=1):
        cost = {"removed": place, "macs_share": 1 - place / 10, "macs": 100 - 10 * place, "accuracy": 0.5}
        rows.append({**whole, **cost, "ahead": lead, "ahead_low": low, "ahead_high": high})
    return pd.DataFrame([*rows, {**whole, "method": "score"}])


CHANCE, SCORES, EVEN = (0.1, -0.1, 0.3), (0.3, 0.1, 0.5), (-0.2, -0.3, -0.1)


@pytest.mark.parametrize(
    ("leads", "words"),
    [
        ([CHANCE, CHANCE], "**Neither rule wins**: at none of 2 budgets"),
        ([CHANCE, EVEN], "**Taking as many of every group wins** at 80% (by 20 points) of the multiply-adds"),
        ([SCORES, SCORES], "**Taking the lowest scores first wins** at 90% (by 30 points) and 80%"),
        ([SCORES, EVEN, CHANCE], "**Neither rule wins throughout**: as many of every group does at 80%"),
    ],
)
def test_the_rule_that_wins_is_named_with_its_budgets(
    leads: list[tuple[float, float, float]], words: str
) -> None:
    said = say_which_rule_wins(make_curve(leads), mark="**")
    assert said.startswith(words)
    assert ("intervals do not tell them apart" in said) == (
        CHANCE in leads and leads.count(CHANCE) < len(leads)
    )


def test_the_plain_rule_is_read_at_the_nearest_cost() -> None:
    curve = make_curve([CHANCE, CHANCE])
    match = find_even_match(curve, 82)
    assert match is not None
    assert match["macs"] == 80
    assert find_even_match(curve[curve["method"] == "score"], 82) is None
