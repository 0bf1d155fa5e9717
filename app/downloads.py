"""A row of buttons that make a file when they are pressed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from gst_analysis import workflows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gst_analysis.workflows import BnScales, Comparison, Cost

MIMES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}


def offer_downloads(stem: str, result: BnScales | Cost | Comparison, draw: Callable[[], Figure]) -> None:
    """The figure as PNG, SVG, PDF; the table as CSV, parquet; summary and provenance as JSON."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Download**", width="content")
        for kind, mime in MIMES.items():
            st.download_button(
                kind.upper() if kind != "parquet" else "Parquet",
                partial(make_file, kind, stem, result, draw),
                file_name=f"{stem}.{kind}", mime=mime, key=f"{stem}-{kind}", on_click="ignore",
                type="tertiary", icon=":material/download:",
            )  # fmt: skip


def make_file(
    kind: str, stem: str, result: BnScales | Cost | Comparison, draw: Callable[[], Figure]
) -> bytes:
    """The bytes of one format, the same that the command line writes."""
    with tempfile.TemporaryDirectory(prefix="gst-analysis-download-") as folder:
        if kind in workflows.IMAGE_FORMATS:
            files = workflows.save_figures(draw(), folder, stem, [kind])
        else:
            files = result.save(folder, stem, [kind])
        return Path(files[kind]).read_bytes()
