"""Is Figure 4 true? Take channels away, look where scales began, make the network smaller."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from app import cached, commands, components
from app.choosing import resolve_path
from app.clips_to_try import Clips, choose_clips
from app.columns import NetworkColumn, open_network
from app.downloads import offer_downloads
from app.job_progress import await_result
from app.jobs import titled
from app.wording import (
    ABLATION_ABOUT,
    ABLATION_NOTE,
    DRIFT_NOTE,
    MEASURES,
    SCORES,
    SLIMMING_ABOUT,
    SLIMMING_NOTE,
    literal,
    people,
    rename_result,
    tell_apart,
)
from gst_analysis.analyses import ablation, drift, slimming
from gst_analysis.analyses.ablation import Ablation, AblationOptions
from gst_analysis.analyses.drift import DriftOptions
from gst_analysis.analyses.slimming import Slimming, SlimOptions
from gst_analysis.progress import Progress

DRIFT_LINES = ("figures = result.figures()", "channels, layers = result.table, result.layers")
MOST_KEPT_BYTES = 20_000_000
"""Of a smaller network; a larger one is left to the command line."""
DROPS = {
    "block": "Block",
    "group": "Group",
    "channels": "Channels",
    "intervention": "Changed to",
    "accuracy_drop": "Accuracy lost",
    "accuracy_drop_low": "95% from",
    "accuracy_drop_high": "to",
    "loss_rise": "Loss gained",
    "logit_drop": "Logit lost",
}
WIDTHS = {"block": "Block", "group": "Group", "before": "Channels before", "after": "Channels left"}
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


def choose_column(columns: Sequence[NetworkColumn]) -> NetworkColumn:
    """One of those chosen; the first, if the visitor does not say."""
    if len(columns) == 1:
        return columns[0]
    titles = tell_apart({column.ref: column.name for column in columns})
    ref = components.choose_one("Checkpoint", titles, key="of")
    return next(column for column in columns if column.ref == ref)


def show_ablation(column: NetworkColumn) -> None:
    """What each group of channels is needed for."""
    st.markdown(ABLATION_NOTE)
    clips = choose_clips(column)
    if clips is None:
        return
    measure = components.choose_one("Measure", MEASURES, key="measure", first=AblationOptions().measure)
    result: Ablation | None = await_result(
        f"ablation {column.source.key} {clips.key}",
        lambda progress: _ablate(column, clips, progress),
        start="Take channels away",
        about=ABLATION_ABOUT,
        names=_names(column, clips),
    )
    if result is not None:
        _show_ablation(result, f"{column.source.key} {clips.key}", measure, _names(column, clips))
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
    return rename_result(found, {str(dataset): clips.shown})


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
    drawing = cached.draw(
        f"ablation {measure} {key}", dark=dark, _figure=lambda: result.plot(measure=measure, dark=dark)
    )
    components.show_drawing(drawing, alt=f"{MEASURES[measure]}, for each block, group and intervention")
    offer_downloads("ablation", result, lambda: result.plot(measure=measure))
    components.show_table("Numbers", result.table, DROPS)
    components.show_remarks(result, names)


def show_drift(column: NetworkColumn) -> None:
    """How far the scales have moved from where they began."""
    st.markdown(DRIFT_NOTE)
    typed = st.text_input(
        "Start",
        key="start",
        bind="query-params",
        placeholder="what the file says of its start",
        help="Leave it empty, or give the path of the 2-D or earlier checkpoint that training began with.",
    )
    start = resolve_path(typed) if typed.strip() else None
    source, dark = column.source, components.is_dark()
    key = cached.key_of([source])
    begin = (source.key, (start.name, cached.hash_file(start.path))) if start else key
    with st.spinner("Comparing with the start"):
        options = DriftOptions(start=str(start.path) if start else None)
        result = cached.measure_drift(tuple(dict.fromkeys((*key, *begin))), [source], options=options)
    st.markdown(f"**Start:** {literal(result.summary.origin)}.")
    for name in result.figures():
        drawing = cached.draw(f"{name} {begin}", dark=dark, _figure=_picker(result, name, dark=dark))
        components.show_drawing(drawing, alt=f"Scales of every block: {name}")
        offer_downloads(name, result, _picker(result, name, dark=False))
    for note in result.notes:
        st.info(literal(note), icon=":material/info:")
    components.show_table("Numbers: every batch norm", result.layers, DRIFTS)
    told = DriftOptions(start=start.shown if start else None)
    components.show_code(commands.write_analysis(drift.ABOUT, [column.shown], told, then=DRIFT_LINES))


def _picker(result: Any, name: str, *, dark: bool) -> Callable[[], Any]:
    """Something that draws one of a result's figures when it is wanted."""
    return lambda: result.figures(dark=dark)[name]


