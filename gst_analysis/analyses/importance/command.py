"""`importance`: the command, and what it prints."""

from __future__ import annotations

from typing import Annotated

import typer

from gst_analysis.analyses.importance import Importance, ImportanceOptions, channel_importance
from gst_analysis.console.options import CheckpointFiles, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, format_number, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.options import Files, files_of

commands = typer.Typer()

_OPTIONS = ImportanceOptions()
_FILES = files_of(Importance, "importance")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [Importance.describe_document()]


@commands.command(epilog="Example: gst-analyze importance ckpt.pth --on videos --out figures")
@takes_options
def importance(
    checkpoints: CheckpointFiles,
    clips: Annotated[
        list[str] | None,
        typer.Option(
            "--on",
            "--clips",
            metavar="PATH",
            help="Also measure on these videos, folders or globs. Its old name is --clips.",
        ),
    ] = None,
    options: ImportanceOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Score the channels after every temporal operator.

    Raw γ, and the channel's expected contribution to what follows, which stays the same when a channel is
    rescaled and the next convolution undoes it. From the weights alone, or also measured on clips.
    """
    with show_progress("checkpoints", len(checkpoints)) as progress:
        result = channel_importance(*checkpoints, clips=clips, options=options, progress=progress)
    finish(result, files, json=json, show=print_importance)
    if result.clip_failures:
        raise typer.Exit(1)


_SHOWN = {"abs_gamma": "|γ|", "invariant": "invariant"}


def print_importance(result: Importance) -> None:
    """Medians of both groups by layer, by raw γ and by the invariant score."""
    for (name, source), rows in result.groups.groupby(["checkpoint", "source"], sort=False):
        reasons = dict.fromkeys(reason for reason in rows["undefined"] if reason)
        if rows["undefined"].all():
            print(f"{name}: no medians to compare: {'; '.join(reasons)}")
            continue
        against, group = rows["against"].iloc[0], rows["group"].iloc[0]
        s, t = against[0], group[0]
        table = build_table(title=f"{escape(str(name))}: medians of {against} {s} and {group} {t}, {source}")
        table.add_column("layer", no_wrap=True)
        for heading in (f"{label} {what}" for label in _SHOWN.values() for what in (s, t, f"log₂ {t}/{s}")):
            table.add_column(heading, justify="right")
        for layer, part in rows.groupby("layer", sort=False):
            scores = {row["score"]: row for row in part.to_dict("records")}
            cells = [
                format_number(scores[score][what])
                for score in _SHOWN
                for what in ("against_median", "median", "log2_ratio")
            ]
            table.add_row(str(layer).removeprefix("layer"), *cells)
        if reasons:
            table.caption = "not defined: " + "; ".join(reasons)
        print_table(table)
    _print_agreement(result)
    print(result.summary.trust)
    for failure in result.clip_failures.values():
        print(f"left out: {failure}")


def _print_agreement(result: Importance) -> None:
    for name, found in result.summary.agreement.items():
        for line in found.describe():
            print(f"{name}: {line}")
