"""How pages show figures, tables and failures, the same way everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import links
from app.wording import (
    CONVENTIONS,
    FLOPS_NOTE,
    GROUP_NOTES,
    NO_GROUPS,
    literal,
    people,
    rename,
    say_error,
    say_notes,
    say_undefined,
)
from gst_analysis.errors import NotDefinedError
from gst_analysis.style.names import name_block

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from app.cached import Drawing
    from app.commands import Lines
    from gst_analysis.analyses.cost import Cost
    from gst_analysis.analyses.scales import BnScales
    from gst_analysis.checkpoints.sources import Inspection
    from gst_analysis.errors import GstError
    from gst_analysis.results import Result


MOST_PLAIN_NOTES, LONGEST_PLAIN_NOTES = 3, 240
"""Notes, and letters of all together, up to which they are not folded."""
_CODE, _TERMINAL = "Make this yourself", ":material/terminal:"


def is_dark() -> bool:
    """Whether the visitor's page has a dark background."""
    return st.context.theme.type == "dark"


def show_figure(
    figure: go.Figure, *, key: str, alt: str, on_click: Callable[[str], None] | None = None
) -> None:
    """A plotly figure in its own colours, without the tool bar; a click on a point may call with its key."""
    figure.update_layout(font_family="Source Sans, sans-serif")  # the page's own
    config = {"displayModeBar": False}
    if on_click is None:
        st.plotly_chart(figure, theme=None, key=key, alt=alt, config=config)
        return
    figure.update_layout(clickmode="event+select", dragmode=False)
    chosen = partial(on_click, key)
    st.plotly_chart(
        figure, theme=None, key=key, alt=alt, config=config, on_select=chosen, selection_mode="points"
    )


def show_drawing(drawing: Drawing, *, alt: str) -> None:
    """A figure drawn by matplotlib: as wide as it was made for, narrower where the page is."""
    st.image(drawing.svg, width=drawing.width, alt=alt)


def show_error(error: GstError, *, names: Mapping[str, str] | None = None) -> None:
    """The package's own sentence, with the names the visitor knows files by (by their paths).

    What is not defined for a network is no fault of anybody's, so it is told as a fact, not in red.
    """
    if isinstance(error, NotDefinedError):
        st.info(say_undefined(error, names=names), icon=":material/info:")
        return
    st.error(say_error(error, names=names), icon=":material/error:")


def show_remarks(result: Result[Any], names: Mapping[str, str]) -> None:
    """Notes, and what could not be looked at, with the names the visitor knows files by (by their paths)."""
    show_notes(say_notes(result.notes, names))
    for what, why in result.failures.items():
        st.warning(literal(rename(f"{what}: {why}", names)), icon=":material/warning:")


def show_notes(notes: Sequence[str]) -> None:
    """What a reader may want to know of how it was made: in small print, folded where there is much of it."""
    if not notes:
        return
    if len(notes) <= MOST_PLAIN_NOTES and sum(map(len, notes)) <= LONGEST_PLAIN_NOTES:
        st.caption("**Notes:** " + "; ".join(notes) + ".")
        return
    with st.expander(f"Notes ({len(notes)})", icon=":material/info:"):
        st.markdown("\n".join(f"- {note}" for note in notes))


@st.fragment
def show_code(lines: Lines, *, key: str = "code") -> None:
    """How to make the same thing without the explorer, sent when its fold is opened and no sooner.

    What colours code is 1.6 MB, which the browser would run before it draws a figure.

    Args:
        lines: what to type.
        key: of the fold, where a page has several.
    """
    fold = st.expander(_CODE, icon=_TERMINAL, key=key, on_change="rerun")
    if not fold.open:
        return
    with fold:
        if lines.shell:
            st.code(lines.shell, language="bash", wrap_lines=True)
        if lines.python:
            st.code(lines.python, language="python", wrap_lines=True)


def choose_one(
    label: str, titles: Mapping[str, str], *, key: str, first: str | None = None, help: str | None = None
) -> str:
    """One of a few, beside each other.

    Args:
        label: what is chosen.
        titles: what can be, and what people call it.
        key: of the choice in the URL.
        first: what is chosen unless the visitor or the URL says otherwise; the first of all if None.
        help: what is said of it.
    """
    names = list(titles)
    usual = first or names[0]
    links.check_choice(key, titles, usual=titles[usual])
    if key in st.session_state and st.session_state[key] not in names:
        del st.session_state[key]  # what was chosen before is no longer offered
    chosen = st.segmented_control(
        label,
        names,
        default=usual,
        format_func=titles.__getitem__,
        key=key,
        bind="query-params",
        required=True,
        help=help,
    )
    return str(chosen or usual)  # a link may say nothing, `view=`, whatever is required


