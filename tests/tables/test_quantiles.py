"""Medians and quantiles without numpy.ma: numpy's own, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from gst_analysis.tables.quantiles import find_median, find_quantiles

DRAWN = np.random.default_rng(0).normal(size=(20, 101))
ROWS = [
    *([3.0], [1.0, 2.0], [0.0, -0.0, 0.1, 0.2, -0.0], [1.0, float("nan"), 2.0], [5.0, 5.0, 5.0]),
    *([1e300, -1e300, 0.1], [float("inf"), 1.0, 2.0]),
    *(drawn[:n] for drawn, n in zip(DRAWN, range(82, 102), strict=True)),
]


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_they_are_numpys_to_the_bit(row: list[float]) -> None:
    values, shares = np.array(row), [0.0, 0.025, 0.25, 0.5, 0.75, 0.975, 1.0]
    before = values.copy()
    with np.errstate(invalid="ignore"):
        known = [float(np.median(values)), *np.quantile(values, shares).tolist()]
    assert list(map(repr, [find_median(values), *find_quantiles(values, shares)])) == list(map(repr, known))
    assert values.tobytes() == before.tobytes()


def test_the_median_of_nothing_is_not_known() -> None:
    assert np.isnan(find_median(np.empty(0)))
