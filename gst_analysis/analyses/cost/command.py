"""`cost` and `paper-audit`: the commands, and what they print."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from gst_analysis.analyses.cost import (
    Cost,
    CostOptions,
    CostSummary,
    DesignCost,
    ExplainedCost,
    PaperAudit,
    PublishedOptions,
    PublishedPlacing,
    audit_paper,
    compare_with_published,
    cost,
    explain_cost,
    summarise_cost,
)
from gst_analysis.analyses.cost.spoken import say_place
from gst_analysis.console.options import Json, SpecOrCheckpoint, takes_options
from gst_analysis.console.output import (
    build_table,
    conclude,
    print_document,
    print_json,
    print_pairs,
    print_table,
    save_or_keep,
)
from gst_analysis.console.waiting import show_wait
from gst_analysis.documents import FOOT, Part, describe, maybe, several, value_of
from gst_analysis.files import to_plain
from gst_analysis.numbers import show_count
from gst_analysis.options import Files, files_of

commands = typer.Typer()

_OPTIONS = CostOptions()
_KNOWN = PublishedOptions()
_FILES = files_of(Cost, None)


def describe_documents() -> list[Part]:
    """What its documents hold."""
    explained = several(value_of(ExplainedCost), "what other people's counters would say, with --explain")
    told = {**Cost.describe_fields(), "explained": maybe(explained), "placed": maybe(value_of(DesignCost))}
    told |= {name: maybe(part) for name, part in FOOT.items()}
    return [describe("cost", told), PaperAudit.describe_document()]


@commands.command(
    "cost", epilog="Example: gst-analyze cost gst-resnet50 --alpha 1/4 --frames 8 --size 224 --classes 174"
)
@takes_options
def count_cost(
    model: SpecOrCheckpoint,
    options: CostOptions = _OPTIONS,
    known: PublishedOptions = _KNOWN,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also print what other people's counters would say.")
    ] = False,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Count parameters and multiply-adds.

    For the spatial and the temporal kernels, those over both, and what they share; and as each well-known
    counter would count. Given --top1, also says where the network stands among published results. Given
    --out, also writes the cost of every module and its figure, and that of the published results.
    """
    with show_wait("counting"):
        told = explain_cost(model, options=options) if explain else []
    if files.out is not None or known != _KNOWN:
        with show_wait("counting"):
            found = cost(model, options=options)
            placed = None if known == _KNOWN else compare_with_published(found, options=known)
            written = save_or_keep(partial(_save, found, placed, files), files.out) if files.out else {}
        if json:
            print_json({**found.to_document(written), **_tell(placed, told)})
        else:
            conclude(found, written, json=False, show=lambda one: print_cost(one.summary, told, placed))
        return
    with show_wait("counting"):
        summary = summarise_cost(model, options=options)  # without a table, so without pandas, which is slow
    if json:
        print_document("cost", {**vars(summary), **_tell(None, told)})
    else:
        print_cost(summary, told)


def _save(found: Cost, placed: PublishedPlacing | None, files: Files, folder: Path) -> dict[str, str]:
    """Write what was counted, and beside it what was published if the network is placed there."""
    written = found.save(folder, files.formats, dark=files.dark, overwrite=files.overwrite)
    if placed is not None:
        beside = placed.save(folder, files.formats, dark=files.dark, overwrite=files.overwrite)
        written |= {f"{placed.stem}.{kind}": file for kind, file in beside.items()}
    return written


def _tell(placed: PublishedPlacing | None, explained: Sequence[ExplainedCost]) -> dict[str, Any]:
    """What the document holds if it is asked for."""
    told: dict[str, Any] = {"explained": to_plain(explained)} if explained else {}
    return told if placed is None else {**told, "placed": to_plain(placed.summary)}


@commands.command("paper-audit", epilog="Example: gst-analyze paper-audit --json")
def paper_audit(json: Json = False) -> None:
    """Check the costs that the paper prints.

    Recomputes every parameter count and GFLOP figure of Tables 1-3 of the GST paper for the families that
    exist here, and flags those that contradict the paper's own formulas. For every line of Tables 2-7 it
    prints the cost, or the command that computes it, or why none does; and the recipe that would train such
    a network.
    """
    with show_wait("counting"):
        result = audit_paper()
    if json:
        print_json(result.to_document())
    else:
        print_audit(result)


