"""Is Figure 4 true? Take channels away, and look where scales began."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import streamlit as st

from app import cached, commands, components
from app.cached_measurements import Asked, recall
from app.clips_to_try import Clips, choose_clips
from app.columns import NetworkColumn, choose_column, gather_columns, open_network
from app.downloads import offer_downloads
from app.findings import find_verdict
from app.job_progress import await_result
from app.jobs import titled
from app.starts import choose_start, list_names, name_start
from app.wording import (
    ABLATION_ABOUT,
    ABLATION_NOTE,
    CHECKS_UNTRAINED,
    DRIFT_NOTE,
    MEASURES,
    START_UNTOLD,
    literal,
    people,
    rename_result,
)
from gst_analysis.analyses import ablation, drift
from gst_analysis.analyses.ablation import Ablation, AblationOptions
from gst_analysis.analyses.ablation.gap_page import draw_gap_against_cost
from gst_analysis.analyses.ablation.interactive import draw_ablation_interactive
from gst_analysis.analyses.ablation.words import TITLES, say_worst
from gst_analysis.analyses.drift import DriftOptions
from gst_analysis.errors import GstError, NotDefinedError, SpecError
from gst_analysis.progress import Progress

DRIFT_LINES = ("figures = result.figures()", "channels, layers = result.table, result.layers")
MOST_PARAMS_AT_ONCE = 1_000_000
"""Of a network that is checked without being asked for: some seconds to half a minute."""
DROPS = {
    "block": "Block",
    "group": "Group",
    "channels": "Channels",
    "intervention": "Changed to",
    "accuracy_drop": "Points of accuracy lost",
    "accuracy_drop_low": "95% from",
    "accuracy_drop_high": "to",
    "loss_rise": "Loss gained",
    "logit_drop": "Logit lost",
}
DRIFTS = {
    "block": "Block",
    "group": "Group",
    "n": "Channels",
    "start_median": "Median at the start",
    "median": "Median now",
    "change": "Mean change",
    "unmoved": "Unmoved",
    "inherited": "From 2-D weights",
    "carried": "Still as inherited",
    "rank_correlation": "Rank correlation",
}


@contextmanager
def open_page(title: str, intro: str) -> Iterator[NetworkColumn | None]:
    """The head of a page about one trained network, and what goes wrong below it.

    None where there is no such network; the page has said so.
    """
    st.title(title, anchor=False)
    st.markdown(intro)
    columns = [column for column in gather_columns(CHECKS_UNTRAINED) if column.untrained is None]
    try:
        yield choose_column(columns) if columns else None
    except GstError as error:
        components.show_error(error, names={str(c.path): c.shown for c in columns})


def show_ablation(column: NetworkColumn) -> None:
    """What each group of channels is needed for."""
    st.markdown(ABLATION_NOTE)
    clips = choose_clips(column)
    if clips is None:
        return
    measure = components.choose_one("Measure", MEASURES, key="measure", first=AblationOptions().measure)
    key = f"{column.source.key} {clips.key}"
    result: Ablation | None = recall(
        Asked("ablation", column.source.key, clips.key),
        lambda: await_result(
            f"ablation {key}",
            lambda progress: _ablate(column, clips, progress),
            start="Take channels away",
            about=ABLATION_ABOUT,
            names=name_inputs(column, clips),
            at_once=clips.world is not None and column.reading.inspection.params <= MOST_PARAMS_AT_ONCE,
        ),
    )
    if result is not None:
        _show_verdict(column, result, key)
        _show_ablation(result, key, measure, name_inputs(column, clips))
    options = AblationOptions(limit=clips.limit, measure=measure)
    then = ["figure, table = result.plot(), result.table"]
    components.show_code(
        commands.write_analysis(ablation.ABOUT, [column.shown], options, clips=clips.to_write, then=then)
    )


def _ablate(column: NetworkColumn, clips: Clips, progress: Progress) -> Ablation:
    dataset = clips.prepare(progress)
    found = ablation.ablate(
        open_network(column),
        dataset,
        options=AblationOptions(limit=clips.limit),
        progress=titled(progress, "Changing channels"),
    )
    return rename_result(found, clips.as_told)


def _show_ablation(result: Ablation, key: str, measure: str, names: Mapping[str, str]) -> None:
    found, dark = result.summary, components.is_dark()
    accuracy, clips, loss = st.columns(3)
    right = found.accuracy
    accuracy.metric(
        "Accuracy, nothing changed",
        f"{right.value:.0%}",
        help=f"Between {right.low:.0%} and {right.high:.0%} with 95% confidence.",
    )
    clips.metric("Clips", people(found.clips))
    loss.metric("Cross entropy", f"{found.loss.value:.2f} nats")
    figure = cached.draw_page(
        f"ablation {measure} {key}",
        dark=dark,
        _figure=lambda: draw_ablation_interactive(result.table, measure=measure, dark=dark),
    )
    components.show_figure(
        figure, key="ablation", alt=f"{MEASURES[measure]} in every block. {say_worst(result.table, measure)}"
    )
    offer_downloads("ablation", result, lambda: result.plot(measure=measure))
    components.show_table("Numbers", in_plain_words(result.table), DROPS)
    components.show_remarks(result, names)


def _show_verdict(column: NetworkColumn, result: Ablation, key: str) -> None:
    """γ's gap against what was lost, with what it comes to above it."""
    verdict = find_verdict(column, result)
    if verdict is None:
        return
    st.markdown(verdict.describe(mark="**"))
    if len(verdict.table):
        dark = components.is_dark()
        figure = cached.draw_page(
            f"gap against loss {key}", dark=dark, _figure=lambda: draw_gap_against_cost(verdict, dark=dark)
        )
        components.show_figure(figure, key="gap-against-loss", alt=verdict.describe())


