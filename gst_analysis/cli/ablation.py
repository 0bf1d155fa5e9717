"""`ablate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Format, Json, Out, Root, Subset, app


@app.command(epilog="Example: gst-analyze ablate ckpt.pth worlds/temporal --clips 200 --out ablation")
def ablate(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    dataset: Annotated[
        str,
        typer.Argument(metavar="ROOT|FILE", help="A folder with a validation list, or an annotation file."),
    ],
    root: Root = None,
    format: Format = None,
    subset: Subset = None,
    interventions: Annotated[
        str, typer.Option(help="Some of zero, mean, shuffle-batch, shuffle-time.")
    ] = "zero,mean,shuffle-batch,shuffle-time",
    clips: Annotated[int | None, typer.Option(help="Draw this many clips; all if not given.")] = None,
    measure: Annotated[
        str, typer.Option(help="What the figure shows: accuracy_drop, logit_drop or loss_rise.")
    ] = "accuracy_drop",
    batch: Annotated[int, typer.Option(help="Clips at once.")] = 8,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Draws clips, shuffles and resamples.")] = 0,
    draws: Annotated[int, typer.Option(help="Bootstrap draws behind each confidence interval.")] = 2000,
    confidence: Annotated[float, typer.Option(help="Of the confidence intervals.")] = 0.95,
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, csv, parquet, json.")
    ] = "png,svg,pdf,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("ablation"),
    json: Json = False,
) -> None:
    """Measure what each group of channels is needed for.

    Silences, averages or shuffles the spatial or the temporal channels of one block at a time, and says how
    far accuracy and the true class's logit fall. Exits with 1 if some clips could not be read.
    """
    from gst_analysis import terminal, workflows
    from gst_analysis.analysis.ablation import AblationPlan
    from gst_analysis.analysis.paired_drops import Bootstrap
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables import CAUSAL_MEASURES, check_choices

    kinds = check_choices("formats", formats.split(","), (*workflows.IMAGE_FORMATS, *workflows.TABLE_FORMATS))
    check_choices("measure", [measure], CAUSAL_MEASURES)
    plan = AblationPlan(tuple(interventions.split(",")), Bootstrap(draws, confidence, seed))
    settings = InferenceSettings(batch=batch, device=device)
    choice = workflows.ClipChoice(root, format, clips, seed, subset)
    with terminal.show_progress("ablating", 0) as progress:
        result = workflows.ablate(
            checkpoint, dataset, choice=choice, plan=plan, settings=settings, progress=progress
        )
    files = workflows.save_ablation(result, out, kinds, measure=measure, dark=dark)
    if json:
        terminal.print_json(result.contract(files))
    else:
        terminal.show_ablation(result, files)
    if result.summary.failures:
        raise typer.Exit(1)
