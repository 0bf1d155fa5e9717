"""Pairs of classes: from names as data sets write them, and from planted confusions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from gst_analysis.analyses.order.reversal import (
    OPPOSITES,
    chance_of_pairs,
    count_taken,
    infer_reversals,
    is_more_in_reverse,
)
from gst_analysis.planted.worlds import WorldName, classes_of

SOMETHING = [
    "Pulling [something] from left to right",
    "Pushing [something] from right to left",
    "Pulling [something] from right to left",
    "Pushing [something] from left to right",
    "Picking [something] up",
    "Putting [something] down",
    "Folding [something]",
    "Unfolding [something]",
    "Putting [something] into [something]",
    "Taking [something] out of [something]",
    "Moving [something] towards the camera",
    "Moving [something] away from the camera",
    "Holding [something]",
    "Moving [something] up",
    "Moving [something] down",
    "Opening [something]",
    "Pretending to open [something] without actually opening it",
    "Lifting [something] up completely without letting it drop down",
]


def name_pairs(names: list[str]) -> set[tuple[int, int]]:
    return {(a, b) for a, b in infer_reversals(names).items() if a < b}


def test_names_of_something_something() -> None:
    """In reverse, pulling to the right is pushing to the left: as many words are turned round as can be."""
    assert name_pairs(SOMETHING) == {(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11), (13, 14)}


def test_names_of_jester() -> None:
    names = ["SwipingLeft", "Swiping Right", "Zooming In With Full Hand", "Zooming Out With Full Hand"]
    hands = ["Pushing Hand Away", "Pulling Hand In", "Turning Hand Clockwise", "Turning Hand anti-clockwise"]
    assert name_pairs([*names, *hands]) == {(0, 1), (2, 3), (4, 5), (6, 7)}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("from left to right", "from right to left"),
        ("from top to bottom", "from bottom to top"),
        ("open door", "close door"),
        ("a person opens a box", "a person closes a box"),
        ("enter the room", "leave the room"),
        ("entering", "exiting"),
        ("sit down", "stand up"),
        ("pick up a cup", "put down a cup"),
        ("putting X into Y", "taking X out of Y"),
        ("putting X in Y", "taking X out of Y"),
        ("put into", "take out of"),
        ("getting in a car", "getting out of a car"),
        ("Putting something on the table", "Taking something off the table"),
        ("Pulling [something] onto [something]", "Pushing [something] off of [something]"),
        ("turning on the light", "turning off the light"),
        ("plugging [something] into [something]", "unplugging [something] from [something]"),
        ("folds the cloth", "unfolds the cloth"),
        ("pushes", "pulls"),
        ("empties the glass", "fills the glass"),
        ("counter clockwise", "clockwise"),
        ("anti-clockwise", "clockwise"),
        ("Approaching [something] with your camera", "Moving away from [something] with your camera"),
        ("moving closer to [something]", "moving away from [something]"),
        ("speeding up", "slowing down"),
        ("the door is opened", "the door is closed"),
        ("picked up [something]", "put down [something]"),
        ("took [something] out of [something]", "put [something] into [something]"),
        ("[something] being taken out of [something]", "[something] being put into [something]"),
        ("plugged", "unplugged"),
        ("emptied", "filled"),
        ("tied", "untied"),
        ("a person stood up", "a person sat down"),
        ("a person has risen", "a person has fallen"),
        ("slowed down", "sped up"),
        ("entered the room", "left the room"),
    ],
)
def test_names_are_turned_round_in_every_form(name: str, other: str) -> None:
    assert infer_reversals([name, other, "Holding [something]"]) == {0: 1, 1: 0}


def test_what_only_sounds_alike_is_no_reversal() -> None:
    names = ["close to the camera", "openly", "put", "standing", "fallen", "sitting on a chair", "taking"]
    names += ["stopped", "left", "to the left", "lowered eyes", "grown"]
    assert infer_reversals(names) == {}


def test_which_hand_it_is_stays_in_reverse() -> None:
    names = ["left hand up", "left hand down", "right hand up", "right hand down", "right-hand side"]
    assert name_pairs(names) == {(0, 1), (2, 3)}


def test_what_comes_first_comes_last_in_reverse() -> None:
    names = ["move down and then to the left", "move to the right and then up", "move up and then down"]
    assert name_pairs([*names, "move down and back", "move up and back"]) == {(0, 1)}


@pytest.mark.parametrize("world", ["static", "temporal", "mixed", "state-change", "hard"])
def test_names_of_planted_worlds_are_their_partners(world: WorldName) -> None:
    """A change of state has a partner that is its other outcome, not its reversal."""
    classes = classes_of(world)
    reversible = {c.label: c.partner for c in classes if c.completes is None and c.partner}
    labels = [one.label for one in classes]
    found = infer_reversals(labels)
    assert {labels[a]: labels[b] for a, b in found.items()} == reversible


def test_a_name_is_nobodys_opposite_where_that_is_not_clear() -> None:
    assert infer_reversals(["moving up", "moving up", "moving down"]) == {}  # which of them?
    assert infer_reversals(["moving left", "hands up"]) == {}
    assert infer_reversals(["moving away", "moving closer", "moving towards"]) == {}  # opposites of one
    assert infer_reversals(["up down left right in out up down", "x"]) == {}  # too many words
    assert all(word in OPPOSITES[other] for word, others in OPPOSITES.items() for other in others)


def test_pairs_by_chance_are_the_binomials() -> None:
    labels = np.repeat([0, 1, 2], [10, 6, 5])
    reverse = np.r_[np.ones(9), 0, np.zeros(5), 1, np.full(5, 2)].astype(int)
    taken = count_taken(labels, reverse, 4)
    assert taken[0].tolist() == [1, 9, 0, 0]
    p = chance_of_pairs(taken)
    expected = 3 * max(binom.sf(8, 10, 0.25), binom.sf(4, 6, 0.25))  # three pairs of classes with clips
    assert p[0, 1] == p[1, 0] == pytest.approx(expected)
    assert p[0, 2] == 1
    assert np.isnan(p[0, 3])
    assert np.isnan(p[3]).all()


def test_what_is_confused_in_order_too_is_no_reversal() -> None:
    labels, reverse = np.zeros(8, dtype=int), np.ones(8, dtype=int)
    assert is_more_in_reverse(labels, reverse, np.zeros(8, dtype=int), (0, 1), 0.05)
    assert not is_more_in_reverse(labels, reverse, reverse, (0, 1), 0.05)
    assert not is_more_in_reverse(labels, reverse, np.r_[np.ones(4), np.zeros(4)].astype(int), (0, 1), 0.05)
