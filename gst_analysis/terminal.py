"""Results as text for people, and progress bars. Text goes to stdout, progress to stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gst_analysis.results import to_json

if TYPE_CHECKING:
    from gst_analysis.analysis.complexity import ComplexitySummary
    from gst_analysis.training.outcome import TrainResult
    from gst_analysis.training.progress import TrainProgress
    from gst_analysis.workflows import BnScales, DatasetCheck, Inspection, MadeWorld, PaperAudit
    from gst_analysis.workflows import Progress as Report


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(to_json(value))


@contextmanager
def show_progress(title: str, total: int) -> Iterator[Report]:
    """A bar on stderr for as long as the block runs; nothing when stderr is not a terminal."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[current]}"),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total, current="")
        yield lambda done, of, name: bar.update(task, completed=done, total=of, current=escape(name))


def show_inspection(found: Inspection) -> None:
    """Two columns: what, and which."""
    fields = {
        "network": found.name, "alpha": found.alpha or "none", "beta": found.beta or "none",
        "stem width": found.width, "classes": found.num_classes, "frames": found.num_frames,
        "layout": found.layout, "parameters": f"{found.params:,} ({found.params / 1e6:.1f} M)",
        "can be run": "yes" if found.runnable else "no", "sha256": found.sha256,
    }  # fmt: skip
    _print_pairs(found.file, fields)
    for note in found.notes:
        print(f"note: {note}")


def show_bn_scales(result: BnScales, files: Mapping[str, str]) -> None:
    """One row a batch norm: count and median of each group."""
    for checkpoint, layers in result.summary.checkpoints.items():
        table = Table(title=f"{escape(checkpoint)}: {result.summary.statistic} after each temporal operator")
        groups = list(dict.fromkeys(group for layer in layers for group in layer.groups))
        table.add_column("batch norm")
        for group in groups:
            table.add_column(f"{group} n", justify="right")
            table.add_column(f"{group} median", justify="right")
        for layer in layers:
            cells = [(str(s.n), f"{s.median:.3f}") for s in (layer.groups[g] for g in groups)]
            table.add_row(layer.layer, *(cell for pair in cells for cell in pair))
        Console().print(table)
        if groups == ["all"]:
            print("This family has no spatial and temporal groups, so there is one histogram.")
    show_files(files)


def show_cost(summary: ComplexitySummary) -> None:
    """Totals, the three groups, and each counting convention."""
    totals = {
        "parameters": f"{summary.params:,} ({summary.params / 1e6:.1f} M)",
        "multiply-adds": f"{summary.macs:,} ({summary.macs / 1e9:.1f} GMACs)",
        "FLOPs (2 x multiply-adds)": f"{summary.flops:,} ({summary.flops / 1e9:.1f} G)",
    }
    _print_pairs("convolutions and linear layers of one clip", totals)
    table = Table("group", "parameters", "multiply-adds", "of all multiply-adds")
    for name, part in summary.groups.items():
        table.add_row(name, f"{part.params:,}", f"{part.macs:,}", f"{part.macs / summary.macs:.1%}")
    Console().print(table)
    _print_pairs("by counting convention", {n: f"{v / 1e9:.3f} G" for n, v in summary.conventions.items()})


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


def show_world(made: MadeWorld) -> None:
    """What was rendered, and where."""
    fields = {
        "world": made.world, "clips": made.clips, "for training": made.train,
        "for validation": made.validation, "classes": "\n".join(made.labels),
    }  # fmt: skip
    _print_pairs(made.folder, fields)


def show_dataset_check(result: DatasetCheck, files: Mapping[str, str]) -> None:
    """How many clips are sound, then every problem."""
    for note in result.notes:
        print(f"note: {note}")
    if len(result.table):
        table = Table("clip", "problem", "detail")
        for row in result.table.to_dict("records"):
            table.add_row(*(escape(str(row[name])) for name in ("clip", "problem", "detail")))
        Console().print(table)
    summary = result.summary
    print(f"{summary.sound} of {summary.clips} clips are sound")
    show_files(files)


@contextmanager
def show_training() -> Iterator[Callable[[TrainProgress], object]]:
    """A bar for the epoch at hand with loss, learning rate, speed and what is left of the whole run."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[now]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=None, now="")

        def report(at: TrainProgress) -> None:
            epoch = f" epoch {at.epoch}/{at.epochs}" if at.epoch else ""
            now = [
                f"loss {at.loss:.3f}" if at.loss is not None else "",
                f"lr {at.lr:.2g}" if at.lr is not None else "",
                f"{at.clips_per_s:.0f} clips/s" if at.clips_per_s is not None else "",
                f"{timedelta(seconds=round(at.eta_s))} left" if at.eta_s is not None else "",
            ]
            bar.update(
                task, description=at.phase + epoch, completed=at.step, total=at.steps,
                now=", ".join(part for part in now if part),
            )  # fmt: skip

        yield report


def show_trained(result: TrainResult) -> None:
    """A row an epoch, then where the files lie."""
    table = Table(
        "epoch", "lr", "loss", "top-1", "val loss", "val top-1", title=escape(result.summary.network)
    )
    for row in result.table.to_dict("records"):
        shares = [f"{row[name]:.1%}" if row[name] == row[name] else "" for name in ("top1", "val_top1")]
        losses = [f"{row[name]:.3f}" if row[name] == row[name] else "" for name in ("loss", "val_loss")]
        table.add_row(str(row["epoch"]), f"{row['lr']:.2g}", losses[0], shares[0], losses[1], shares[1])
    Console().print(table)
    for note in result.notes:
        print(f"note: {note}")
    show_files(result.files)


def show_recipes(names: list[str], *, json: bool) -> None:
    """The packaged recipes' names."""
    if json:
        print_json(names)
    else:
        print("\n".join(names))


def show_files(files: Mapping[str, str]) -> None:
    """Where the results were written."""
    for kind, path in files.items():
        print(f"{kind}: {path}")


def _print_pairs(title: str, pairs: Mapping[str, object]) -> None:
    table = Table(title=escape(title), show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in pairs.items():
        table.add_row(name, escape(str(value)))
    Console().print(table)
