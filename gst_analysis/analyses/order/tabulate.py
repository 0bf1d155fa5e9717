"""What clips were taken for -> tables of conditions, classes, pairs of classes and clips. No network here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gst_analysis.analyses.order.frames import describe_frames
from gst_analysis.analyses.order.intervals import draw_temporality
from gst_analysis.analyses.order.reversal import (
    chance_of_pairs,
    count_taken,
    infer_reversals,
    is_more_in_reverse,
)
from gst_analysis.analyses.order.showing import Answers, Showing
from gst_analysis.analyses.order.table import (
    CONDITIONS,
    IN_ORDER,
    ORDER,
    ORDER_CLASSES,
    ORDER_CLIPS,
    PERMUTATIONS,
    REVERSALS,
    REVERSED,
    SHUFFLED,
)
from gst_analysis.probes.resampling import Bootstrap, Interval, Reals, Units, summarise_means
from gst_analysis.probes.shares import summarise_changes, summarise_share_differences, summarise_shares
from gst_analysis.tables.schema import check

NOT_SHUFFLED = "the clips were not shuffled"
NOBODY = Interval(np.nan, np.nan, np.nan)
"""Of a class without clips."""


@dataclass(frozen=True)
class Shown:
    """What was measured, and what it is called."""

    checkpoint: str
    showing: Showing
    labels: npt.NDArray[np.int64]
    """(N,)"""
    clips: tuple[str, ...]
    names: tuple[str, ...]
    """The classes' names, or numbers."""
    frames: int
    bootstrap: Bootstrap
    videos: Units
    """(N,) clips that are cut out of one video share a number, and are drawn together."""

    @property
    def classes(self) -> int:
        return len(self.names)

    @property
    def chance(self) -> float:
        """The accuracy of a guess among all classes."""
        return 1 / self.classes

    def has(self, condition: str) -> bool:
        """Whether clips were shown so."""
        return bool(self.showing.list_ways(condition))

    def answer(self, condition: str) -> Answers:
        """The answers in a condition of one way."""
        return self.showing.gather((condition, 0))

    def right(self, condition: str) -> Reals:
        """(N,) how often each clip is right, of the ways of a condition."""
        return self._mean(condition, lambda answers: answers.predicted == self.labels)

    def own(self, condition: str) -> Reals:
        """(N,) the true class's probability."""
        return self._mean(condition, lambda answers: answers.probability)

    def same(self, condition: str) -> float:
        """The share of answers that are those in order."""
        before = self.answer(IN_ORDER).predicted
        return float(self._mean(condition, lambda answers: answers.predicted == before).mean())

    def temporality_of(self, chosen: npt.NDArray[np.bool_]) -> tuple[Interval | None, str]:
        """The share of some clips' accuracy that needs order; or why it is withheld."""
        right, clips = self.right(IN_ORDER)[chosen], int(chosen.sum())
        if not clips:
            return None, "it has no clips"
        if not self.has(SHUFFLED):
            return None, NOT_SHUFFLED
        told = f"right in order are {right.mean():.0%} of {clips}, which may be no more than chance"
        if self.sure_of(right, chosen).low <= self.chance:
            return None, told
        # Where a frame's logits are of this frame alone, that order does nothing is no matter of chance.
        unseen = 0.0 if self.showing.by_frame else 0.5
        both = np.stack([right, self.right(SHUFFLED)[chosen]])
        found = draw_temporality(both, self.chance, self.bootstrap, self.videos[chosen], unseen=unseen)
        return found, "" if found else told

    def sure_of(self, right: Reals, chosen: npt.NDArray[np.bool_] | slice = slice(None)) -> Interval:
        """The interval of a share of some clips."""
        confidence, units = self.bootstrap.confidence, self.videos[chosen]
        (found,) = summarise_shares(right[None], confidence=confidence, units=units)
        return found

    def _mean(self, condition: str, value: Callable[[Answers], npt.NDArray[Any]]) -> Reals:
        ways = (self.showing.gather(way) for way in self.showing.list_ways(condition))
        found = np.array([value(answers) for answers in ways], dtype=np.float64)  # (ways, N)
        # A third of the sum of three equal numbers may differ from them by its last bit.
        return np.asarray(np.where((found == found[0]).all(axis=0), found[0], found.mean(axis=0)))


def tabulate_conditions(shown: Shown) -> pd.DataFrame:
    """An ORDER table: what becomes of accuracy and of the true class's probability."""
    conditions = [name for name in CONDITIONS if shown.has(name)]
    own = np.stack([shown.own(name) for name in conditions])
    measures = {
        "accuracy": [shown.sure_of(shown.right(name)) for name in conditions],
        "accuracy_change": [_compare(shown, name) for name in conditions],
        "probability": summarise_means(own, shown.bootstrap, shown.videos),
        "probability_change": summarise_means(own - own[0], shown.bootstrap, shown.videos),
    }
    table = pd.DataFrame(
        {
            "checkpoint": shown.checkpoint,
            "condition": conditions,
            "kind": [CONDITIONS[name][0] for name in conditions],
            "shown": [CONDITIONS[name][1] for name in conditions],
            "frames": [describe_frames(name, shown.frames) for name in conditions],
            "passes": [len(shown.showing.list_ways(name)) for name in conditions],
            "clips": len(shown.labels),
            "same_answer": [shown.same(name) for name in conditions],
            **{name: values for key, found in measures.items() for name, values in _spread(key, found)},
        }
    )
    return check(table[list(ORDER.columns)], ORDER)


