"""`slim`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gst_analysis.cli.program import Format, Json, Out, Root, Subset, app
from gst_analysis.errors import SpecError

if TYPE_CHECKING:
    from gst_analysis.workflows import FineTuning


@app.command(epilog="Example: gst-analyze slim ckpt.pth worlds/temporal --score taylor --macs 0.8 --out slim")
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
    from gst_analysis import terminal, workflows
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables import check_choices

    kinds = check_choices("formats", formats.split(","), (*workflows.IMAGE_FORMATS, *workflows.TABLE_FORMATS))
    target = workflows.SlimTarget(macs, params, max_drop)
    settings = InferenceSettings(batch=batch, device=device)
    tuning = _plan_tuning(fine_tune, recipe=recipe, settings=tuple(changes or ()), budgets=budgets)
    choice = workflows.ClipChoice(root, format, clips, seed, subset)
    with terminal.show_progress("slimming", 0) as progress:
        result = workflows.slim(
            checkpoint, target, score=score, dataset=dataset, choice=choice, settings=settings,
            fine_tuning=tuning, progress=progress,
        )  # fmt: skip
    files = workflows.save_slimming(result, out, kinds, dark=dark)
    if json:
        terminal.print_json(result.contract(files))
    else:
        terminal.show_slimming(result, files)
    if result.summary.failures:
        raise typer.Exit(1)


def _plan_tuning(epochs: int | None, **options: Any) -> FineTuning | None:
    """What was asked of fine-tuning, whose options do nothing without it."""
    from gst_analysis import workflows

    given = {name: value for name, value in options.items() if value not in (None, ())}
    if epochs is not None:
        return workflows.FineTuning(epochs, **given)
    if given:
        raise SpecError(
            "slim", expected="--budgets, --recipe and --set to come with --fine-tune, which they are about",
            found="no --fine-tune", todo="add it, such as --fine-tune 2, or leave them out",
        )  # fmt: skip
    return None
