"""What a checkpoint costs, in a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gst_analysis.analyses.cost import Cost, cost
from gst_analysis.files import guard_cells
from gst_analysis.numbers import how_many, show_count
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, PageTable, Section, Words, draw_both
from gst_analysis.sections.subject import Subject, join_words

NAME = "cost"
NEEDS_CLIPS = False
WORDS = Words(
    "What it costs",
    "Parameters and multiply-adds of one clip, and what they are spent on: space, time, or both.",
    (
        "Multiply-adds are not time: a real machine also copies and waits. Counted are convolutions and "
        "linear layers; other counters add norms and pooling.",
    ),
)


def write_section(subject: Subject, progress: Progress) -> Section:
    """Parameters and multiply-adds of a clip as this checkpoint takes it."""
    checkpoint = subject.checkpoint
    size = checkpoint.clip_spec.crop
    result = cost(checkpoint)
    summary = result.summary
    figure = PageFigure(
        "cost",
        "Multiply-adds by stage and by what they are for.",
        {"light": result.plot()},
        draw_both(lambda dark: result.plot_interactive(dark=dark)),
        finding=result.say_figures()["cost"],
    )
    text = [
        f"For {how_many(checkpoint.clip_spec.frames, 'frame')} of {size}×{size} pixels: "
        f"{show_count(summary.params)} parameters and {show_count(summary.macs)} multiply-adds in "
        "convolutions and linear layers (twice as many FLOPs)."
    ]
    return Section(NAME, text=text, figures=[figure], tables=[_tabulate_groups(result)])


def _tabulate_groups(result: Cost) -> PageTable:
    """What each group takes of all; the rows by layer are there to download."""
    summary = result.summary
    groups: Mapping[Any, Any] = summary.groups
    rows = [
        (
            str(name),
            show_count(part.params),
            f"{part.params / summary.params:.0%}",
            show_count(part.macs),
            f"{part.macs / summary.macs:.0%}",
        )
        for name, part in groups.items()
    ]
    rows.append(("all", show_count(summary.params), "100%", show_count(summary.macs), "100%"))
    return PageTable(
        ("whose", "parameters", "of all", "multiply-adds", "of all"),
        rows,
        "Cost of one clip.",
        "cost",
        guard_cells(result.table).to_csv(index=False, lineterminator="\n"),
    )


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    clip = subject.checkpoint.clip_spec
    return join_words("cost", subject.file, "--frames", clip.frames, "--size", clip.crop)
