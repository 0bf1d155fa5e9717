"""Every line of the paper's Tables 2 to 7: its cost computed, or why not, and how its accuracy is measured.

Enters the packaged copy of the printed results; leaves a PAPER_ROWS table. A cost is arithmetic for our
designs and a record for published systems, so nothing is run; accuracies need videos and weights, so each
line names the recipe that trains such a network, or says why there is none. No torch here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gst_analysis.analyses.cost.counting import summarise_cost
from gst_analysis.analyses.cost.table import PAPER_ROWS
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems import SYSTEMS
from gst_analysis.tables import check

SIZE = 224
WHY_NOT = {
    "I3D-2stream": "two streams of a 3-D Inception-v1, a network that is not here",
    "R34-2stream": "attention maps and a ConvLSTM in its colour stream; its flow stream is c2d-resnet34-flow",
    "MFNet-C50": "neither its code nor a full description of it is public",
    "MFNet-C101": "neither its code nor a full description of it is public",
    "NL I3D+GCN": "graphs over the boxes of a detector, which no clip holds",
    "R(2+1)D+DIMOFS": "R(2+1)D, but trained on poses beside the videos",
    "Object-level reasoning [1]": "it needs the masks of a detector",
    "LFB": "it needs features of the whole video beside the clip; no figure of its paper is the printed one",
}
"""By the paper's name: why such a network is not here."""
_SYSTEMS = {
    ("TRN", "BN-Inception"): "trn-bninception",
    ("ECO", "BN-Inception+3D ResNet-18"): "eco-full",
    ("NL I3D", "3D resnet50"): "nl-i3d-r50",
    ("S3D", "BN-Inception"): "s3d",
    ("S3D-G", "BN-Inception"): "s3d-g",
    ("C3D", ""): "c3d",
    ("R(2+1)D", ""): "r2plus1d-34",
}
"""A line's method and backbone -> the published system."""
TWO_STREAMS = {
    "TRN-2stream": ("trn-bninception", "trn-bninception-flow"),
    "TSM-2stream": ("tsm-resnet50", "tsm-resnet50-flow"),
}
"""A line's method -> its networks of colour frames and of optical flow."""
_RECIPES = {
    ("something-v1", "resnet50", 8): "something-v1-gst-r50-8f",
    ("something-v2", "resnet50", 8): "something-v2-gst-r50-8f",
    ("diving48", "resnet18", 16): "diving48-gst-r18-16f",
    ("diving48", "resnet50", 16): "diving48-gst-r50-16f",
    ("epic-kitchens verb", "resnet50", 8): "epic-kitchens-verbs-gst-r50-8f",
    ("egtea gaze+", "resnet34", 8): "egtea-gst-r34-8f",
    ("egtea gaze+", "resnet50", 8): "egtea-gst-r50-8f",
}
"""Data set, backbone and frames -> the packaged recipe."""
_DESIGN_OF_RECIPES = "1/4"


@dataclass(frozen=True)
class _Line:
    """What is known of one line's network."""

    spec: str = ""
    params_m: float = float("nan")
    gmacs: float = float("nan")
    status: str = "not here"
    cost_by: str = ""


def tabulate_rows(published: pd.DataFrame, designs: Mapping[int, ModelSpec | None]) -> pd.DataFrame:
    """One row for every line of Tables 2 to 7.

    Args:
        published: the printed results.
        designs: by a line's number, our network that follows from arithmetic, if it is one.
    """
    rows = [_describe(row, designs[number]) for number, row in enumerate(published.to_dict("records"))]
    return check(pd.DataFrame(rows, columns=list(PAPER_ROWS.columns)), PAPER_ROWS)


