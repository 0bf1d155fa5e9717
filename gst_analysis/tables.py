"""The schema of every table, and the check that a table keeps it. No torch here.

Column names exist once, in this file. A table is a tidy pandas frame: one row per observation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gst_analysis.errors import SpecError, TableError, name_some

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "whole", "real", "flag"]
_KINDS: Mapping[Kind, str] = {"text": "OUS", "whole": "iu", "real": "f", "flag": "b"}


@dataclass(frozen=True)
class Column:
    """A column's kind, the values it may take (any, if empty) and whether it may be missing."""

    kind: Kind
    values: frozenset[str] = frozenset()
    optional: bool = False
    meaning: str = ""


@dataclass(frozen=True)
class Schema:
    """A named set of columns, in order."""

    name: str
    columns: Mapping[str, Column] = field(hash=False)


def _text(meaning: str, *values: str) -> Column:
    return Column("text", frozenset(values), meaning=meaning)


def _whole(meaning: str) -> Column:
    return Column("whole", meaning=meaning)


def _real(meaning: str, *, optional: bool = False) -> Column:
    return Column("real", optional=optional, meaning=meaning)


BN_SCALES = Schema(
    "BN_SCALES",
    {
        "checkpoint": _text("the checkpoint's name"),
        "stage": _whole("stage of the backbone, from 1"),
        "block": _text("residual block, such as layer1.0"),
        "layer": _text("the batch norm after the temporal operator, such as layer1.0.bn2"),
        "group": _text("whose channel it is", "spatial", "temporal", "all"),
        "channel": _whole("position in the batch norm, from 0"),
        "gamma": _real("the batch norm's scale, as stored"),
        "beta": _real("the batch norm's offset, as stored"),
        "running_mean": _real("the batch norm's running mean"),
        "running_var": _real("the batch norm's running variance"),
        "share": _real("the part of the scale this group owns: 1, but for sth"),
        "importance": _real("|gamma| * share, the paper's reading of importance"),
    },
)

COMPLEXITY = Schema(
    "COMPLEXITY",
    {
        "spec": _text("the network's name"),
        "alpha": _text("its fraction of temporal channels, such as 1/4; empty where it has none"),
        "frames": _whole("frames in the clip"),
        "size": _whole("height and width of a frame in pixels"),
        "module": _text(
            "the module that does the work, such as layer1.0.conv2.temporal; an activation or a pooling, "
            "which has none, goes by the module whose output it reads"
        ),
        "stage": _whole("stage of the backbone; 0 for the stem, the last plus one for the head"),
        "op": _text("kind of work", "conv", "linear", "norm", "relu", "relu6", "pool"),
        "group": _text("whose cost it is", "spatial", "temporal", "shared"),
        "params": _whole("learned numbers"),
        "macs": _whole("multiply-adds for one clip; 0 for what is neither convolution nor linear"),
        "elements": _whole("numbers that a norm, an activation or a pooling reads, or biases are added to"),
    },
)

PAPER_AUDIT = Schema(
    "PAPER_AUDIT",
    {
        "table": _whole("the paper's table"),
        "dataset": _text("the dataset of the table's row or column"),
        "method": _text("the method as the paper names it"),
        "backbone": _text("the backbone as the paper names it"),
        "frames": _whole("frames in a clip"),
        "clips": _whole("clips averaged for a prediction; the costs are of one"),
        "spec": _text("the network as we name it"),
        "quantity": _text("what is compared", "params_m", "gmacs"),
        "printed": _real("the paper's number, in millions of parameters or in GMACs"),
        "computed": _real("ours"),
        "difference": _real("ours minus the paper's"),
        "tolerance": _real("the largest difference, either way, that still agrees"),
        "verdict": _text("agrees, or contradicts the paper's own formulas", "agrees", "contradicts"),
    },
)

PUBLISHED_COSTS = Schema(
    "PUBLISHED_COSTS",
    {
        "table": _whole("the paper's table"),
        "dataset": _text("what the accuracy was measured on"),
        "split": _text("which part of it"),
        "method": _text("the method as the paper names it"),
        "backbone": _text("the backbone as the paper names it"),
        "frames": _whole("frames in a clip"),
        "clips": _whole("clips averaged for a prediction"),
        "crops": _whole("crops of each clip averaged for a prediction"),
        "spec": _text("the network as we name it; empty if we do not have it"),
        "top1": _real("published top-1 accuracy in percent"),
        "params_m": _real("millions of parameters", optional=True),
        "gmacs": _real("GMACs of a prediction, all clips and crops together", optional=True),
        "source": _text("whether we computed the cost or the paper printed it", "computed", "printed"),
    },
)

DATASET_CHECK = Schema(
    "DATASET_CHECK",
    {
        "clip": _text("the clip's name in the annotations"),
        "path": _text("the file or folder it was looked for in"),
        "problem": _text("what is wrong", "missing", "unreadable", "truncated", "too short", "mislabelled"),
        "frames": Column("whole", optional=True, meaning="frames found; missing where none can be read"),
        "promised": Column("whole", optional=True, meaning="frames the annotation speaks of, if it does"),
        "label": _text("the label as annotated; empty if there is none"),
        "detail": _text("the problem in words"),
    },
)

