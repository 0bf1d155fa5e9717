"""A smaller network, in a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from gst_analysis.analyses.slimming import Slimming, SlimOptions, slim
from gst_analysis.analyses.slimming.order import check_slimmable
from gst_analysis.checkpoints.sources import open_model
from gst_analysis.errors import SpecError
from gst_analysis.numbers import how_many, show_count, show_share
from gst_analysis.options import write_command
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import ReportClips, Subject, name_dataset

NAME = "slimming"
NEEDS_CLIPS = False
WORDS = Words(
    "What a smaller network would keep",
    "How many channels of each group are left when those with the lowest invariant scores are taken out, "
    "until 80% of the multiply-adds remain.",
    (
        "Before any fine-tuning. What a smaller network reaches after it is not measured here.",
        "Which channels go is decided by a score of the weights alone; scores that look at clips choose "
        "otherwise (--score).",
    ),
)


_KEPT_MACS = 0.8
"""The share of the multiply-adds that a report's smaller network keeps."""


def write_section(subject: Subject, progress: Progress) -> Section:
    """The widths left in every block, and accuracy over cost where there are clips."""
    try:
        result = _slim(subject, progress)
    except SpecError as error:
        return Section(NAME, missing=f"{error.found}; {error.todo}")
    if subject.clips is not None:
        subject.clips.failures.update(result.failures)
    below = (
        ""
        if result.curve is None
        else (" Below: accuracy as more and more channels go, beside two plain ways to the same cost.")
    )
    caption = f"What is left of every group.{below} Before fine-tuning."
    said = result.say_figures()[result.stem]
    figure = PageFigure(
        "slimming",
        caption,
        {"light": result.plot()},
        draw_both(lambda dark: result.plot_interactive(dark=dark)),
        finding=said,
    )
    return Section(NAME, text=[_say_cost(result)], figures=[figure], tables=_list_tables(result))


def _slim(subject: Subject, progress: Progress) -> Slimming:
    clips = subject.clips
    check_slimmable(subject.checkpoint.spec)
    if clips is None:
        return slim(open_model(subject.checkpoint), options=_choose(None), progress=progress)
    options = replace(_choose(clips), device=clips.settings.device)
    return slim(clips.model, clips.dataset, options=options, progress=progress)


def _choose(clips: ReportClips | None) -> SlimOptions:
    if clips is None:
        return SlimOptions(macs=_KEPT_MACS)
    given = clips.options
    few = clips.draw_few(given.slimming_clips).limit
    return SlimOptions(
        root=given.root,
        format=given.format,
        subset=given.subset,
        limit=few,
        macs=_KEPT_MACS,
        batch=given.batch,
        seed=given.seed,
    )


def _say_cost(result: Slimming) -> str:
    summary, before, after = result.summary, result.summary.before, result.summary.after
    total = int(result.table["before"].sum())
    text = (
        f"Without {summary.removed:,} of {total:,} channels of its operators the network needs "
        f"{show_count(after.macs)} instead of {show_count(before.macs)} multiply-adds a clip, and "
        f"{show_count(after.params)} instead of {show_count(before.params)} parameters."
    )
    if before.accuracy is None or after.accuracy is None:
        return f"{text} With labelled clips the report also says what accuracy is left."
    interval = f"{show_share(after.accuracy.low)} to {show_share(after.accuracy.high)}"
    return (
        f"{text} On {how_many(summary.clips, 'clip')}, before any fine-tuning, "
        f"{show_share(after.accuracy.value)} ({interval}) are right, where the whole "
        f"network has {show_share(before.accuracy.value)}. "
        f"{result.comparison}"
    )


def _list_tables(result: Slimming) -> list[Any]:
    """Widths by block, and the curve."""
    table = result.table
    groups = list(dict.fromkeys(table["group"]))
    layers = list(dict.fromkeys(table["layer"]))
    cells = {(row["layer"], row["group"]): row for row in table.to_dict("records")}
    wide = pd.DataFrame({"layer": layers})
    columns: dict[str, Any] = {"layer": ("layer", str)}
    for group in groups:
        wide[group] = [f"{cells[at, group]['before']} → {cells[at, group]['after']}" for at in layers]
        columns[group] = (f"{group} channels" if group != "all" else "channels", str)
    if "temporal" in groups:
        wide["share"] = _shares(table, layers)
        columns["share"] = ("temporal part left", show_share)
    found = [make_table("slimming", wide, columns, caption="Before → after, at every operator.", csv=table)]
    if result.curve is not None:
        found.append(_list_curve(result.curve))
    return found


def _shares(table: pd.DataFrame, layers: list[str]) -> list[float]:
    left = table.pivot(index="layer", columns="group", values="after").loc[layers]
    return list(left["temporal"] / left.sum(axis=1))


def _list_curve(curve: pd.DataFrame) -> Any:
    """The scores' own order; the csv has the plain ways too."""
    own = curve[curve["method"] == "score"]
    ends = zip(own["accuracy_low"], own["accuracy_high"], strict=True)
    return make_table(
        "slimming_curve",
        own,
        {
            "macs_share": ("multiply-adds left", show_share),
            "params": ("parameters left", show_count),
            "removed": ("channels gone", str),
            "accuracy": ("top-1", show_share),
            "interval": ("95% interval", str),
        },
        caption="Lowest scores first, before fine-tuning.",
        csv=curve,
        more={"interval": [f"{show_share(low)} to {show_share(high)}" for low, high in ends]},
    )


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    clips, options = subject.clips, _choose(subject.clips)
    root = None if options.root is None else Path(options.root.name)
    annotations = [] if clips is None else [name_dataset(clips)[0]]
    return write_command("slim", [subject.file, *annotations], replace(options, root=root))
