"""Whether readers tell checkpoints apart, those too who lack a kind of cone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from gst_analysis.analyses.profile.table import MEASURES
from gst_analysis.style.palette import DARK_COLOURS, LIGHT_COLOURS, MOST_NAMED, list_colours, list_looks
from gst_analysis.style.theme import DARK, LIGHT, Theme

VISIONS = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""What becomes of linear RGB: Machado, Oliveira and Fernandes (2009), the whole deficiency."""
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""Ottosson's Oklab, in which equal distances look about equally large; 0.02 is just seen side by side."""
APART, APART_WITHOUT_A_CONE, APART_OF_GROUPS = 0.2, 0.1, 0.085


def to_linear(colours: tuple[str, ...]) -> np.ndarray:
    rgb = np.array([to_rgb(colour) for colour in colours])
    return np.asarray(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4))


def find_nearest(colours: tuple[str, ...], vision: str) -> float:
    """The least distance of any two, as somebody sees them."""
    seen = np.clip(to_linear(colours) @ VISIONS[vision].T, 0, 1)
    lab = np.cbrt(seen @ _TO_CONES.T) @ _TO_OKLAB.T
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(lab, 2))


@pytest.mark.parametrize("vision", VISIONS)
def test_ten_checkpoints_are_told_apart(vision: str) -> None:
    least = APART if vision == "usual" else APART_WITHOUT_A_CONE
    for colours in (LIGHT_COLOURS, DARK_COLOURS):
        assert find_nearest(colours, vision) >= least


def test_a_red_and_a_green_alike_would_be_found() -> None:
    assert find_nearest(("#B24745", "#7A7A2E"), "usual") > APART / 2
    assert find_nearest(("#B24745", "#7A7A2E"), "deuteranopia") < APART_WITHOUT_A_CONE


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_lines_stand_out_from_the_paper_as_wcag_asks_of_graphics(theme: Theme) -> None:
    light = to_linear((theme.panel, theme.paper, *list_colours(10, theme))) @ (0.2126, 0.7152, 0.0722)
    for paper in light[:2]:
        ratios = (np.maximum(light[2:], paper) + 0.05) / (np.minimum(light[2:], paper) + 0.05)
        assert ratios.min() >= 3


def test_a_checkpoint_keeps_its_look_when_others_are_added_and_lines_differ_beside_colours() -> None:
    looks = list_looks(MOST_NAMED, LIGHT)
    assert list_looks(3, LIGHT) == looks[:3]
    assert len(set(looks)) == MOST_NAMED
    assert all(a.dash != b.dash and a.marker != b.marker for a, b in itertools.pairwise(looks))
    assert len(set(list_colours(30, DARK))) == 30


TOGETHER = (
    ("spatial", "temporal", "all"),
    ("slow", "fast", "lateral"),
    ("from-previous", "from-next", "unshifted"),
)
"""Groups of channels that one figure shows."""


@pytest.mark.parametrize("vision", VISIONS)
def test_groups_of_one_network_and_what_a_clip_costs_are_told_apart(vision: str) -> None:
    for theme in (LIGHT, DARK):
        for groups in TOGETHER:
            assert find_nearest(tuple(theme.groups[group] for group in groups), vision) >= APART_OF_GROUPS
        bars = [theme.groups[group] for group in ("spatial", "temporal", "shared")]
        assert find_nearest(tuple(bars), vision) >= APART_OF_GROUPS


def test_lines_of_a_profile_are_told_apart_by_their_marks() -> None:
    assert len({measure.marker for measure in MEASURES.values()}) == len(MEASURES)