def _compare(shown: Shown, condition: str) -> Interval:
    """How far accuracy differs from that in order: a difference of shares, or of means over several ways."""
    right, before = shown.right(condition), shown.right(IN_ORDER)
    exact = condition == IN_ORDER or (condition in PERMUTATIONS and shown.showing.by_frame)
    if exact:
        return summarise_means((right - before)[None], shown.bootstrap, shown.videos)[0]
    if len(shown.showing.list_ways(condition)) > 1:
        return summarise_changes((right - before)[None], shown.bootstrap, shown.videos)[0]
    return summarise_share_differences(
        right[None], before[None], confidence=shown.bootstrap.confidence, units=shown.videos
    )[0]


def _spread(name: str, found: Sequence[Interval | None]) -> Iterator[tuple[str, list[float]]]:
    """A column of values and two of their intervals' ends; NaN where there is none."""
    for end, attribute in (("", "value"), ("_low", "low"), ("_high", "high")):
        yield name + end, [np.nan if one is None else float(getattr(one, attribute)) for one in found]


def tabulate_classes(shown: Shown) -> pd.DataFrame:
    """An ORDER_CLASSES table: every class, also those without clips."""
    members = [shown.labels == number for number in range(shown.classes)]
    told = [shown.temporality_of(chosen) for chosen in members]
    accuracies = {
        column: [shown.right(name)[m].mean() if shown.has(name) and m.any() else np.nan for m in members]
        for column, name in (("in_order", IN_ORDER), ("shuffled", SHUFFLED), ("reversed", REVERSED))
    }
    table = pd.DataFrame(
        {
            "checkpoint": shown.checkpoint,
            "class_id": np.arange(shown.classes),
            "label": list(shown.names),
            "clips": [int(chosen.sum()) for chosen in members],
            **accuracies,
            **dict(_spread("temporality", [found for found, _ in told])),
            "withheld": [why for _, why in told],
        }
    )
    return check(table, ORDER_CLASSES)


def tabulate_reversals(shown: Shown) -> pd.DataFrame:
    """A REVERSALS table: each pair both ways; empty where clips were not played in reverse."""
    if not shown.has(REVERSED):
        return _build_reversals([])
    order, reverse = (shown.answer(name).predicted for name in (IN_ORDER, REVERSED))
    taken, before = (count_taken(shown.labels, found, shown.classes) for found in (reverse, order))
    p, level = chance_of_pairs(taken), 1 - shown.bootstrap.confidence
    named = set(infer_reversals(shown.names).items())
    confused = {
        (int(a), int(b))
        for a, b in zip(*np.nonzero(p < level), strict=True)
        if a != b
        and all(is_more_in_reverse(shown.labels, reverse, order, pair, level) for pair in ((a, b), (b, a)))
    }
    rows = []
    for a, b in sorted(named | confused):
        clips = int(taken[a].sum())
        own = shown.labels == a
        share = shown.sure_of((reverse == b)[own].astype(float), own) if clips else NOBODY
        rows.append(
            {
                "checkpoint": shown.checkpoint,
                "class_id": a,
                "label": shown.names[a],
                "partner_id": b,
                "partner": shown.names[b],
                "by_name": (a, b) in named,
                "by_confusion": (a, b) in confused,
                "clips": clips,
                "taken": int(taken[a, b]),
                "share": share.value,
                "share_low": share.low,
                "share_high": share.high,
                "share_in_order": before[a, b] / clips if clips else np.nan,
                "p": float(p[a, b]),
            }
        )
    return _build_reversals(rows)


def _build_reversals(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    return check(pd.DataFrame(list(rows), columns=list(REVERSALS.columns)), REVERSALS)


def summarise_partners(shown: Shown, reversals: pd.DataFrame) -> tuple[int, Interval | None]:
    """Clips of classes that have a partner, and how many are taken for it in reverse."""
    named = reversals[reversals["by_name"]]
    kept = named if len(named) else reversals
    own = np.isin(shown.labels, kept["class_id"])
    if not own.any():
        return 0, None
    pairs = set(zip(kept["class_id"], kept["partner_id"], strict=True))
    reverse = shown.answer(REVERSED).predicted
    taken = [pair in pairs for pair in zip(shown.labels[own], reverse[own], strict=True)]
    return int(own.sum()), shown.sure_of(np.array(taken, dtype=float), own)


def tabulate_clips(shown: Shown) -> pd.DataFrame:
    """An ORDER_CLIPS table: every clip in every condition and way."""
    parts = []
    for condition in CONDITIONS:
        for way in shown.showing.list_ways(condition):
            answers = shown.showing.gather(way)
            parts.append(
                pd.DataFrame(
                    {
                        "checkpoint": shown.checkpoint,
                        "clip": list(shown.clips),
                        "class_id": shown.labels,
                        "condition": condition,
                        "way": way[1],
                        "predicted_id": answers.predicted,
                        "correct": answers.predicted == shown.labels,
                        "probability": answers.probability,
                    }
                )
            )
    return check(pd.concat(parts, ignore_index=True), ORDER_CLIPS)
