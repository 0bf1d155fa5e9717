"""`report`: everything about a checkpoint on one page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gst_analysis.console.options import Family, Format, Frames, Json, Out, Root, Subset
from gst_analysis.console.output import print_files

if TYPE_CHECKING:
    from gst_analysis.reporting.making import Report

commands = typer.Typer()


@commands.command(epilog="Example: gst-analyze report ckpt.pth worlds/temporal --out report")
def report(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="[ROOT|FILE]", help="A folder with a validation list, or an annotation file."),
    ] = None,
    root: Root = None,
    format: Format = None,
    subset: Subset = None,
    limit: Annotated[
        int | None, typer.Option(help="Draw this many clips for accuracy; all if not given.")
    ] = None,
    ablation_clips: Annotated[int, typer.Option(help="Clips to change channels in.")] = 40,
    traces: Annotated[int, typer.Option(help="Clips to trace frame by frame.")] = 3,
    influence_clips: Annotated[int, typer.Option(help="Clips to measure influence on.")] = 8,
    slimming_clips: Annotated[int, typer.Option(help="Clips to measure smaller networks on.")] = 40,
    saliency_clips: Annotated[int, typer.Option(help="Clips to show where it looks.")] = 2,
    without: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME", help="Sections to leave out, such as slimming,ablation: the slow ones."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws clips.")] = 0,
    family: Family = None,
    frames: Frames = None,
    batch: Annotated[int, typer.Option(help="Clips at once.")] = 8,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    out: Out = Path("report"),
    json: Json = False,
) -> None:
    """Write everything about a checkpoint on one page.

    One HTML file, report.html, that needs no network and can be printed: what the checkpoint is, Figure 4
    with statistics, importance, drift, cost, a smaller network; and with labelled clips accuracy, ablation,
    a few traces, influence and saliency. The same input gives the same bytes. Exits with 1 if clips could not
    be read or a section failed.
    """
    from gst_analysis.checkpoints.sources import open_checkpoint, open_model
    from gst_analysis.clips.labelled import ClipChoice
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.reporting import making
    from gst_analysis.reporting.making import check_report_place, save_report
    from gst_analysis.sections.subject import ReportPlan

    plan = ReportPlan(
        ClipChoice(root, format, limit, seed, subset),
        ablation_clips,
        traces,
        influence_clips,
        slimming_clips,
        saliency_clips,
        () if without is None else tuple(without.split(",")),
    )
    check_report_place(out)
    settings = InferenceSettings(batch=batch, device=device)
    open_source = open_checkpoint if dataset is None else open_model
    source = open_source(checkpoint, family=family, num_frames=frames)
    with show_progress("writing", 0) as progress:
        result = making.report(source, dataset, plan=plan, settings=settings, progress=progress)
    files = save_report(result, out)
    if json:
        print_json(result.to_document(files))
    else:
        show_report(result, files)
    if result.failures or result.left_out:
        raise typer.Exit(1)


def show_report(result: Report, files: Mapping[str, str]) -> None:
    """Its sections, what is missing, and the file."""
    print(f"{result.name}: {', '.join(result.sections)}")
    for name, why in result.missing.items():
        print(f"not for this checkpoint: {name}: {why}")
    for name, why in result.left_out.items():
        print(f"left out: {name}: {why}")
    for clip, why in result.failures.items():
        print(f"not read: {clip}: {why}")
    print_files(files)
