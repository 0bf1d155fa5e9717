"""Does γ point to the group whose loss costs more? BLOCK_GAPS and ABLATION of one network, block by block.

The gap is read as Figure 4 is: the group whose median stands higher is said to matter more. A block counts
only where both sides are sure of themselves, however many blocks are looked at: γ where Holm's correction
of its Mann-Whitney test over the blocks leaves p below 0.05, what is lost where the intervals of both
groups, widened so that all blocks hold together with 95% confidence, do not touch. Where no block is sure
on both sides, what either side is sure of is said by itself, since a loss that is sure is no less so for γ
being silent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from gst_analysis.analyses.scales.table import find_sure

AGREE, DISAGREE, UNDECIDED = "agree", "disagree", "undecided"
GAP, COST = "gap", "cost"
"""What leaves a block undecided: γ's gap may be chance, or intervals do not tell which group costs more."""
CONFIDENCE = 0.95
_MOST_LISTED = 8
_DROP = ("accuracy_drop", "accuracy_drop_low", "accuracy_drop_high")


class WorstDrop(NamedTuple):
    """The block where losing a group takes most of the accuracy, in points; all blocks hold at once."""

    block: str
    points: float
    low: float
    high: float
    at_most: float
    """What no block surely takes more than."""
    times: float
    """How many times as many channels it has as the other group there: of more channels more is lost."""


@dataclass(frozen=True)
class GapVerdict:
    """Where γ and what channels cost say the same; one row a block in `table`."""

    group: str
    against: str
    level: str
    table: pd.DataFrame = field(repr=False)
    """block, gap and cost (both of `group` minus `against`) with low and high, verdict, what left it open;
    and of either side whether it is sure.

    The ends of costs are those at which all blocks together hold with 95% confidence.
    """
    worst: Mapping[str, WorstDrop] = field(default_factory=dict)
    """What losing each group took of accuracy at most, where that is known."""

    def list_blocks(self, verdict: str) -> list[str]:
        """The blocks with this verdict, from input to output."""
        return [shorten_block(block) for block in self.table.loc[self.table["verdict"] == verdict, "block"]]

    def describe(self, *, mark: str = "", brief: bool = False) -> str:
        """What it comes to, in sentences.

        Args:
            mark: what to put around the first words, such as ** for bold ones.
            brief: the first sentence alone.
        """
        blocks = len(self.table)
        level = self.level if blocks == 1 else f"{self.level}s"
        apart, alike = (self.list_blocks(word) for word in (DISAGREE, AGREE))
        if not blocks:
            return f"{mark}Nothing to hold γ against{mark}: the two groups do not meet in any {self.level}."
        if not apart and not alike:
            head = self._say_undecided(mark, level)
            return head if brief else f"{head}{self._say_lean()}{self._say_points()}"
        if apart:
            head = f"{mark}They disagree in {len(apart)} of {blocks} {level}{mark} ({_list(apart)}): "
            head += self._say_how()
            also = f" They agree in {len(alike)} ({_list(alike)})." if alike else " They agree in none."
        else:
            head = f"{mark}They agree in {len(alike)} of {blocks} {level}{mark} ({_list(alike)})"
            head, also = f"{head} and disagree in none.", ""
        return head if brief else f"{head}{also}{self._say_open()}{self._say_points()}"

    def _say_undecided(self, mark: str, level: str) -> str:
        """What either side is sure of where none is sure together with the other."""
        rows = self.table
        losses, leans = self._say_side("cost"), self._say_side("gap")
        if losses and not leans:
            head = f"{mark}γ does not show it{mark}: {losses} of {len(rows)} {level}, while γ stands surely "
            head += "higher for one group in none."
        else:
            head = f"{mark}Undecided{mark}: none of {len(rows)} {level} is sure on both sides"
            head += "".join(f"; {side}" for side in (leans, losses) if side) + "."
        return head

    def _say_lean(self) -> str:
        """Where both sides point apart, sure or not, and of how many blocks the losses say nothing."""
        rows = self.table
        apart = rows[rows["gap"] * rows["cost"] < 0]
        where = f" ({_name_blocks(apart)})" if len(apart) else ""
        lean = f" Sure or not, they point to different groups in {len(apart)} of {len(rows)}{where}; "
        lean += f"tossed coins would in {len(rows) / 2:g}."
        unclear = int((~rows["cost_sure"]).sum())
        told = f" In {unclear} the intervals do not tell which group costs more: more clips may."
        return f"{lean}{told if unclear else ''}"

    def _say_side(self, side: str) -> str:
        """Which group stands surely higher, or costs more, and where; empty where neither does."""
        rows = self.table[self.table[f"{side}_sure"]]
        parts = []
        for name, own in ((self.group, rows[rows[side] > 0]), (self.against, rows[rows[side] < 0])):
            if len(own):
                told = f"losing the {name}" if side == "cost" else f"γ stands surely higher for {name}"
                told += " channels surely costs more" if side == "cost" else " channels"
                parts.append(f"{told} in {len(own)} ({_name_blocks(own)})")
        return " and ".join(parts)

    def _say_points(self) -> str:
        """What either group took of accuracy at most, since a loss in nats tells few readers how much."""
        told = [
            f"{name} channels{_show_times(drop.times)} took at most {_show_points(drop)}"
            for name, drop in self.worst.items()
        ]
        return f" Losing one {self.level}'s {', losing its '.join(told)}." if told else ""

    def _say_how(self) -> str:
        rows = self.table[self.table["verdict"] == DISAGREE]
        up = int((rows["gap"] > 0).sum())
        ways = []
        if up:
            ways.append(
                f"γ stands higher for {self.group} channels, but losing the {self.against} costs more"
            )
        if up < len(rows):
            ways.append(
                f"γ stands higher for {self.against} channels, but losing the {self.group} costs more"
            )
        if len(ways) == 2:
            return f"in {up} {ways[0]}; in {len(rows) - up} {ways[1]}."
        return f"{ways[0]}."

    def _say_open(self) -> str:
        counts = self.table["open"].value_counts()
        chance, unclear = int(counts.get(GAP, 0)), int(counts.get(COST, 0))
        told = f" In {chance} γ's gap may be chance." if chance else ""
        return told + (
            f" In {unclear} the intervals do not tell which group costs more: more clips may."
            if unclear
            else ""
        )


