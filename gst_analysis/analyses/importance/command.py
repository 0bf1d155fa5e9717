"""`importance`: raw γ beside a score that no rescaling can move."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.console.options import Json, Out
from gst_analysis.console.output import format_number, print_files

if TYPE_CHECKING:
    from gst_analysis.analyses.importance import Importance

commands = typer.Typer()


@commands.command(epilog="Example: gst-analyze importance ckpt.pth --clips videos --out figures")
def importance(
    checkpoints: Annotated[list[str], typer.Argument(metavar="CKPT...", help="Checkpoint files.")],
    clips: Annotated[
        list[str] | None,
        typer.Option("--clips", metavar="PATH", help="Also measure on these videos, folders or globs."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where clips are run: auto, cpu, cuda or mps.")] = "auto",
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, csv, parquet, json.")
    ] = "png,svg,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("importance"),
    json: Json = False,
) -> None:
    """Score the channels after every temporal operator.

    Raw γ, and the channel's expected contribution to what follows, which stays the same when a channel is
    rescaled and the next convolution undoes it. From the weights alone, or also measured on clips.
    """
    from gst_analysis.analyses import importance as importance_room
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
    from gst_analysis.tables.schema import check_choices

    kinds = check_choices("formats", formats.split(","), (*IMAGE_FORMATS, *TABLE_FORMATS))
    with show_progress("checkpoints", len(checkpoints)) as progress:
        result = importance_room.channel_importance(
            *checkpoints, clips=clips, device=device, progress=progress
        )
    files = importance_room.save_importance(result, out, kinds, dark=dark)
    if json:
        print_json(result.contract(files))
    else:
        show_importance(result, files)
    if result.failures or result.summary.clip_failures:
        raise typer.Exit(1)


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
                format_number(scores[score][what])
                for score in _SHOWN
                for what in ("spatial", "temporal", "log2_ratio")
            ]
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
    print_files(files)


def _show_agreement(result: Importance) -> None:
    for name, found in result.summary.agreement.items():
        raw, again = found.raw_with_invariant, found.inferred_with_measured
        if raw is not None:
            print(f"{name}: |γ| and the invariant score rank channels alike by {raw:.2f} (Spearman)")
        if again is not None:
            print(f"{name}: closed form and measured score rank channels alike by {again:.2f} (Spearman)")
