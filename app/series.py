"""γ over training: the epochs of a run, read out of one folder."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import cached, commands, components, links
from app.checks import DRIFT_LINES, DRIFTS
from app.choosing import list_runs
from app.downloads import offer_downloads
from app.paths import resolve_folder
from app.wording import ANOTHER_RUN, NO_RUN, SERIES_NOTES, literal, plain_name, rename
from gst_analysis.analyses import drift
from gst_analysis.analyses.drift import Drift, DriftOptions
from gst_analysis.analyses.drift.series import draw_gamma_over_training_interactive
from gst_analysis.checkpoints.naming import list_checkpoints
from gst_analysis.errors import DataError

MOST_EPOCHS = 60
EPOCHS = {"checkpoint": "Checkpoint"}
FIGURES = {"gamma_over_training": "Curves", "animation": "In motion"}


def show_series() -> None:
    """Choose a run's folder and draw its scales, epoch by epoch."""
    chosen = _choose_folder()
    if not chosen:
        st.info(NO_RUN, icon=":material/folder_open:")
        return
    folder, shown = resolve_folder(chosen)
    _say_whose(folder)
    files = list_epochs(folder, shown)
    figure = components.choose_one("Figure", FIGURES, key="motion")
    sources = [cached.Source(plain_name(f.stem), f"{shown}/{f.name}", f) for f in files]
    key = cached.key_of(sources)
    with st.spinner("Reading the run"):
        result = cached.measure_drift(key, sources, options=DriftOptions())
    st.markdown(SERIES_NOTES[figure])
    draw_series(result, f"{figure} {key}", figure)
    for problem in (*result.notes, *result.failures.values()):
        st.warning(literal(rename(problem, {str(folder): shown})), icon=":material/warning:")
    curves = "gamma_over_training"
    if curves in result.figures():
        offer_downloads(curves, result, lambda: result.figures()[curves])
    components.show_table("Numbers: every batch norm, epoch by epoch", result.layers, EPOCHS | DRIFTS)
    components.show_code(commands.write_analysis(drift.ABOUT, [s.shown for s in sources], then=DRIFT_LINES))


def is_of(folder: Path, ref: str) -> bool:
    """Whether a folder holds the run that a chosen checkpoint comes from, by its name or place."""
    file = Path(ref)
    return folder.name == f"{file.stem}-epochs" or file.resolve().parent == folder.resolve()


def _say_whose(folder: Path) -> None:
    """A word where the run is that of no network that is chosen."""
    refs = st.session_state.get("chosen", [])
    if refs and not any(is_of(folder, ref) for ref in refs):
        st.caption(ANOTHER_RUN)


def list_epochs(folder: Path, shown: str) -> list[Path]:
    """The checkpoints of a run's epochs, in order; some of them where there are very many."""
    found = list_checkpoints(folder)
    epochs = [file for file in found if file.stem.startswith("epoch")] or found
    if len(epochs) < 2:
        raise DataError(
            shown,
            expected="the epochs of a run, such as epoch-0001.pth and epoch-0002.pth",
            found=f"{len(epochs)} checkpoint files",
            todo="train with run.save_every_epochs=1, or choose another folder",
        )
    return epochs[:: -(-len(epochs) // MOST_EPOCHS)]


def draw_series(result: Drift, key: str, figure: str) -> None:
    """Curves with their middle halves, or histograms that move."""
    dark = components.is_dark()
    if figure == "animation":
        alt = result.say_figures()["drift_animation"]
        components.show_figure(result.plot_interactive(dark=dark), key="moving", alt=alt)
        return
    if figure in result.figures():
        axis = result.summary.axis
        drawn = cached.draw_page(
            key,
            dark=dark,
            _figure=lambda: draw_gamma_over_training_interactive(result.layers, axis=axis, dark=dark),
        )
        components.show_figure(drawn, key=figure, alt=result.say_figures()[figure])


def _choose_folder() -> str | None:
    runs = list_runs()
    refs = st.session_state.get("chosen", [])
    own = [place for place, run in enumerate(runs) if any(is_of(Path(run), ref) for ref in refs)]
    links.check_text("run")
    return st.selectbox(
        "Run",
        runs,
        key="run",
        bind="query-params",
        accept_new_options=True,
        index=(own or [0])[0] if runs else None,
        placeholder="runs/mine: a folder with the checkpoints of several epochs",
        help="Pick a shipped run, or type the path of a folder on the server: in the folder the explorer was "
        "started in, or one named in GST_ANALYSIS_FOLDERS.",
    )
