"""INFLUENCE and RECEPTIVE_FIELDS -> matrices of output by input frames, and how far each block sees."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from gst_analysis.analyses.influence.table import FrameInfluence
from gst_analysis.errors import SpecError
from gst_analysis.style.share_matrix import Array, ShareScale, cross_out, draw_cells, list_ticks, scale_shares
from gst_analysis.style.theme import Theme, new_figure, style_axes, style_legend, theme_of

TITLES: Mapping[str, str] = {
    "gradient": "gradient of the logit",
    "occlusion-mean": "frame replaced by the clip's mean",
    "occlusion-neighbour": "frame replaced by its neighbour",
}


def draw_figures(result: FrameInfluence, *, dark: bool = False) -> dict[str, Figure]:
    """The matrices of all three methods, and the blocks below."""
    ranks = {method: found.of_means for method, found in result.summary.agreement.items()}
    drawn = draw_influence(result.table, result.receptive_fields, agreement=ranks, dark=dark)
    return {result.stem: drawn}


def draw_influence(
    table: pd.DataFrame,
    fields: pd.DataFrame | None = None,
    *,
    agreement: Mapping[str, float | None] | None = None,
    about: str = "",
    dark: bool = False,
) -> Figure:
    """A matrix for every method; below, the blocks' receptive fields beside what arithmetic allows.

    Args:
        table: INFLUENCE of one checkpoint.
        fields: RECEPTIVE_FIELDS of the same, if blocks were looked at.
        agreement: rank correlation with the gradient, by method.
        about: a line below the title.
        dark: for a dark background.

    Raises:
        SpecError: a table of several checkpoints, or of none.
    """
    theme, name = theme_of(dark=dark), name_checkpoint(table)
    methods = [method for method in TITLES if (table["method"] == method).any()]
    blocks = 0 if fields is None else fields["block"].nunique()
    frames, by_clip = int(table["input_frame"].max()) + 1, is_by_clip(table)
    side = float(np.clip(0.38 * frames, 2.6, 6.5))
    tall = 0.6 if by_clip else side
    below = 0.9 + 0.24 * blocks if blocks else 0.0
    width = len(methods) * (side + 0.55) + 0.9
    figure = new_figure(width, tall + 1.85 + below, theme)
    title = f"{_literal(name)}: {name_question(table)}, % of the row"
    title = "\n".join(line for part in (title, about) for line in wrap(part, round(12 * width)))
    figure.suptitle(title, color=theme.ink, fontsize=10)
    scale = _scale(table, fields, theme)
    ratios = [tall + 0.6, below] if blocks else [1.0]
    grid = figure.add_gridspec(len(ratios), len(methods), height_ratios=ratios)
    for column, method in enumerate(methods):
        axes = figure.add_subplot(grid[0, column])
        _draw_matrix(axes, table[table["method"] == method], scale, theme)
        axes.set_title(_title(method, agreement or {}), fontsize=8.5, color=theme.ink)
        if column == 0:
            axes.set_ylabel("" if by_clip else "output frame: whose logit", fontsize=8.5, color=theme.ink)
    shown = [table] if fields is None or not blocks else [table, fields]
    _draw_key(figure, scale, theme, crossed=not all(bool(part["reachable"].all()) for part in shown))
    if fields is not None and blocks:
        _draw_blocks(figure.add_subplot(grid[1, :]), fields, scale, theme)
    return figure


def is_by_clip(table: pd.DataFrame) -> bool:
    """Whether one answer is of a whole clip of several frames."""
    return bool(table["output_frame"].max() == 0 and table["input_frame"].max() > 0)


def name_question(table: pd.DataFrame) -> str:
    """What the matrices answer."""
    whose = "the clip's" if is_by_clip(table) else "each frame's"
    return f"which input frames {whose} logit is made of"


def say_reach(rows: pd.DataFrame, fields: pd.DataFrame) -> str:
    """How far a block can see; nothing where no block's reach is known, so that all see the whole clip."""
    known = set(fields["half_width"]) != {fields["input_frame"].nunique()}
    return f", at most ±{rows['half_width'].iloc[0]}" if known else ""


def name_checkpoint(table: pd.DataFrame) -> str:
    """The one checkpoint that a table is about."""
    names = table["checkpoint"].unique()
    if len(names) != 1:
        raise SpecError(
            "influence figure",
            expected="a table of one checkpoint",
            found=str(len(names)),
            todo="draw each checkpoint by itself",
        )
    return str(names[0])


