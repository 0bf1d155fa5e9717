"""The five ways of looking at batch-norm scales: histograms, overlay, statistics, importance, training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import cached, commands, components, links
from app.columns import NetworkColumn
from app.downloads import offer_downloads
from app.wording import CAUTION, IMPORTANCE_NOTE, OVERLAY_NOTE, STATISTICS_NOTE, literal
from gst_analysis.analyses import comparison, importance, scales
from gst_analysis.analyses.comparison import ComparisonOptions, ScaleComparison
from gst_analysis.analyses.importance import Importance, ImportanceOptions
from gst_analysis.analyses.importance.words import say_where_scores_part
from gst_analysis.analyses.scales import BnScales, ScaleOptions, join_bn_scales
from gst_analysis.checkpoints.sources import distinct_names
from gst_analysis.errors import GstError
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from app import series
else:  # it brings half of the other pages with it, which the first one does without
    series = Door("app.series")

ROWS = {"stage": "Stages", "block": "Blocks"}
SCALES = {"signed": "Signed", "absolute": "Absolute"}
OVERLAYS = {"overlays": "Cumulative shares", "ridgelines": "Ridgelines"}
COMPARED = {
    "gaps": "The gap between groups in every block, with intervals",
    "overlays": "Cumulative shares of scales",
    "ridgelines": "Distributions of scales by stage",
}
"""What a figure shows, before what it was found to show."""
IMPORTANCES = {
    "importance_ratio": "How many times one group's median is the other's, by γ and by the invariant score",
    "importance": "Medians and middle halves of raw scales and invariant scores, block by block",
}

GAPS = {
    "checkpoint": "Checkpoint",
    "layer": "Where",
    "group": "Group",
    "against": "Against",
    "gap": "Gap",
    "gap_low": "95% from",
    "gap_high": "to",
    "auc": "Chance of the first to be above",
    "auc_p_holm": "p (Holm)",
    "wasserstein": "Distance",
    "undefined": "Not defined",
}
CHANNELS = {
    "checkpoint": "Checkpoint",
    "layer": "Batch norm",
    "group": "Group",
    "channel": "Channel",
    "gamma": "γ",
}
DIFFERENCES = {
    "checkpoint": "Checkpoint",
    "block": "Block",
    "group": "Group",
    "shift": "Shift",
    "shift_low": "95% from",
    "shift_high": "to",
    "auc_p_holm": "p (Holm)",
    "ks_p_holm": "p (KS)",
    "wasserstein": "Distance",
}
LAYERS = {
    "checkpoint": "Checkpoint",
    "block": "Block",
    "score": "Score",
    "group": "Group",
    "median": "Its median",
    "against": "Against",
    "against_median": "Its median, too",
    "log2_ratio": "log₂ of the ratio",
    "undefined": "Not defined",
}


def show_histograms(columns: Sequence[NetworkColumn]) -> None:
    """Figure 4."""
    with st.container(horizontal=True, gap="large"):
        by, absolute = _choose_rows(), _choose_scale()
    result = join_columns(columns, absolute=absolute)
    draw_histograms(result, by=by)
    st.caption(CAUTION)
    offer_downloads("bn_scales", result, lambda: result.plot(by=by))
    components.explain_groups(result, [column.reading.inspection for column in columns])
    components.show_numbers(result)
    show_scale_code(columns, ScaleOptions(by=by, absolute=absolute))


def list_defined(columns: Sequence[NetworkColumn]) -> list[NetworkColumn]:
    """Those whose scales there are; of the others it is said why not."""
    for column in columns:
        try:
            column.reading.require_scales()
        except GstError as error:
            components.show_error(error)
    return [column for column in columns if column.reading.scales is not None]


def show_scale_code(columns: Sequence[NetworkColumn], options: ScaleOptions) -> None:
    """How to make Figure 4 of what is shown."""
    then = ["figure = result.plot()  # or plot_interactive", "table = result.table"]
    _show_code(columns, scales.ABOUT, options, then)


def join_columns(columns: Sequence[NetworkColumn], *, absolute: bool = False) -> BnScales:
    """Figure 4 of what was read."""
    return join_bn_scales(
        [column.reading.require_scales() for column in columns],
        absolute=absolute,
        names=[column.name for column in columns],
        paths=[column.shown for column in columns],
    )


def draw_histograms(result: BnScales, *, by: str) -> None:
    """The figure alone."""
    key, dark = tuple(result.provenance.sources.items()), components.is_dark()
    figure = cached.draw_scales(key, result, by=by, absolute=result.absolute, dark=dark)
    components.show_figure(figure, key="bn_scales", alt=result.say_figures()[result.stem])


def show_overlay(columns: Sequence[NetworkColumn]) -> None:
    """All checkpoints in the same panels."""
    with st.container(horizontal=True, gap="large"):
        figure = components.choose_one("Figure", OVERLAYS, key="overlay")
        by = _choose_rows() if figure == "overlays" else "stage"
        absolute = _choose_scale()
    st.markdown(OVERLAY_NOTE[figure])
    options = ComparisonOptions(by=by, absolute=absolute)
    result = _draw_comparison(columns, figure, options)
    shown = dataclasses.replace(result, table=result.scales)
    offer_downloads(figure, shown, lambda: result.figures(by=by)[figure])
    components.show_table("Numbers: the scale of every channel", result.scales, CHANNELS)
    _show_code(columns, comparison.ABOUT, options, [f"figure = result.figures()[{figure!r}]"])


def show_statistics(columns: Sequence[NetworkColumn]) -> None:
    """Is the difference between time and space, or two pathways, more than chance?"""
    with st.container(horizontal=True, gap="large"):
        absolute = _choose_scale()
        options = ComparisonOptions(reference=_choose_reference(columns), absolute=absolute)
    st.markdown(STATISTICS_NOTE)
    result = _draw_comparison(columns, "gaps", options)
    _tell_counts(result)
    components.show_notes([literal(note) for note in result.notes])
    offer_downloads("block_gaps", result, lambda: result.figures()["gaps"])
    components.show_table("One group against another, block by block", result.table, GAPS)
    if len(result.differences):
        components.show_table("Checkpoint against checkpoint", result.differences, DIFFERENCES)
        differences = dataclasses.replace(result, table=result.differences)
        offer_downloads("scale_differences", differences, None, label="Differences between checkpoints")
    if len(result.uncompared):
        titles = {"checkpoint": "Checkpoint", "what": "What", "why": "Why not"}
        components.show_table("Not compared", result.uncompared, titles)
    then = ["figure = result.figures()['gaps']", "gaps, differences = result.table, result.differences"]
    _show_code(columns, comparison.ABOUT, options, then)


def _tell_counts(result: ScaleComparison) -> None:
    """In how many layers time and space differ, and checkpoints from the first."""
    summary = result.summary
    for name, found in summary.checkpoints.items():
        told = found.describe(mark="**") if found.tested else literal(found.describe())
        against = (
            f"; differs from {literal(summary.reference)} in {found.unlike} groups of channels"
            if found.compared_with_reference
            else ("; **the reference**" if name == summary.reference and len(result.differences) else "")
        )
        st.markdown(f"- {literal(name)}: {told}{against}")


def show_importance(columns: Sequence[NetworkColumn]) -> None:
    """Raw γ beside the score that no rescaling can move."""
    st.markdown(IMPORTANCE_NOTE)
    sources = [column.source for column in columns]
    key = cached.key_of(sources)
    with st.spinner("Rating channels"):
        result = cached.rate_channels(key, sources)
    found_in = say_where_scores_part(result.groups)
    for name, line in found_in.items():
        st.markdown(f"- {literal(name)}: {line}")
    told = "; ".join(f"{name}: {line}" for name, line in found_in.items())
    for page, title in IMPORTANCES.items():
        _show_page(result, page, f"{title}. {told}", f"{page} {key}")
    for name, found in result.summary.agreement.items():
        for line in found.describe(mark="**"):
            st.markdown(f"- {literal(name)}: {line}")
    components.show_notes([literal(note) for note in result.notes])
    offer_downloads("importance", result, result.plot)
    shown = result.groups[result.groups["score"].isin(["abs_gamma", "invariant"])]
    components.show_table("Numbers: medians of every layer", shown, LAYERS)
    then = ["figure = result.plot()", "channels, layers = result.table, result.groups"]
    _show_code(columns, importance.ABOUT, ImportanceOptions(), then)


def show_training(columns: Sequence[NetworkColumn]) -> None:
    """γ over the epochs of a run, whose folder is chosen here."""
    series.show_series()


def _draw_comparison(columns: Sequence[NetworkColumn], figure: str, options: ComparisonOptions) -> Any:
    """Draw one of a comparison's figures; returns the comparison."""
    sources = [column.source for column in columns]
    key = cached.key_of(sources)
    with st.spinner("Comparing"):
        # How rows are put together is a matter of the figure alone.
        result = cached.compare_scales(key, sources, options=dataclasses.replace(options, by="stage"))
    told = "; ".join(f"{name}: {found.describe()}" for name, found in result.summary.checkpoints.items())
    shown = dataclasses.replace(result, by=options.by)
    _show_page(shown, figure, f"{COMPARED[figure]}. {told}", f"{figure} {options} {key}")
    return result


