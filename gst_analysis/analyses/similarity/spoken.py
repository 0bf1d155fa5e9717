"""What the figures of similarity show, in words: one function a figure, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.similarity.table import Similarity
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.tables.picking import find_largest, find_least


def say_figures(result: Similarity) -> dict[str, str]:
    """Every figure by its name."""
    return {result.stem: say_places(result.table), "frame_similarity": say_frames(result.frames)}


def say_places(table: pd.DataFrame) -> str:
    """Which two places see clips most alike, and which least.

    Args:
        table: a SIMILARITY table.
    """
    if table.empty:
        return "Likeness of places (CKA): of 0 pairs."
    ends = (find(table, "cka") for find in (find_largest, find_least))
    most, least = (
        f"{row['first_place']} of {row['first']} and {row['second_place']} of {row['second']}, "
        f"{show_real(row['cka'])} ({show_interval(row['low'], row['high'])})"
        for row in ends
    )
    return f"Likeness of places (CKA), {len(table)} pairs. Most alike: {most}; least: {least}."


def say_frames(frames: pd.DataFrame) -> str:
    """In which place the frames of a clip are least alike.

    Args:
        frames: a FRAME_SIMILARITY table.
    """
    others = frames[frames["frame"] != frames["other_frame"]]
    if others.empty:
        return "Likeness of frames within places (CKA): of 0 pairs."
    means = others.groupby(["checkpoint", "place"], sort=False)["cka"].mean().reset_index()
    least, most = find_least(means, "cka"), find_largest(means, "cka")
    return (
        f"Likeness of frames within {len(means)} places (CKA), mean over two frames: least at "
        f"{least['place']} of {least['checkpoint']}, {show_real(least['cka'])}; "
        f"most {show_real(most['cka'])}."
    )
