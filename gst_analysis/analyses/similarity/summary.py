"""SIMILARITY and FRAME_SIMILARITY -> what is most alike, in a few numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gst_analysis.analyses.similarity.table import NearestPlace, PlaceFrames, SimilaritySummary


def summarise_similarity(
    table: pd.DataFrame,
    frames: pd.DataFrame,
    *,
    networks: Sequence[str],
    clips: int,
    minibatches: int,
    standardised: bool,
) -> SimilaritySummary:
    """What is most alike, and what was compared.

    Args:
        table: SIMILARITY.
        frames: FRAME_SIMILARITY of the same.
        networks: their names.
        clips: how many could be read.
        minibatches: in how many parts they were compared.
        standardised: whether channels were divided by their standard deviations.
    """
    others = table[table["first_place"] != table["second_place"]] if len(networks) == 1 else table
    return SimilaritySummary(
        tuple(networks),
        clips,
        minibatches,
        standardised,
        tuple(_find_nearest(str(place), rows) for place, rows in others.groupby("first_place", sort=False)),
        {
            str(name): tuple(
                _describe_frames(str(place), part) for place, part in rows.groupby("place", sort=False)
            )
            for name, rows in frames.groupby("checkpoint", sort=False)
        },
    )


def _find_nearest(place: str, rows: pd.DataFrame) -> NearestPlace:
    if rows["cka"].isna().all():
        return NearestPlace(place)
    best = rows.to_dict("records")[int(np.nanargmax(rows["cka"].to_numpy()))]
    return NearestPlace(place, best["second_place"], *(float(best[name]) for name in ("cka", "low", "high")))


def _describe_frames(place: str, rows: pd.DataFrame) -> PlaceFrames:
    count = int(rows["frame"].max()) + 1
    beside = rows.loc[rows["other_frame"] - rows["frame"] == 1, "cka"]
    ends = rows.loc[(rows["frame"] == 0) & (rows["other_frame"] == count - 1), "cka"]
    return PlaceFrames(place, count, _mean(beside), _mean(ends) if count > 1 else None)


def _mean(values: pd.Series) -> float | None:
    """The mean of what is defined; None of nothing."""
    return float(values.mean()) if values.notna().any() else None
