"""`cost` and `paper-audit`."""

from __future__ import annotations

from typing import Annotated

import typer

from gst_analysis.cli.program import Json, app


@app.command(epilog="Example: gst-analyze cost gst-resnet50 --alpha 1/4 --frames 8 --size 224 --classes 174")
def cost(
    model: Annotated[str, typer.Argument(metavar="SPEC|CKPT", help="FAMILY-BACKBONE, or a checkpoint file.")],
    alpha: Annotated[str | None, typer.Option(help="Fraction of temporal channels: 1/4, 0.25 or 4.")] = None,
    beta: Annotated[str | None, typer.Option(help="Fraction of the input each path reads: 1/2 or 1.")] = None,
    frames: Annotated[int | None, typer.Option(help="Frames in a clip (the checkpoint's own, or 8).")] = None,
    size: Annotated[
        int | None, typer.Option(help="Height and width of a frame in pixels (the checkpoint's own, or 224).")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(help="Classes of the head (the checkpoint's own, or 174).")
    ] = None,
    width: Annotated[int | None, typer.Option(help="Channels of the stem.")] = None,
    json: Json = False,
) -> None:
    """Count parameters and multiply-adds.

    For the spatial and the temporal kernels and what both share, by three counting conventions.
    """
    from gst_analysis import terminal, workflows

    design = {"alpha": alpha, "beta": beta, "num_frames": frames, "num_classes": classes, "width": width}
    summary = workflows.summarise_cost(model, size=size, **design)
    if json:
        terminal.print_json(summary)
    else:
        terminal.show_cost(summary)


@app.command("paper-audit", epilog="Example: gst-analyze paper-audit --json")
def paper_audit(json: Json = False) -> None:
    """Check the costs that the paper prints.

    Recomputes every parameter count and GFLOP figure of Tables 1-3 of the GST paper for the families that
    exist here, and flags those that contradict the paper's own formulas.
    """
    from gst_analysis import terminal
    from gst_analysis.workflows import audit_paper

    result = audit_paper()
    if json:
        terminal.print_json({"rows": result.table.to_dict("records"), "summary": result.summary})
    else:
        terminal.show_audit(result)
