"""What the rows of a trace are evidence of, as matrix, table and words: how much each logit owes each frame.

Matrices are measured in evidence_measure.py and drawn in evidence_figure.py. This file alone makes
TRACE_INFLUENCE tables, reads them, and takes their mean over clips, an INFLUENCE table. No torch here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gst_analysis.analyses.influence.figure import draw_influence
from gst_analysis.analyses.influence.table import GRADIENT, INFLUENCE
from gst_analysis.analyses.traces.table import TRACE_INFLUENCE, TraceSummary
from gst_analysis.tables.schema import check

AVERAGE = "influence"
"""The stem of the files that hold the mean over clips, an INFLUENCE table."""


@dataclass(frozen=True)
class Evidence:
    """Which input frames the logits of a trace are made of."""

    mode: str
    shares: np.ndarray = field(repr=False)
    """(T, T) output frames by input frames; a row adds up to 1, or to 0 where nothing moves its logit."""
    reachable: np.ndarray = field(repr=False)
    """(T, T) whether it can depend on it at all."""

    @property
    def own(self) -> np.ndarray:
        """(T,) every frame's share in its own logit."""
        return np.asarray(np.diag(self.shares))

    @property
    def own_share(self) -> float:
        """A frame's share in its own logit, on average; the first prefix, all its own, is left out."""
        given = self.own[1:] if self.mode == "prefix" and len(self.own) > 1 else self.own
        return float(given.mean())

    @property
    def title(self) -> str:
        """What the matrix is of."""
        return {
            "prefix": "What each prediction is made of",
            "window": "What logits in a window are made of",
        }.get(self.mode, "What each logit is made of")

    @property
    def row(self) -> str:
        """What a row of the matrix is."""
        kinds = {"prefix": "prediction up to frame", "window": "whose logit: frame of a window"}
        return kinds.get(self.mode, "whose logit: frame")

    @property
    def words(self) -> str:
        """In short, how much is the frame's own."""
        whose = "the newest frame" if self.mode == "prefix" else "the frame itself"
        told = f"% of the row, by gradient norm. On average {self.own_share:.0%} is {whose}."
        return told if self.reachable.all() else f"{told} ×: cannot depend on it."


@dataclass(frozen=True)
class TraceEvidence:
    """One clip's TRACE_INFLUENCE table, and the share that a frame has in its own logit, on average."""

    clip: str
    table: pd.DataFrame = field(repr=False)
    own_share: float


def tabulate_evidence(
    found: Evidence, norms: np.ndarray, classes: Sequence[tuple[int, str]], *, checkpoint: str, clip: str
) -> pd.DataFrame:
    """One clip's TRACE_INFLUENCE table.

    Args:
        found: its matrix.
        norms: (T, T) what the matrix holds the shares of.
        classes: (T,) whose logit is looked at in every row, by number and name.
        checkpoint: what the network is called.
        clip: what the clip is called.
    """
    output, given = (axis.ravel() for axis in np.indices(norms.shape))
    numbers, labels = zip(*classes, strict=True)
    table = pd.DataFrame(
        {
            "checkpoint": checkpoint,
            "clip": clip,
            "mode": found.mode,
            "output_frame": output,
            "input_frame": given,
            "class_id": np.array(numbers, dtype=np.int64)[output],
            "label": np.array(labels, dtype=object)[output],
            "influence": norms.ravel(),
            "share": found.shares.ravel(),
            "reachable": found.reachable.ravel(),
        }
    )
    return check(table, TRACE_INFLUENCE)


def read_evidence(table: pd.DataFrame | None, mode: str) -> Evidence | None:
    """One clip's matrix out of a TRACE_INFLUENCE table; None where it was not measured."""
    if table is None or table.empty:
        return None
    wide = check(table, TRACE_INFLUENCE).pivot(
        index="output_frame", columns="input_frame", values=["share", "reachable"]
    )
    return Evidence(mode, wide["share"].to_numpy(dtype=float), wide["reachable"].to_numpy(dtype=bool))


def join_evidence(measured: Sequence[TraceEvidence]) -> pd.DataFrame:
    """One TRACE_INFLUENCE table of all clips; without rows where none was looked at."""
    empty = pd.DataFrame(columns=list(TRACE_INFLUENCE.columns))
    tables = [one.table for one in measured]
    return check(pd.concat(tables, ignore_index=True) if tables else empty, TRACE_INFLUENCE)


def join_records(
    records: Sequence[Mapping[str, Any]], measured: Sequence[TraceEvidence]
) -> tuple[Mapping[str, Any], ...]:
    """Each clip as plain values, with the matrix of what its logits are made of, row by row."""
    found = {one.clip: one for one in measured}
    joined = []
    for record in records:
        one = found.get(record["clip"])
        more: dict[str, Any] = {"own_share": None, "influence": None}
        if one is not None:
            wide = one.table.pivot(index="output_frame", columns="input_frame", values="share")
            more = {"own_share": one.own_share, "influence": wide.to_numpy().tolist()}
        joined.append({**record, **more})
    return tuple(joined)


def add_to_summary(summary: TraceSummary, measured: Sequence[TraceEvidence]) -> TraceSummary:
    """The summary with what was found, if anything was looked at."""
    if not measured:
        return summary
    share = sum(one.own_share for one in measured) / len(measured)
    return replace(summary, own_share=share, influence=say_own_share(measured, mode=summary.mode))


def draw_average(table: pd.DataFrame, summary: TraceSummary) -> Figure:
    """The mean over clips as one matrix."""
    return draw_influence(table, about=f"mode {summary.mode}: {summary.explanation}")


def average_evidence(measured: Sequence[TraceEvidence]) -> pd.DataFrame:
    """An INFLUENCE table of the mean over clips."""
    tables = pd.concat([one.table for one in measured], ignore_index=True)
    cells = tables.groupby(["checkpoint", "output_frame", "input_frame"], as_index=False, sort=True)
    means = cells.agg({"influence": "mean", "share": "mean", "reachable": "any"})
    return check(means.assign(method=GRADIENT)[list(INFLUENCE.columns)], INFLUENCE)


def say_own_share(measured: Sequence[TraceEvidence], *, mode: str) -> str:
    """In one line how much of a logit comes from its own frame."""
    share = float(np.mean([one.own_share for one in measured]))
    of, own, rest = {
        "prefix": ("the prediction so far", "its newest frame", "earlier frames"),
        "window": ("a frame's logit within a window", "that frame", "other frames"),
    }.get(mode, ("a frame's logit", "that frame", "other frames"))
    clips = "this clip" if len(measured) == 1 else f"the mean over {len(measured)} clips"
    return f"{share:.0%} of what moves {of} is {own} itself, {1 - share:.0%} {rest} (gradient norm, {clips})"
