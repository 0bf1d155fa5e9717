"""CONFUSION -> a matrix with names and the pairs most often confused; what both drawings start from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gst_analysis.analyses.evaluation.table import CONFUSION
from gst_analysis.errors import SpecError, one_line
from gst_analysis.numbers import how_many, show_class
from gst_analysis.style.names import shorten, tell_apart
from gst_analysis.tables.schema import check

FEW = 16
"""Up to so many classes are named on both axes and have numbers in their cells."""
_BREAK = "\n"
TICKS = (0.0, 0.05, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Confused:
    """Clips of one class taken for another."""

    true_id: int
    predicted_id: int
    clips: int
    share: float


@dataclass(frozen=True)
class ClassPairs:
    """Clips of every true class (rows) by what they were taken for (columns)."""

    checkpoint: str
    labels: tuple[str, ...]
    counts: np.ndarray = field(repr=False)
    """(K, K)"""

    @property
    def few(self) -> bool:
        return len(self.labels) <= FEW

    @property
    def totals(self) -> np.ndarray:
        """(K,) clips of each true class."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def shares(self) -> np.ndarray:
        """(K, K) of the clips of the true class; NaN in the row of a class without any."""
        totals = self.totals[:, None].astype(float)
        return np.asarray(self.counts / np.where(totals > 0, totals, np.nan))

    @property
    def title(self) -> str:
        clips = int(self.counts.sum())
        right = int(np.trace(self.counts)) / max(1, clips)
        name, score = shorten(self.checkpoint, 44), f"{right:.1%} of {how_many(clips, 'clip')} right"
        return f"{name}:{_BREAK if self.few and len(name + score) > 44 else ' '}{score}"

    def name_rows(self, limit: int) -> list[str]:
        """Each class with the number of its clips, and before it its own number where columns show that."""
        return [
            f"{'' if self.few else f'{number}  '}{name} ({total})"
            for number, (name, total) in enumerate(zip(self._names(limit), self.totals, strict=True))
        ]

    def name_columns(self, limit: int) -> list[str]:
        """Names where there is room for them, else numbers."""
        return self._names(limit) if self.few else [str(number) for number in range(len(self.labels))]

    def describe(self, pair: Confused, limit: int) -> str:
        """One line about a confusion."""
        named = self._names(limit)
        names = (named[number] for number in (pair.true_id, pair.predicted_id))
        one, other = (
            name if self.labels[number] == show_class(number) else f"{number} {name}"
            for name, number in zip(names, (pair.true_id, pair.predicted_id), strict=True)
        )
        return f"{pair.clips} of {self.totals[pair.true_id]} ({pair.share:.0%}):  {one}  →  {other}"

    def list_confused(self, limit: int) -> list[Confused]:
        """The pairs with most clips, errors only; of equal ones those with the larger share first."""
        shares = self.shares
        wrong = self.counts * ~np.eye(len(self.labels), dtype=bool)
        rows, columns = np.nonzero(wrong)
        pairs = [
            Confused(int(r), int(c), int(wrong[r, c]), float(shares[r, c]))
            for r, c in zip(rows, columns, strict=True)
        ]
        return sorted(pairs, key=lambda p: (-p.clips, -p.share, p.true_id, p.predicted_id))[:limit]

    def _names(self, limit: int) -> list[str]:
        """Short names; where some would be alike, without the words that all begin or end with."""
        short = [shorten(label, limit) for label in self.labels]
        return (
            short
            if len(set(short)) == len(set(self.labels))
            else tell_apart(self.labels, limit, numbers=False)
        )


def pair_classes(table: pd.DataFrame) -> ClassPairs:
    """The matrix of one checkpoint's table."""
    check(table, CONFUSION)
    names = list(dict.fromkeys(table["checkpoint"]))
    if len(names) != 1:
        raise SpecError(
            "confusion figure",
            expected="the table of one checkpoint",
            found=f"{len(names)}",
            todo="draw one figure for each",
        )
    _check_square(table)
    ordered = table.sort_values(["true_id", "predicted_id"])
    labels = tuple(one_line(str(label)) for label in ordered.drop_duplicates("true_id")["true_label"])
    counts = ordered["clips"].to_numpy(dtype=np.int64).reshape(len(labels), len(labels))
    return ClassPairs(one_line(str(names[0])), labels, counts)


def _check_square(table: pd.DataFrame) -> None:
    """Every pair of the classes 0 to K - 1 once."""
    classes = int(table["true_id"].max()) + 1
    codes = np.sort(table["true_id"].to_numpy() * classes + table["predicted_id"].to_numpy())
    if len(codes) != classes**2 or (codes != np.arange(classes**2)).any():
        raise SpecError(
            "confusion figure",
            expected="every pair of classes once, as evaluate gives them",
            found=f"{len(codes)} rows for {classes} classes",
            todo="draw the whole table",
        )


def mask_matrix(shares: np.ndarray, *, diagonal: bool) -> np.ndarray:
    """The right (diagonal) or the wrong answers alone, NaN elsewhere."""
    kept = np.eye(len(shares), dtype=bool) == diagonal
    return np.where(kept, shares, np.nan)
