"""Can what a score ranks lowest go? A network made smaller, beside a plain rule that asks no score."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app import cached, commands, components, links
from app.cached_measurements import Asked, recall
from app.checks import name_inputs
from app.clips_to_try import Clips, choose_clips
from app.columns import NetworkColumn, open_network
from app.downloads import offer_downloads
from app.job_progress import await_result
from app.jobs import titled
from app.wording import SCORES, SLIMMING_ABOUT, SLIMMING_NOTE, people, rename_result
from gst_analysis.analyses import slimming
from gst_analysis.analyses.slimming import Slimming, SlimOptions
from gst_analysis.analyses.slimming.verdict import find_even_match, say_which_rule_wins
from gst_analysis.progress import Progress

MOST_KEPT_BYTES = 20_000_000
"""Of a smaller network; a larger one is left to the command line."""
WIDTHS = {"block": "Block", "group": "Group", "before": "Channels before", "after": "Channels left"}


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
        links.check_number("keep", 50, 95, step=5)
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
    result = recall(
        Asked("slimming", column.source.key, f"{clips.key} {score} {percent}"),
        lambda: await_result(
            f"slimming {key}",
            lambda progress: _slim(column, clips, options, progress),
            start="Make it smaller",
            about=SLIMMING_ABOUT,
            names=name_inputs(column, clips),
        ),
    )
    if result is not None:
        slimmed, written = result
        _show_slimming(slimmed, written, key, name_inputs(column, clips))
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
    return rename_result(kept, clips.as_told), written


def _show_slimming(result: Slimming, written: bytes | None, key: str, names: Mapping[str, str]) -> None:
    before, after, dark = result.summary.before, result.summary.after, components.is_dark()
    if result.curve is not None:
        st.markdown(say_which_rule_wins(result.curve, mark="**"))
    params, macs, accuracy, even = st.columns(4)
    params.metric("Parameters", people(after.params), help=f"Before: {before.params:,}.")
    macs.metric("Multiply-adds", people(after.macs, "MACs"), help=f"Before: {before.macs:,}.")
    if before.accuracy and after.accuracy:
        accuracy.metric(
            "Accuracy, lowest scores first",
            f"{after.accuracy.value:.0%}",
            help=f"Between {after.accuracy.low:.0%} and {after.accuracy.high:.0%} with 95% confidence. "
            f"Before: {before.accuracy.value:.0%}. Nothing was fine-tuned.",
        )
    _show_even(result, even)
    figure = cached.draw_page(
        f"slimming {key}", dark=dark, _figure=lambda: result.plot_interactive(dark=dark)
    )
    components.show_figure(figure, key="slimming", alt=result.say_figures()[result.stem])
    offer_downloads("slimming", result, result.plot)
    if result.curve is not None:
        curve = dataclasses.replace(result, table=result.curve)
        offer_downloads("slimming_curve", curve, None, label="The curve's numbers")
    _offer_network(written, next(iter(result.provenance.specs)))
    components.show_table("Numbers: what is left of every block", result.table, WIDTHS)
    components.show_remarks(result, names)


def _show_even(result: Slimming, place: Any) -> None:
    """The plain rule at the nearest cost that was measured, beside the score's accuracy."""
    match = None if result.curve is None else find_even_match(result.curve, result.summary.after.macs)
    if match is not None:
        place.metric(
            "Accuracy, as many of every group",
            f"{match['accuracy']:.0%}",
            help=f"At {match['macs_share']:.0%} of the multiply-adds; between {match['accuracy_low']:.0%} "
            f"and {match['accuracy_high']:.0%} with 95% confidence.",
        )


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
