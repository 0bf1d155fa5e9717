"""`ablate`: the command, and what it prints."""

from __future__ import annotations

import pandas as pd
import typer

from gst_analysis.analyses.ablation import Ablation, AblationOptions, ablate
from gst_analysis.console.options import CheckpointFile, Dataset, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.numbers import how_many
from gst_analysis.options import Files, files_of
from gst_analysis.style.names import drop_shared_start

commands = typer.Typer()

_OPTIONS = AblationOptions()
_FILES = files_of(Ablation, "ablation")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [Ablation.describe_document()]


@commands.command(
    "ablate", epilog="Example: gst-analyze ablate ckpt.pth worlds/temporal --limit 200 --out ablation"
)
@takes_options
def ablate_channels(
    checkpoint: CheckpointFile,
    dataset: Dataset,
    options: AblationOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Measure what each group of channels is needed for.

    Silences, averages or shuffles the spatial or the temporal channels of one block at a time, and says how
    far accuracy and the true class's logit fall. With --joint groups are changed together, too: what one does
    another may do as well. With --heads every head of attention is changed by itself, too. Exits with 1 if
    some clips could not be read.
    """
    with show_progress("ablating") as progress:
        result = ablate(checkpoint, dataset, options=options, progress=progress)
    finish(result, files, json=json, show=print_ablation)


def print_ablation(result: Ablation) -> None:
    """One row a layer and group: the fall of accuracy for each intervention, starred if it is sure.

    Of one clip nothing is: every resample of it is the clip itself.
    """
    summary = result.summary
    several = summary.clips > 1
    accuracy = (
        f"{summary.accuracy.value:.1%} of {how_many(summary.clips, 'clip')} right when nothing is changed"
    )
    table = build_table(
        title=f"{escape(result.name)}: {accuracy}",
        caption=f"percentage points of accuracy lost{'; *: the interval leaves out 0' if several else ''}",
    )
    for heading in ("layer", "group"):
        table.add_column(heading)
    for intervention in summary.interventions:
        table.add_column(intervention, justify="right")
    layers = list(dict.fromkeys(result.table["layer"]))
    names = dict(zip(layers, drop_shared_start(layers), strict=True))
    for (layer, group), rows in result.table.groupby(["layer", "group"], sort=False):
        drops = rows[["accuracy_drop", "accuracy_drop_low", "accuracy_drop_high"]].to_numpy(dtype=float)
        sure = [several and (low > 0 or high < 0) for _, low, high in drops]
        cells = [f"{100 * drop[0]:.1f}{'*' if star else ' '}" for drop, star in zip(drops, sure, strict=True)]
        table.add_row(names[str(layer)], str(group), *cells)
    print_table(table)
    if result.joint is not None:
        _print_joint(result.joint)
    if result.heads is not None:
        _print_heads(result.heads)


def _print_heads(heads: pd.DataFrame) -> None:
    """The five heads that cost the most, of all that was done to them."""
    layers, count = heads["layer"].nunique(), len(heads[["layer", "head"]].drop_duplicates())
    table = build_table(
        title=f"{count} heads in {layers} layers of attention: those that cost the most",
        caption="the rise of the cross entropy, in nats; *: the interval leaves out 0",
    )
    for heading in ("layer", "attends over", "head", "done to it"):
        table.add_column(heading)
    table.add_column("nats", justify="right")
    over = {"temporal": "time", "spatial": "space", "all": "both"}
    for row in heads.nlargest(5, "loss_rise").to_dict("records"):
        sure = row["clips"] > 1 and not row["loss_rise_low"] <= 0 <= row["loss_rise_high"]
        cells = (row["block"], over[row["group"]], str(row["head"]), row["intervention"])
        table.add_row(*cells, f"{row['loss_rise']:.3f}{'*' if sure else ' '}")
    print_table(table)


def _print_joint(joint: pd.DataFrame) -> None:
    """What groups cost together and the sum of each alone; of pairs, the three that differ most."""
    pairs = joint[joint["kind"] == "pair"].nlargest(3, "loss_rise_beyond")
    rows = pd.concat(
        [joint[joint["kind"].isin(["network", "stage"])], pairs, joint[joint["kind"] == "greedy"]]
    )
    table = build_table(
        title=f"changed together, by {joint['intervention'].iloc[0]}",
        caption="points of accuracy lost; the cross entropy beyond the sum of each alone, in nats; "
        "*: the interval leaves out 0",
    )
    table.add_column("together")
    for heading in ("points", "sum alone", "nats beyond"):
        table.add_column(heading, justify="right")
    for row in rows.to_dict("records"):
        sure = row["clips"] > 1 and not row["loss_rise_beyond_low"] <= 0 <= row["loss_rise_beyond_high"]
        table.add_row(
            str(row["set"]),
            f"{100 * row['accuracy_drop']:.1f}",
            f"{100 * row['accuracy_drop_alone']:.1f}",
            f"{row['loss_rise_beyond']:.2f}{'*' if sure else ' '}",
        )
    print_table(table)
