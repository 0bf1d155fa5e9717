"""The lower part of the page of training: several runs in one chart, seeds of one design together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from app import components
from app.wording import literal, tell_apart
from gst_analysis.analyses.training_runs import TrainingRun, read_run
from gst_analysis.analyses.training_runs.comparing import MOST_RUNS, draw_runs, say_runs
from gst_analysis.errors import GstError

_OWN = ""
"""The run that is shown, among those that it stands beside."""
INTRO = (
    "Validation, epoch by epoch: a colour and a dash for each design. Runs that differ in their seed alone "
    "are drawn as their mean, in a band from the lowest to the highest."
)


def show_comparison(folder: Path, known: Mapping[str, Path]) -> None:
    """The run that is shown beside others that the visitor chooses."""
    others = {ref: other for ref, other in known.items() if other != folder}
    if not others:
        return
    names = {_OWN: folder.name} | {ref: other.name for ref, other in others.items()}
    titles = tell_apart(names, lambda ref: ref or "the run above")
    st.header("Beside other runs", anchor=False)
    chosen = st.multiselect(
        "Compare with",
        list(others),
        key="compared_runs",
        format_func=titles.__getitem__,
        max_selections=MOST_RUNS - 1,
        placeholder="Choose runs",
        help="Those that were started here, and the folders that you opened.",
    )
    if not chosen:
        return
    runs = _read({titles[_OWN]: folder} | {titles[ref]: others[ref] for ref in chosen})
    if len(runs) > 1:
        told = say_runs(runs)
        if not any(run.epochs["val_top1"].notna().any() for run in runs.values()):
            st.info("None of these runs has been validated yet.", icon=":material/info:")
            return
        st.markdown(INTRO)
        figure = draw_runs(runs, dark=components.is_dark())
        components.show_figure(figure, key="compared", alt=f"Validation of several runs. {told}")
        st.markdown(literal(told))


def _read(folders: Mapping[str, Path]) -> dict[str, TrainingRun]:
    """Those that have a log; of the others, why not."""
    runs: dict[str, TrainingRun] = {}
    for name, folder in folders.items():
        try:
            runs[name] = read_run(folder)
        except GstError as error:
            components.show_error(error, names={str(folder): name})
    return runs
