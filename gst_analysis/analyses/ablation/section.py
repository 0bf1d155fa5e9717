"""What groups of channels are needed for, in a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.ablation import Ablation, AblationOptions, ablate
from gst_analysis.numbers import how_many, show_interval, show_real, show_share
from gst_analysis.options import write_command
from gst_analysis.probes.hooks import list_units
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, PageTable, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import ReportClips, Subject, list_untold, name_dataset

if TYPE_CHECKING:
    import pandas as pd

NAME = "ablation"
NEEDS_CLIPS = True
WORDS = Words(
    "What each group of channels is needed for",
    "How much worse the network predicts when the spatial or the temporal channels of one layer are changed, "
    "and of a stage or the whole network at once.",
    (
        "Other channels may stand in for what was changed: a small rise does not mean that a group does "
        "nothing. Of what layers of one stage do for each other, the groups changed together say more.",
        "Later layers meet values they were not trained on, so part of a rise may be their surprise.",
    ),
)


INTERVENTIONS = ("mean", "shuffle-time")
"""What a report does to channels: takes away what they say, and only the order in which they say it."""
SETS = ("network", "stage")
"""What it changes together: pairs, sequences and shares would take ten times as long as all the rest."""


def write_section(subject: Subject, progress: Progress) -> Section:
    """What each group of channels is needed for."""
    clips = subject.shown
    options = replace(_choose(clips), device=clips.settings.device)
    result = ablate(clips.model, clips.dataset, options=options, progress=progress)
    clips.failures.update(result.failures)
    accuracy = result.summary.accuracy
    text = [
        "A scale says nothing about need. Here the channels are changed in two ways: mean leaves each "
        "channel its average and so nothing about this clip; shuffle-time leaves its values, but in another "
        "order of frames. The loss is the cross entropy.",
        f"On {how_many(result.summary.clips, 'clip')}, of which the untouched network has "
        f"{show_share(accuracy.value)} right. {_name_worst(result)}",
    ]
    tables = [_list_drops(result), *([] if result.joint is None else [_list_together(result.joint)])]
    return Section(
        NAME,
        text=text,
        figures=list(_draw_figures(result)),
        tables=tables,
        notes=list_untold(clips, result.notes),
    )


def _draw_figures(result: Ablation) -> Iterator[PageFigure]:
    sure = ", with 95% intervals" if result.summary.clips > 1 else ""
    captions = {
        "ablation": f"Rise of the cross entropy when a group of channels is changed{sure}.",
        "ablation_together": f"The same when all groups of a stage or of the network are changed{sure}; "
        "hollow: the sum of what each costs alone.",
    }
    stills, said, pages = (
        result.figures(),
        result.say_figures(),
        draw_both(lambda dark: result.pages(dark=dark)),
    )
    for name in stills:
        yield PageFigure(
            name.replace("_", "-"),
            captions[name],
            {"light": stills[name]},
            {theme: pages[theme][name] for theme in pages},
            finding=said[name],
        )


def _list_together(joint: pd.DataFrame) -> PageTable:
    ends = zip(joint["loss_rise_beyond_low"], joint["loss_rise_beyond_high"], strict=True)
    return make_table(
        "ablation_joint",
        joint,
        {
            "set": ("changed together (mean)", str),
            "units": ("groups", str),
            "loss_rise": ("loss rises by (nats)", show_real),
            "loss_rise_alone": ("sum of each alone", show_real),
            "loss_rise_beyond": ("beyond that sum", show_real),
            "interval": ("95% interval", str),
            "accuracy": ("top-1 left", show_share),
        },
        caption="Above the sum, groups stand in for each other: the loss of one alone says too little.",
        more={"interval": [show_interval(*pair) for pair in ends]},
    )


def _list_drops(result: Ablation) -> PageTable:
    table = result.table.sort_values("intervention", kind="stable")
    ends = zip(table["loss_rise_low"], table["loss_rise_high"], strict=True)
    return make_table(
        "ablation",
        table,
        {
            "intervention": ("intervention", str),
            "layer": ("layer", str),
            "group": ("group", str),
            "channels": ("channels", str),
            "loss_rise": ("loss rises by (nats)", show_real),
            "interval": ("95% interval", str),
            "accuracy": ("top-1 left", show_share),
        },
        caption="Intervals are one at a time: of a hundred, about five leave out 0 by chance.",
        more={"interval": [show_interval(*pair) for pair in ends]},
    )


def _name_worst(result: Ablation) -> str:
    """The change that hurts most, in words."""
    row: Any = result.table.nlargest(1, "loss_rise").iloc[0].to_dict()
    interval = show_interval(row["loss_rise_low"], row["loss_rise_high"])
    return (
        f"What hurts most is {row['intervention']} of the {row['group']} channels of {row['layer']}: the "
        f"loss rises by {show_real(row['loss_rise'])} nats ({interval})."
    )


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    options = _choose(subject.shown)
    root = None if options.root is None else Path(options.root.name)
    annotations = name_dataset(subject.shown)[0]
    return write_command("ablate", [subject.file, annotations], replace(options, root=root))


def _choose(clips: ReportClips) -> AblationOptions:
    choice = clips.draw_few(clips.options.ablation_clips)
    few = min(choice.limit or len(clips.records), len(clips.records))
    joint = len(list_units(clips.model.spec)) > 1 and few > 1  # of one clip there is no mean
    return AblationOptions(
        root=None if choice.root is None else Path(choice.root),
        format=choice.format,
        subset=choice.subset,
        limit=choice.limit,
        interventions=INTERVENTIONS,
        joint=joint,
        sets=SETS if joint else AblationOptions().sets,
        measure="loss_rise",
        batch=clips.settings.batch,
        seed=choice.seed,
    )
