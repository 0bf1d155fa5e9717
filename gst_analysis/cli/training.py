"""`train`: the command, and what it prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gst_analysis import training
from gst_analysis.console.loudness import ProgressLines
from gst_analysis.console.options import Json, Out
from gst_analysis.console.output import (
    build_table,
    escape,
    open_bar,
    print_document,
    print_files,
    print_json,
    print_remarks,
    print_table,
)
from gst_analysis.documents import TEXT, Part, describe, several
from gst_analysis.rooms import Door
from gst_analysis.training import DEFAULT_RECIPE, TrainProgress, TrainResult, TrainWatcher
from gst_analysis.training.table import write_resume

if TYPE_CHECKING:
    from rich import progress as bars
else:
    bars = Door("rich.progress")

commands = typer.Typer()


def describe_documents() -> list[Part]:
    """What its documents hold; the second one's is that of --recipes."""
    recipes = several(TEXT, "what train --recipes lists: the names of the packaged recipes")
    return [TrainResult.describe_document(), describe("recipes", {"recipes": recipes})]


@commands.command(
    epilog="Example: gst-analyze train planted-temporal --set schedule.epochs=5 --out runs/temporal"
)
def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE|FILE", help="A packaged recipe, or a TOML file.")
    ] = DEFAULT_RECIPE,
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
    if recipes:
        print_recipes(training.list_recipes(), json=json)
        return
    changes = [*(settings or []), *([f"run.device={device}"] if device else [])]
    result = _train(recipe, changes, out, "required" if resume else resume_if_any)
    if not result.leads:
        return
    if json:
        print_json(result.to_document())
    else:
        print_trained(result)


def _train(recipe: str, changes: list[str], out: Path, resume: training.Resume) -> TrainResult:
    """Train under a bar; of a run that Ctrl-C stops, say what it has left."""
    try:
        with show_training() as progress:
            return training.train(recipe, changes, out=out, resume=resume, progress=progress)
    except KeyboardInterrupt:
        print_stopped(out, saved=training.can_resume(out))
        raise


@contextmanager
def show_training() -> Iterator[TrainWatcher]:
    """A bar for the epoch at hand with loss, learning rate, speed and what is left of the whole run."""
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[now]}"),
    )
    with open_bar(*columns) as bar:
        task, lines = bar.add_task("starting", total=None, now=""), ProgressLines()

        def report(at: TrainProgress) -> None:
            title = f"{at.run}: " if at.run else ""
            epoch = f" epoch {at.epoch}/{at.epochs}" if at.epoch else ""
            now = [
                f"loss {at.loss:.3f}" if at.loss is not None else "",
                f"lr {at.lr:.2g}" if at.lr is not None else "",
                f"{at.clips_per_s:.0f} clips/s" if at.clips_per_s is not None else "",
                f"{timedelta(seconds=round(at.eta_s))} left" if at.eta_s is not None else "",
            ]
            told = ", ".join(part for part in now if part)
            if bar.disable:
                lines.tell(f"{title}{at.phase}{epoch} {told}".rstrip(), at.step, at.steps)
                return
            bar.update(
                task, description=title + at.phase + epoch, completed=at.step, total=at.steps, now=told
            )

        yield report


def print_stopped(out: Path, *, saved: bool) -> None:
    """What Ctrl-C has left, said once however many processes it reached."""
    if os.environ.get("LOCAL_RANK", "0") != "0":
        return
    told = f"the run in {out} is saved; go on with: {write_resume(out)}"
    told = told if saved else f"nothing was saved in {out} yet"
    print(f"gst-analyze: {told}", file=sys.stderr)


def print_trained(result: TrainResult) -> None:
    """A row an epoch, then where the files lie."""
    table = build_table(
        "epoch", "lr", "loss", "top-1", "val loss", "val top-1", title=escape(result.summary.network)
    )
    for row in result.table.to_dict("records"):
        shares = [f"{row[name]:.1%}" if row[name] == row[name] else "" for name in ("top1", "val_top1")]
        losses = [f"{row[name]:.3f}" if row[name] == row[name] else "" for name in ("loss", "val_loss")]
        table.add_row(str(row["epoch"]), f"{row['lr']:.2g}", losses[0], shares[0], losses[1], shares[1])
    print_table(table)
    print_remarks(result)
    print_files(result.files)


def print_recipes(names: list[str], *, json: bool) -> None:
    """The packaged recipes' names."""
    if json:
        print_document("recipes", {"recipes": names})
    else:
        print("\n".join(names))
