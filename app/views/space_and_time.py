"""Figure 4: the batch-norm scales of spatial and temporal channels, block by block."""

from __future__ import annotations

import streamlit as st

from app import cached, commands, showing
from app.columns import gather_columns
from app.downloads import offer_downloads
from app.wording import CAUTION, SCALES_INTRO
from gst_analysis.workflows import BnScales, join_bn_scales

ROWS = {"stage": "Stages", "block": "Blocks"}
SCALES = {"signed": "Signed", "absolute": "Absolute"}


def show() -> None:
    st.title("Space and time", anchor=False)
    st.markdown(SCALES_INTRO)
    columns = gather_columns()
    if not columns:
        return
    by, absolute = choose_view()
    readings = [column.reading for column in columns]
    result = join_bn_scales(
        [reading.scales for reading in readings], absolute=absolute,
        names=[column.name for column in columns], paths=[column.shown for column in columns],
    )  # fmt: skip
    show_scales(result, by=by)
    offer_downloads("bn_scales", result, lambda: result.plot(by=by))
    inspections = [reading.inspection for reading in readings]
    showing.explain_groups(result, inspections)
    st.subheader("What was recognised", anchor=False)
    showing.show_inspections(list(result.provenance.sources), inspections)
    showing.show_numbers(result)
    paths = [column.shown for column in columns]
    showing.show_code(commands.write_bn_hist(paths, columns[0].untrained, by=by, absolute=absolute))


def choose_view() -> tuple[str, bool]:
    """Rows by stage or block, γ or |γ|."""
    with st.container(horizontal=True, gap="large"):
        by = showing.choose_one(
            "Rows", ROWS, key="rows", help="All blocks of a stage together, or one by one."
        )
        scale = showing.choose_one(
            "Scales γ", SCALES, key="scale", help="γ as stored, or its size without the sign."
        )
    return by, scale == "absolute"


def show_scales(result: BnScales, *, by: str) -> None:
    key, dark = tuple(result.provenance.sources.items()), showing.is_dark()
    figure = cached.draw_scales(key, result, by=by, absolute=result.absolute, dark=dark)
    alt = f"Histograms of batch-norm scales of {', '.join(result.provenance.sources)}"
    showing.show_figure(figure, key="bn_scales", alt=alt)
    st.caption(CAUTION)


show()
