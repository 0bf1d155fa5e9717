"""`order`: the command, and what it prints."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import typer

from gst_analysis.analyses.order import FrameOrder, OrderOptions, frame_order
from gst_analysis.console.options import CheckpointFile, Dataset, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, print_pairs, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.numbers import how_many, show_share
from gst_analysis.options import Files, files_of

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[Hashable, Any]
commands = typer.Typer()

_OPTIONS = OrderOptions()
_FILES = files_of(FrameOrder, "order")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [FrameOrder.describe_document()]


@commands.command(epilog="Example: gst-analyze order ckpt.pth worlds/temporal --limit 200 --out order")
@takes_options
def order(
    checkpoint: CheckpointFile,
    dataset: Dataset,
    options: OrderOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Measure whether a network needs the order of frames.

    Shows it the same clips in order, shuffled, in reverse, held still and so on; says how often it is right,
    how much of that needs order, and which classes are each other's reversal. Exits with 1 if some clips
    could not be read.
    """
    with show_progress("showing") as progress:
        result = frame_order(checkpoint, dataset, options=options, progress=progress)
    finish(result, files, json=json, show=print_order)


def print_order(result: FrameOrder) -> None:
    """What needs order, a row for each condition, and pairs of classes."""
    print_pairs(result.name, say_summary(result))
    table = build_table("shown", "right", "interval", "change", "as in order")
    for row in result.table.to_dict("records"):
        interval = f"{show_share(row['accuracy_low'])} to {show_share(row['accuracy_high'])}"
        change = f"{100 * row['accuracy_change']:+.1f}".replace("-", "−")
        table.add_row(
            row["shown"], show_share(row["accuracy"]), interval, change, show_share(row["same_answer"])
        )
    print_table(table)
    pairs = list_pairs(result.reversals)
    if pairs:
        table = build_table("class", "its opposite", "in reverse taken for each other", "known from")
        for one, other in pairs:
            shares = f"{show_share(one['share'])} and {show_share(other['share'])}"
            names = (escape(str(one["label"])), escape(str(one["partner"])))
            table.add_row(*names, shares, name_source(one))
        print_table(table)


def list_pairs(reversals: pd.DataFrame) -> list[tuple[Row, Row]]:
    """Both ways of each pair of classes, the class of the lower number first."""
    rows = {(row["class_id"], row["partner_id"]): row for row in reversals.to_dict("records")}
    return [(row, rows[b, a]) for (a, b), row in rows.items() if a < b]


def name_source(row: Row) -> str:
    """How a pair is known: by name, by confusion, or by both."""
    return " and ".join(word for word in ("name", "confusion") if row[f"by_{word}"])


def say_summary(result: FrameOrder) -> dict[str, str]:
    """The few facts that matter most, in words."""
    summary = result.summary
    needs, partners = summary.temporality, summary.partner_share
    told = f"withheld: {summary.withheld}"
    if needs is not None:
        told = f"{show_share(needs.value)} ({show_share(needs.low)} to {show_share(needs.high)})"
    facts = {
        "clips": f"{summary.clips:,}",
        "right in order": show_share(summary.accuracy.value),
        "chance": show_share(summary.chance),
        "above-chance accuracy that needs order": told,
    }
    if partners is not None:
        facts["in reverse taken for the opposite class"] = (
            f"{show_share(partners.value)} of {how_many(summary.partner_clips, 'clip')} whose class has one"
        )
    return facts
