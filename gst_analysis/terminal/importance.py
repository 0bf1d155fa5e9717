"""How much channels matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.terminal.output import show_files, show_number

if TYPE_CHECKING:
    from gst_analysis.workflows import Importance

_SHOWN = {"abs_gamma": "|γ|", "invariant": "invariant"}


def show_importance(result: Importance, files: Mapping[str, str]) -> None:
    """Medians of both groups by layer, by raw γ and by the invariant score."""
    for (name, source), rows in result.groups.groupby(["checkpoint", "source"], sort=False):
        reasons = dict.fromkeys(reason for reason in rows["undefined"] if reason)
        if rows["undefined"].all():
            print(f"{name}: no medians to compare: {'; '.join(reasons)}")
            continue
        table = Table(title=f"{escape(str(name))}: medians of spatial s and temporal t, {source}")
        table.add_column("layer", no_wrap=True)
        for heading in (f"{label} {what}" for label in _SHOWN.values() for what in ("s", "t", "log₂ t/s")):
            table.add_column(heading, justify="right")
        for layer, part in rows.groupby("layer", sort=False):
            scores = {row["score"]: row for row in part.to_dict("records")}
            cells = [
                show_number(scores[score][what])
                for score in _SHOWN for what in ("spatial", "temporal", "log2_ratio")
            ]  # fmt: skip
            table.add_row(str(layer).removeprefix("layer"), *cells)
        if reasons:
            table.caption = "not defined: " + "; ".join(reasons)
        Console().print(table)
    _show_agreement(result)
    print(result.summary.trust)
    for note in result.notes:
        print(f"note: {note}")
    for failure in (*result.summary.clip_failures.values(), *result.failures.values()):
        print(f"left out: {failure}")
    show_files(files)


def _show_agreement(result: Importance) -> None:
    for name, found in result.summary.agreement.items():
        raw, again = found.raw_with_invariant, found.inferred_with_measured
        if raw is not None:
            print(f"{name}: |γ| and the invariant score rank channels alike by {raw:.2f} (Spearman)")
        if again is not None:
            print(f"{name}: closed form and measured score rank channels alike by {again:.2f} (Spearman)")
