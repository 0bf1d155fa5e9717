"""Whose cost is shown: a design made on the page, a published system, or what the visitor has loaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from app import cached, components, links
from app.cached_network import find_own
from app.cached_visitors import find_accuracy
from app.columns import choose_column, gather_columns, glance_at_network
from app.commands import say_design
from app.designing import choose_design, choose_sizes
from app.wording import COST_EMPTY, literal
from gst_analysis.analyses.cost import Cost, CostOptions, PublishedPlacing
from gst_analysis.analyses.cost.table import CLASSES, DATASETS
from gst_analysis.networks.spec_values import MIN_SIZE

AXES = {"gmacs": "Multiply-adds", "params_m": "Parameters"}
KINDS = {"design": "Design", "system": "Published", "loaded": "Loaded"}
MODULES = {
    "stage": "Stage",
    "module": "Module",
    "op": "Work",
    "group": "Group",
    "params": "Parameters",
    "macs": "Multiply-adds",
}
PUBLISHED = {
    "method": "Method",
    "backbone": "Backbone",
    "frames": "Frames",
    "clips": "Clips",
    "top1": "Top-1, %",
    "gmacs": "GMACs",
    "params_m": "Million parameters",
}
_HELP = (
    "A network put together here, a system as it was published, or a checkpoint (and the network that the "
    "explorer was started with)."
)


class Costed(NamedTuple):
    """What is costed: what commands call it, what of it is changed, and how to get at it.

    `key` says what it is, whatever it is called; empty for what follows from its name.
    """

    shown: str
    options: CostOptions
    model: Callable[[], Any]
    key: str = ""


def choose_costed() -> Costed | None:
    """The controls at the side, and what they say; None where nothing is loaded."""
    with st.sidebar:
        st.markdown("**Network**")  # no heading: those begin with the title of the page
        chosen = st.session_state.get("chosen") or st.query_params.get_all("ckpt")
        first = "loaded" if chosen or find_own() is not None else "design"
        kind = components.choose_one("What is costed", KINDS, key="kind", first=first, help=_HELP)
    return {"design": _choose_design, "system": _choose_system, "loaded": _choose_loaded}[kind]()


def _choose_design() -> Costed:
    with st.sidebar:
        design = choose_design()
        st.markdown("**Clip**")  # no heading: those begin with the title of the page
        sizes = choose_sizes()
    spec = design.resolve(sizes)
    return Costed(spec.name, say_design(spec, sizes.size), lambda: spec.name)


def _choose_system() -> Costed:
    systems = cached.list_systems()
    with st.sidebar:
        links.check_choice("system", {name: one.title for name, one in systems.items()})
        name = st.selectbox(
            "System",
            list(systems),
            format_func=lambda name: systems[name].title,
            key="system",
            bind="query-params",
            help="Each as it was published; gst-analyze models lists them with their papers.",
        )
        found = systems[name]
        st.caption(f"{found.paper}. {found.space_and_time[:1].upper()}{found.space_and_time[1:]}.")
        st.markdown("**Clip**")  # no heading: those begin with the title of the page
        frames = None
        if found.lengths == "fixed":
            st.caption(f"{found.frames} frames: it takes clips of that length alone.")
        else:
            frames = _ask("Frames", "system_frames", found.frames, 1, 1024)
        size = _ask("Frame size", "system_size", found.size, MIN_SIZE, 2048)
        classes = _ask("Classes", "system_classes", found.classes, 1, 100_000)
    return Costed(name, CostOptions(num_frames=frames, size=size, num_classes=classes), lambda: name)


def _choose_loaded() -> Costed | None:
    columns = [column for column in gather_columns(COST_EMPTY) if column.untrained is None]
    if not columns:
        return None
    column = choose_column(columns)
    with st.sidebar:
        st.markdown("**Clip**")  # no heading: those begin with the title of the page
        size = _ask("Frame size", "loaded_size", None, MIN_SIZE, 2048)
    return Costed(
        column.shown, CostOptions(size=size), lambda: glance_at_network(column), str(column.source.key)
    )


def choose_placing(measured: Cost, costed: Costed) -> tuple[str, str, float | None]:
    """Among which published results it is placed: data set, kind of cost, and its own accuracy if known."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        dataset = components.choose_one("Dataset", DATASETS, key="dataset")
        axis = components.choose_one("Cost", AXES, key="axis")
        return dataset, axis, _ask_accuracy(measured, costed, dataset)


def _ask_accuracy(measured: Cost, costed: Costed, dataset: str) -> float | None:
    """The accuracy of what is costed on a data set, in percent; None where the visitor says none.

    It is of one network and of one data set: choosing others empties the field. What was measured here is
    offered, never taken unasked: only the visitor knows whether those clips are the data set's.
    """
    now = (cached.design_key(measured), dataset)
    if st.session_state.setdefault("top1_of", now) != now:
        st.session_state["top1_of"], st.session_state["top1"] = now, None
    links.check_number("top1", 0, 100, usual="unknown", step=0)
    told = st.number_input(
        "Its accuracy, %",
        0.0,
        100.0,
        None,
        key="top1",
        bind="query-params",
        placeholder="unknown",
        help=f"Top-1 on {DATASETS[dataset]}, measured as the paper does. gst-analyze evaluate measures it.",
    )
    own = find_accuracy(costed.key)
    if own is not None and own.classes == CLASSES[dataset]:
        st.button(
            f"Take {own.percent:g}%",
            on_click=partial(st.session_state.__setitem__, "top1", own.percent),
            help=f"What this network reached under Classes: {literal(own.clips)}. Take it if those are "
            f"{DATASETS[dataset]}'s validation clips.",
        )
        st.caption(f"measured here: {literal(own.clips)}")
    return told


def list_published(compared: PublishedPlacing, dataset: str) -> Any:
    """The published results of a data set, the most accurate first."""
    rows = compared.table[compared.table["dataset"] == dataset]
    return rows.sort_values("top1", ascending=False)


def measure(costed: Costed) -> Cost:
    """Count what was chosen, once for each thing that can be chosen."""
    key = f"{costed.shown} {costed.key} {costed.options}"
    return cached.measure_cost(key, costed.model, options=costed.options)


def _ask(label: str, key: str, usual: int | None, least: int, most: int) -> int | None:
    """A number; None, which is shown as what is usual, where the visitor leaves it."""
    shown = "its own" if usual is None else str(usual)
    links.check_number(key, least, most, usual=shown)
    return st.number_input(label, least, most, None, key=key, bind="query-params", placeholder=shown)
