"""Does γ point to the group whose loss costs more? BLOCK_GAPS and ABLATION of one network, block by block.

The gap is read as Figure 4 is: the group whose median stands higher is said to matter more. What a group
costs is measured on clips, so it speaks only where intervals tell the two groups apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

AGREE, DISAGREE, UNDECIDED = "agree", "disagree", "undecided"
_MOST_LISTED = 8


@dataclass(frozen=True)
class GapVerdict:
    """Where γ and what channels cost say the same; one row a block in `table`."""

    group: str
    against: str
    level: str
    table: pd.DataFrame = field(repr=False)
    """block, gap and cost (both of `group` minus `against`) with low and high, and verdict."""

    def list_blocks(self, verdict: str) -> list[str]:
        """The blocks with this verdict, from input to output."""
        return [shorten_block(block) for block in self.table.loc[self.table["verdict"] == verdict, "block"]]

    def describe(self, *, mark: str = "") -> str:
        """What it comes to, in sentences.

        Args:
            mark: what to put around the first words, such as ** for bold ones.
        """
        blocks = len(self.table)
        level = self.level if blocks == 1 else f"{self.level}s"
        apart, alike, open_ = (self.list_blocks(word) for word in (DISAGREE, AGREE, UNDECIDED))
        if not blocks:
            return f"{mark}Nothing to hold γ against{mark}: the two groups do not meet in any {self.level}."
        if not apart and not alike:
            return (
                f"{mark}Undecided{mark}: in none of {blocks} {level} do the intervals tell which group costs "
                "more. More clips may."
            )
        if apart:
            head = f"{mark}They disagree in {len(apart)} of {blocks} {level}{mark} ({_list(apart)}): "
            head += self._say_how()
            also = f" They agree in {len(alike)} ({_list(alike)})." if alike else " They agree in none."
        else:
            head = f"{mark}They agree in {len(alike)} of {blocks} {level}{mark} ({_list(alike)})"
            head, also = f"{head} and disagree in none.", ""
        rest = f" In {len(open_)} the intervals do not tell which group costs more." if open_ else ""
        return f"{head}{also}{rest}{self._say_chance()}"

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

    def _say_chance(self) -> str:
        sure = int(_leaves_out_0(self.table["gap_low"], self.table["gap_high"]).sum())
        return f" The interval of γ's own gap leaves out 0 in {sure} of {len(self.table)}."


def compare_with_gap(
    table: pd.DataFrame, gaps: pd.DataFrame, *, measure: str = "loss_rise", intervention: str | None = None
) -> GapVerdict:
    """Hold the gap of γ against what the two groups cost, wherever both are known.

    The two costs come from the same clips, so their intervals are not independent. The difference is taken
    to lie between the outermost of their ends, which holds however the two go together.

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
    rows = [
        _hold_against(row, ours.loc[row[at]], theirs.loc[row[at]], measure)
        for row in known.to_dict("records")
        if row[at] in ours.index and row[at] in theirs.index
    ]
    columns = ["block", "gap", "gap_low", "gap_high", "cost", "cost_low", "cost_high", "verdict"]
    return GapVerdict(
        group, against, "block" if level == "layer" else level, pd.DataFrame(rows, columns=columns)
    )


def shorten_block(block: str) -> str:
    """layer1.0 as figures and sentences call it: 1.0."""
    return str(block).removeprefix("layer")


def _index(rows: pd.DataFrame, at: str) -> pd.DataFrame:
    """Rows by their place; where a group leaves several norms of a block, none: their costs do not add up."""
    return rows[~rows.duplicated(at, keep=False)].set_index(at)


def _hold_against(
    gap: dict[str, object], ours: pd.Series, theirs: pd.Series, measure: str
) -> dict[str, object]:
    low = float(ours[f"{measure}_low"] - theirs[f"{measure}_high"])
    high = float(ours[f"{measure}_high"] - theirs[f"{measure}_low"])
    cost, value = float(ours[measure] - theirs[measure]), float(str(gap["gap"]))
    told = (low > 0 or high < 0) and value != 0 and int(ours["clips"]) > 1
    same = (value > 0) == (cost > 0)
    return {
        **{name: gap[name] for name in ("block", "gap", "gap_low", "gap_high")},
        "cost": cost,
        "cost_low": low,
        "cost_high": high,
        "verdict": UNDECIDED if not told else AGREE if same else DISAGREE,
    }


def _leaves_out_0(low: pd.Series, high: pd.Series) -> pd.Series:
    return (low > 0) | (high < 0)


def _list(blocks: Sequence[str]) -> str:
    return ", ".join(blocks) if len(blocks) <= _MOST_LISTED else f"{', '.join(blocks[:_MOST_LISTED])}, …"
