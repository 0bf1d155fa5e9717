"""What was measured on clips before, kept beside the weights: used only for exactly these weights.

`X.profile.json` beside `X.pth` holds the rows that need clips, with the weights' hash. The shipped networks
have one (trained_models/profiles.py writes it). Such a file comes from wherever the weights do, so it is
read as plain values, bounded, and held against the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from gst_analysis.analyses.profile.table import ANSWERS, CLIPS, FROM_CLIPS, PROFILE
from gst_analysis.checkpoints.cards import card_path
from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.errors import GstError, one_line
from gst_analysis.files import is_there, to_json, write_whole
from gst_analysis.numbers import how_many
from gst_analysis.tables import check
from gst_analysis.untrusted import parse_json, read_bounded, to_plain_record

LARGEST = 1_000_000
"""Bytes: a hundred times what a deep network's rows take."""
_MOST_ROWS = 5_000
_FORMAT = "gst-analysis profile 1"


@dataclass(frozen=True)
class Kept:
    """Rows that need clips, on how many they were measured, and which those were."""

    table: pd.DataFrame = field(repr=False)
    clips: int
    data: str

    def describe(self) -> str:
        """Where they come from, as a note."""
        where = f"{how_many(self.clips, 'clip')} of {self.data}"
        return f"what needs clips was measured before, with exactly these weights, on {where}"


def kept_path(checkpoint: Path) -> Path:
    """Where it lies: `X.profile.json` for `X.pth`."""
    return card_path(checkpoint).with_suffix(".profile.json")


def find_kept(checkpoint: Checkpoint) -> Kept | None:
    """What is kept of exactly these weights; nothing where there is none, or it is another's or broken."""
    path = kept_path(checkpoint.path)
    if not checkpoint.sha256 or not is_there(path):
        return None
    try:
        told = to_plain_record(parse_json(read_bounded(path, most=LARGEST)))
        if told.get("format") != _FORMAT or told.get("sha256") != checkpoint.sha256:
            return None
        return _read(told)
    except (OSError, ValueError, TypeError, KeyError, GstError):
        return None  # a broken file beside the weights takes nothing away from what the weights say


def _read(told: Mapping[str, Any]) -> Kept:
    rows = told["rows"]
    if not isinstance(rows, list) or not 0 < len(rows) <= _MOST_ROWS:
        raise ValueError("no rows")
    kinds = {"text": "object", "whole": "int64", "real": "float64"}
    columns = {name: kinds[column.kind] for name, column in PROFILE.columns.items()}
    table = check(pd.DataFrame(rows, columns=list(columns)).astype(columns), PROFILE)
    own = table["measure"].isin([*FROM_CLIPS, *ANSWERS]) & (table["source"] == CLIPS)
    counted = type(told["clips"]) is int and told["clips"] >= 0
    whole = all(type(row["stage"]) is int and row["stage"] >= 0 for row in rows)
    if not own.all() or not counted or not whole or not _is_measured(table):
        raise ValueError("rows that no such measurement has")
    return Kept(table, told["clips"], one_line(str(told["data"]))[:100])


def _is_measured(table: pd.DataFrame) -> bool:
    """Whether numbers are shares, bands the right way round, depths within, and each row stands once."""
    numbers = table[["value", "low", "high", "even"]]
    inside = (numbers.isna() | ((numbers >= -1) & (numbers <= 1))).all().all()
    deep = (table["depth"].isna() | table["depth"].between(0, 1)).all()
    once = not table.duplicated(["measure", "level", "stage", "place", "group"]).any()
    return bool(inside and deep and once and not (table["low"] > table["high"]).any())


def save_kept(checkpoint: Path, sha256: str, kept: Kept) -> Path:
    """Write what needed clips beside the weights, whole or not at all."""
    own = kept.table[kept.table["source"] == CLIPS]
    told = {
        "format": _FORMAT,
        "sha256": sha256,
        "clips": kept.clips,
        "data": kept.data,
        "rows": own.to_dict("records"),
    }
    text = to_json(told)
    return write_whole(kept_path(checkpoint), lambda file: file.write(text.encode()), replace=True)