def show_slimming(column: NetworkColumn) -> None:
    """Accuracy over cost as the channels with the lowest scores go."""
    st.markdown(SLIMMING_NOTE)
    clips = choose_clips(column)
    if clips is None:
        return
    with st.container(horizontal=True, gap="large"):
        score = components.choose_one(
            "Score", SCORES, key="score", first=SlimOptions().score, help="Channels with the lowest go first."
        )
        percent = st.slider(
            "Multiply-adds to keep",
            50,
            95,
            90,
            5,
            format="%d%%",
            key="keep",
            bind="query-params",
            width=320,
            help="For the smaller network that is written. The curve shows all budgets.",
        )
    options = SlimOptions(score=score, macs=percent / 100, limit=clips.limit)
    key = f"{column.source.key} {clips.key} {score} {percent}"
    result = await_result(
        f"slimming {key}",
        lambda progress: _slim(column, clips, options, progress),
        start="Make it smaller",
        about=SLIMMING_ABOUT,
        names=_names(column, clips),
    )
    if result is not None:
        slimmed, written = result
        _show_slimming(slimmed, written, key, _names(column, clips))
    then = ["figure, smaller = result.plot(), result.model.module"]
    components.show_code(
        commands.write_analysis(slimming.ABOUT, [column.shown], options, clips=clips.to_write, then=then)
    )


def _slim(
    column: NetworkColumn, clips: Clips, options: SlimOptions, progress: Progress
) -> tuple[Slimming, bytes | None]:
    """The result without its weights, and the smaller checkpoint's file if it is small enough to keep."""
    dataset = clips.prepare(progress)
    found = slimming.slim(
        open_network(column),
        dataset,
        options=options,
        progress=titled(progress, "Measuring smaller networks"),
    )
    with tempfile.TemporaryDirectory(prefix="gst-analysis-slim-") as folder:
        file = Path(next(iter(found.save(folder, []).values())))
        written = file.read_bytes() if file.stat().st_size <= MOST_KEPT_BYTES else None
    without_weights: Any = None
    kept = dataclasses.replace(found, model=without_weights)
    return rename_result(kept, {str(dataset): clips.shown}), written


def _show_slimming(result: Slimming, written: bytes | None, key: str, names: Mapping[str, str]) -> None:
    before, after, dark = result.summary.before, result.summary.after, components.is_dark()
    params, macs, accuracy = st.columns(3)
    params.metric("Parameters", people(after.params), help=f"Before: {before.params:,}.")
    macs.metric("Multiply-adds", people(after.macs, "MACs"), help=f"Before: {before.macs:,}.")
    if before.accuracy and after.accuracy:
        accuracy.metric(
            "Accuracy, not fine-tuned",
            f"{after.accuracy.value:.0%}",
            help=f"Between {after.accuracy.low:.0%} and {after.accuracy.high:.0%} with 95% confidence. "
            f"Before: {before.accuracy.value:.0%}.",
        )
    drawing = cached.draw(f"slimming {key}", dark=dark, _figure=lambda: result.plot(dark=dark))
    components.show_drawing(drawing, alt="Channels left in every block, and accuracy over multiply-adds")
    offer_downloads("slimming", result, result.plot)
    if result.curve is not None:
        curve = dataclasses.replace(result, table=result.curve)
        offer_downloads("slimming_curve", curve, None, label="The curve's numbers")
    _offer_network(written, next(iter(result.provenance.specs)))
    components.show_table("Numbers: what is left of every block", result.table, WIDTHS)
    components.show_remarks(result, names)


def _offer_network(written: bytes | None, name: str) -> None:
    """The smaller checkpoint as a file; a large one is left to the command line."""
    if written is not None:
        st.download_button(
            "The smaller checkpoint",
            written,
            file_name=f"{name}-slim.pth",
            icon=":material/download:",
            on_click="ignore",
            key="slim-checkpoint",
        )


def _names(column: NetworkColumn, clips: Clips) -> dict[str, str]:
    return {str(column.path): column.shown} | clips.names
