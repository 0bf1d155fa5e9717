"""`train`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.table import Table

from gst_analysis.console.options import Json, Out
from gst_analysis.console.output import open_bar, print_files, print_json

if TYPE_CHECKING:
    from gst_analysis.demo import Demo
    from gst_analysis.training.outcome import TrainResult
    from gst_analysis.training.progress import TrainProgress

commands = typer.Typer()


@commands.command(
    epilog="Example: gst-analyze train planted-temporal --set schedule.epochs=5 --out runs/temporal"
)
def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE|FILE", help="A packaged recipe, or a TOML file.")
    ] = "something-v2-gst-r50-8f",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the recipe.")
    ] = None,
    out: Out = Path("runs/last"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    resume_if_any: Annotated[
        bool, typer.Option("--resume-if-any", help="The same, but begin one where there is none.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps; short for run.device.")] = None,
    recipes: Annotated[bool, typer.Option("--recipes", help="List the packaged recipes and stop.")] = False,
    json: Json = False,
) -> None:
    """Train a network by a recipe.

    Writes last.pth, best.pth, kept epochs, logs and the state to go on from into --out. Ctrl-C saves and
    exits with 130; --resume goes on from there, and is refused where there is no run. A script that a cluster
    may start again and again uses --resume-if-any. The default recipe is the paper's.
    """
    from gst_analysis.console.output import print_json
    from gst_analysis.training import running
    from gst_analysis.training.running import can_resume, list_recipes

    if recipes:
        show_recipes(list_recipes(), json=json)
        return
    changes = [*(settings or []), *([f"run.device={device}"] if device else [])]
    try:
        with show_training() as progress:
            result = running.train(
                recipe, changes, out=out, resume="required" if resume else resume_if_any, progress=progress
            )
    except KeyboardInterrupt:
        show_stopped(out, saved=can_resume(out))
        raise
    if not result.leads:
        return
    if json:
        rows = result.table.to_dict("records")
        record = {"summary": result.summary, "epochs": rows, "files": result.files, "notes": result.notes}
        print_json(record)
    else:
        show_trained(result)


@contextmanager
def show_training() -> Iterator[Callable[..., object]]:
    """A bar for the epoch at hand with loss, learning rate, speed and what is left of the whole run."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[now]}"),
    )
    with open_bar(*columns) as bar:
        task = bar.add_task("starting", total=None, now="")

        def report(at: TrainProgress, title: str = "") -> None:
            epoch = f" epoch {at.epoch}/{at.epochs}" if at.epoch else ""
            now = [
                f"loss {at.loss:.3f}" if at.loss is not None else "",
                f"lr {at.lr:.2g}" if at.lr is not None else "",
                f"{at.clips_per_s:.0f} clips/s" if at.clips_per_s is not None else "",
                f"{timedelta(seconds=round(at.eta_s))} left" if at.eta_s is not None else "",
            ]
            bar.update(
                task,
                description=title + at.phase + epoch,
                completed=at.step,
                total=at.steps,
                now=", ".join(part for part in now if part),
            )

        yield report


def show_stopped(out: Path, *, saved: bool) -> None:
    """What Ctrl-C has left, said once however many processes it reached."""
    if int(os.environ.get("LOCAL_RANK", "0")):
        return
    told = f"the run in {out} is saved; go on with --resume" if saved else f"nothing was saved in {out} yet"
    print(f"gst-analyze: {told}", file=sys.stderr)


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
    print_files(result.files)


def show_recipes(names: list[str], *, json: bool) -> None:
    """The packaged recipes' names."""
    if json:
        print_json(names)
    else:
        print("\n".join(names))


def show_demo(demo: Demo) -> None:
    """What both networks have learned, and what to look at next."""
    table = Table("network", "top-1 on validation clips", title="The class is only in the order of frames")
    table.add_row("GST, α 1/4", f"{demo.gst_top1:.1%}")
    table.add_row("the 2-D network (C2D)", f"{demo.c2d_top1:.1%}")
    table.add_row("best without any sense of order", f"{demo.order_blind_top1:.1%}")
    Console().print(table)
    print(f"{demo.clips} clips rendered, two networks trained in {demo.seconds:.0f} s")
    print_files(demo.files)
    gst, world = demo.files["gst"], demo.files["world"]
    print("\nLook next at:")
    print(f"  {demo.files['figure 4']}  (spatial and temporal batch-norm scales)")
    print(f"  gst-analyze evaluate {gst} {world}")
    print(f"  gst-analyze trace {gst} {world}/videos/1.mp4")
    print(f"  gst-analyze ablate {gst} {world}  (is the picture true?)")
