"""`trace`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Family, Frames, Json, Out, Root, Subset, app


@app.command(
    epilog="Example: gst-analyze trace ckpt.pth clip.mp4 --mode prefix --formats png,mp4 --out trace"
)
def trace(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    clips: Annotated[
        list[str] | None,
        typer.Argument(metavar="CLIP...", help="Videos, folders of frames, folders of clips, globs."),
    ] = None,
    mode: Annotated[
        str, typer.Option(help="What a row is: frame, prefix, leave-one-out or window.")
    ] = "frame",
    dataset: Annotated[
        str | None,
        typer.Option(metavar="ROOT|FILE", help="Instead of clips: a labelled list, or a folder with one."),
    ] = None,
    root: Root = None,
    subset: Subset = None,
    limit: Annotated[int | None, typer.Option(help="Draw this many clips of the data set.")] = None,
    window: Annotated[int | None, typer.Option(help="Mode window: frames of the video in a window.")] = None,
    step: Annotated[int | None, typer.Option(help="Mode window: frames from one to the next.")] = None,
    margin: Annotated[
        float, typer.Option(help="Lead in probability that a new label must reach, 0 to 1.")
    ] = 0.5,
    hold: Annotated[int, typer.Option(help="Rows for which a new label must lead.")] = 2,
    top_k: Annotated[int, typer.Option("--top", help="Classes of each clip that the table keeps.")] = 5,
    influence: Annotated[
        bool,
        typer.Option(
            "--influence/--no-influence",
            help="Show beside each trace which frames its logits are made of. Takes a gradient for each "
            "frame: 3 to 14 times the network's own time; with --stream of 16 clips only.",
        ),
    ] = True,
    stream: Annotated[
        bool, typer.Option("--stream", help="For whole data sets: tables only, written in pieces.")
    ] = False,
    formats: Annotated[
        str, typer.Option("--formats", help="png, svg, pdf, html, mp4, webm; csv, parquet, json.")
    ] = "png,csv,parquet,json",
    family: Family = None,
    frames: Frames = None,
    batch: Annotated[int, typer.Option(help="Clips at once.")] = 8,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("trace"),
    json: Json = False,
) -> None:
    """Trace a prediction over the course of clips (Figure 5).

    Draws each clip's frames with the label and confidence that the network gives them, marks where the
    predicted state changes, and writes the table behind it. Exits with 1 if some clips could not be read.
    """
    from gst_analysis import terminal, workflows
    from gst_analysis.analysis.frame_traces import TracePlan
    from gst_analysis.analysis.state_changes import ChangeSettings
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables import check_choices

    kinds = check_choices("formats", formats.split(","), workflows.TRACE_FORMATS)
    plan = TracePlan(mode, window, step, InferenceSettings(batch=batch, device=device))
    options = workflows.TraceOptions(plan, ChangeSettings(margin, hold), top_k, influence)
    records = workflows.choose_clips(
        clips or [], dataset, workflows.ClipChoice(root, limit=limit, subset=subset)
    )
    model = workflows.open_model(checkpoint, family=family, num_frames=frames)
    with terminal.show_progress("tracing", len(records)) as progress:
        if stream:
            folder = workflows.trace_to_folder(
                model, records, out, kinds=kinds, options=options, progress=progress
            )
        else:
            result = workflows.trace(model, records, options=options, progress=progress)
    if stream:
        terminal.print_json(folder.contract()) if json else terminal.show_traced_folder(folder)
        raise typer.Exit(1 if folder.summary.failures else 0)
    with terminal.show_progress("drawing", len(records)) as progress:
        files = workflows.save_traces(result, out, kinds, dark=dark, progress=progress)
    terminal.print_json(result.contract(files)) if json else terminal.show_traces(result, files)
    raise typer.Exit(1 if result.summary.failures or files.failures else 0)
