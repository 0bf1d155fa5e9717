"""PROFILE -> one sentence: what the bands support, and nothing else. pandas alone.

What clips show comes first, since weights alone cannot tell what is used; γ is only said to agree with it
or not. A stage is named where its band leaves what the number of channels, or independent taps, would give.
The bands of all stages and lines hold at once, so that of networks that learned nothing few are said to
stand out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from gst_analysis.analyses.profile.agreement import ABOVE, BELOW, LEVEL, find_side
from gst_analysis.analyses.profile.table import IN_ORDER, IN_REVERSE, NETWORK, STAGE, TEMPORALITY, UNTRAINED

Row = Mapping[Any, Any]
NOTHING_STANDS_OUT = (
    "Nothing stands out: every band holds what the number of channels, or independent taps, would give, "
    "as in an untrained network"
)
NOTHING_LEARNED = f"Nothing stands out, and nothing could: {UNTRAINED}"
NO_BANDS = (
    "Nothing can be said: the lines have no bands here, since "
    "groups are too small, the same channels, or built so"
)
NO_LINES = "There is nothing to tell: no line is defined for this network"
_LITTLE = 0.1
"""Of what a network knows, what may need order for order to be said to matter little."""


@dataclass(frozen=True)
class Verdict:
    """A sentence, and its parts that say something of the network."""

    claims: tuple[str, ...]
    sentence: str = field(default="")


def word_verdict(table: pd.DataFrame, *, confidence: float) -> Verdict:
    """What a PROFILE table of one network supports, in a sentence.

    Args:
        table: PROFILE.
        confidence: that its bands hold at once.
    """
    told = _Told(table)
    sure = say_confidence(confidence)
    if not told.has_values():
        return Verdict((), f"{NO_LINES}.")
    if told.is_untrained():
        return Verdict((), f"{NOTHING_LEARNED}.")
    guess = told.find_guess()
    parts = (_tell_losses, _tell_scores, _tell_kernels, _tell_order)
    claims = [claim for part in parts for claim in part(told)]
    if guess:
        return Verdict(tuple(claims), _join([guess, *(claims or [NOTHING_STANDS_OUT])]) + sure + ".")
    if not claims:
        return Verdict((), f"{NOTHING_STANDS_OUT}{sure}." if told.has_bands() else f"{NO_BANDS}.")
    return Verdict(tuple(claims), f"{_join(claims)}{sure}.")


def say_confidence(confidence: float) -> str:
    """The end of a sentence whose parts end in brackets of their own."""
    return f"; with {confidence:.0%} confidence in all stages and lines at once"


class _Told:
    """Stages and answers of a table, by the names of lines."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._rows = table.to_dict("records")

    def has_values(self) -> bool:
        """Whether any line has a value anywhere."""
        return any(row["value"] == row["value"] for row in self._rows)

    def is_untrained(self) -> bool:
        """Whether its scales and offsets are those of a network that has learned nothing yet."""
        marked = [row["undefined"] == UNTRAINED for row in self._rows if row["measure"] == "gamma"]
        return bool(marked) and all(marked)

    def has_bands(self) -> bool:
        """Whether any line has a band that could leave what chance gives."""
        return any(find_side(row) for row in self._rows)

    def list_stages(self, measure: str) -> list[Row]:
        """The stages of a line that have a band, in their order, as they are named in."""
        rows = [row for row in self._rows if (row["level"], row["measure"]) == (STAGE, measure)]
        return sorted((row for row in rows if row["low"] == row["low"]), key=lambda row: int(row["stage"]))

    def find_network(self, measure: str) -> Row | None:
        """What is told of the network as a whole."""
        found = (row for row in self._rows if (row["level"], row["measure"]) == (NETWORK, measure))
        return next((row for row in found if row["low"] == row["low"]), None)

    def find_guess(self) -> str:
        """Why losses say nothing: the network is right no more often than a guess. Empty where it is."""
        row = self.find_network(IN_ORDER)
        if row is None or row["low"] > row["even"]:
            return ""
        right, guess = _show(row["value"]), _show(row["even"])
        return f"it is right in {right}, no surer than a guess ({guess}), so what it loses says nothing"

    def find_losses(self) -> list[Row]:
        """The stages of the line of losses to go by; none where losses do not count."""
        if not self.find_guess():
            for measure in ("ablation", "joint"):
                if rows := self.list_stages(measure):
                    return rows
        return []


