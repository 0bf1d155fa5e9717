"""The rows of an evaluated data set, worked out another way; and orders and filters of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gst_analysis.analyses.evaluation.measure import summarise_accuracy
from gst_analysis.analyses.traces.clip_list import (
    SORTS,
    add_order_loss,
    choose_rows,
    drop_logits,
    tabulate_evaluated_clips,
)
from tests.analyses.evaluation.test_measure import draw_logits


def test_rows_are_what_the_logits_say() -> None:
    logits = draw_logits(clips=12, classes=4)
    found = summarise_accuracy(logits)
    table = tabulate_evaluated_clips(found)
    for row, frames, label in zip(table.to_dict("records"), logits.logits, logits.labels, strict=True):
        mean = frames.astype(float).mean(axis=0)
        likely = np.exp(mean) / np.exp(mean).sum()
        assert row["predicted_id"] == likely.argmax()
        assert row["probability"] == pytest.approx(likely.max())
        assert row["true_probability"] == pytest.approx(likely[label])
        assert row["true_rank"] == 1 + (likely > likely[label]).sum()
        assert row["correct"] == (row["true_rank"] == 1)
    assert table["correct"].mean() == pytest.approx(found.summary.top1)
    kept = drop_logits(found)
    assert kept.logits.logits.size == 0
    pd.testing.assert_frame_equal(kept.table, found.table)


def test_rows_are_sorted_filtered_and_joined_with_what_order_costs() -> None:
    table = tabulate_evaluated_clips(summarise_accuracy(draw_logits(clips=12, classes=4)))
    assert table["order_loss"].isna().all()
    shown = pd.DataFrame(
        [(clip, "in-order", 0.9) for clip in table["clip"]]
        + [(clip, "shuffled", place / 20) for place, clip in enumerate(table["clip"][:10])]
        + [(clip, "shuffled", 0.1 + place / 20) for place, clip in enumerate(table["clip"][:10])],
        columns=["clip", "condition", "probability"],
    )
    joined = add_order_loss(table, shown)
    assert joined["order_loss"].iloc[:2].tolist() == pytest.approx([0.85, 0.8])
    assert joined["order_loss"].isna().sum() == 2
    assert add_order_loss(table, shown[shown["condition"] == "in-order"]) is table
    for by, (column, ascending) in SORTS.items():
        values = choose_rows(joined, by=by)[column].dropna().tolist()
        assert values == sorted(values, reverse=not ascending)
    wrong = choose_rows(joined, only="wrong", true_id=1)
    assert not wrong["correct"].any()
    assert set(wrong["true_id"]) <= {1}
    taken = choose_rows(joined, predicted_id=2)
    assert len(taken) == (joined["predicted_id"] == 2).sum()
