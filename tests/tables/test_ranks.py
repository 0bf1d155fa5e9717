"""Rank correlation without scipy: scipy's numbers, to the bit."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from gst_analysis.tables.ranks import correlate_ranks, rank_values


@pytest.mark.parametrize("seed", range(40))
def test_ranks_and_their_correlation_are_scipys(seed: int) -> None:
    """Even seeds have ties; sizes from 2 up, float32 as well."""
    draw = np.random.default_rng(seed)
    first, second = draw.normal(size=(2, int(draw.integers(2, 300)))).astype("f4" if seed % 3 else "f8")
    if seed % 2 == 0:
        first, second = np.round(first, 1), np.round(second + first, 1)
    second[0] = second[1] + 1  # never all alike
    first[0] = first[1] - 1
    np.testing.assert_array_equal(rank_values(first), rankdata(first))
    assert correlate_ranks(first, second) == float(spearmanr(first, second).statistic)


def test_what_is_no_number_has_no_order() -> None:
    assert math.isnan(correlate_ranks(np.array([1.0, np.nan, 2.0]), np.arange(3.0)))
    assert correlate_ranks(np.array([0.0, -0.0, 1.0]), np.array([1.0, 1.0, 2.0])) == pytest.approx(1)


def test_what_compares_orders_needs_neither_scipys_statistics_nor_torch() -> None:
    """The explorer's page *Is it true?* looks at both: it would wait for them when it is first opened."""
    rooms = ", ".join(f"gst_analysis.analyses.{room}.measure" for room in ("drift", "importance"))
    code = f"import sys, {rooms}; sys.exit(bool({{'torch', 'scipy.stats'}} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)
