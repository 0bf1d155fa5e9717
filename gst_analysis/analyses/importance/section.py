"""How much channels matter, in a report."""

from __future__ import annotations

from typing import Any

from gst_analysis.analyses.importance import channel_importance
from gst_analysis.analyses.importance.table import WHICH_TO_TRUST
from gst_analysis.numbers import show_real
from gst_analysis.options import write_command
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import Subject

NAME = "importance"
NEEDS_CLIPS = False
WORDS = Words(
    "How much channels matter",
    "How much each layer's spatial and temporal channels (or those of two pathways) hand on to what "
    "follows: by raw γ, and by a score that no rescaling can move.",
    (
        WHICH_TO_TRUST,
        "Contributions are added up as if filters did not cancel, and what later layers do with them is "
        "not seen. Compare channels of one layer.",
        "The scores here take what passes as normally distributed; measured on clips (--on) they can differ.",
    ),
)


_SCORES = {"abs_gamma": "|γ|", "invariant": "invariant"}


def write_section(subject: Subject, progress: Progress) -> Section:
    """Raw γ beside the score that no rescaling moves."""
    result = channel_importance(subject.checkpoint)
    found = result.summary.agreement.get(subject.checkpoint.name)
    text = [f"Here {line}." for line in found.describe()] if found is not None else []
    rows = result.groups[result.groups["score"].isin(_SCORES)]
    against, group = (str(rows[name].iloc[0]) for name in ("against", "group"))
    medians = {"against_median": against, "median": group, "log2_ratio": "log₂ of their ratio"}
    wide = rows[["layer"]].drop_duplicates().reset_index(drop=True)
    columns: dict[str, Any] = {"layer": ("layer", str)}
    for score, title in _SCORES.items():
        own = rows[rows["score"] == score]
        for what, heading in medians.items():
            wide[f"{score} {what}"] = own[what].to_numpy()
            columns[f"{score} {what}"] = (f"{title} {heading}", show_real)
    caption = f"Medians of the groups' channels. log₂: 1 where the {group} median is twice the {against} one."
    table = make_table("importance", wide, columns, caption=caption, csv=result.groups)
    figure = PageFigure(
        "importance",
        "Raw scales and invariant scores (closed form), layer by layer.",
        {"light": result.plot()},
        draw_both(lambda dark: result.pages(dark=dark)["importance"]),
        finding=result.say_figures()["importance"],
    )
    notes = dict.fromkeys(f"not defined: {reason}" for reason in rows["undefined"] if reason)
    return Section(NAME, text=text, figures=[figure], tables=[table], notes=[*result.notes, *notes])


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    return write_command("importance", [subject.file])
