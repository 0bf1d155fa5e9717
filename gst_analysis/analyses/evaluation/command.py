"""`evaluate`: the command, and what it prints."""

from __future__ import annotations

import typer

from gst_analysis.analyses.evaluation import EvaluationOptions, ModelEvaluation
from gst_analysis.analyses.evaluation import evaluate as evaluate_model
from gst_analysis.analyses.evaluation.table import name_shares
from gst_analysis.console.options import CheckpointFile, Dataset, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, print_pairs, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.numbers import show_share_interval
from gst_analysis.options import Files, files_of

commands = typer.Typer()

_OPTIONS = EvaluationOptions()
_FILES = files_of(ModelEvaluation, "evaluation")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [ModelEvaluation.describe_document()]


@commands.command(
    epilog="Example: gst-analyze evaluate ckpt.pth something-something-v2 --samplings 2 --crops 3"
)
@takes_options
def evaluate(
    checkpoint: CheckpointFile,
    dataset: Dataset,
    options: EvaluationOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Measure how often a network is right.

    Top-1, top-5 and every class's accuracy over labelled clips, and what was taken for what. Start it with
    torchrun or `fabric run` to share the clips among processes. Exits with 1 if some clips could not be
    read: they count neither as right nor as wrong.
    """
    with show_progress("evaluating") as progress:
        result = evaluate_model(checkpoint, dataset, options=options, progress=progress)
    finish(result, files, json=json, show=print_evaluation)


def print_evaluation(result: ModelEvaluation) -> None:
    """The shares, then every class that has clips."""
    summary = result.summary
    fields = {
        "clips": summary.clips,
        **{name: show_share_interval(**vars(found)) for name, found in name_shares(summary).items()},
        "classes with clips": f"{summary.classes_seen} of {summary.classes}",
    }
    print_pairs(result.logits.checkpoint, fields)
    table = build_table("class", "clips", "right", "top-1", caption="in brackets: 95% confidence interval")
    for row in result.table[result.table["clips"] > 0].to_dict("records"):
        ends = (row[f"accuracy{end}"] for end in ("", "_low", "_high"))
        numbers = (str(row["clips"]), str(row["correct"]), show_share_interval(*ends))
        table.add_row(escape(str(row["label"])), *numbers)
    print_table(table)
