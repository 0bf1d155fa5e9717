"""What was judged of every clip, with and without a change -> the rows of an ABLATION table.

Accuracy counts clips, so what is lost of it has an interval that holds where next to nothing is lost; the
logit and the cross entropy are means over clips, which are drawn anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from gst_analysis.networks.anatomy import Unit
from gst_analysis.probes.resampling import Bootstrap, Reals, Units, summarise_means
from gst_analysis.probes.shares import summarise_share_differences


def tabulate_ablation(
    rows: Sequence[tuple[Unit, str]],
    untouched: Reals,
    changed: Reals,
    bootstrap: Bootstrap,
    videos: Units | None = None,
) -> pd.DataFrame:
    """Rows of units and interventions, (3, clips) and (rows, 3, clips) of what was judged -> the drops."""
    right, confidence = (untouched[:1], changed[:, 0]), bootstrap.confidence
    drops = {
        "accuracy_drop": summarise_share_differences(*right, confidence=confidence, units=videos),
        "logit_drop": summarise_means(untouched[1] - changed[:, 1], bootstrap, videos),
        "loss_rise": summarise_means(changed[:, 2] - untouched[2], bootstrap, videos),
    }
    columns: dict[str, list[float]] = {}
    for measure, intervals in drops.items():
        columns[measure] = [interval.value for interval in intervals]
        columns[f"{measure}_low"] = [interval.low for interval in intervals]
        columns[f"{measure}_high"] = [interval.high for interval in intervals]
    described = [
        {
            "stage": unit.stage,
            "block": unit.block,
            "layer": unit.layer,
            "group": unit.group,
            "channels": unit.count,
            "intervention": intervention,
            "clips": untouched.shape[1],
        }
        for unit, intervention in rows
    ]
    return pd.DataFrame(described).assign(accuracy=changed[:, 0].mean(axis=1), **columns)
