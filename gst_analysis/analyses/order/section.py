"""Whether a network needs the order of frames, in a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gst_analysis.analyses.order import FrameOrder, OrderOptions, frame_order
from gst_analysis.numbers import how_many, show_interval, show_real, show_share
from gst_analysis.options import write_command
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, PageTable, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import ReportClips, Subject, list_untold, name_dataset

NAME = "order"
NEEDS_CLIPS = True
WORDS = Words(
    "Whether it needs the order of frames",
    "How often it is right when the frames of each clip stand in another order, or one is held still.",
    (
        "Shuffled clips are unlike those it was trained on, so part of a fall may be its surprise; and a "
        "shuffle leaves some order.",
        "Where one frame is enough, it need not be what the network goes by.",
    ),
)
CONDITIONS = ("shuffled", "reversed", "ends", "frozen-first", "frozen-middle", "frozen-last", "shift-later")
"""What a report shows a network: other orders, stills, and clips that are a frame late."""


def write_section(subject: Subject, progress: Progress) -> Section:
    """Whether it needs the order of frames."""
    clips = subject.shown
    options = replace(_choose(clips), device=clips.settings.device)
    result = frame_order(clips.model, clips.dataset, options=options, progress=progress)
    clips.failures.update(result.failures)
    figures = [
        PageFigure(
            "order",
            "A row for each way in which the same clips are shown.",
            {"light": result.plot()},
            draw_both(lambda dark: result.plot_interactive(dark=dark)),
            finding=result.say_figures()["order"],
        )
    ]
    tables = [_list_conditions(result), *([_list_reversals(result)] if len(result.reversals) else [])]
    notes = list_untold(clips, result.notes)
    return Section(NAME, text=[_say(result)], figures=figures, tables=tables, notes=notes)


def _say(result: FrameOrder) -> str:
    """The share that needs order, and what clips are taken for in reverse, in words."""
    summary = result.summary
    needs, partners = summary.temporality, summary.partner_share
    told = (
        f"How much of its accuracy needs order is withheld: {summary.withheld}."
        if needs is None
        else f"Of what it has right beyond chance ({show_share(summary.chance)}), {show_share(needs.value)} "
        f"needs order ({show_share(needs.low)} to {show_share(needs.high)}): it is lost when frames are "
        "shuffled."
    )
    reverse = (
        ""
        if partners is None
        else f" In reverse {show_share(partners.value)} of the {how_many(summary.partner_clips, 'clip')} "
        "whose class has an opposite are taken for that."
    )
    clips = how_many(summary.clips, "clip")
    right = f"On {clips}, of which {show_share(summary.accuracy.value)} are right in order."
    return f"{right} {told}{reverse}"


def _list_conditions(result: FrameOrder) -> PageTable:
    table = result.table
    ends = zip(table["accuracy_change_low"], table["accuracy_change_high"], strict=True)
    return make_table(
        "order",
        table,
        {
            "shown": ("shown", str),
            "accuracy": ("top-1", show_share),
            "accuracy_change": ("change", show_real),
            "interval": ("95% interval", str),
            "probability": ("true class's probability", show_real),
            "same_answer": ("answered as in order", show_share),
        },
        caption="Every way in which the same clips are shown.",
        more={"interval": [show_interval(*pair) for pair in ends]},
    )


def _list_reversals(result: FrameOrder) -> PageTable:
    return make_table(
        "reversals",
        result.reversals,
        {
            "label": ("class", str),
            "partner": ("its opposite", str),
            "clips": ("clips", str),
            "share": ("in reverse taken for it", show_share),
            "share_in_order": ("in order", show_share),
        },
        caption="Classes that are each other's reversal, by their names or by what they are taken for.",
    )


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    options = _choose(subject.shown)
    root = None if options.root is None else Path(options.root.name)
    annotations = name_dataset(subject.shown)[0]
    return write_command("order", [subject.file, annotations], replace(options, root=root))


def _choose(clips: ReportClips) -> OrderOptions:
    choice = clips.draw_few(clips.options.order_clips)
    return OrderOptions(
        root=None if choice.root is None else Path(choice.root),
        format=choice.format,
        subset=choice.subset,
        limit=choice.limit,
        conditions=CONDITIONS,
        batch=clips.settings.batch,
        seed=choice.seed,
    )