def _tell_losses(told: _Told) -> Iterator[str]:
    """Where time carries what is lost when groups are taken away; and whether γ shows it."""
    rows = told.find_losses()
    if not rows:
        return
    more = [row for row in rows if find_side(row) == ABOVE]
    if more:
        shares = ", ".join(_show_band(row) for row in more)
        even = _show(_mean([row["even"] for row in more]))
        where = _name_stages(more)
        yield f"in {where} time carries {shares} of what is lost (its part of the channels: {even})"
    else:
        top = max(rows, key=lambda row: float(row["high"]))
        most = f"in {_name_stages(rows)} time carries at most {_show(top['high'])} of what is lost"
        yield f"{most}, and nowhere surely more than its part of the channels"
    yield from _compare_gamma(told, rows)


def _compare_gamma(told: _Told, losses: Sequence[Row]) -> Iterator[str]:
    """Whether γ says of these stages what losses say."""
    scales = {row["stage"]: row for row in told.list_stages("gamma")}
    pairs = [(find_side(row), find_side(scales[row["stage"]])) for row in losses if row["stage"] in scales]
    sure = [(one, other) for one, other in pairs if one in (ABOVE, BELOW)]
    if not sure:
        return
    against = sum({one, other} == {ABOVE, BELOW} for one, other in sure)
    if against:
        yield f"γ says the opposite in {against} of {len(pairs)} stages"
    elif all(other == LEVEL for _, other in sure):
        yield "γ does not show it"
    else:
        same = sum(one == other for one, other in sure)
        yield (
            "γ agrees"
            if same == len(sure)
            else f"γ says the same in {same} of the {len(sure)} stages where losses are sure"
        )


def _tell_scores(told: _Told) -> Iterator[str]:
    """Where γ and the invariant score give time more than its part, if no loss says anything."""
    if told.find_losses():
        return
    for measure, name in (("invariant", "the invariant score"), ("gamma", "γ")):
        rows = told.list_stages(measure)
        for side, words in ((ABOVE, "more"), (BELOW, "less")):
            found = [row for row in rows if find_side(row) == side]
            if found:
                shares = _show(_mean([row["value"] for row in found]))
                even = _show(_mean([row["even"] for row in found]))
                where = _name_stages(found)
                part = f"({shares}, its part {even})"
                yield f"{name} gives time {words} than its part of the channels in {where} {part}"


def _tell_kernels(told: _Told) -> Iterator[str]:
    """In which stages kernels differ between frames more than independent taps do, or less."""
    rows = told.list_stages("temporal-use")
    for side, words in ((ABOVE, "differ more from frame to frame"), (BELOW, "are more alike over frames")):
        found = [row for row in rows if find_side(row) == side]
        if found:
            shares = _show(_mean([row["value"] for row in found]))
            even = _show(_mean([row["even"] for row in found]))
            only = "only " if len(found) < len(rows) else ""
            where = _name_stages(found)
            yield f"kernels over time {words} than at random {only}in {where} ({shares}, at random {even})"


def _tell_order(told: _Told) -> Iterator[str]:
    """Whether the order of frames matters to what the network answers."""
    straight, back, needs = map(told.find_network, (IN_ORDER, IN_REVERSE, TEMPORALITY))
    if straight is None or told.find_guess():
        return
    if back is not None and back["high"] < straight["low"]:
        right = _show(straight["value"])
        yield f"order matters: {_show(back['value'])} right when reversed, {right} in order"
    elif needs is not None and needs["high"] < _LITTLE:
        yield f"order matters little: at most {_show(needs['high'])} of what it knows needs it"


def _name_stages(rows: Sequence[Row]) -> str:
    """Such as stage 4, stages 1 and 3, stages 2–4."""
    numbers = sorted(int(row["stage"]) for row in rows)
    if len(numbers) == 1:
        return f"stage {numbers[0]}"
    if numbers == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 2:
        return f"stages {numbers[0]}–{numbers[-1]}"
    return f"stages {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _show(share: float) -> str:
    return f"{100 * share:.0f}%"


def _show_band(row: Row) -> str:
    return f"{_show(row['value'])} ({100 * row['low']:.0f} to {_show(row['high'])})"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _join(parts: Sequence[str]) -> str:
    text = "; ".join(part[0].lower() + part[1:] for part in parts)
    return text[0].upper() + text[1:] if not text.startswith("γ") else text
