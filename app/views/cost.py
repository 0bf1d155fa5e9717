"""What a network costs, where the cost lies, and what published networks reached for theirs."""

from __future__ import annotations

import streamlit as st

from app import cached, components
from app.commands import CostView, write_cost
from app.costing import MODULES, PUBLISHED, Costed, choose_costed, choose_placing, list_published, measure
from app.downloads import offer_downloads
from app.wording import COST_INTRO, TRADEOFF_INTRO
from gst_analysis.analyses.cost import Cost, compare_with_published
from gst_analysis.analyses.cost.spoken import say_cost, say_figures, say_place
from gst_analysis.errors import GstError

QUANTITIES = {"macs": "Multiply-adds", "params": "Parameters"}


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
    view = show_tradeoff(measured, costed, show_bars(measured))
    components.show_code(write_cost(costed.shown, costed.options, view))


def show_bars(measured: Cost) -> str:
    st.header("Where the cost lies", anchor=False)
    quantity = components.choose_one("Bars show", QUANTITIES, key="bars")
    key, dark = cached.design_key(measured), components.is_dark()
    figure = cached.draw_cost(key, measured, quantity=quantity, dark=dark)
    components.show_figure(figure, key="cost_bars", alt=say_cost(measured.table, quantity))
    offer_downloads("cost", measured, lambda: measured.plot(quantity=quantity))
    components.show_table("Numbers: every module", measured.table, MODULES)
    return quantity


def show_tradeoff(measured: Cost, costed: Costed, bars: str) -> CostView:
    st.header("What others reached for their cost", anchor=False)
    st.markdown(TRADEOFF_INTRO)
    dataset, axis, top1 = choose_placing(measured, costed)
    compared = compare_with_published(measured, top1=top1, dataset=dataset)
    st.markdown(say_place(compared.summary))
    key, dark = f"{cached.design_key(measured)} {top1}", components.is_dark()
    figure = cached.draw_tradeoff(key, compared, dataset=dataset, cost=axis, dark=dark)
    told = say_figures(compared.show(dataset, axis))[compared.stem]
    components.show_figure(figure, key="tradeoff", alt=told)
    offer_downloads("accuracy_over_cost", compared, lambda: compared.plot(dataset=dataset, cost=axis))
    components.show_table("Numbers: the published results", list_published(compared, dataset), PUBLISHED)
    return CostView(bars, dataset, axis, top1)


show()
