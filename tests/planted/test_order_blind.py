"""The best order-blind score, against a search over every order-blind rule."""

from __future__ import annotations

import itertools

import pytest

from gst_analysis.planted.scenes import class_of
from gst_analysis.planted.worlds import WorldConfig, best_order_blind, classes_of

PARTNERS = {"up": "down", "down": "up", "open": "shut", "shut": "open", "still": ""}


@pytest.mark.parametrize(
    "labels",
    [["up"], ["up", "down"], ["up", "down", "down", "still"], ["open", "up", "shut", "down", "open"]],
)
def test_no_rule_that_cannot_see_order_does_better(labels: list[str]) -> None:
    """A rule names one class for each pair: try them all."""
    rules = itertools.product(("up", "down"), ("open", "shut"))
    answers = [
        {"up": one, "down": one, "open": other, "shut": other, "still": "still"} for one, other in rules
    ]
    best = max(sum(rule[label] == label for label in labels) for rule in answers) / len(labels)
    assert best_order_blind(labels, PARTNERS) == best


def test_half_of_the_temporal_world_can_be_told() -> None:
    config, classes = WorldConfig(world="temporal", clips=240), classes_of("temporal")
    labels = [classes[class_of(config, index)].label for index in range(config.clips)]
    assert best_order_blind(labels, {c.label: c.partner for c in classes}) == 0.5
