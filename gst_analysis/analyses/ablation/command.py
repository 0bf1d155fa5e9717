"""`ablate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.console.options import Format, Json, Out, Root, Subset
from gst_analysis.console.output import print_files

if TYPE_CHECKING:
    from gst_analysis.analyses.ablation import Ablation

commands = typer.Typer()


@commands.command(epilog="Example: gst-analyze ablate ckpt.pth worlds/temporal --clips 200 --out ablation")
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
    from gst_analysis.analyses import ablation
    from gst_analysis.analyses.ablation.measure import AblationPlan
    from gst_analysis.analyses.ablation.table import CAUSAL_MEASURES
    from gst_analysis.clips.labelled import ClipChoice
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.probes.resampling import Bootstrap
    from gst_analysis.tables.schema import check_choices

    kinds = check_choices("formats", formats.split(","), (*IMAGE_FORMATS, *TABLE_FORMATS))
    check_choices("measure", [measure], CAUSAL_MEASURES)
    plan = AblationPlan(tuple(interventions.split(",")), Bootstrap(draws, confidence, seed))
    settings = InferenceSettings(batch=batch, device=device)
    choice = ClipChoice(root, format, clips, seed, subset)
    with show_progress("ablating", 0) as progress:
        result = ablation.ablate(
            checkpoint, dataset, choice=choice, plan=plan, settings=settings, progress=progress
        )
    files = ablation.save_ablation(result, out, kinds, measure=measure, dark=dark)
    if json:
        print_json(result.contract(files))
    else:
        show_ablation(result, files)
    if result.summary.failures:
        raise typer.Exit(1)


def show_ablation(result: Ablation, files: Mapping[str, str]) -> None:
    """One row a batch norm and group: the fall of accuracy for each intervention, starred if it is sure.

    Of one clip nothing is: every resample of it is the clip itself.
    """
    summary = result.summary
    several = summary.clips > 1
    accuracy = f"{summary.accuracy.value:.1%} of {summary.clips} clips right when nothing is changed"
    (name,) = result.provenance.specs
    table = Table(
        title=f"{escape(name)}: {accuracy}",
        caption=f"percentage points of accuracy lost{'; *: the interval leaves out 0' if several else ''}",
    )
    for heading in ("batch norm", "group"):
        table.add_column(heading)
    for intervention in summary.interventions:
        table.add_column(intervention, justify="right")
    for (layer, group), rows in result.table.groupby(["layer", "group"], sort=False):
        drops = rows[["accuracy_drop", "accuracy_drop_low", "accuracy_drop_high"]].to_numpy(dtype=float)
        sure = [several and (low > 0 or high < 0) for _, low, high in drops]
        cells = [f"{100 * drop[0]:.1f}{'*' if star else ' '}" for drop, star in zip(drops, sure, strict=True)]
        table.add_row(str(layer), str(group), *cells)
    Console().print(table)
    for note in summary.notes:
        print(f"note: {note}")
    for clip, reason in summary.failures.items():
        print(f"could not be read: {clip}: {reason}")
    print_files(files)