def in_plain_words(table: Any) -> Any:
    """An ABLATION table with what was done to channels in words, and accuracy in points."""
    points = {
        name: 100 * table[name] for name in ("accuracy_drop", "accuracy_drop_low", "accuracy_drop_high")
    }
    return table.assign(intervention=table["intervention"].map(TITLES), **points)


def show_drift(column: NetworkColumn) -> None:
    """How far the scales have moved from where they began."""
    st.markdown(DRIFT_NOTE)
    start = choose_start()
    source, dark = column.source, components.is_dark()
    key = cached.key_of([source])
    begin = (source.key, (start.name, cached.hash_file(start.path))) if start else key
    try:
        with st.spinner("Comparing with the start"):
            options = DriftOptions(start=str(start.path) if start else None)
            result = cached.measure_drift(tuple(dict.fromkeys((*key, *begin))), [source], options=options)
    except GstError as error:
        if start is None and isinstance(error, SpecError) and not isinstance(error, NotDefinedError):
            st.info(START_UNTOLD, icon=":material/info:")  # nobody's fault: files of other code say nothing
            return
        components.show_error(error, names={str(column.path): column.shown} | list_names(start))
        return
    result = name_start(result, start)
    st.markdown(f"**Start:** {literal(result.summary.origin)}.")
    pages = functools.cache(lambda: result.pages(dark=dark))
    for name, alt in result.say_figures().items():
        figure = cached.draw_page(f"{name} {begin}", dark=dark, _figure=_picker_of(pages, name))
        if figure is not None:  # where every scale began alike there is nothing to set it against
            components.show_figure(figure, key=name, alt=alt)
            offer_downloads(name, result, _picker(result, name, dark=False))
    components.show_notes([literal(note) for note in result.notes])
    components.show_table("Numbers: every batch norm", result.layers, DRIFTS)
    told = DriftOptions(start=start.shown if start else None)
    components.show_code(commands.write_analysis(drift.ABOUT, [column.shown], told, then=DRIFT_LINES))


def _picker(result: Any, name: str, *, dark: bool) -> Callable[[], Any]:
    """Something that draws one of a result's figures when it is wanted."""
    return lambda: result.figures(dark=dark)[name]


def _picker_of(pages: Callable[[], Mapping[str, Any]], name: str) -> Callable[[], Any]:
    """Something that takes one of several interactive figures, which are drawn at once."""
    return lambda: pages().get(name)


def name_inputs(column: NetworkColumn, clips: Clips) -> dict[str, str]:
    """Paths on the server, by what the visitor knows them as."""
    return {str(column.path): column.shown} | clips.names
