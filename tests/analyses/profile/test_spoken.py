"""What a chart shows by points, the keyboard reads in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gst_analysis.analyses.profile.spoken import say_points


def make_table() -> pd.DataFrame:
    """Two places of two lines, one line without a band and one that is not known in the second place."""
    rows = [
        ("gamma", "place", "layer1.0", "", 0.25, 0.2, 0.31),
        ("reach", "place", "layer1.0", "", 2.0, np.nan, np.nan),
        ("gamma", "stage", "1", "", 0.5, 0.4, 0.6),
        ("gamma", "place", "layer2.0", "temporal", -0.125, -0.2, -0.05),
        ("reach", "place", "layer2.0", "", np.nan, np.nan, np.nan),
    ]
    return pd.DataFrame(rows, columns=["measure", "level", "place", "group", "value", "low", "high"])


def test_a_place_says_every_line_with_its_band_where_there_is_one() -> None:
    told = say_points(make_table())
    assert list(told) == ["layer1.0", "layer2.0"]
    assert told["layer1.0"] == "gamma 0.250 (0.200 to 0.310), reach 2.000"
    assert told["layer2.0"] == "gamma of temporal channels −0.125 (−0.200 to −0.050)"


def test_words_follow_the_table() -> None:
    table = make_table()
    other = say_points(table.assign(value=table["value"] + 0.1))
    assert all(other[place] != words for place, words in say_points(table).items())
