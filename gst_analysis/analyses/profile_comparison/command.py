"""`compare-profiles`: the command, and what it prints."""

from __future__ import annotations

import typer

from gst_analysis.analyses.profile.table import MEASURES, STAGE
from gst_analysis.analyses.profile_comparison import (
    ProfileComparison,
    ProfileComparisonOptions,
    compare_profiles,
)
from gst_analysis.console.options import CheckpointFiles, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.options import Files, files_of

commands = typer.Typer()

_OPTIONS = ProfileComparisonOptions()
_FILES = files_of(ProfileComparison, "compare-profiles")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [ProfileComparison.describe_document()]


@commands.command(
    "compare-profiles", epilog="Example: gst-analyze compare-profiles half.pth quarter.pth eighth.pth"
)
@takes_options
def command(
    checkpoints: CheckpointFiles,
    options: ProfileComparisonOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Set the profiles of several networks against each other.

    Where each keeps time, over each other and side by side; each less a reference, with bands; as a map of
    depth, of one design against its share of temporal channels; and against multiply-adds. What was
    measured on clips and lies beside the weights is shown with it; with --dataset it is measured.
    """
    with show_progress("networks", len(checkpoints)) as progress:
        result = compare_profiles(*checkpoints, options=options, progress=progress)
    finish(result, files, json=json, show=print_profiles)


def print_profiles(result: ProfileComparison) -> None:
    """A table a line, a row a network, a column a stage; then what differs from the reference."""
    stages = result.table[(result.table["level"] == STAGE) & result.table["value"].notna()]
    for measure, phrase in ((name, MEASURES[name].phrase) for name in MEASURES):
        rows = stages[stages["measure"] == measure]
        if rows.empty:
            continue
        table = build_table(title=f"{phrase}: {MEASURES[measure].share}, by stage")
        table.add_column("checkpoint", overflow="fold")
        numbers = sorted(rows["stage"].unique())
        for number in numbers:
            table.add_column(str(number), justify="right")
        for name, own in rows.groupby("checkpoint", sort=False):
            shares = dict(zip(own["stage"], own["value"], strict=True))
            told = (f"{100 * shares[n]:.0f}%" if n in shares else "–" for n in numbers)
            table.add_row(escape(str(name)), *told)
        print_table(table)
    for name, difference in result.summary.differences.items():
        print(f"{name} against {result.summary.reference}: {difference}")
