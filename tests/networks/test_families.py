"""The operators' arithmetic: kernels against closed formulas written a second time, from the paper."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gst_analysis.errors import SpecError
from gst_analysis.networks.families import (
    FAMILIES,
    ChannelGroups,
    Family,
    Kernel,
    runnable_families,
    split,
    two_groups,
)

Formula = Callable[[int, int, Fraction], Fraction]

# Parameters of one operator from i to o channels; a is alpha. Table 1, with the sizes written out.
FORMULAS: dict[str, Formula] = {
    "c2d": lambda i, o, a: Fraction(9 * i * o),
    "tsm": lambda i, o, a: Fraction(9 * i * o),
    "nl-tsm": lambda i, o, a: Fraction(9 * i * o),
    "nl-c2d": lambda i, o, a: Fraction(9 * i * o),
    "c3d": lambda i, o, a: Fraction(27 * i * o),
    "c3d-g2": lambda i, o, a: Fraction(27 * i * o, 2),
    "p3d": lambda i, o, a: Fraction(9 * i * o + 3 * o * o),
    "gst": lambda i, o, a: i * o * (9 * (1 - a) + 27 * a) / 2,
    "gst-large": lambda i, o, a: i * o * (9 * (1 - a) + 27 * a),
    "sth": lambda i, o, a: i * o * (9 * (1 - a) + 3 * a),
}
DEPTHWISE: dict[str, Formula] = {
    "c2d": lambda i, o, a: Fraction(9 * o),
    "tsm": lambda i, o, a: Fraction(9 * o),
    "sth": lambda i, o, a: o * (9 * (1 - a) + 3 * a),
}


# Kernels from 32 to 16 channels with a temporal quarter, as the figures of the paper draw them: the group,
# (filters, channels, time, height, width), copies side by side, and the first channel read.
Drawn = list[tuple[str, tuple[int, ...], int, int]]
PLAIN: Drawn = [("spatial", (16, 32, 3, 3), 1, 0)]
KERNELS: dict[str, Drawn] = {
    **dict.fromkeys(["c2d", "tsm", "nl-tsm", "nl-c2d"], PLAIN),
    "c3d": [("temporal", (16, 32, 3, 3, 3), 1, 0)],
    "c3d-g2": [("temporal", (16, 16, 3, 3, 3), 2, 0)],
    "p3d": [("spatial", (16, 32, 3, 3), 1, 0), ("temporal", (16, 16, 3, 1, 1), 1, 0)],
    "gst": [("spatial", (12, 16, 3, 3), 1, 0), ("temporal", (4, 16, 3, 3, 3), 1, 16)],
    "gst-large": [("spatial", (12, 32, 3, 3), 1, 0), ("temporal", (4, 32, 3, 3, 3), 1, 0)],
    "sth": [("spatial", (16, 24, 3, 3), 1, 0), ("temporal", (16, 8, 3, 1, 1), 1, 0)],
}
DEPTHWISE_KERNELS: dict[str, Drawn] = {
    "c2d": [("spatial", (16, 1, 3, 3), 16, 0)],
    "tsm": [("spatial", (16, 1, 3, 3), 16, 0)],
    "sth": [("spatial", (12, 1, 3, 3), 12, 0), ("temporal", (4, 1, 3, 1, 1), 4, 12)],
}


def draw(kernels: tuple[Kernel, ...]) -> Drawn:
    return [(kernel.group, kernel.shape, kernel.groups, kernel.start) for kernel in kernels]


@pytest.mark.parametrize("family", FAMILIES)
def test_kernels_are_those_of_the_figures(family: str) -> None:
    assert draw(FAMILIES[family].kernels(32, 16, Fraction(1, 4))) == KERNELS[family]
    if family in DEPTHWISE_KERNELS:
        assert draw(FAMILIES[family].depthwise_kernels(16, Fraction(1, 4))) == DEPTHWISE_KERNELS[family]


@pytest.mark.parametrize("time", [1, 2, 3])
def test_only_a_kernel_over_time_has_an_axis_for_it(time: int) -> None:
    shape = Kernel("one", "temporal", 5, 4, time, 3).shape
    assert shape == ((4, 5, time, 3, 3) if time > 1 else (4, 5, 3, 3))


def test_what_each_family_reads_moves_and_splits() -> None:
    quarter, half = Fraction(1, 4), Fraction(1, 2)
    assert {name: f.default_alpha for name, f in FAMILIES.items() if f.default_alpha} == dict.fromkeys(
        ["gst", "gst-large", "sth"], quarter
    )
    assert {name: f.beta for name, f in FAMILIES.items() if f.beta} == {"gst": half, "gst-large": 1}
    shifted = dict.fromkeys(["tsm", "nl-tsm"], Fraction(1, 8))
    assert {name: f.shift for name, f in FAMILIES.items() if f.shift} == shifted
    assert [name for name, f in FAMILIES.items() if f.norm_between] == ["p3d"]
    assert [name for name, f in FAMILIES.items() if f.owns_both] == ["sth"]
    assert runnable_families() == ["gst", "gst-large", "c2d", "c3d", "c3d-g2", "p3d", "tsm", "sth"]


def test_widths_that_operators_can_split() -> None:
    eighths = {name: family.divisor(Fraction(3, 8)) for name, family in FAMILIES.items()}
    assert eighths == dict.fromkeys(FAMILIES, 8) | {"c3d-g2": 2}
    alone = {name: family.divisor(None) for name, family in FAMILIES.items()}
    assert alone == dict.fromkeys(FAMILIES, 1) | {"c3d-g2": 2, "gst": 2}
    assert FAMILIES["gst"].divisor(Fraction(1, 3)) == 6


def test_groups_by_family() -> None:
    parted = ChannelGroups(16, (("spatial", 0, 12), ("temporal", 12, 16)))
    whole = ChannelGroups(16, (("all", 0, 16),))
    assert two_groups(16, None) == parted  # a quarter, unless told otherwise
    for name, family in FAMILIES.items():
        found = family.groups(16, Fraction(1, 4))
        assert found == (parted if name in ("gst", "gst-large") else whole)
        assert family.groups(16, Fraction(1, 4), depthwise=True) == (parted if name == "sth" else found)


def test_every_family_has_a_formula() -> None:
    assert FORMULAS.keys() == FAMILIES.keys()


@pytest.mark.parametrize("family", FAMILIES)
@given(i=st.integers(1, 16), o=st.integers(1, 16), alpha=st.sampled_from([Fraction(1, n) for n in (2, 4, 8)]))
def test_parameters_follow_the_formula(family: str, i: int, o: int, alpha: Fraction) -> None:
    i, o = 16 * i, 16 * o
    kernels = FAMILIES[family].kernels(i, o, alpha)
    assert sum(kernel.params for kernel in kernels) == FORMULAS[family](i, o, alpha)


@pytest.mark.parametrize("family", DEPTHWISE)
@pytest.mark.parametrize("alpha", [Fraction(1, 2), Fraction(1, 4), Fraction(1, 8)])
def test_depthwise_parameters_follow_the_formula(family: str, alpha: Fraction) -> None:
    kernels = FAMILIES[family].depthwise_kernels(96, alpha)
    assert sum(kernel.params for kernel in kernels) == DEPTHWISE[family](96, 96, alpha)
    assert sum(kernel.filters for kernel in kernels) == 96
    assert all(kernel.groups == kernel.filters for kernel in kernels)


def test_the_paper_counts_a_quarter_alpha_as_a_2d_convolution_and_a_half() -> None:
    """Section 3: GST-Large(1/4) costs 3/2 of C2D and as much as C3D in two groups; GST(1/2) costs C2D."""
    assert FORMULAS["gst-large"](64, 64, Fraction(1, 4)) == Fraction(3, 2) * FORMULAS["c2d"](
        64, 64, Fraction(1)
    )
    assert FORMULAS["gst-large"](64, 64, Fraction(1, 4)) == FORMULAS["c3d-g2"](64, 64, Fraction(1))
    assert FORMULAS["gst"](64, 64, Fraction(1, 2)) == FORMULAS["c2d"](64, 64, Fraction(1))


@pytest.mark.parametrize("family", runnable_families())
def test_kernels_read_channels_that_are_there_and_write_each_once(family: str) -> None:
    cls = FAMILIES[family]
    kernels = cls.kernels(32, 48, Fraction(1, 4))
    if cls.arrangement == "concatenate":
        assert sum(kernel.filters for kernel in kernels) == 48
        assert all(kernel.start + kernel.groups * kernel.channels <= 32 for kernel in kernels)
    else:
        assert all(kernel.filters == 48 for kernel in kernels)
    for kernel in kernels:
        assert kernel.shape[:2] == (kernel.filters, kernel.channels)
        assert len(kernel.shape) == (5 if kernel.time > 1 else 4)
        product = 1
        for side in kernel.shape:
            product *= side
        assert product == kernel.params
    assert len({kernel.name for kernel in kernels}) == len(kernels)


@pytest.mark.parametrize("family", FAMILIES)
def test_groups_cover_the_width_in_order(family: str) -> None:
    groups = FAMILIES[family].groups(64, Fraction(1, 4))
    covered = [channel for _, part in groups for channel in range(64)[part]]
    assert covered == list(range(64))
    assert groups.names in (("spatial", "temporal"), ("all",))


@pytest.mark.parametrize("family", ["gst", "gst-large"])
def test_groups_are_as_wide_as_their_kernels(family: str) -> None:
    cls = FAMILIES[family]
    for alpha in (Fraction(1, 2), Fraction(1, 4), Fraction(3, 8)):
        groups = cls.groups(64, alpha)
        for kernel in cls.kernels(64, 64, alpha):
            part = groups[kernel.group]
            assert part.stop - part.start == kernel.filters


def test_an_uneven_split_is_refused() -> None:
    assert split(64, Fraction(1, 4)) == (48, 16)
    with pytest.raises(SpecError, match="a width that is a multiple of 4; found 66"):
        split(66, Fraction(1, 4))


@pytest.mark.parametrize("family", FAMILIES.values())
def test_what_a_family_must_say_of_itself(family: type[Family]) -> None:
    assert family.title
    assert family.kernels(16, 16, Fraction(1, 4))
    if family.depthwise:
        with pytest.raises(SpecError, match=r"or a ResNet backbone"):
            family.depthwise_kernels(32, Fraction(1, 4))


def test_an_unfinished_family_fails_at_once() -> None:
    with pytest.raises(NotImplementedError):
        Family.kernels(16, 16, None)
