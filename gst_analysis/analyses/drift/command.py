"""`drift`: batch-norm scales now against where they started, and what the terminal prints of it."""

from __future__ import annotations

from typing import Annotated

import typer

from gst_analysis.analyses.drift import Drift, DriftOptions, measure_drift
from gst_analysis.console.options import Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, format_number, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.options import Files, files_of

commands = typer.Typer()

Series = Annotated[
    list[str], typer.Argument(metavar="CKPT...", help="A checkpoint, or those of a run in order.")
]
_OPTIONS = DriftOptions()
_FILES = files_of(Drift, "drift")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [Drift.describe_document()]


@commands.command(
    epilog="Example: gst-analyze drift epoch-0001.pth epoch-0010.pth last.pth --start resnet50.pth"
)
@takes_options
def drift(
    checkpoints: Series, options: DriftOptions = _OPTIONS, files: Files = _FILES, json: Json = False
) -> None:
    """See how far batch-norm scales have moved since training began.

    Which channels still carry values of 2-D filters, and γ over training as small multiples and as an
    animation (html). Without --start: the card's for one checkpoint, the first of several.
    """
    with show_progress("reading checkpoints", len(checkpoints)) as progress:
        result = measure_drift(*checkpoints, options=options, progress=progress)
    finish(result, files, json=json, show=print_drift)


def print_drift(result: Drift) -> None:
    """A row a checkpoint and group, over all layers."""
    summary = result.summary
    table = build_table(title=f"γ since the start ({escape(summary.origin)})")
    table.add_column("checkpoint", overflow="fold")
    table.add_column("group")
    unmoved = f"within {summary.tolerance:.0%}"
    for heading in ("n", "|change|", unmoved, "2-D", "still", "rank"):
        table.add_column(heading, justify="right")
    for name, groups in summary.checkpoints.items():
        for group, found in groups.items():
            rank = float("nan") if found.rank_correlation is None else found.rank_correlation
            cells = (found.n, format_number(found.mean_change), found.unmoved, found.inherited, found.carried)
            table.add_row(escape(name), group, *map(str, cells), format_number(rank))
    table.caption = (
        f"2-D: inherited from 2-D weights; still: of those, within {summary.tolerance:.0%} of that value; "
        "rank: Spearman's correlation with the start, median over layers"
    )
    print_table(table)
