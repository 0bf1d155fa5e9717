"""Where a clip's state changes: probabilities over its course in, change points out; and how right they are.

Two readings of the same rows (R, K):

- *label*: the class that leads. A class takes over when it leads the current one by `margin` at some point
  of a run of at least `hold` rows in which it leads all others; the change is dated to the run's first row.
  So a short or a narrow lead flips nothing.
- *curve*: the rows, after a running median over what is shorter than `hold`, are cut into pieces of
  constant probabilities by least squares, each further piece paid for with `hold * step**2`; a cut counts
  where at least `step` of the probability moved. It also finds a change that never reaches the first place.

At the ends nothing beyond speaks against a short state, so it may be shorter than `hold`; but at the last
row only if it is the class predicted for the clip. For the last frame is unlike all others to a network
whose temporal kernels read zeros beyond it, and it may flip alone; not so where each frame is shown alone,
standing still. The first prefix of a clip is one frame, which has no course at all: what is said of it is no
state that another could follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from gst_analysis.errors import SpecError

Probabilities = npt.NDArray[np.float64]

_VISIBLE = 0.01
"""Classes that never get as far move nothing that counts."""


@dataclass(frozen=True)
class ChangeSettings:
    """How much it takes to call something a change."""

    margin: float = 0.5
    """The lead in probability, from 0 to 1, that a new label must reach."""
    hold: int = 2
    """Rows for which it must lead, and rows of a piece of the curve."""
    step: float = 0.4
    """The share of the probability that must move between two pieces of the curve."""

    def __post_init__(self) -> None:
        for name in ("margin", "step"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise _unfit(name, "a number from 0 to 1", value)
        if type(self.hold) is not int or self.hold < 1:
            raise _unfit("hold", "a whole number of at least 1", self.hold)

    @property
    def needed(self) -> str:
        """In words, how certain a network must be before a change of state is claimed."""
        rows = "1 point" if self.hold == 1 else f"{self.hold} points running"
        return f"a class that takes the lead by {100 * self.margin:.0f} percentage points, for {rows}"


@dataclass(frozen=True)
class Change:
    """A change of state: the first row of the new one, the classes before and after, and how sure it is."""

    row: int
    from_id: int
    to_id: int
    confidence: float


def find_label_changes(
    probabilities: Probabilities, settings: ChangeSettings | None = None, *, verdict: int | None = None
) -> tuple[Change, ...]:
    """Changes of the leading class, (R, K) -> in the order of time.

    The confidence is the mean of how far the old class leads the new one before, and the new one the old
    one after.

    Args:
        probabilities: rows in the order of time.
        settings: how much it takes.
        verdict: the class predicted for the clip; any, if None.
    """
    settings = settings or ChangeSettings()
    states = _list_states(probabilities, settings, verdict)
    edges = [*(start for start, _ in states), len(probabilities)]
    changes = []
    for number, ((_, before), (start, after)) in enumerate(pairwise(states)):
        lead = probabilities[:, before] - probabilities[:, after]
        parts = lead[edges[number] : start].mean(), -lead[start : edges[number + 2]].mean()
        confidence = float(np.clip(np.mean(parts), 0, 1))
        changes.append(Change(start, before, after, confidence))
    return tuple(changes)


def find_curve_changes(
    probabilities: Probabilities, settings: ChangeSettings | None = None, *, verdict: int | None = None
) -> tuple[Change, ...]:
    """Steps of the curves of probability, (R, K) -> in the order of time.

    The classes are those that lost and that won most; the confidence is the probability that moved. Args
    are those of find_label_changes.
    """
    settings = settings or ChangeSettings()
    kept = np.flatnonzero(probabilities.max(axis=0, initial=0) >= _VISIBLE)
    # A running median takes out what is shorter than `hold` and leaves a lasting step where it is.
    curves = median_filter(probabilities[:, kept], size=(2 * settings.hold - 1, 1), mode="nearest")
    edges = _cut(curves, settings)
    changes = []
    for start, middle, stop in zip(edges, edges[1:], edges[2:], strict=False):
        moved = curves[middle:stop].mean(axis=0) - curves[start:middle].mean(axis=0)
        share = float(np.abs(moved).sum() / 2)
        loser, winner = int(kept[moved.argmin()]), int(kept[moved.argmax()])
        lasting = stop - middle >= settings.hold or verdict in (None, winner)
        if share >= settings.step and lasting:
            changes.append(Change(middle, loser, winner, min(1.0, share)))
    return tuple(changes)


def _list_states(
    probabilities: Probabilities, settings: ChangeSettings, verdict: int | None
) -> list[tuple[int, int]]:
    """(first row, class) of every state; only runs that are long and sure enough make one."""
    rows = len(probabilities)
    states: list[tuple[int, int]] = []
    for start, stop, label in _list_runs(probabilities.argmax(axis=1)):
        if states and states[-1][1] == label:
            continue
        at_end = start == 0 or (stop == rows and verdict in (None, label))
        if not at_end and stop - start < settings.hold:
            continue
        rivals = np.delete(probabilities[start:stop], label, axis=1)
        if states:
            rivals = probabilities[start:stop, [states[-1][1]]]
        lead = probabilities[start:stop, label] - rivals.max(axis=1, initial=0)
        if lead.max() >= settings.margin:
            states.append((start if states else 0, label))
    return states


def _list_runs(leaders: npt.NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """(start, stop, class) of neighbouring rows with one leader."""
    starts = np.flatnonzero(np.diff(leaders, prepend=-1))
    stops = np.append(starts[1:], len(leaders))
    return [(int(a), int(b), int(leaders[a])) for a, b in zip(starts, stops, strict=True)]


def _cut(curves: npt.NDArray[np.float64], settings: ChangeSettings) -> list[int]:
    """The edges of the pieces with the least squared error plus the price of the pieces; 0 and R among them.

    Pieces between others hold at least `hold` rows, those at the ends may be shorter.
    """
    rows = len(curves)
    sums = np.vstack([np.zeros(curves.shape[1]), curves.cumsum(axis=0)])
    squares = np.concatenate([[0.0], (curves**2).sum(axis=1).cumsum()])
    price, hold = settings.hold * settings.step**2, settings.hold
    best, back = np.full(rows + 1, np.inf), np.zeros(rows + 1, dtype=np.int64)
    best[0] = -price
    for stop in range(1, rows + 1):
        starts = np.arange(stop)
        spread = ((sums[stop] - sums[:stop]) ** 2).sum(axis=1) / (stop - starts)
        costs = best[:stop] + price + (squares[stop] - squares[:stop]) - spread
        if stop < rows:
            costs[1:][stop - starts[1:] < hold] = np.inf
        back[stop] = int(costs.argmin())
        best[stop] = costs[back[stop]]
    edges = [rows]
    while edges[-1] > 0:
        edges.append(int(back[edges[-1]]))
    return edges[::-1]


DETECTORS = {"label": find_label_changes, "curve": find_curve_changes}
"""The readings by the names that tables give them."""


def find_changes(
    mode: str, probabilities: Probabilities, settings: ChangeSettings | None = None, *, verdict: int | None
) -> dict[str, tuple[Change, ...]]:
    """Changes of every reading in the rows of a trace of this mode; none where rows are no course of time.

    Args:
        mode: a mode of frame_traces.
        probabilities: (R, K), in the order of time.
        settings: how much it takes.
        verdict: the class predicted for the clip; any, if None.
    """
    if mode == "leave-one-out":
        return dict.fromkeys(DETECTORS, ())
    if mode == "still":
        verdict = None  # each row is a clip of its own: the last frame is shown as all others are
    first = 1 if mode == "prefix" else 0
    told = probabilities[first:]
    return {
        name: tuple(replace(one, row=one.row + first) for one in find(told, settings, verdict=verdict))
        for name, find in DETECTORS.items()
    }


@dataclass(frozen=True)
class TrueChange:
    """What is known of a clip: the first row that shows the new state, if it ever comes, and its class."""

    row: int | None
    to_id: int


@dataclass(frozen=True)
class ChangeScores:
    """How right the changes are that were found; None where there is nothing to divide by.

    A true change is found if a change to its class lies within `tolerance` rows of it. Each found change can
    be right once; all others are wrong.
    """

    clips: int
    with_change: int
    without_change: int
    tolerance: int
    recall: float | None
    precision: float | None
    mean_abs_error_frames: float | None
    """Over true changes with any change to their class: rows from the nearest, however far."""
    mean_error_frames: float | None
    """The same with its sign: above 0, changes are found late."""
    dated: int
    """True changes that those two numbers are about."""
    false_change_share: float | None
    """Of the clips without a change: those in which one was found."""
    errors_frames: dict[int, int]
    """How often each of these errors, in rows, above 0 if late."""


def score_changes(
    found: Sequence[Sequence[Change]], truths: Sequence[TrueChange], *, tolerance: int = 1
) -> ChangeScores:
    """Compare the changes found in each clip with what is known of it."""
    errors: list[int] = []
    right = 0
    for changes, truth in zip(found, truths, strict=True):
        if truth.row is None:
            continue
        apart = [change.row - truth.row for change in changes if change.to_id == truth.to_id]
        if apart:
            errors.append(min(apart, key=abs))
            right += abs(errors[-1]) <= tolerance
    still = [changes for changes, truth in zip(found, truths, strict=True) if truth.row is None]
    moving = len(truths) - len(still)
    return ChangeScores(
        clips=len(truths),
        with_change=moving,
        without_change=len(still),
        tolerance=tolerance,
        recall=_share(right, moving),
        precision=_share(right, sum(map(len, found))),
        mean_abs_error_frames=_share(sum(map(abs, errors)), len(errors)),
        mean_error_frames=_share(sum(errors), len(errors)),
        dated=len(errors),
        false_change_share=_share(sum(map(bool, still)), len(still)),
        errors_frames=dict(sorted(Counter(errors).items())),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _unfit(name: str, expected: str, value: object) -> SpecError:
    return SpecError(f"change setting {name}", expected=expected, found=repr(value)[:60], todo="correct it")