def compare_with_gap(
    table: pd.DataFrame, gaps: pd.DataFrame, *, measure: str = "loss_rise", intervention: str | None = None
) -> GapVerdict:
    """Hold the gap of γ against what the two groups cost, wherever both are known.

    The two costs come from the same clips, so their intervals are not independent. The difference is taken
    to lie between the outermost of their ends, which holds however the two go together. Both intervals are
    first widened by Bonferroni's rule over the blocks, as if they were those of a normal distribution.

    Args:
        table: an ABLATION table of one checkpoint.
        gaps: its BLOCK_GAPS.
        measure: accuracy_drop, logit_drop or loss_rise.
        intervention: which change; mean where it was done, else the first.
    """
    kinds = list(dict.fromkeys(table["intervention"]))
    chosen = intervention or ("mean" if "mean" in kinds else kinds[0])
    costs = table[table["intervention"] == chosen]
    first = gaps.iloc[0]
    group, against, level = (str(first[name]) for name in ("group", "against", "level"))
    at = "layer" if level == "layer" else "block"
    known = gaps[np.isfinite(gaps["gap"])]
    ours, theirs = (_index(costs[costs["group"] == one], at) for one in (group, against))
    known = known[known[at].isin(ours.index) & known[at].isin(theirs.index)]
    ours, theirs = (_widen(one.loc[known[at]], measure, len(known)) for one in (ours, theirs))
    told = known.assign(sure=find_sure(known) & ((known["auc"] > 0.5) == (known["gap"] > 0)))
    rows = [
        _hold_against(row, ours.loc[row[at]], theirs.loc[row[at]], measure) for row in told.to_dict("records")
    ]
    columns = ["block", "gap", "gap_low", "gap_high", "cost", "cost_low", "cost_high", "verdict", "open"]
    level = "block" if level == "layer" else level
    found = pd.DataFrame(rows, columns=[*columns, "gap_sure", "cost_sure"])
    return GapVerdict(group, against, level, found, _find_worst({group: ours, against: theirs}))


