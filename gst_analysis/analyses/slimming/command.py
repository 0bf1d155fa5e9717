"""`slim`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.console.options import Format, Json, Out, Root, Subset
from gst_analysis.console.output import print_files, print_pairs
from gst_analysis.errors import SpecError

if TYPE_CHECKING:
    import pandas as pd

    from gst_analysis.analyses.slimming import Slimming
    from gst_analysis.analyses.slimming.fine_tuning import FineTuning
    from gst_analysis.analyses.slimming.measure import NetworkCost

commands = typer.Typer()


@commands.command(
    epilog="Example: gst-analyze slim ckpt.pth worlds/temporal --score taylor --macs 0.8 --out slim"
)
def slim(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="[ROOT|FILE]", help="Labelled clips, for data scores and the curve."),
    ] = None,
    score: Annotated[
        str,
        typer.Option(
            help="What a channel is worth: gamma, abs_gamma, invariant, invariant_spread, "
            "invariant_output, activation_norm or taylor."
        ),
    ] = "invariant",
    macs: Annotated[float | None, typer.Option(help="Keep this share of the multiply-adds.")] = None,
    params: Annotated[float | None, typer.Option(help="Keep this share of the parameters.")] = None,
    max_drop: Annotated[
        float | None, typer.Option(help="Lose at most this much accuracy before fine-tuning, such as 0.02.")
    ] = None,
    root: Root = None,
    format: Format = None,
    subset: Subset = None,
    clips: Annotated[int | None, typer.Option(help="Draw this many clips; all if not given.")] = None,
    fine_tune: Annotated[
        int | None, typer.Option("--fine-tune", metavar="EPOCHS", help="Train so long, and measure again.")
    ] = None,
    budgets: Annotated[
        int | None, typer.Option(help="Fine-tune at so many budgets of the curve (2).")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="RECIPE|FILE", help="To fine-tune by; the checkpoint's own if not given."),
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of that recipe.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Clips at once.")] = 8,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Draws clips, random orders and resamples.")] = 0,
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, csv, parquet, json.")
    ] = "png,svg,pdf,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("slim"),
    json: Json = False,
) -> None:
    """Take channels out of a network.

    Writes a smaller checkpoint that loads and runs like any other, with its own spatial and temporal width in
    every block, and, given clips, accuracy over multiply-adds beside equal shares and random channels.
    --fine-tune trains it, the whole network, and points of the curve on the data set's training list, and
    measures them again. To go on alone: gst-analyze train RECIPE --set model.weights=slim/ckpt-slim.pth
    """
    from gst_analysis.analyses import slimming
    from gst_analysis.clips.labelled import ClipChoice
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables.schema import check_choices

    kinds = check_choices("formats", formats.split(","), (*IMAGE_FORMATS, *TABLE_FORMATS))
    target = slimming.SlimTarget(macs, params, max_drop)
    settings = InferenceSettings(batch=batch, device=device)
    tuning = _plan_tuning(fine_tune, recipe=recipe, settings=tuple(changes or ()), budgets=budgets)
    choice = ClipChoice(root, format, clips, seed, subset)
    with show_progress("slimming", 0) as progress:
        result = slimming.slim(
            checkpoint,
            target,
            score=score,
            dataset=dataset,
            choice=choice,
            settings=settings,
            fine_tuning=tuning,
            progress=progress,
        )
    files = slimming.save_slimming(result, out, kinds, dark=dark)
    if json:
        print_json(result.contract(files))
    else:
        show_slimming(result, files)
    if result.summary.failures:
        raise typer.Exit(1)


def _plan_tuning(epochs: int | None, **options: Any) -> FineTuning | None:
    """What was asked of fine-tuning, whose options do nothing without it."""
    from gst_analysis.analyses.slimming import fine_tuning

    given = {name: value for name, value in options.items() if value not in (None, ())}
    if epochs is not None:
        return fine_tuning.FineTuning(epochs, **given)
    if given:
        raise SpecError(
            "slim",
            expected="--budgets, --recipe and --set to come with --fine-tune, which they are about",
            found="no --fine-tune",
            todo="add it, such as --fine-tune 2, or leave them out",
        )
    return None


def show_slimming(result: Slimming, files: Mapping[str, str]) -> None:
    """Before and after, the widths of every block, and where the smaller network lies."""
    summary = result.summary
    (name,) = result.provenance.specs
    before, after = summary.before, summary.after
    print_pairs(name, {"before": _describe(before), "after": _describe(after, of=before)})
    groups = list(dict.fromkeys(result.table["group"]))
    table = Table("batch norm", title="channels, before → after")
    for group in groups:
        table.add_column(str(group), justify="right")
    for layer, rows in result.table.groupby("layer", sort=False):
        cells = [f"{one['before']} → {one['after']}" for one in rows.to_dict("records")]
        table.add_row(escape(str(layer)), *cells)
    Console().print(table)
    if result.tuned is not None:
        Console().print(_tuned_table(result.tuned))
    for note in summary.notes:
        print(f"note: {note}")
    for clip, reason in summary.failures.items():
        print(f"could not be read: {clip}: {reason}")
    print_files(files)


_METHODS = {
    "whole": "nothing taken out",
    "chosen": "the network written",
    "score": "lowest scores",
    "uniform": "as many of every group",
    "random": "random channels",
}


def _tuned_table(tuned: pd.DataFrame) -> Table:
    epochs, clips = int(tuned["epochs"].iloc[0]), int(tuned["clips"].iloc[0])
    table = Table(title=f"{epochs} epochs of fine-tuning, accuracy on {clips} other clips")
    for heading in ("taken out", "multiply-adds", "before", "after", "interval"):
        table.add_column(heading, justify="left" if heading == "taken out" else "right")
    for row in tuned.to_dict("records"):
        interval = f"{row['accuracy_after_low']:.1%} to {row['accuracy_after_high']:.1%}"
        shares = [f"{row[key]:.1%}" for key in ("macs_share", "accuracy_before", "accuracy_after")]
        table.add_row(_METHODS[row["method"]], *shares, interval)
    return table


def _describe(cost: NetworkCost, *, of: NetworkCost | None = None) -> str:
    shares = f" ({cost.macs / of.macs:.1%}, {cost.params / of.params:.1%})" if of is not None else ""
    right = (
        ""
        if cost.accuracy is None
        else (f", accuracy {cost.accuracy.value:.1%} ({cost.accuracy.low:.1%} to {cost.accuracy.high:.1%})")
    )
    return f"{cost.macs / 1e6:,.1f} million multiply-adds, {cost.params:,} parameters{shares}{right}"