def to_matrix(rows: pd.DataFrame, column: str) -> Array:
    """(T, T): output frames down, input frames across."""
    wide = rows.pivot(index="output_frame", columns="input_frame", values=column)
    return np.asarray(wide.to_numpy(dtype=float))


def spread_of(rows: pd.DataFrame) -> float:
    """Root of the mean squared distance of a block's input frames, weighted by share."""
    distance = rows["input_frame"] - rows["output_frame"]
    return float(np.sqrt((rows["share"] * distance**2).sum()))


def _literal(text: str) -> str:
    return text.replace("$", r"\$")


def _title(method: str, agreement: Mapping[str, float | None]) -> str:
    rank = agreement.get(method)
    return TITLES[method] + ("" if rank is None else f"\nrank correlation with the gradient {rank:.2f}")


def _scale(table: pd.DataFrame, fields: pd.DataFrame | None, theme: Theme) -> ShareScale:
    top = max(float(part["share"].max()) for part in (table, fields) if part is not None and len(part))
    return scale_shares(top, theme)


def _draw_matrix(axes: Axes, rows: pd.DataFrame, scale: ShareScale, theme: Theme) -> None:
    shares, reachable = to_matrix(rows, "share"), to_matrix(rows, "reachable") > 0
    draw_cells(axes, shares, reachable, scale, theme, size=7.5)
    style_axes(axes, theme, grid=None)
    _number_frames(axes, shares.shape[1])
    if is_by_clip(rows):
        axes.set_yticks([0], ["clip"])
    else:
        axes.set_yticks(list_ticks(len(shares)))
    axes.set_xlabel("input frame", fontsize=8.5, color=theme.ink)


def _number_frames(axes: Axes, frames: int) -> None:
    axes.set_xticks(list_ticks(frames))
    axes.tick_params(length=0, labelsize=7.5)


def _draw_blocks(axes: Axes, fields: pd.DataFrame, scale: ShareScale, theme: Theme) -> None:
    names = list(dict.fromkeys(fields["block"]))
    shares = np.stack([fields[fields["block"] == name]["share"].to_numpy() for name in names])
    axes.imshow(shares, cmap=scale.colours, norm=scale.norm, interpolation="nearest", aspect="auto")
    style_axes(axes, theme, grid=None)
    beyond = np.stack([~fields[fields["block"] == name]["reachable"].to_numpy() for name in names])
    cross_out(axes, beyond, theme)
    for row, name in enumerate(names):
        rows = fields[fields["block"] == name]
        note = f"spread ±{spread_of(rows):.1f}{say_reach(rows, fields)}"
        place = axes.get_yaxis_transform()
        axes.text(1.01, row, note, transform=place, va="center", fontsize=7.5, color=theme.ink)
    frames = shares.shape[1]
    _number_frames(axes, frames)
    axes.set_yticks(range(len(names)), names)
    middle = int(fields["output_frame"].iloc[0])
    title = (
        f"what frame {middle} of each block's output is made of (spread: root mean square distance in frames)"
    )
    axes.set_title(title, fontsize=8.5, color=theme.ink)
    axes.set_xlabel("input frame", fontsize=8.5, color=theme.ink)


def _draw_key(figure: Figure, scale: ShareScale, theme: Theme, *, crossed: bool) -> None:
    """What depth of colour means, and crosses if there are any."""
    shades = ScalarMappable(scale.norm, scale.colours)
    percent = PercentFormatter(1, decimals=0)
    bar = figure.colorbar(
        shades, ax=figure.axes, location="right", fraction=0.03, pad=0.01, aspect=24, format=percent
    )
    bar.ax.tick_params(colors=theme.faint, labelcolor=theme.ink, labelsize=7.5)
    bar.set_label("share of the row", fontsize=8, color=theme.ink)
    bar.outline.set_edgecolor(theme.faint)
    if not crossed:
        return
    cross = Line2D([], [], marker="x", linestyle="none", color=theme.faint, markersize=4.5)
    label = "cannot depend on it, whatever the weights"
    legend = figure.legend([cross], [label], loc="outside lower left", fontsize=8)
    style_legend(legend, theme)