TRAINING_STEPS = Schema(
    "TRAINING_STEPS",
    {
        "epoch": _whole("epoch, from 1"),
        "step": _whole("steps since training began"),
        "loss": _real("mean training loss since the row before"),
        "top1": _real("share of these clips, as augmented, that were right"),
        "lr": _real("the last step's learning rate"),
        "clips_per_s": _real("clips a second, reading and logging included"),
        "seconds": _real("time since training began, pauses left out"),
    },
)

TRAINING_EPOCHS = Schema(
    "TRAINING_EPOCHS",
    {
        "epoch": _whole("epoch, from 1"),
        "step": _whole("steps since training began"),
        "lr": _real("the last step's learning rate"),
        "loss": _real("mean training loss of the epoch"),
        "top1": _real("share of the training clips, as augmented, that were right"),
        "val_loss": _real("mean loss of the validation clips; missing if they were not run", optional=True),
        "val_top1": _real("share of the validation clips whose class came first", optional=True),
        "val_top5": _real(
            "share of the validation clips whose class was among the first five", optional=True
        ),
        "clips": _whole("training clips seen in the epoch"),
        "skipped": _whole("clips of both sets found unreadable so far"),
        "seconds": _real("time since training began, pauses left out"),
    },
)

PREDICTIONS = Schema(
    "PREDICTIONS",
    {
        "checkpoint": _text("the checkpoint's name"),
        "clip": _text("the clip's name"),
        "rank": _whole("place of the class among all, from 1"),
        "class_id": _whole("the class's number, from 0"),
        "label": _text("the class's name, or its number where names are unknown"),
        "probability": _real("softmax of the clip's logits"),
        "logit": _real("mean over the clip's frames and views"),
    },
)

FRAME_PREDICTIONS = Schema(
    "FRAME_PREDICTIONS",
    {
        "checkpoint": _text("the checkpoint's name"),
        "clip": _text("the clip's name"),
        "frame": _whole("which of the frames that were sampled, from 0"),
        "seconds": _real("when the frame is shown; missing where the clip does not say", optional=True),
        "rank": _whole("place of the class among all, from 1"),
        "class_id": _whole("the class's number, from 0"),
        "label": _text("the class's name, or its number where names are unknown"),
        "probability": _real("softmax of the frame's logits"),
        "logit": _real("mean over the clip's views"),
    },
)

CLASS_ACCURACY = Schema(
    "CLASS_ACCURACY",
    {
        "checkpoint": _text("the checkpoint's name"),
        "class_id": _whole("the class's number, from 0"),
        "label": _text("the class's name, or its number where names are unknown"),
        "clips": _whole("clips of this class that could be read"),
        "predicted": _whole("clips that were taken for it"),
        "correct": _whole("clips of this class that were taken for it"),
        "accuracy": _real("correct / clips; missing where there are no clips", optional=True),
        "top5": _real("share of its clips where it was among the first five", optional=True),
    },
)

CONFUSION = Schema(
    "CONFUSION",
    {
        "checkpoint": _text("the checkpoint's name"),
        "true_id": _whole("the number of the clips' own class, from 0"),
        "true_label": _text("its name, or its number where names are unknown"),
        "predicted_id": _whole("the number of the class that came first"),
        "predicted_label": _text("its name, or its number where names are unknown"),
        "clips": _whole("clips of the one that were taken for the other; 0 for most pairs"),
        "share": _real("of the clips of the true class; missing where there are none", optional=True),
    },
)

SCHEMAS: dict[str, Schema] = {
    schema.name: schema
    for schema in (
        BN_SCALES,
        COMPLEXITY,
        PAPER_AUDIT,
        PUBLISHED_COSTS,
        DATASET_CHECK,
        TRAINING_STEPS,
        TRAINING_EPOCHS,
        PREDICTIONS,
        FRAME_PREDICTIONS,
        CLASS_ACCURACY,
        CONFUSION,
    )
}


def check(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return the table unchanged if it keeps the schema; raise TableError if not."""
    missing = [c for c in schema.columns if c not in table.columns]
    extra = [str(c) for c in table.columns if c not in schema.columns]
    if missing or extra:
        raise _broken(schema, "exactly its columns", f"missing {missing}, extra {extra}")
    for name, column in schema.columns.items():
        _check_column(table[name], name, column, schema)
    return table


def _check_column(values: pd.Series, name: str, column: Column, schema: Schema) -> None:
    kind = values.dtype.kind if hasattr(values.dtype, "kind") else "O"
    if kind not in _KINDS[column.kind] and len(values):
        raise _broken(schema, f"{name} of kind {column.kind}", f"dtype {values.dtype}")
    if not column.optional and values.isna().any():
        raise _broken(schema, f"a value in every row of {name}", f"{int(values.isna().sum())} empty")
    if column.values:
        odd = sorted(set(map(str, values.dropna().unique())) - column.values)
        if odd:
            raise _broken(schema, f"{name} among {sorted(column.values)}", name_some(odd))


def check_choices(name: str, given: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Return the values without blanks and repeats if all are allowed; raise SpecError if not."""
    values = list(dict.fromkeys(value.strip() for value in given if value.strip()))
    odd = [value for value in values if value not in allowed]
    if odd or not values:
        raise SpecError(
            name, expected=f"some of {', '.join(allowed)}", found=name_some(odd) or "nothing",
            todo="choose among those",
        )  # fmt: skip
    return values


def _broken(schema: Schema, expected: str, found: str) -> TableError:
    return TableError(
        f"table {schema.name}", expected=expected, found=found, todo="report it: the analysis is at fault"
    )