def _describe(row: Mapping[Any, Any], design: ModelSpec | None) -> dict[str, Any]:
    line = _of_design(design) if design is not None else _of_others(row)
    backbone = _text(row["backbone"])
    return {
        **{name: row[name] for name in ("table", "dataset", "split", "method")},
        "backbone": backbone,
        "frames": row["frames"],
        "printed_params_m": row["params_m"],
        "printed_gmacs": row["gflops_per_clip"],
        "top1": row["top1"],
        "top5": row["top5"],
        "spec": line.spec,
        "status": line.status,
        "params_m": line.params_m,
        "gmacs": line.gmacs,
        "cost_by": line.cost_by,
        "accuracy_by": _name_recipe(row, design, line),
    }


def _of_design(spec: ModelSpec) -> _Line:
    cost = summarise_cost(spec, size=SIZE)
    alpha = "" if spec.alpha is None else f" --alpha {spec.alpha}"
    command = f"gst-analyze cost {spec.name}{alpha} --frames {spec.num_frames} --classes {spec.num_classes}"
    return _Line(spec.name, cost.params / 1e6, cost.macs / 1e9, "computed", command)


def _of_others(row: Mapping[Any, Any]) -> _Line:
    """A published system, whose record is of its own frames alone; or why there is none."""
    method = str(row["method"])
    if method in TWO_STREAMS:
        return _of_streams(*TWO_STREAMS[method], int(row["frames"]))
    name = _SYSTEMS.get((method, _text(row["backbone"])))
    if name is None:
        return _Line(cost_by=WHY_NOT.get(method, "the paper does not say enough of it"))
    record, frames = SYSTEMS[name], row["frames"]
    told = frames == frames  # the paper says how many
    if not told or frames == record.frames:
        command = f"gst-analyze cost {name}"
        return _Line(name, record.params / 1e6, record.gmacs, "computed", command)
    if record.lengths == "fixed":
        return _Line(name, cost_by=f"our {name} takes {record.frames} frames alone")
    command = f"gst-analyze cost {name} --frames {int(frames)}"
    return _Line(name, status="by command", cost_by=command)


def _of_streams(colours: str, flow: str, frames: int) -> _Line:
    """Two networks, whose costs are added: as many stacks of flow as there are frames."""
    name, command = f"{colours} + {flow}", f"gst-analyze cost {colours} --flow {flow}"
    if colours in SYSTEMS:
        parts = [SYSTEMS[colours], SYSTEMS[flow]]
        params, gmacs = sum(one.params for one in parts), sum(one.gmacs for one in parts)
        return _Line(name, params / 1e6, gmacs, "computed", command)
    first = ModelSpec.from_name(colours, num_frames=frames)
    fields = ModelSpec.from_name(flow).flow
    second = ModelSpec.from_name(flow, num_frames=frames * fields)
    costs = [summarise_cost(spec, size=SIZE) for spec in (first, second)]
    params, gmacs = sum(cost.params for cost in costs), sum(cost.macs for cost in costs) / 1e9
    return _Line(name, params / 1e6, gmacs, "computed", f"{command} --frames {frames} --classes 174")


def _name_recipe(row: Mapping[Any, Any], design: ModelSpec | None, line: _Line) -> str:
    """Which command trains such a network, or why none does."""
    if not line.spec:
        return line.cost_by
    if " + " in line.spec:
        colours, flow = line.spec.split(" + ")
        return f"no recipe of its own: evaluate weights of {colours} with --flow, weights of {flow}"
    if design is None:
        return f"no recipe of its own: evaluate weights of {line.spec}, or write a recipe with that name"
    recipe = _RECIPES.get((row["dataset"], design.backbone, design.num_frames))
    changes = []
    if recipe is None:
        recipe = _RECIPES.get((row["dataset"], design.backbone, 8))
        changes.append(f"--set clip.frames={design.num_frames}")
    if recipe is None:
        return "no recipe of this data set and backbone"
    if design.family != "gst":
        changes.append(f"--set model.name={design.name}")
    elif str(design.alpha) != _DESIGN_OF_RECIPES:
        changes.append(f"--set model.alpha={design.alpha}")
    return " ".join(["gst-analyze train", recipe, *changes])


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