def _show_page(result: ScaleComparison | Importance, name: str, alt: str, key: str) -> None:
    """One of a result's interactive figures, if it has it; `key` is all that it follows from."""
    dark = components.is_dark()
    figure = cached.draw_page(key, dark=dark, _figure=lambda: result.pages(dark=dark).get(name))
    if figure is not None:
        components.show_figure(figure, key=name, alt=alt)


def _show_code(columns: Sequence[NetworkColumn], about: About, options: Any, then: Sequence[str]) -> None:
    """Lines for the files shown; without a file, those that make the untrained network."""
    paths, design = [column.shown for column in columns], columns[0].untrained
    lines = commands.write_analysis(about, paths, options, untrained=design, then=then)
    components.show_code(lines)


def _choose_reference(columns: Sequence[NetworkColumn]) -> str | None:
    """Which one all others are compared with; None for the first."""
    if len(columns) < 2:
        links.check_text("reference")  # it is drawn beside others
        return None
    names = distinct_names([column.name for column in columns])
    links.check_choice("reference", {name: name for name in names}, usual=names[0])
    if st.session_state.get("reference") not in (None, *names):
        del st.session_state["reference"]  # it is no longer chosen
    help = "The checkpoint that all others are compared with."
    chosen = st.selectbox("Reference", names, key="reference", bind="query-params", width=260, help=help)
    return None if chosen == names[0] else chosen


def _choose_rows() -> str:
    return components.choose_one(
        "Rows", ROWS, key="rows", help="All blocks of a stage together, or one by one."
    )


def _choose_scale() -> bool:
    help = "γ as stored, or its size without the sign."
    return components.choose_one("Scales γ", SCALES, key="scale", help=help) == "absolute"
