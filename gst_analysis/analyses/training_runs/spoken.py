"""What the figure of a training run shows, in words, made from its tables."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.training_runs.table import TrainingRun
from gst_analysis.numbers import how_many, show_real
from gst_analysis.tables.picking import find_largest


def say_figures(result: TrainingRun) -> dict[str, str]:
    """Every figure by its name."""
    return {result.stem: say_training(result.table, result.epochs, chance=result.summary.chance)}


def say_training(steps: pd.DataFrame, epochs: pd.DataFrame, *, chance: float | None = None) -> str:
    """Where the loss began and stands, and which epoch was best on validation clips.

    Args:
        steps: TRAINING_STEPS.
        epochs: TRAINING_EPOCHS, which may be empty.
        chance: the share of right answers that guessing reaches.
    """
    if steps.empty:
        return "Loss, accuracy and learning rate: 0 steps so far."
    first, last = steps["loss"].iloc[0], steps["loss"].iloc[-1]
    told = (
        f"Loss, accuracy and learning rate over {len(steps):,} logged steps: the loss goes from "
        f"{show_real(first)} to {show_real(last)}."
    )
    known = epochs.dropna(subset="val_top1")
    if known.empty:
        return told
    best = find_largest(known, "val_top1")
    guess = "" if chance is None else f"; a guess has {chance:.0%}"
    number = how_many(len(known), "epoch")
    return f"{told} Best of {number} on validation clips: {best['val_top1']:.1%} right{guess}."
