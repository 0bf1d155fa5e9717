"""`cost` and `paper-audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from gst_analysis.console.options import Json
from gst_analysis.console.output import print_pairs
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.sections.parts import show_count

if TYPE_CHECKING:
    from gst_analysis.analyses.cost import PaperAudit
    from gst_analysis.analyses.cost.measure import ComplexitySummary

commands = typer.Typer()


@commands.command(
    epilog="Example: gst-analyze cost gst-resnet50 --alpha 1/4 --frames 8 --size 224 --classes 174"
)
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
    from gst_analysis.analyses import cost as cost_room
    from gst_analysis.console.output import print_json

    design = {"alpha": alpha, "beta": beta, "num_frames": frames, "num_classes": classes, "width": width}
    summary = cost_room.summarise_cost(model, size=size, **design)
    if json:
        print_json(summary)
    else:
        show_cost(summary)


@commands.command("paper-audit", epilog="Example: gst-analyze paper-audit --json")
def paper_audit(json: Json = False) -> None:
    """Check the costs that the paper prints.

    Recomputes every parameter count and GFLOP figure of Tables 1-3 of the GST paper for the families that
    exist here, and flags those that contradict the paper's own formulas.
    """
    from gst_analysis.analyses.cost import audit_paper
    from gst_analysis.console.output import print_json

    result = audit_paper()
    if json:
        print_json({"rows": result.table.to_dict("records"), "summary": result.summary})
    else:
        show_audit(result)


def show_cost(summary: ComplexitySummary) -> None:
    """Totals, the three groups, and each counting convention."""
    totals = {
        "parameters": f"{summary.params:,} ({show_count(summary.params)})",
        "multiply-adds": f"{summary.macs:,} ({show_count(summary.macs)}MACs)",
        "FLOPs (2 x multiply-adds)": f"{summary.flops:,} ({show_count(summary.flops)})",
    }
    spec = ModelSpec.from_json(summary.spec)
    frames = "one frame" if spec.num_frames == 1 else f"{spec.num_frames} frames"
    network = f"{spec.label}, {spec.num_classes:,} classes, {frames} of {summary.size}²"
    print_pairs(f"{network}\nconvolutions and linear layers of one clip", totals)
    table = Table("group", "parameters", "multiply-adds", "of all multiply-adds")
    for name, part in summary.groups.items():
        table.add_row(name, f"{part.params:,}", f"{part.macs:,}", f"{part.macs / summary.macs:.1%}")
    Console().print(table)
    print_pairs(
        "by counting convention", {n: f"{v:,} ({show_count(v)})" for n, v in summary.conventions.items()}
    )


def show_audit(result: PaperAudit) -> None:
    """Table 1's formulas at work, then printed beside computed, contradictions marked."""
    formulas = Table(title="Table 1 at 64 channels in and out, 3x3x3, α 1/4, 2 groups")
    for heading in ("operator", "formula", "parameters"):
        formulas.add_column(heading)
    for line in result.summary.formulas:
        formulas.add_row(line.model, f"{line.symbols}\n= {line.numbers}", f"{line.params:,}")
    Console().print(formulas)
    table = Table("table", "set", "method", "frames", "printed", "computed", title="M: million parameters")
    table.add_column("verdict", no_wrap=True)
    units = {"params_m": "M", "gmacs": "GMACs"}
    for row in result.table.to_dict("records"):
        unit, dataset = units[str(row["quantity"])], str(row["dataset"]).removeprefix("something-")
        numbers = (f"{row['printed']:.1f} {unit}", f"{row['computed']:.2f} {unit}")
        style = "bold" if row["verdict"] == "contradicts" else None
        cells = (str(row["table"]), dataset, str(row["method"]), str(row["frames"]), *numbers)
        table.add_row(*cells, str(row["verdict"]), style=style)
    Console().print(table)
    for contradiction in result.summary.contradictions:
        print(contradiction)
