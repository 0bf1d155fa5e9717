"""What the figures of an ablation call its numbers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gst_analysis.numbers import show_interval, show_real
from gst_analysis.style.names import name_block

MEASURES: Mapping[str, tuple[str, float]] = {
    "accuracy_drop": ("accuracy lost (percentage points)", 100.0),
    "logit_drop": ("fall of the true class's logit", 1.0),
    "loss_rise": ("rise of the cross entropy (nats)", 1.0),
}
"""What the axis says, and what the table's numbers are multiplied by."""

TITLES: Mapping[str, str] = {
    "zero": "channels silent",
    "mean": "channels at their mean",
    "shuffle-batch": "channels of another clip",
    "shuffle-time": "frames in another order",
}
"""What people call an intervention."""


def say_worst(table: pd.DataFrame, measure: str) -> str:
    """Which change costs most, and how much, in a sentence.

    Args:
        table: an ABLATION table of one checkpoint.
        measure: accuracy_drop, logit_drop or loss_rise.
    """
    (row,), (words, scale) = table.nlargest(1, measure).to_dict("records"), MEASURES[measure]
    value, *ends = (scale * float(row[f"{measure}{end}"]) for end in ("", "_low", "_high"))
    shown = (show_real(value), show_interval(*ends))
    if scale > 1:  # of accuracy nobody wants parts of a point
        shown = (f"{value:.0f}", f"{ends[0]:.0f} to {ends[1]:.0f}")
    return (
        f"Most is lost in {name_block(row['block'])} with the {row['group']} channels changed "
        f"({TITLES[row['intervention']]}): {shown[0]} ({shown[1]}), {words}."
    )
