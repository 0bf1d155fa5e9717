"""Which score foretells a loss: the page shows the document, and Taylor is weighed against sizes by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.score_agreement import TARGET, format_agreement, weigh_taylor


def test_the_page_shows_what_was_measured() -> None:
    record = json.loads(TARGET.read_text(encoding="utf-8"))
    page = Path("docs/measured-agreement.md").read_text(encoding="utf-8")
    assert format_agreement(record["means"], measure="loss_rise", aggregate="sum") in page
    assert len(record["accuracy"]) == 14
    for row in record["means"]:
        if row["low"] is not None:
            assert row["low"] <= row["spearman"] <= row["high"]


def test_taylor_is_weighed_against_sizes_in_each_checkpoint() -> None:
    columns = ["checkpoint", "measure", "aggregate", "intervention", "score", "spearman"]
    rows = [
        (name, "loss_rise", "sum", "zero", score, value)
        for name, values in {"a": (0.5, 0.7), "b": (0.5, 0.4), "c": (None, 0.9), "all": (0, 1)}.items()
        for score, value in zip(("channels", "taylor"), values, strict=True)
    ]
    table = pd.DataFrame([*rows, ("a", "loss_rise", "mean", "zero", "taylor", -1.0)], columns=columns)
    assert weigh_taylor(table) == {"zero": {"of": 2, "above": 1, "mean": pytest.approx(0.05)}}


def test_what_is_not_defined_is_said() -> None:
    row = {"measure": "loss_rise", "aggregate": "sum", "intervention": "zero", "score": "gamma"}
    rows = [row | {"spearman": None, "low": None, "high": None}]
    table = format_agreement(rows, measure="loss_rise", aggregate="sum")
    assert table.splitlines()[-1] == "| gamma | not defined |"
