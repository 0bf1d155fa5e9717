"""How far scales have moved, in a report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torchvision.models import get_model_weights

from gst_analysis.analyses.drift import FROM_CARD, Drift, DriftOptions, measure_drift
from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.errors import SpecError
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.numbers import show_real
from gst_analysis.options import write_command
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, PageTable, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import Subject

NAME = "drift"
NEEDS_CLIPS = False
WORDS = Words(
    "How far scales have moved",
    "How far γ lies from where training began, block by block.",
    (
        "A scale that has not moved may still be needed, and one that has moved need not be: movement is "
        "no importance either.",
        "Weight decay moves all scales alike. Then values change while their order stays as it began.",
    ),
)


_NOT_HERE = (
    "it started from torchvision's ImageNet weights, which are not on this machine, and a report asks "
    "nothing of a network; gst-analyze drift fetches them once"
)


def write_section(subject: Subject, progress: Progress) -> Section:
    """γ now against γ at the start, where the file or its card says what that was."""
    start = FROM_CARD if subject.start is None else subject.start
    if start == FROM_CARD and _needs_download(subject.checkpoint):
        return Section(NAME, missing=_NOT_HERE)
    try:
        result = measure_drift(subject.checkpoint, start=start)
    except SpecError as error:
        if subject.start is not None:  # what was asked for is not left out in silence
            raise
        return Section(NAME, missing=f"{error.found}, and no file of its start was named")
    tolerance = result.summary.tolerance
    figure = PageFigure(
        "drift",
        f"Start: {result.summary.origin}. First the change of γ, then the channels still within "
        f"{tolerance:.0%} of their start.",
        {"light": result.plot()},
        draw_both(lambda dark: result.pages(dark=dark)["drift"]),
        finding=result.say_figures()["drift"],
    )
    table = _list_layers(result.layers, tolerance)
    return Section(NAME, text=[_say_groups(result)], figures=[figure], tables=[table], notes=result.notes)


def _list_layers(layers: pd.DataFrame, tolerance: float) -> PageTable:
    columns: dict[str, Any] = {
        "layer": ("layer", str),
        "group": ("group", str),
        "n": ("channels", str),
        "start_median": ("median γ at the start", show_real),
        "median": ("median γ now", show_real),
        "change": ("mean |change|", show_real),
        "unmoved": ("unmoved", str),
    }
    caption = f"Unmoved: within {tolerance:.0%} of the start."
    if layers["inherited"].any():
        columns |= {"inherited": ("from 2-D weights", str), "carried": ("of those unmoved", str)}
    if layers["rank_correlation"].notna().any():
        columns["rank_correlation"] = ("rank correlation", show_real)
        caption += " Rank correlation: Spearman's, of γ now with γ then."
    return make_table("drift", layers, columns, caption=caption)


def _say_groups(result: Drift) -> str:
    (groups,) = result.summary.checkpoints.values()
    parts = [
        f"{found.unmoved:,} of {found.n:,} {'' if group == 'all' else f'{group} '}channels are within "
        f"{result.summary.tolerance:.0%} of their start, and γ has moved by {show_real(found.mean_change)} "
        "on average"
        for group, found in groups.items()
    ]
    return f"It started from {result.summary.origin}. Now {'; '.join(parts)}."


def _needs_download(checkpoint: Checkpoint) -> bool:
    """Whether its start is torchvision's weights, and they are not on this machine."""
    spec, source = checkpoint.spec, checkpoint.provenance.get("inflated_from")
    plan = spec.plan if isinstance(spec, ModelSpec) else None
    if plan is None or plan.torchvision is None or not (isinstance(source, Mapping) and "weights" in source):
        return False
    file = Path(get_model_weights(plan.torchvision)["IMAGENET1K_V1"].url).name
    return not (Path(torch.hub.get_dir()) / "checkpoints" / file).is_file()


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    options = DriftOptions() if subject.start is None else DriftOptions(start=Path(subject.start).name)
    return write_command("drift", [subject.file], options)
