"""Figure 4 in a report."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.scales import bn_scales
from gst_analysis.analyses.scales.gap_figure import draw_gaps
from gst_analysis.analyses.scales.gaps import count_gaps
from gst_analysis.analyses.scales.gaps_interactive import draw_gaps_interactive
from gst_analysis.analyses.scales.spoken import say_gaps
from gst_analysis.numbers import show_interval, show_p, show_real
from gst_analysis.options import write_command
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, PageTable, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import Subject

NAME = "scales"
NEEDS_CLIPS = False
WORDS = Words(
    "Space and time by batch-norm scale",
    "How large the batch-norm scales γ of the spatial and of the temporal channels (or of those of two "
    "pathways) are, in every block (the paper's Figure 4).",
    (
        "A scale is not importance: see the next section.",
        "The tests take channels as draws from what this network might have had. They do not say what "
        "another training run would give.",
    ),
)


def write_section(subject: Subject, progress: Progress) -> Section:
    """Figure 4, and in every block whether time differs from space."""
    result = bn_scales(subject.checkpoint)
    gaps = result.gaps()
    by = "block" if gaps["layer"].nunique() <= 20 else "stage"
    figures = [
        PageFigure(
            "scales",
            "Figure 4: batch-norm scales γ after every temporal operator. Heights are percentages "
            "of a group's own channels.",
            {"light": result.plot(by=by)},
            draw_both(lambda dark: result.plot_interactive(by=by, dark=dark)),
            finding=result.say_figures()[result.stem],
        )
    ]
    (counts,) = count_gaps(gaps).values()
    if not counts.tested:
        text = [f"Groups of channels cannot be compared here: {counts.reasons}."]
        return Section(NAME, text=text, figures=figures, notes=result.notes)
    caption = (
        f"Median γ of {counts.group} minus {counts.against} channels in every {counts.level}, with 95% "
        "bootstrap intervals; hollow: may be chance, or not tested."
    )
    figures.append(
        PageFigure(
            "gaps",
            caption,
            {"light": draw_gaps(gaps)},
            draw_both(lambda dark: draw_gaps_interactive(gaps, dark=dark)),
            finding=say_gaps(gaps),
        )
    )
    text = [
        f"Where {counts.group} and {counts.against} scales differ by more than chance (Mann-Whitney, 5%, "
        f"Holm's correction over {counts.level}s): {counts.describe()}."
    ]
    notes = [*result.notes, *(f"not defined: {reason}" for reason in counts.undefined)]
    return Section(NAME, text=text, figures=figures, tables=[_tabulate_gaps(gaps)], notes=notes)


def _tabulate_gaps(gaps: pd.DataFrame) -> PageTable:
    ends = zip(gaps["gap_low"], gaps["gap_high"], strict=True)
    group, against, level = (str(gaps[name].iloc[0]) for name in ("group", "against", "level"))
    return make_table(
        "gaps",
        gaps,
        {
            "layer": (level, str),
            "against_n": (f"{against} channels", str),
            "n": (f"{group} channels", str),
            "gap": ("gap of medians", show_real),
            "interval": ("95% interval", str),
            "wasserstein": ("Wasserstein", show_real),
            "auc": ("AUC", show_real),
            "auc_p_holm": ("p (Holm)", show_p),
        },
        caption=f"{group.capitalize()} against {against} scales. AUC: chance that one of the first is above "
        "one of the others.",
        more={"interval": [show_interval(*pair) for pair in ends]},
    )


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    return write_command("bn-hist", [subject.file])