def show_inspections(names: Sequence[str], inspections: Sequence[Inspection]) -> None:
    """What each checkpoint was recognised as, and beneath it what had to be assumed."""
    columns = {
        "Checkpoint": [literal(name) for name in names],
        "Network": [found.name for found in inspections],
        "α": [found.alpha or "–" for found in inspections],
        "β": [found.beta or "–" for found in inspections],
        "Parameters": [people(found.params) for found in inspections],
        "Classes": [found.num_classes for found in inspections],
        "Frames": [found.num_frames for found in inspections],
        "Saved by": [found.layout for found in inspections],
        "SHA-256": [found.sha256[:12] or "–" for found in inspections],
    }
    st.table(columns, border="horizontal", hide_index=True)
    notes = say_notes((note for found in inspections for note in found.notes), {})
    if notes:
        st.caption("**Notes:** " + "; ".join(notes) + ".")


def show_totals(cost: Cost) -> None:
    """The headline figures of a network, and how each way of counting sees it."""
    summary = cost.summary
    params, macs, flops = st.columns(3)
    params.metric("Parameters", people(summary.params), help=f"{summary.params:,} learned numbers.")
    macs.metric("Multiply-adds", people(summary.macs, "MACs"), help=f"{summary.macs:,} for one clip.")
    flops.metric("FLOPs", people(summary.flops, "FLOPs"), help=FLOPS_NOTE)
    with st.expander("How multiply-adds are counted", icon=":material/calculate:"):
        for name, counted in summary.conventions.items():
            st.markdown(f"**{people(counted, 'MACs', digits=2)}** · {CONVENTIONS.get(name, name)}")


def show_table(title: str, table: Any, titles: Mapping[str, str], *, expanded: bool = False) -> None:
    """Some columns of a table, folded away, under names that people read."""
    kept = [name for name in titles if table[name].astype(str).str.len().any()]  # no column without a word
    shown = table[kept].rename(columns=dict(titles))
    for name in {"block", "layer"} & {one for one in kept if titles[one] != one}:
        shown[titles[name]] = shown[titles[name]].map(name_block)
    wholes = [name for name in shown.columns if shown[name].dtype.kind in "iuOU" or shown[name].dtype == bool]
    formats = {name: "%.2g" if name.startswith("p (") else "%.3f" for name in shown.columns}
    columns = {name: st.column_config.NumberColumn(format=formats[name]) for name in formats}
    with st.expander(title, expanded=expanded, icon=":material/table:"):
        st.dataframe(
            shown,
            hide_index=True,
            height=min(320, 38 + 35 * len(shown)),
            placeholder="–",
            column_config={name: column for name, column in columns.items() if name not in wholes},
        )


def show_numbers(result: BnScales) -> None:
    """What the figure shows as numbers: channels and medians of every batch norm and group."""
    rows = [
        {"Checkpoint": name, "Batch norm": name_block(norm.layer), "Group": group, "Channels": found.n}
        | {"Median": found.median, "Mean": found.mean, "Deviation": found.std}
        for name, norms in result.summary.checkpoints.items()
        for norm in norms
        for group, found in norm.groups.items()
    ]
    scale = "|γ|" if result.absolute else "γ"
    with st.expander(f"Numbers: {scale} of every batch norm", icon=":material/table:"):
        three_digits = st.column_config.NumberColumn(format="%.3f")
        st.dataframe(
            rows,
            hide_index=True,
            height=320,
            column_config=dict.fromkeys(("Median", "Mean", "Deviation"), three_digits),
        )


def explain_groups(result: BnScales, inspections: Sequence[Inspection]) -> None:
    """A note for families whose channels are not simply spatial or temporal."""
    layers = zip(inspections, result.summary.checkpoints.items(), strict=True)
    bare = [literal(name) for _, (name, norms) in layers if set(norms[0].groups) == {"all"}]
    families = dict.fromkeys(found.family for found in inspections)
    told = [NO_GROUPS.format(names=", ".join(bare))] if bare else []
    told += [GROUP_NOTES[family] for family in families if family in GROUP_NOTES]
    if told:  # one box, however many
        st.info("\n\n".join(told), icon=":material/info:")
