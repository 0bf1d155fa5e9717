"""One list of groups: everybody's words, phrases, colours, marks and lines."""

from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from gst_analysis.groups import GROUPS, PAIRS, Group, find_pair, order_groups
from gst_analysis.style.names import GROUP_NAMES
from gst_analysis.style.theme import DARK, DASHES, LIGHT, Theme

MEETING = (
    ("spatial", "temporal", "all"),
    ("slow", "fast", "lateral"),
    ("from-previous", "from-next", "unshifted"),
    ("spatial", "temporal", "gates"),
)
"""Groups that one network has."""
# How red, green and blue light fall on the two cones that are left (Viénot, Brettel and Mollon, 1999).
_CONES = np.array([[17.8824, 43.5161, 4.1194], [3.4557, 27.1554, 3.8671], [0.0300, 0.1843, 1.4671]])
_PROTAN = np.array([[0, 2.0234, -2.5258], [0, 1, 0], [0, 0, 1]])
_DEUTAN = np.array([[1, 0, 0], [0.4942, 0, 1.2483], [0, 0, 1]])


def linear(colour: str) -> np.ndarray:
    value = np.array(to_rgb(colour))
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ (0.2126, 0.7152, 0.0722))


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def seen(colour: str, lacking: np.ndarray) -> np.ndarray:
    """Linear light as somebody without one kind of cone sees it, on a perceptual scale."""
    light = np.linalg.solve(_CONES, lacking @ _CONES @ linear(colour))
    return np.clip(light, 0, 1) ** (1 / 2.2)


def test_the_list_has_every_word_once() -> None:
    assert tuple(GROUPS) == get_args(Group)
    assert len({style.phrase for style in GROUPS.values()}) == len(GROUPS)
    assert list(GROUP_NAMES) == list(GROUPS)
    assert {style.dash for style in GROUPS.values()} <= set(DASHES)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_groups_stand_out_and_are_told_apart_by_everybody(theme: Theme) -> None:
    for group in GROUPS:
        assert contrast(theme.groups[group], theme.panel) > 3, group
    for together in MEETING:
        for one, other in itertools.combinations(together, 2):
            colours = theme.groups[one], theme.groups[other]
            for lacking in (_PROTAN, _DEUTAN):
                assert np.abs(seen(colours[0], lacking) - seen(colours[1], lacking)).max() > 0.15, (
                    one,
                    other,
                )
            assert (GROUPS[one].marker, GROUPS[one].dash) != (GROUPS[other].marker, GROUPS[other].dash) or (
                "all" in (one, other)
            )


def test_pairs_are_found_and_groups_put_in_order() -> None:
    assert all(set(pair) <= set(GROUPS) for pair in PAIRS)
    assert find_pair(["all", "temporal", "spatial"]) == ("spatial", "temporal")
    assert find_pair(["fast", "slow"]) == ("slow", "fast")
    assert find_pair(["slow", "spatial"]) is None
    assert order_groups(["all", "fast", "slow"]) == ["slow", "fast", "all"]
