"""What a flip makes of each class, in both orders of Something-Something v1 and elsewhere."""

from __future__ import annotations

import pytest

from gst_analysis.clips.mirroring import infer_flip_pairs, infer_mirror
from gst_analysis.errors import DataError

PULLING = ("Pulling something from left to right", "Pulling something from right to left")
PUSHING = ("Pushing something from left to right", "Pushing something from right to left")
CAMERA = (
    "Turning the camera left while filming something",
    "Turning the camera right while filming something",
)


def plant(places: dict[tuple[str, str], tuple[int, int]]) -> list[str]:
    """174 made names with the six sided classes at the given places."""
    names = [f"Made class number {number}" for number in range(174)]
    for pair, (first, second) in places.items():
        names[first], names[second] = pair
    return names


@pytest.mark.parametrize(
    ("names", "swaps"),
    [
        (plant({PULLING: (86, 87), PUSHING: (93, 94), CAMERA: (166, 167)}), [(86, 87), (93, 94), (166, 167)]),
        (plant({CAMERA: (4, 2), PUSHING: (30, 41), PULLING: (52, 66)}), [(2, 4), (30, 41), (52, 66)]),
    ],
    ids=["alphabetical", "file"],
)
def test_something_v1_in_both_orders(names: list[str], swaps: list[tuple[int, int]]) -> None:
    pairs = infer_flip_pairs(names)
    assert pairs == dict(swaps) | {second: first for first, second in swaps}
    assert infer_mirror(names).stuck == frozenset()


def test_made_names_in_true_alphabetical_order_have_the_known_swaps() -> None:
    """85 names before "Pulling … left", 5 between, and so on: sorting alone must give the known places."""
    fillers = [f"A {n:02d}" for n in range(86)] + [f"Pulling two ends {n}" for n in range(5)]
    fillers += [f"Putting {n:02d}" for n in range(71)] + [f"Unfolding {n}" for n in range(6)]
    names = sorted([*fillers, *PULLING, *PUSHING, *CAMERA])
    assert len(names) == 174
    assert infer_flip_pairs(names) == {86: 87, 87: 86, 93: 94, 94: 93, 166: 167, 167: 166}


def test_jester_swipes_and_turns() -> None:
    names = [
        "Swiping Left",
        "Swiping Right",
        "Swiping Up",
        "Sliding Two Fingers Left",
        "Sliding Two Fingers Right",
        "Turning Hand Clockwise",
        "Turning Hand Counterclockwise",
        "Thumb Up",
    ]
    assert infer_flip_pairs(names) == {0: 1, 1: 0, 3: 4, 4: 3, 5: 6, 6: 5}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("swipe_left", "swipe_right"),
        ("SwipeLeft", "SwipeRight"),
        ("Moving [something] leftwards", "Moving [something] rightwards"),
        ("LEFT hand over right hand", "right hand over LEFT hand"),
        ("turn anticlockwise", "turn clockwise"),
        ("turn counter-clockwise", "turn clockwise"),
        ("TurnCounterClockwise", "TurnClockwise"),
        ("rotate_ccw", "rotate_cw"),
        ("lefthand punch", "righthand punch"),
        ("Left hand punch", "Right hand punch"),
        ("left-hand punch", "righthand punch"),
        ("left_hand", "right_hand"),
        ("LeftHand", "RightHand"),
        ("LEFTHAND", "RIGHTHAND"),
        ("HandLeft", "HandRight"),
        ("lefthanded throw", "right-handed throw"),
        ("leftmost cup", "rightmost cup"),
        ("left foot kick", "rightfoot kick"),
        ("leftswipe", "rightswipe"),
        ("Slide_left2", "Slide_right2"),
        ("leftpass", "rightpass"),
        ("Moving left-to-right", "Moving right-to-left"),
        ("lefttoright", "righttoleft"),
        ("left2right", "right2left"),
        ("from left to right, slowly", "from right to left, slowly"),
        ("bright light to the left", "bright light to the right"),
        ("upright lefthandpunch", "upright righthandpunch"),
    ],
)
def test_names_in_every_spelling(left: str, right: str) -> None:
    assert infer_flip_pairs([left, "other", right]) == {0: 2, 2: 0}


def test_sides_within_other_words_do_not_count() -> None:
    names = [
        "Putting something upright on the table",
        "Leftover food",
        "Brightening",
        "a bright day",
        "a copyright day",
        "cleft",
        "outright",
        "righteous",
        "cleaving",
        "lefties",
        "watching a clock",
        "Turning right",
    ]
    mirror = infer_mirror(names)
    assert mirror.pairs == {}
    assert mirror.stuck == {len(names) - 1}


def test_what_differs_in_more_than_its_side_is_no_pair() -> None:
    for one, other in (
        ("left hand punch", "right hand kick"),
        ("lefthand punch", "lefthand punch twice"),
        ("left hand over right hand", "right hand over right hand"),
        ("leftover food", "right over food"),
        ("turn left", "turn clockwise"),
        ("bright left", "bright up"),
    ):
        assert infer_flip_pairs([one, other]) == {}, (one, other)
    mirror = infer_mirror(["lefthand punch", "left hand punch", "right hand punch"])
    assert mirror.pairs == {}
    assert mirror.stuck == {0, 1, 2}, "which of two is the partner nobody can tell: none is flipped"


def test_what_becomes_of_a_label() -> None:
    mirror = infer_mirror(["left", "right", "up", "far left"])
    assert [mirror.flipped(label) for label in (0, 1, 2)] == [1, 0, 2]
    assert mirror.flipped(3) is None, "no partner: never flipped"
    assert mirror.flipped(4) is None
    assert mirror.flipped(-1) is None
    assert infer_mirror([]).flipped(0) is None, "unknown names: never flipped"


def test_a_name_twice() -> None:
    with pytest.raises(DataError, match="'swipe left' twice"):
        infer_mirror(["Swipe left", "swipe_left"])