def print_cost(
    summary: CostSummary, explained: Sequence[ExplainedCost] = (), placed: PublishedPlacing | None = None
) -> None:
    """Totals, the groups, each counting convention, what others would print, and where it is placed."""
    totals = {
        "parameters": f"{summary.params:,} ({show_count(summary.params)})",
        "multiply-adds": f"{summary.macs:,} ({show_count(summary.macs)}MACs)",
        "FLOPs (2 x multiply-adds)": f"{summary.flops:,} ({show_count(summary.flops)})",
    }
    count, classes = summary.spec["num_frames"], summary.spec["num_classes"]
    frames = "one frame" if count == 1 else f"{count} frames"
    network = f"{summary.name}, {classes:,} classes, {frames} of {summary.size}²"
    print_pairs(f"{network}\nconvolutions and matrix products of one clip", totals)
    table = build_table("group", "parameters", "multiply-adds", "of all multiply-adds")
    for name, part in summary.groups.items():
        table.add_row(name, f"{part.params:,}", f"{part.macs:,}", f"{part.macs / summary.macs:.1%}")
    print_table(table)
    print_pairs(
        "by counting convention", {n: f"{v:,} ({show_count(v)})" for n, v in summary.conventions.items()}
    )
    if explained:
        print_explained(explained)
    if placed is not None and placed.summary.top1 is not None:
        print(say_place(placed.summary))


def print_explained(explained: Sequence[ExplainedCost]) -> None:
    """A line for each convention of other people's."""
    table = build_table("who counts so", "pixels", "what", "prints", title="What others would print")
    table.add_column("which is printed by", overflow="fold")
    for one in explained:
        value = "no such clips" if one.value is None else f"{one.value:.2f} {one.unit}"
        table.add_row(one.who, f"{one.size}²", one.convention, value, ", ".join(one.reproduces))
    print_table(table)


def print_audit(result: PaperAudit) -> None:
    """Table 1's formulas at work, then printed beside computed, contradictions marked."""
    formulas = build_table(title="Table 1 at 64 channels in and out, 3x3x3, α 1/4, 2 groups")
    for heading in ("operator", "formula", "parameters"):
        formulas.add_column(heading)
    for line in result.summary.formulas:
        formulas.add_row(line.model, f"{line.symbols}\n= {line.numbers}", f"{line.params:,}")
    print_table(formulas)
    table = build_table(
        "table", "set", "method", "frames", "printed", "computed", title="M: million parameters"
    )
    table.add_column("verdict", no_wrap=True)
    units = {"params_m": "M", "gmacs": "GMACs"}
    for row in result.table.to_dict("records"):
        unit, dataset = units[str(row["quantity"])], str(row["dataset"]).removeprefix("something-")
        numbers = (f"{row['printed']:.1f} {unit}", f"{row['computed']:.2f} {unit}")
        style = "bold" if row["verdict"] == "contradicts" else None
        cells = (str(row["table"]), dataset, str(row["method"]), str(row["frames"]), *numbers)
        table.add_row(*cells, str(row["verdict"]), style=style)
    print_table(table)
    for contradiction in result.summary.contradictions:
        print(contradiction)
    print_lines(result)


def print_lines(result: PaperAudit) -> None:
    """Every line of Tables 2 to 7: two lines of text, its cost and how its accuracy is measured."""
    print("\nEvery line of Tables 2 to 7: its cost, and how its accuracy would be measured")
    for row in result.rows.to_dict("records"):
        frames = f", {row['frames']:.0f} frames" if row["frames"] == row["frames"] else ""
        name = f"Table {row['table']}, {row['dataset']} {row['split']}, {row['method']} {row['backbone']}"
        costs = f"{row['params_m']:.2f} M, {row['gmacs']:.2f} GMACs: " if row["status"] == "computed" else ""
        print(f"{name.rstrip()}{frames}\n    {costs}{row['cost_by']}")
        if row["accuracy_by"] != row["cost_by"]:
            print(f"    {row['accuracy_by']}")
