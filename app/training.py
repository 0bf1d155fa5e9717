"""The parts of the page of training: a run chosen, how far it is, and its curves while they grow."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import streamlit as st

from app import cached_runs, components, links
from app.cached_visitors import find_visitor, remember
from app.choosing import choose_path
from app.commands import write_train
from app.downloads import offer_downloads
from app.paths import resolve_folder
from app.recipes import RunPlan
from app.runs import State, list_runs, read_settings, tell_failure
from app.wording import literal, rename, say_time
from gst_analysis.analyses.training_runs import RunSummary, TrainingRun, read_run, watch_rendering
from gst_analysis.errors import DataError, GstError
from gst_analysis.numbers import how_many

INTRO = (
    "Train a small network on rendered videos whose truth is known, and watch it learn: a minute or two on "
    "two processor cores. Or watch any run of `gst-analyze train` while it goes on."
)
EMPTY = (
    "**Nothing is being trained yet.** Choose a world and a network in the bar at the side and press "
    "**Start**. Order in time is the world to begin with: GST learns it, while C2D, which cannot see the "
    "order of frames, is right at most half of the time. A run goes on when you leave this page."
)
GAMMA_INTRO = (
    "Batch-norm scales γ of :blue[**spatial**] and :orange[**temporal**] channels from epoch to epoch, block "
    "by block. Fresh weights begin with every γ at 1: what moves them apart is training."
)
WAITING = {
    "running": "Getting ready: reading the clips and building the network.",
    "stopping": "Stopping.",
    "done": "It ended before there was anything to show.",
    "stopped": "It was stopped before there was anything to show.",
}
EPOCHS = {
    "epoch": "Epoch",
    "loss": "Loss",
    "top1": "Right",
    "val_loss": "Validation loss",
    "val_top1": "Validation clips right",
}
TITLES = {
    "running": ":blue-badge[:material/play_arrow: running]",
    "stopping": ":orange-badge[:material/hourglass: saving and stopping]",
    "done": ":green-badge[:material/check: finished]",
    "stopped": ":gray-badge[:material/stop: stopped, can go on]",
    "failed": ":red-badge[:material/error: failed]",
}


def home() -> Path:
    """Where runs are kept: below the folder that the explorer was started in."""
    return Path.cwd() / "runs" / "explorer"


def start_run(plan: RunPlan) -> None:
    """Begin, and show it."""
    try:
        folder = cached_runs.runs().start(home(), plan.recipe, plan.settings, find_visitor())
    except GstError as error:
        components.show_error(error, names={str(Path.cwd()): "."})
    else:
        st.session_state.followed = _ref(folder)


def list_known() -> dict[str, Path]:
    """Runs that this visitor may look at, by what they are called."""
    known = {_ref(folder): folder for folder in list_runs(home())}
    known |= st.session_state.get("watched", {})
    runs, visitor = cached_runs.runs(), find_visitor()
    return {ref: folder for ref, folder in known.items() if runs.may_see(folder, visitor)}


def choose_run() -> Path | None:
    """The run to show: the one just started, the one that a link names, or the one chosen from the list."""
    runs, known = cached_runs.runs(), list_known()
    if "followed" not in st.session_state:
        st.session_state.followed = _open_linked(known)
    if st.session_state.followed not in known:
        going = runs.running()
        st.session_state.followed = _ref(going) if going and _ref(going) in known else next(iter(known), None)
    for error, names in st.session_state.pop("run_problems", []):
        components.show_error(error, names=names)
    if not known:
        return None
    st.session_state.run_shown = st.session_state.followed
    st.selectbox(
        "Run",
        list(known),
        key="run_shown",
        on_change=_change_run,
        placeholder="Choose a run",
        help="Those that were started here, the latest first, and the folders that you opened.",
    )
    if st.session_state.followed is None:
        return None
    st.query_params["run"] = st.session_state.followed
    return known[st.session_state.followed]


def offer_folder() -> None:
    """A form to watch a run that was started elsewhere."""
    with st.form("run-path", border=False):
        st.text_input(
            "Folder on the server",
            key="typed_run",
            placeholder="runs/last",
            help="What was given to gst-analyze train --out.",
        )
        st.form_submit_button("Watch", on_click=_open_typed, width="stretch")


def show_run(folder: Path) -> None:
    """A run as it is now; drawn again every two seconds while it goes on."""
    going = _goes_on(folder)
    st.fragment(_show_run, run_every=2 if going else None)(folder, going)
    st.fragment(_show_gamma, run_every=4 if going else None)(folder)


def _show_run(folder: Path, was_going: bool) -> None:
    if _goes_on(folder) != was_going or "go_to_scales" in st.session_state:
        st.rerun()  # the whole page: how often this part is drawn, or the page itself, changes
    state = cached_runs.runs().state(folder)
    run, error = _read(folder)
    _show_head(folder, state, run)
    if run is not None and len(run.table):
        _show_numbers(run.summary, going=was_going)
        figure = run.plot_interactive(dark=components.is_dark())
        alt = f"{run.say_figures()[run.stem]} {_say_progress(run.summary)}"
        components.show_figure(figure, key="training", alt=alt)
        offer_downloads("training", run, run.plot)
        offer_downloads("epochs", dataclasses.replace(run, table=run.epochs), None, label="Epochs")
        if len(run.epochs):
            components.show_table("Numbers, epoch by epoch", run.epochs, EPOCHS)
    elif run is None and error is not None and state is None and not read_settings(folder):
        components.show_error(error, names={str(folder): _ref(folder)})
    elif state != "failed" and not _show_rendering(folder):
        before = "running" if run is not None else "stopped"  # of one that another server started
        st.info(WAITING[state or before], icon=":material/hourglass:")


def _show_rendering(folder: Path) -> bool:
    """How far a planted world is rendered for a run; whether one is being rendered."""
    told = read_settings(folder)
    place, clips = told.get("data.root", ""), told.get("world.clips", "")
    found = watch_rendering(place, int(clips)) if place and clips.isdecimal() else None
    if found is None:
        return False
    words = f"Rendering clips · {found.done} of {found.clips}"
    if found.remaining_s is not None:
        words += f" · about {say_time(found.remaining_s)} left"
    st.progress(found.done / found.clips, words)
    return True


def _read(folder: Path) -> tuple[TrainingRun | None, GstError | None]:
    """The log, or why there is none (yet)."""
    try:
        return read_run(folder), None
    except GstError as error:
        return None, error


def _show_head(folder: Path, state: State | None, run: TrainingRun | None) -> None:
    """What it is and how it stands, and the buttons for that."""
    runs = cached_runs.runs()
    if state is None and run is not None:
        state = "done" if run.summary.finished else "running" if _is_fresh(folder) else "stopped"
        title = TITLES[state]
    else:
        title = TITLES[state] if state else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{literal(run.summary.network) if run else literal(folder.name)}** {title}")
        if runs.state(folder) in ("running", "stopping"):
            _offer_cancel(folder)
        elif runs.state(folder) == "stopped" and (folder / "state.pt").is_file():
            st.button("Go on", icon=":material/play_arrow:", on_click=_resume, args=(folder,))
        if run is not None and run.last is not None:
            st.button(
                "Look at its scales", icon=":material/equalizer:", on_click=_show_elsewhere, args=(run.last,)
            )
    if state == "failed":
        told = rename(tell_failure(folder), {f"{Path.cwd()}/": ""})
        st.error(literal(told), icon=":material/error:")


def _offer_cancel(folder: Path) -> None:
    runs = cached_runs.runs()
    words = "Cancel" if runs.state(folder) == "running" else "Stop at once"
    st.button(words, icon=":material/stop:", on_click=runs.cancel, args=(folder,))


def _show_numbers(summary: RunSummary, *, going: bool) -> None:
    epochs, loss, right, left = st.columns(4)
    epochs.metric("Epochs", f"{summary.epochs} of {summary.planned_epochs}")
    loss.metric("Loss", "–" if summary.loss is None else f"{summary.loss:.3f}")
    best = "" if summary.best_top1 is None else f"Best: {summary.best_top1:.1%}, epoch {summary.best_epoch}."
    right.metric(
        "Validation clips right", "–" if summary.top1 is None else f"{summary.top1:.1%}", help=best or None
    )
    if summary.finished or summary.remaining_s is None or not going:
        left.metric("Time", say_time(summary.seconds))
    else:
        left.metric("Time left", say_time(summary.remaining_s))


def _say_progress(summary: RunSummary) -> str:
    """How far a run is, for those who do not see its curves."""
    right = "not validated yet" if summary.top1 is None else f"{summary.top1:.0%} of validation clips right"
    return f"After {summary.epochs} of {how_many(summary.planned_epochs, 'epoch')} {right}."


def _show_gamma(folder: Path) -> None:
    try:
        found = cached_runs.follow_gamma(read_run(folder).checkpoints)
    except (GstError, OSError):
        return  # the part above says what is wrong
    if found is None:
        return
    st.header("How γ drifts", anchor=False)
    st.markdown(GAMMA_INTRO)
    key = tuple(found.provenance.sources.values())
    figure = cached_runs.draw_gamma(key, found, dark=components.is_dark())
    components.show_figure(figure, key="gamma", alt=found.say_figures()["gamma_over_training"])
    offer_downloads("drift", found, lambda: found.figures()["gamma_over_training"])


def show_code(folder: Path) -> None:
    """How to watch and repeat a run without the explorer."""
    try:
        kept = read_run(folder).checkpoints
    except GstError:
        kept = ()
    components.show_code(write_train(_ref(folder), [_ref(path) for path in kept]))


def _goes_on(folder: Path) -> bool:
    """Whether there may soon be more to show."""
    state = cached_runs.runs().state(folder)
    return state in ("running", "stopping") or (state is None and _is_fresh(folder))


def _is_fresh(folder: Path) -> bool:
    """Whether a run that was started elsewhere has written something in the last minute."""
    try:
        return time.time() - (folder / "steps.csv").stat().st_mtime < 60
    except OSError:
        return False


def _ref(folder: Path) -> str:
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


def _open_linked(known: dict[str, Path]) -> str | None:
    ref = st.query_params.get("run")
    if not ref or ref in known:
        return ref or None
    shown = _watch(ref)
    if shown is not None:
        known[shown] = st.session_state.watched[shown]
    else:
        links.complain("run", links.Fault("the folder of a run", ref, watched="followed"))
    return shown


def _open_typed() -> None:
    shown = _watch(st.session_state.typed_run)
    if shown is not None:
        st.session_state.followed = shown


def _watch(text: str) -> str | None:
    """Open the folder of a run, if it holds one; returns how it is shown."""
    names = {}
    try:
        folder, shown = resolve_folder(text)
        names = {str(folder): shown}
        _require_own(folder, shown)
        read_run(folder)
    except GstError as error:
        _complain(error, names)
        return None
    remember("watched", shown, folder)
    return shown


def _require_own(folder: Path, shown: str) -> None:
    if not cached_runs.runs().may_see(folder, find_visitor()):
        raise DataError(
            shown,
            expected="a run of yours, or of somebody who has left",
            found="another visitor's",
            todo="wait until they have left",
        )


def _change_run() -> None:
    st.session_state.followed = st.session_state.run_shown


def _resume(folder: Path) -> None:
    try:
        cached_runs.runs().resume(folder, find_visitor())
    except GstError as error:
        _complain(error)


def _show_elsewhere(checkpoint: Path) -> None:
    """The checkpoint joins those that all pages show."""
    try:
        choose_path(str(checkpoint))
    except GstError as error:
        _complain(error)
    else:
        st.session_state.go_to_scales = True


def _complain(error: GstError, names: dict[str, str] | None = None) -> None:
    st.session_state.setdefault("run_problems", []).append((error, names or {}))
