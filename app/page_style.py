"""What Streamlit's theme does not reach: a little CSS, and when the browser loads the code that plots."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

STYLE = """<style>
.stMainBlockContainer { padding: 4.5rem 3.5rem 4rem }  /* less empty space */
[data-testid="stFileUploaderDropzoneInstructions"] { display: none }  /* cut short; the label says it */
[data-testid="stPageLink-NavLink"] { padding-left: 0 }  /* in line with the words below it */
[role="radiogroup"] [aria-checked="true"] { color: inherit !important; font-weight: 600 }  /* in dark too */
@media (max-width: 640px) { .stMainBlockContainer { padding: 4.5rem 1rem 4rem } }
/* Where names of points would cover each other, the one touched or pointed at says its own. */
.st-key-tradeoff { container-type: inline-size }
@container (max-width: 689px) { .st-key-tradeoff .annotation { display: none } }
</style>"""
_SCRIPTS = Path(st.__file__).parent / "static" / "static" / "js"


def load_plots_early() -> str:
    """A script that makes the browser load plotly while the server still reads checkpoints.

    Streamlit loads it when the first figure arrives: about a second later. Empty if it is not where we
    look for it, which costs no more than that second.
    """
    found = next(_SCRIPTS.glob("PlotlyChart.*.js"), None)
    if found is None:
        return "<span></span>"
    return f'<script type="module">import("./static/js/{found.name}").catch(() => {{}})</script>'
