"""The profile's sentence on planted tables: what is right to say of each is written down beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from gst_analysis.analyses.profile.table import PROFILE, UNTRAINED
from gst_analysis.analyses.profile.verdict import (
    NO_BANDS,
    NO_LINES,
    NOTHING_STANDS_OUT,
    Verdict,
    word_verdict,
)
from tests.analyses.profile.test_agreement import ABOVE, BELOW, LEVEL, row

Rows = Sequence[dict[str, Any]]
SURE = "; with 95% confidence in all stages and lines at once."
NAN = float("nan")
EVEN = "(its part of the channels: 25%)"
BAND = "40% (38 to 42%)"
RIGHT = row("in order", 0.9, 0.05, stage=0, even=0.1)


def word(rows: Rows) -> Verdict:
    return word_verdict(pd.DataFrame(list(rows), columns=list(PROFILE.columns)), confidence=0.95)


def line(measure: str, *values: float, off: float = 0.02, even: float = 0.25) -> list[dict[str, Any]]:
    """A line of stages, from the first on."""
    return [row(measure, value, off, stage=stage, even=even) for stage, value in enumerate(values, start=1)]


def unsure(measure: str, *values: float) -> list[dict[str, Any]]:
    """A line whose bands hold what is even."""
    return line(measure, *values, off=0.3)


def bare(one: dict[str, Any]) -> dict[str, Any]:
    """A row without its band."""
    return one | {"low": NAN, "high": NAN}


LOSSES: dict[str, tuple[Rows, str]] = {
    "one stage has most": (
        line("ablation", LEVEL, BELOW, ABOVE, LEVEL),
        f"In stage 3 time carries {BAND} of what is lost {EVEN}",
    ),
    "the first alone": (
        line("ablation", ABOVE, LEVEL, LEVEL),
        f"In stage 1 time carries {BAND} of what is lost {EVEN}",
    ),
    "a tie of neighbours": (
        line("ablation", LEVEL, LEVEL, ABOVE, ABOVE),
        f"In stages 3 and 4 time carries {BAND}, {BAND} of what is lost {EVEN}",
    ),
    "a tie of two apart": (
        line("ablation", ABOVE, LEVEL, LEVEL, ABOVE),
        f"In stages 1 and 4 time carries {BAND}, {BAND} of what is lost {EVEN}",
    ),
    "a tie of three in a row": (
        line("ablation", LEVEL, ABOVE, ABOVE, ABOVE),
        f"In stages 2–4 time carries {BAND}, {BAND}, {BAND} of what is lost {EVEN}",
    ),
    "a tie of three with a gap": (
        line("ablation", ABOVE, LEVEL, ABOVE, ABOVE),
        f"In stages 1, 3 and 4 time carries {BAND}, {BAND}, {BAND} of what is lost {EVEN}",
    ),
    "a tie of all": (
        line("ablation", *[ABOVE] * 4),
        f"In stages 1–4 time carries {BAND}, {BAND}, {BAND}, {BAND} of what is lost {EVEN}",
    ),
    "stages keep their numbers whatever the order of rows": (
        [row("ablation", 0.5, stage=4), row("ablation", 0.4, stage=2), row("ablation", 0.3, stage=1)],
        "In stages 1, 2 and 4 time carries 30% (28 to 32%), 40% (38 to 42%), 50% (48 to 52%) "
        f"of what is lost {EVEN}",
    ),
    "parts of stages differ, and their mean is told": (
        [row("ablation", 0.9, stage=1, even=0.2), row("ablation", 0.9, stage=2, even=0.4)],
        "In stages 1 and 2 time carries 90% (88 to 92%), 90% (88 to 92%) of what is lost "
        "(its part of the channels: 30%)",
    ),
    "no stage is sure": (
        line("ablation", 0.2, 0.3, off=0.2),
        "In stages 1 and 2 time carries at most 50% of what is lost, "
        "and nowhere surely more than its part of the channels",
    ),
    "all are below": (
        line("ablation", BELOW, BELOW, BELOW),
        "In stages 1–3 time carries at most 12% of what is lost, "
        "and nowhere surely more than its part of the channels",
    ),
    "a network of one stage": (
        line("ablation", ABOVE),
        f"In stage 1 time carries {BAND} of what is lost {EVEN}",
    ),
    "joint losses where single ones have no band": (
        [*map(bare, line("ablation", ABOVE)), *line("joint", LEVEL, ABOVE)],
        f"In stage 2 time carries {BAND} of what is lost {EVEN}",
    ),
    "single losses before joint ones": (
        [*line("joint", ABOVE, LEVEL), *line("ablation", LEVEL, ABOVE)],
        f"In stage 2 time carries {BAND} of what is lost {EVEN}",
    ),
    "rows of places are no stages": (
        [row("ablation", ABOVE, stage=1) | {"level": "place"}, row("ablation", ABOVE, stage=2)],
        f"In stage 2 time carries {BAND} of what is lost {EVEN}",
    ),
    "surely more than a guess": (
        [row("in order", 0.2, 0.05, stage=0, even=0.1), *line("ablation", ABOVE)],
        f"In stage 1 time carries {BAND} of what is lost {EVEN}",
    ),
}


@pytest.mark.parametrize(("rows", "expected"), LOSSES.values(), ids=LOSSES)
def test_where_time_carries_what_is_lost(rows: Rows, expected: str) -> None:
    verdict = word(rows)
    assert verdict.sentence == expected + SURE
    assert verdict.claims == (expected[0].lower() + expected[1:],)


TWO = line("ablation", LEVEL, ABOVE, ABOVE)
SCALES: dict[str, tuple[Rows, str]] = {
    "all alike": (line("gamma", LEVEL, ABOVE, ABOVE), "; γ agrees"),
    "alike in one": (
        line("gamma", LEVEL, ABOVE, LEVEL),
        "; γ says the same in 1 of the 2 stages where losses are sure",
    ),
    "alike in one, unsure in the other": (
        [row("gamma", ABOVE, stage=2), row("gamma", ABOVE, stage=3, even=NAN)],
        "; γ says the same in 1 of the 2 stages where losses are sure",
    ),
    "level in both": (line("gamma", LEVEL, LEVEL, LEVEL), "; γ does not show it"),
    "where losses are level, γ is free": (line("gamma", ABOVE, LEVEL, LEVEL), "; γ does not show it"),
    "against in one": (line("gamma", LEVEL, ABOVE, BELOW), "; γ says the opposite in 1 of 3 stages"),
    "against in both": (line("gamma", LEVEL, BELOW, BELOW), "; γ says the opposite in 2 of 3 stages"),
    "of one of these stages alone": (line("gamma", LEVEL, ABOVE), "; γ agrees"),
    "of other stages alone": ([row("gamma", BELOW, stage=4)], ""),
    "of the level stage alone": (line("gamma", BELOW), ""),
    "without bands": ([*map(bare, line("gamma", BELOW, BELOW, BELOW))], ""),
}


@pytest.mark.parametrize(("rows", "expected"), SCALES.values(), ids=SCALES)
def test_whether_scales_say_what_losses_say(rows: Rows, expected: str) -> None:
    said = f"In stages 2 and 3 time carries {BAND}, {BAND} of what is lost {EVEN}"
    assert word([*TWO, *rows]).sentence == said + expected + SURE


PART = "its part of the channels"
SCORES: dict[str, tuple[Rows, str]] = {
    "γ alone begins a sentence": (
        line("gamma", LEVEL, LEVEL, ABOVE),
        f"γ gives time more than {PART} in stage 3 (40%, its part 25%)",
    ),
    "means of several": (
        [*line("gamma", 0.4), row("gamma", 0.6, stage=2, even=0.35)],
        f"γ gives time more than {PART} in stages 1 and 2 (50%, its part 30%)",
    ),
    "scores disagree": (
        [*line("gamma", ABOVE, BELOW), *line("invariant", BELOW, LEVEL)],
        f"The invariant score gives time less than {PART} in stage 1 (10%, its part 25%); "
        f"γ gives time more than {PART} in stage 1 (40%, its part 25%); "
        f"γ gives time less than {PART} in stage 2 (10%, its part 25%)",
    ),
    "kernels in some stages": (
        line("temporal-use", 0.9, 0.66, 0.66, off=0.05, even=0.66),
        "Kernels over time differ more from frame to frame than at random only in stage 1 "
        "(90%, at random 66%)",
    ),
    "kernels in all stages": (
        line("temporal-use", 0.9, 0.8, even=0.6),
        "Kernels over time differ more from frame to frame than at random in stages 1 and 2 "
        "(85%, at random 60%)",
    ),
    "kernels both ways": (
        line("temporal-use", 0.9, 0.3, even=0.6),
        "Kernels over time differ more from frame to frame than at random only in stage 1 "
        "(90%, at random 60%); kernels over time are more alike over frames than at random only in stage 2 "
        "(30%, at random 60%)",
    ),
    "one kernel's stage alone has a band": (
        [*map(bare, line("temporal-use", 0.9)), row("temporal-use", 0.2, stage=2, even=0.6)],
        "Kernels over time are more alike over frames than at random in stage 2 (20%, at random 60%)",
    ),
    "one of two stages is as before training": (
        [row("gamma", ABOVE, stage=1) | {"undefined": UNTRAINED}, row("gamma", ABOVE, stage=2)],
        f"γ gives time more than {PART} in stages 1 and 2 (40%, its part 25%)",
    ),
    "another line is as before training": (
        [*line("gamma", ABOVE), row("invariant", LEVEL) | {"undefined": UNTRAINED}],
        f"γ gives time more than {PART} in stage 1 (40%, its part 25%)",
    ),
}


@pytest.mark.parametrize(("rows", "expected"), SCORES.values(), ids=SCORES)
def test_what_scores_and_kernels_say(rows: Rows, expected: str) -> None:
    assert word(rows).sentence == expected + SURE


ORDER: dict[str, tuple[Rows, str | None]] = {
    "reversed is worse": (
        [row("in reverse", 0.1, 0.05, stage=0, even=0.1)],
        "Order matters: 10% right when reversed, 90% in order",
    ),
    "the bands of both touch": ([row("in reverse", 0.5, 0.35, stage=0, even=0.1)], None),
    "reversed is as good": ([row("in reverse", 0.9, 0.05, stage=0, even=0.1)], None),
    "worse, and little needs order": (
        [row("in reverse", 0.5, 0.05, stage=0, even=0.1), row("temporality", 0.04, 0.03, stage=0, even=0)],
        "Order matters: 50% right when reversed, 90% in order",
    ),
    "little needs order": (
        [row("temporality", 0.04, 0.03, stage=0, even=0)],
        "Order matters little: at most 7% of what it knows needs it",
    ),
    "a tenth is not little": ([row("temporality", 0.05, stage=0, even=0) | {"low": 0.0, "high": 0.1}], None),
    "much needs order": ([row("temporality", 0.5, 0.1, stage=0, even=0)], None),
    "a row without a band is passed over": (
        [bare(row("in reverse", 0.1, stage=0)), row("in reverse", 0.2, 0.05, stage=0, even=0.1)],
        "Order matters: 20% right when reversed, 90% in order",
    ),
    "a stage's row tells nothing of the network": ([row("in reverse", 0.1, stage=1, even=0.1)], None),
}


@pytest.mark.parametrize(("rows", "expected"), ORDER.values(), ids=ORDER)
def test_whether_order_matters(rows: Rows, expected: str | None) -> None:
    told = word([bare(row("in order", 0.5, stage=0)), RIGHT, *rows])
    assert told.sentence == (NOTHING_STANDS_OUT if expected is None else expected) + SURE


def test_order_is_not_told_of_a_network_that_was_not_seen_in_order() -> None:
    rows = [row("in reverse", 0.1, 0.05, stage=0, even=0.2), row("temporality", 0.0, 0.01, stage=0, even=0)]
    assert word(rows).claims == ()


GUESS = "It is right in 12%, no surer than a guess (10%), so what it loses says nothing"
GUESSING: dict[str, tuple[Rows, str]] = {
    "losses": (line("ablation", ABOVE), NOTHING_STANDS_OUT),
    "order": (
        [row("in reverse", 0.0, 0.0, stage=0), row("temporality", 0.0, 0.0, stage=0)],
        NOTHING_STANDS_OUT,
    ),
    "scores, which need no losses": (
        line("gamma", ABOVE),
        "γ gives time more than its part of the channels in stage 1 (40%, its part 25%)",
    ),
}


@pytest.mark.parametrize(("rows", "expected"), GUESSING.values(), ids=GUESSING)
def test_of_a_network_that_may_guess_no_loss_and_no_order_is_told(rows: Rows, expected: str) -> None:
    """Its band begins just at the guess."""
    guess = row("in order", 0.12, stage=0, even=0.1) | {"low": 0.1, "high": 0.14}
    told = word([guess, *rows])
    assert told.sentence == f"{GUESS}; {expected[0].lower()}{expected[1:]}{SURE}"
    assert told.claims == ((expected,) if expected.startswith("γ") else ())


def test_what_is_said_where_there_is_nothing_to_say() -> None:
    assert word([]) == Verdict((), f"{NO_LINES}.")
    assert word([bare(row("ablation", NAN))]) == Verdict((), f"{NO_LINES}.")
    assert word([*map(bare, line("gamma", ABOVE))]) == Verdict((), f"{NO_BANDS}.")
    assert word(unsure("gamma", LEVEL, LEVEL)) == Verdict((), NOTHING_STANDS_OUT + SURE)
    marked = [one | {"undefined": UNTRAINED} for one in line("gamma", ABOVE, ABOVE)]
    assert word([*marked, *line("ablation", ABOVE)]).sentence == (
        "Nothing stands out, and nothing could: every scale and offset is as before training."
    )
