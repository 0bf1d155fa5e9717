"""Traces to FRAME_TRACES, TRACED_CLIPS and STATE_CHANGES, and to a summary that does not grow with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gst_analysis.analyses.traces.clip_trace import ClipTrace, UntracedClip
from gst_analysis.analyses.traces.state_changes import Change, ChangeSettings, find_changes
from gst_analysis.analyses.traces.table import (
    FRAME_TRACES,
    STATE_CHANGES,
    TRACED_CLIPS,
    ClassPair,
    TraceSummary,
)
from gst_analysis.inference.classes import check_top_k, order_classes
from gst_analysis.inference.logits import softmax
from gst_analysis.tables.schema import check

_TENTHS = 10
_MOST_PAIRS = 20


@dataclass(frozen=True)
class TraceTables:
    """What one clip adds to the three tables, and itself as plain values for JSON."""

    frames: pd.DataFrame
    clips: pd.DataFrame
    changes: pd.DataFrame
    record: Mapping[str, Any]


def tabulate_trace(
    trace: ClipTrace, *, top_k: int = 5, settings: ChangeSettings | None = None
) -> TraceTables:
    """One clip's rows of the three tables.

    Args:
        trace: what trace_clips gave.
        top_k: how many classes to keep: those most likely in any row. What leads a row, the clip's
            prediction and its true class are kept besides, each in every row.
        settings: what counts as a change.
    """
    probabilities, verdict = trace.probabilities, int(order_classes(trace.video)[0])
    kinds = find_changes(trace.mode, probabilities, settings, verdict=verdict)
    changes = pd.concat([_tabulate_changes(trace, kind, found) for kind, found in kinds.items()])
    frames = _tabulate_frames(trace, probabilities, _choose_classes(trace, probabilities, check_top_k(top_k)))
    clips = _tabulate_clip(trace, len(kinds["label"]))
    record = describe_trace(trace, probabilities, changes)
    return TraceTables(frames, clips, check(changes.reset_index(drop=True), STATE_CHANGES), record)


def describe_trace(
    trace: ClipTrace, probabilities: npt.NDArray[np.float64], changes: pd.DataFrame
) -> dict[str, Any]:
    """One clip as `gst-analyze trace --json` prints it."""
    own = softmax(trace.video)
    first = int(order_classes(trace.video)[0])
    frames = []
    for row, leader in enumerate(order_classes(probabilities)[:, 0].tolist()):
        frame = {
            "frame": row,
            "source_frame": int(trace.source_frames[row]),
            "seconds": float(trace.seconds[row]),
            "label": trace.name_class(leader),
            "class_id": leader,
            "probability": float(probabilities[row, leader]),
        }
        if trace.mode == "leave-one-out":
            frame["loss"] = float(own[first] - probabilities[row, first])
        frames.append(frame)
    told = ("frame", "source_frame", "seconds", "from_label", "to_label", "from_id", "to_id", "confidence")
    points = {
        kind: part[list(told)].to_dict("records")
        for kind, part in ((k, changes[changes["kind"] == k]) for k in ("label", "curve"))
    }
    return {
        "clip": trace.clip,
        "video": {"label": trace.name_class(first), "class_id": first, "probability": float(own[first])},
        "truth": None if trace.truth is None else trace.name_class(trace.truth),
        "frames": frames,
        "change_points": points["label"],
        "curve_changes": points["curve"],
        "notes": list(trace.notes),
    }


def _choose_classes(trace: ClipTrace, probabilities: npt.NDArray[np.float64], top_k: int) -> list[int]:
    peaks = probabilities.max(axis=0)
    kept = set(order_classes(peaks)[:top_k].tolist()) | set(order_classes(probabilities)[:, 0].tolist())
    kept.add(int(order_classes(trace.video)[0]))
    if trace.truth is not None:
        kept.add(trace.truth)
    return sorted(kept)


def _tabulate_frames(
    trace: ClipTrace, probabilities: npt.NDArray[np.float64], kept: Sequence[int]
) -> pd.DataFrame:
    rows, classes = len(probabilities), len(kept)
    ranks = np.argsort(order_classes(trace.logits), axis=-1, kind="stable") + 1
    table = pd.DataFrame(
        {
            "checkpoint": trace.checkpoint,
            "clip": trace.clip,
            "mode": trace.mode,
            "frame": np.repeat(np.arange(rows), classes),
            "source_frame": np.repeat(trace.source_frames, classes),
            "seconds": np.repeat(trace.seconds, classes),
            "class_id": np.tile(kept, rows),
            "label": [trace.name_class(number) for number in kept] * rows,
            "logit": trace.logits[:, kept].ravel().astype(np.float64),
            "probability": probabilities[:, kept].ravel(),
            "rank": ranks[:, kept].ravel(),
        }
    )
    return check(table, FRAME_TRACES)


def _tabulate_clip(trace: ClipTrace, changes: int) -> pd.DataFrame:
    first, own = int(order_classes(trace.video)[0]), softmax(trace.video)
    row = {
        "checkpoint": trace.checkpoint,
        "clip": trace.clip,
        "mode": trace.mode,
        "frames": len(trace.logits),
        "class_id": first,
        "label": trace.name_class(first),
        "probability": float(own[first]),
        "true_id": trace.truth,
        "true_label": "" if trace.truth is None else trace.name_class(trace.truth),
        "changes": changes,
    }
    return check(pd.DataFrame([row]).astype({"true_id": "Int64"}), TRACED_CLIPS)


def _tabulate_changes(trace: ClipTrace, kind: str, changes: Sequence[Change]) -> pd.DataFrame:
    rows = np.array([change.row for change in changes], dtype=np.int64)
    before, after = [c.from_id for c in changes], [c.to_id for c in changes]
    return pd.DataFrame(
        {
            "checkpoint": [trace.checkpoint] * len(changes),
            "clip": [trace.clip] * len(changes),
            "mode": [trace.mode] * len(changes),
            "kind": [kind] * len(changes),
            "frame": rows,
            "source_frame": trace.source_frames[rows],
            "seconds": trace.seconds[rows],
            "from_id": np.array(before, dtype=np.int64),
            "from_label": [trace.name_class(number) for number in before],
            "to_id": np.array(after, dtype=np.int64),
            "to_label": [trace.name_class(number) for number in after],
            "confidence": np.array([change.confidence for change in changes], dtype=np.float64),
        }
    )


@dataclass
class TraceTally:
    """Adds clips up one by one; what it holds does not grow with them, but for those that cannot be read."""

    mode: str
    clips: int = 0
    frames: int = 0
    changed: int = 0
    curve_changes: int = 0
    known: int = 0
    right: int = 0
    short: int = 0
    when: list[int] = field(default_factory=lambda: [0] * _TENTHS)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    places: dict[tuple[str, str], float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def add(self, trace: ClipTrace | UntracedClip, tables: TraceTables | None) -> None:
        """Count one clip."""
        if isinstance(trace, UntracedClip) or tables is None:
            assert isinstance(trace, UntracedClip)
            self.failures[trace.clip] = trace.reason
            return
        self.clips += 1
        self.frames += len(trace.logits)
        self.short += trace.mode != "window" and bool(trace.notes)
        self._add_truth(trace)
        labels = tables.changes[tables.changes["kind"] == "label"]
        self.changed += bool(len(labels))
        self.curve_changes += len(tables.changes) - len(labels)
        for row in labels.to_dict("records"):
            place = int(row["frame"]) / len(trace.logits)
            pair = (str(row["from_label"]), str(row["to_label"]))
            self.when[int(place * _TENTHS)] += 1
            self.counts[pair] += 1
            self.places[pair] = self.places.get(pair, 0.0) + place

    def _add_truth(self, trace: ClipTrace) -> None:
        if trace.truth is not None:
            self.known += 1
            self.right += int(order_classes(trace.video)[0]) == trace.truth

    def summarise(self) -> TraceSummary:
        """What was counted."""
        pairs = tuple(
            ClassPair(*pair, changes=count, mean_place=self.places[pair] / count)
            for pair, count in self.counts.most_common(_MOST_PAIRS)
        )
        return TraceSummary(
            mode=self.mode,
            clips=self.clips,
            frames=self.frames,
            changes=sum(self.when),
            changed_clips=self.changed,
            changed_share=self.changed / self.clips if self.clips else 0.0,
            right_clips=self.right if self.known else None,
            when=tuple(self.when),
            pairs=pairs,
            curve_changes=self.curve_changes,
        )

    def list_notes(self) -> tuple[str, ...]:
        """What must be said of all clips together."""
        few = f"clips with fewer frames than are sampled, some of them repeated: {self.short}"
        return (*self.notes, *([few] if self.short else []))
