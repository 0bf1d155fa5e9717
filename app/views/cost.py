"""What a network costs, where the cost lies, and what published networks reached for theirs."""

from __future__ import annotations

import streamlit as st

from app import cached, components
from app.commands import CostView, write_cost
from app.costing import choose_costed, measure
from app.downloads import offer_downloads
from app.wording import COST_INTRO, DATASETS, TRADEOFF_INTRO
from gst_analysis.analyses.cost import Cost, compare_with_published
from gst_analysis.analyses.cost.spoken import say_accuracy_over_cost, say_cost
from gst_analysis.errors import GstError

QUANTITIES = {"macs": "Multiply-adds", "params": "Parameters"}
AXES = {"gmacs": "Multiply-adds", "params_m": "Parameters"}


def show() -> None:
    st.title("Cost", anchor=False)
    st.markdown(COST_INTRO)
    try:
        costed = choose_costed()
        if costed is None:
            return
        with st.spinner("Counting"):
            measured = measure(costed)
    except GstError as error:
        components.show_error(error)
        return
    components.show_totals(measured)
    components.show_remarks(measured, {})
    bars = show_bars(measured)
    dataset, axis = show_tradeoff(measured)
    components.show_code(write_cost(costed.shown, costed.options, CostView(bars, dataset, axis)))


def show_bars(measured: Cost) -> str:
    st.header("Where the cost lies", anchor=False)
    quantity = components.choose_one("Bars show", QUANTITIES, key="bars")
    key, dark = cached.design_key(measured), components.is_dark()
    figure = cached.draw_cost(key, measured, quantity=quantity, dark=dark)
    components.show_figure(figure, key="cost_bars", alt=say_cost(measured.table, quantity))
    offer_downloads("cost", measured, lambda: measured.plot(quantity=quantity))
    return quantity


def show_tradeoff(measured: Cost) -> tuple[str, str]:
    st.header("What others reached for their cost", anchor=False)
    st.markdown(TRADEOFF_INTRO)
    compared = compare_with_published(measured)
    with st.container(horizontal=True, gap="medium"):
        titles = {name: DATASETS.get(name, name) for name in compared.datasets}
        dataset = components.choose_one("Dataset", titles, key="dataset")
        axis = components.choose_one("Cost", AXES, key="axis")
    key, dark = cached.design_key(measured), components.is_dark()
    figure = cached.draw_tradeoff(key, compared, dataset=dataset, cost=axis, dark=dark)
    components.show_figure(figure, key="tradeoff", alt=say_accuracy_over_cost(compared.table, dataset, axis))
    offer_downloads("accuracy_over_cost", compared, lambda: compared.plot(dataset=dataset, cost=axis))
    return dataset, axis


show()
