"""The report's sections that need no clips: what the checkpoint is, Figure 4, importance, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.cost import cost
from gst_analysis.analyses.importance import channel_importance
from gst_analysis.analyses.scales import bn_scales
from gst_analysis.checkpoints.sources import inspect_checkpoint
from gst_analysis.files import to_json
from gst_analysis.reporting.parts import draw_both, make_table, show_count, show_interval, show_p, show_real

if TYPE_CHECKING:
    from gst_analysis.checkpoints.loading import Checkpoint
    from gst_analysis.reporting.page import Section

_SCORES = {"abs_gamma": "|γ|", "invariant": "invariant"}
_MEDIANS = {"spatial": "spatial", "temporal": "temporal", "log2_ratio": "log₂ t/s"}


def tell_identity(checkpoint: Checkpoint) -> Section:
    """What was recognised, and what was assumed."""
    from gst_analysis.reporting.page import Section

    found, clip = inspect_checkpoint(checkpoint), checkpoint.clip_spec
    origin = checkpoint.provenance
    facts = {
        "network": checkpoint.spec.label,
        "family, backbone": f"{found.family}, {found.backbone}",
        "α (part of the outputs that are temporal)": found.alpha or "none: this family has no such groups",
        "β (part of the input that each path reads)": found.beta or "none",
        "stem width": str(found.width),
        "classes": str(found.num_classes),
        "parameters": f"{found.params:,}",
        "a clip": f"{clip.frames} frames ({clip.sampling}), short side {clip.resize} px, "
        f"centre crop {clip.crop} px",
        "layout of the file": found.layout,
        "sha256": found.sha256,
    }
    folded = {"What the file says of its making": to_json(origin)} if origin else {}
    if checkpoint.labels:
        folded["Class names"] = "\n".join(
            f"{number} {label}" for number, label in enumerate(checkpoint.labels)
        )
    return Section("checkpoint", facts=facts, notes=found.notes, folded=folded)


def tell_scales(checkpoint: Checkpoint) -> Section:
    """Figure 4, and in every block whether time differs from space."""
    from gst_analysis.analyses.comparison.figure import draw_gaps
    from gst_analysis.reporting.page import PageFigure, Section

    result = bn_scales(checkpoint)
    gaps = result.gaps()
    by = "block" if gaps["layer"].nunique() <= 20 else "stage"
    figures = [
        PageFigure(
            "scales",
            "Figure 4: batch-norm scales γ after every temporal operator. Heights are percentages "
            "of a group's own channels.",
            {"light": result.plot(by=by)},
            draw_both(lambda dark: result.plot_interactive(by=by, dark=dark)),
        )
    ]
    tested = gaps["auc_p_holm"].notna()
    if not tested.any():
        reasons = "; ".join(dict.fromkeys(reason for reason in gaps["undefined"] if reason))
        text = [f"Space and time cannot be compared here: {reasons}."]
        return Section("scales", text=text, figures=figures, notes=result.notes())
    caption = "Median γ of temporal minus spatial channels in every layer, with 95% bootstrap intervals."
    figures.append(PageFigure("gaps", caption, draw_both(lambda dark: draw_gaps(gaps, dark=dark))))
    known = gaps[tested]
    sure = known[known["auc_p_holm"] < 0.05]
    above, below = int((sure["gap"] > 0).sum()), int((sure["gap"] < 0).sum())
    sides = f": the temporal median is above in {above} and below in {below}" if len(sure) else ""
    text = [
        f"In {len(sure)} of {len(known)} layers temporal and spatial scales differ by more than chance "
        f"(Mann-Whitney, 5%, Holm's correction over layers){sides}."
    ]
    ends = zip(gaps["gap_low"], gaps["gap_high"], strict=True)
    table = make_table(
        "gaps",
        gaps,
        {
            "layer": ("layer", str),
            "spatial_n": ("spatial channels", str),
            "temporal_n": ("temporal channels", str),
            "gap": ("gap of medians", show_real),
            "interval": ("95% interval", str),
            "wasserstein": ("Wasserstein", show_real),
            "auc": ("AUC", show_real),
            "auc_p_holm": ("p (Holm)", show_p),
        },
        caption="Temporal against spatial scales. AUC: chance that a temporal scale is above a spatial one.",
        more={"interval": [show_interval(*pair) for pair in ends]},
    )
    notes = [
        *result.notes(),
        *dict.fromkeys(f"not defined: {reason}" for reason in gaps["undefined"] if reason),
    ]
    return Section("scales", text=text, figures=figures, tables=[table], notes=notes)


def tell_importance(checkpoint: Checkpoint) -> Section:
    """Raw γ beside the score that no rescaling moves."""
    from gst_analysis.reporting.page import PageFigure, Section

    result = channel_importance(checkpoint)
    found = result.summary.agreement.get(checkpoint.name)
    text = []
    if found is not None and found.raw_with_invariant is not None:
        text.append(
            f"Here both rank this network's channels alike by {found.raw_with_invariant:.2f} (Spearman)."
        )
    rows = result.groups[result.groups["score"].isin(_SCORES)]
    wide = rows[["layer"]].drop_duplicates().reset_index(drop=True)
    columns: dict[str, Any] = {"layer": ("layer", str)}
    for score, title in _SCORES.items():
        own = rows[rows["score"] == score]
        for what, heading in _MEDIANS.items():
            wide[f"{score} {what}"] = own[what].to_numpy()
            columns[f"{score} {what}"] = (f"{title} {heading}", show_real)
    caption = (
        "Medians of the groups' channels. log₂ t/s: 1 where the temporal median is twice the spatial one."
    )
    table = make_table("importance", wide, columns, caption=caption, csv=result.groups)
    figure = PageFigure(
        "importance",
        "Raw scales and invariant scores (closed form), layer by layer.",
        draw_both(lambda dark: result.plot(dark=dark)),
    )
    notes = dict.fromkeys(f"not defined: {reason}" for reason in rows["undefined"] if reason)
    return Section("importance", text=text, figures=[figure], tables=[table], notes=[*result.notes, *notes])


def tell_cost(checkpoint: Checkpoint) -> Section:
    """Parameters and multiply-adds of a clip as this checkpoint takes it."""
    from gst_analysis.reporting.page import PageFigure, PageTable, Section

    size = checkpoint.clip_spec.crop
    result = cost(checkpoint)
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
    table = PageTable(
        ("whose", "parameters", "of all", "multiply-adds", "of all"),
        rows,
        "Cost of one clip.",
        "cost",
        result.table.to_csv(index=False, lineterminator="\n"),
    )
    figure = PageFigure(
        "cost",
        "Multiply-adds by stage and by what they are for.",
        {"light": result.plot()},
        draw_both(lambda dark: result.plot_interactive(dark=dark)),
    )
    text = [
        f"For {checkpoint.clip_spec.frames} frames of {size}×{size} pixels: {show_count(summary.params)} "
        f"parameters and {show_count(summary.macs)} multiply-adds in convolutions and linear layers (twice "
        "as many FLOPs)."
    ]
    return Section("cost", text=text, figures=[figure], tables=[table])
