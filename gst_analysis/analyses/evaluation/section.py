"""How often a network is right, in a report."""

from __future__ import annotations

from gst_analysis.analyses.evaluation import ModelEvaluation
from gst_analysis.analyses.evaluation.measure import measure_accuracy
from gst_analysis.analyses.evaluation.table import name_shares
from gst_analysis.numbers import show_share, show_share_interval
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, PageTable, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import Subject, join_words, name_dataset

NAME = "accuracy"
NEEDS_CLIPS = True
WORDS = Words(
    "How often it is right",
    "How often the class predicted is the one the clip is labelled with, and what it is taken for otherwise.",
    ("On these clips, one middle view of each; in brackets what other clips of this kind might give (95%).",),
)


def write_section(subject: Subject, progress: Progress) -> Section:
    """How often it is right, and what it takes for what."""
    clips = subject.shown
    result = measure_accuracy(clips.model, clips.records, settings=clips.settings, progress=progress)
    summary = result.summary
    clips.failures.update(result.failures)
    facts = {
        "clips": f"{summary.clips:,}",
        **{name: show_share_interval(**vars(found)) for name, found in name_shares(summary).items()},
        "classes with clips": f"{summary.classes_seen} of {summary.classes}",
        "chance": f"{1 / summary.classes:.1%} for a guess among {summary.classes} classes",
    }
    figure = PageFigure(
        "confusion",
        "What the clips of each class were taken for.",
        {"light": result.plot()},
        draw_both(lambda dark: result.plot_interactive(dark=dark)),
        finding=result.say_figures()["confusion"],
    )
    return Section(NAME, facts=facts, figures=[figure], tables=[_list_classes(result)], notes=result.notes)


def _list_classes(result: ModelEvaluation) -> PageTable:
    seen = result.table[result.table["clips"] > 0]
    ends = zip(seen["accuracy_low"], seen["accuracy_high"], strict=True)
    return make_table(
        "classes",
        seen,
        {
            "label": ("class", str),
            "clips": ("clips", str),
            "correct": ("right", str),
            "accuracy": ("top-1", show_share),
            "interval": ("95% interval", str),
            "top5": ("top-5", show_share),
        },
        caption="Every class that has clips.",
        csv=result.table,
        more={"interval": [f"{show_share(low)} to {show_share(high)}" for low, high in ends]},
    )


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    limit = subject.shown.options.limit
    limited = () if limit is None else ("--limit", limit)
    return join_words("evaluate", subject.file, *name_dataset(subject.shown), *limited)