def _find_worst(groups: Mapping[str, pd.DataFrame]) -> dict[str, WorstDrop]:
    found = {}
    for name, rows in groups.items():
        if "accuracy_drop" in rows and len(rows) and int(rows["clips"].min()) > 1:
            (other,) = (rows for one, rows in groups.items() if one != name)
            wide = _widen(rows, "accuracy_drop", len(rows))
            at = int(wide["accuracy_drop"].to_numpy(float).argmax())
            points, lows, highs = (100 * wide[end].to_numpy(float) for end in _DROP)
            channels = (float(one["channels"].iloc[at]) for one in (rows, other))
            found[name] = WorstDrop(
                shorten_block(str(rows["block"].iloc[at])) if "block" in rows else str(rows.index[at]),
                points=float(points[at]),
                low=float(lows[at]),
                high=float(highs[at]),
                at_most=float(highs.max()),
                times=next(channels) / next(channels),
            )
    return found


def _show_times(times: float) -> str:
    return f" ({times:.2g} times as many)" if times > 1 else ""


def _show_points(drop: WorstDrop) -> str:
    """Such as 39 points of accuracy (22 to 57, in 3.0); or what it surely is below, where it may be none."""
    points = round(drop.points)
    unit = "point" if points == 1 else "points"
    if drop.low <= 0:
        return f"{points} {unit} of accuracy (surely no more than {drop.at_most:.0f})"
    return f"{points} {unit} of accuracy ({drop.low:.0f} to {drop.high:.0f}, in {drop.block})"


def shorten_block(block: str) -> str:
    """layer1.0 as figures and sentences call it: 1.0."""
    return str(block).removeprefix("layer")


def _index(rows: pd.DataFrame, at: str) -> pd.DataFrame:
    """Rows by their place; where a group leaves several norms of a block, none: their costs do not add up."""
    return rows[~rows.duplicated(at, keep=False)].set_index(at)


def _widen(rows: pd.DataFrame, measure: str, blocks: int) -> pd.DataFrame:
    """The intervals of one group, so wide that those of all blocks hold together."""
    tail = (1 - CONFIDENCE) / 2
    wider = float(ndtri(1 - tail / max(1, blocks)) / ndtri(1 - tail))
    ends = (f"{measure}_low", f"{measure}_high")
    return rows.assign(**{end: rows[measure] + wider * (rows[end] - rows[measure]) for end in ends})


def _hold_against(
    gap: dict[str, object], ours: pd.Series, theirs: pd.Series, measure: str
) -> dict[str, object]:
    low = float(ours[f"{measure}_low"] - theirs[f"{measure}_high"])
    high = float(ours[f"{measure}_high"] - theirs[f"{measure}_low"])
    cost, value = float(ours[measure] - theirs[measure]), float(str(gap["gap"]))
    told = bool(low > 0 or high < 0) and int(ours["clips"]) > 1
    open_ = COST if not told else "" if gap["sure"] and value != 0 else GAP
    same = (value > 0) == (cost > 0)
    return {
        **{name: gap[name] for name in ("block", "gap", "gap_low", "gap_high")},
        "cost": cost,
        "cost_low": low,
        "cost_high": high,
        "verdict": UNDECIDED if open_ else AGREE if same else DISAGREE,
        "open": open_,
        "gap_sure": bool(gap["sure"]) and value != 0,
        "cost_sure": told,
    }


def _name_blocks(rows: pd.DataFrame) -> str:
    return _list([shorten_block(block) for block in rows["block"]])


def _list(blocks: Sequence[str]) -> str:
    return ", ".join(blocks) if len(blocks) <= _MOST_LISTED else f"{', '.join(blocks[:_MOST_LISTED])}, …"
