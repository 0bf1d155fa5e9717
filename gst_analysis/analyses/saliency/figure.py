"""SALIENCY and the frames behind it -> strips of overlays, and pictures for a film.

Frames turn grey, heat takes the group's colour. What the network does not see lies outside the frame's
bright part. Nothing is stretched: an overlay has the shape of the frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle

from gst_analysis.analyses.saliency.table import SaliencyMaps
from gst_analysis.analyses.saliency.testing_figure import draw_tests
from gst_analysis.errors import SpecError
from gst_analysis.groups import GROUPS
from gst_analysis.style.names import name_block, shorten
from gst_analysis.style.theme import Theme, new_figure, theme_of

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Window = tuple[float, float, float, float]
"""Left, top, right and bottom of what the network sees, as parts of the frame's width and height."""

_LETTERS = 12
"""Of a group's name in a line beside its row."""
_COLUMNS = 8
_FILM_DPI = 144


@dataclass(frozen=True)
class Overlays:
    """What is drawn: frames (T, H, W, 3), heat by group (T, h, w) in 0 to 1, and what the network sees."""

    pictures: Pixels
    heat: Mapping[str, Floats]
    tops: Mapping[str, float]
    """The evidence that the deepest colour stands for, by group; 0 where there is none."""
    seconds: Floats
    window: Window
    title: str


def draw_figures(result: SaliencyMaps, *, dark: bool = False) -> dict[str, Figure]:
    """Overlays of every frame, a row for every group; and what became of the maps where they were tested."""
    drawn = {result.stem: draw_saliency(lay_out_result(result), dark=dark)}
    areas = result.summary.areas
    if result.curves is not None and result.forgetting is not None and areas is not None:
        title = result.title or result.summary.clip
        tested = draw_tests(result.curves, result.forgetting, areas, title, dark=dark)
        drawn["saliency_tests"] = tested
    return drawn


def draw_films(result: SaliencyMaps, *, dark: bool = True) -> dict[str, Iterator[Pixels]]:
    """For every frame one picture with its overlays side by side."""
    return {result.stem: draw_film(lay_out_result(result), dark=dark)}


def lay_out_result(result: SaliencyMaps) -> Overlays:
    """Frames and heat as they are drawn, under the clip's title."""
    named = result.table.assign(clip=result.title or result.summary.clip)
    return lay_out_overlays(named, result.pictures, result.window)


def lay_out_overlays(table: pd.DataFrame, pictures: Pixels, window: Window) -> Overlays:
    """Heat of one clip as pictures of what the network sees.

    Args:
        table: SALIENCY of one clip.
        pictures: (T, H, W, 3), the frames that were looked at.
        window: what the network sees of them.

    Raises:
        SpecError: a table of several clips, or of other frames than the pictures.
    """
    clips, frames = table["clip"].nunique(), table["frame"].nunique()
    if clips != 1 or frames != len(pictures):
        raise SpecError(
            "saliency figure",
            expected=f"maps of one clip of {len(pictures)} frames",
            found=f"{clips} clips of {frames}",
            todo="draw each clip with its own frames",
        )
    heat, tops = {}, {}
    for group, rows in table.groupby("group", sort=False):
        maps = np.stack([_resample(part, pictures, window) for _, part in rows.groupby("frame")])
        tops[str(group)] = float(np.maximum(rows["evidence"], 0).max())
        heat[str(group)] = maps / (tops[str(group)] or 1.0)
    first = table.iloc[0]
    seconds = table.drop_duplicates("frame").sort_values("frame")["seconds"].to_numpy(dtype=float)
    where = f"{first['checkpoint']}, {name_block(first['block'])}"
    title = f"{where}: what speaks for “{first['label']}”\n{first['clip']}"
    return Overlays(pictures, heat, tops, seconds, window, title)


def draw_saliency(overlays: Overlays, *, dark: bool = False) -> Figure:
    """A column for every frame, a row for the frames and for every group; long clips take several bands."""
    theme = theme_of(dark=dark)
    frames, (height, width) = len(overlays.pictures), overlays.pictures.shape[1:3]
    columns, rows = min(frames, _COLUMNS), 1 + len(overlays.heat)
    bands = -(-frames // _COLUMNS)
    wide = float(np.clip(1.35 * width / height, 0.7, 1.9))
    tall = wide * height / width + 0.06
    figure = new_figure(max(5.0, 1.2 + wide * columns), 0.95 + bands * (rows * tall + 0.35), theme)
    figure.set_layout_engine(
        ConstrainedLayoutEngine(h_pad=0.02, w_pad=0.02, hspace=0, wspace=0, compress=True)
    )
    axes = figure.subplots(bands * rows, columns, squeeze=False)
    for one in axes.ravel():
        one.set_axis_off()
    for frame in range(frames):
        band, column = divmod(frame, _COLUMNS)
        _draw_frame(axes[band * rows : (band + 1) * rows, column], overlays, frame, theme, named=column == 0)
    room = figure.get_figwidth()
    figure.suptitle(_shorten(overlays.title, round(13 * room)), fontsize=9, color=theme.ink)
    words = "\n".join(wrap(_explain(overlays), round(15.5 * room)))
    figure.supxlabel(words, fontsize=7.5, color=theme.ink)
    return figure


def draw_film(overlays: Overlays, *, dark: bool = True) -> Iterator[Pixels]:
    """For every frame one picture, the frame beside its overlays; all of one even size."""
    theme = theme_of(dark=dark)
    height, width = overlays.pictures.shape[1:3]
    panels = 1 + len(overlays.heat)
    wide = float(np.clip(2.6 * width / height, 1.4, 4.6))
    for frame in range(len(overlays.pictures)):
        figure = new_figure(panels * wide, wide * height / width + 0.75, theme)
        figure.set_dpi(_FILM_DPI)
        axes = figure.subplots(1, panels, squeeze=False)[0]
        for one in axes:
            one.set_axis_off()
        _draw_frame(axes, overlays, frame, theme, named=False)
        for one, name in zip(axes[1:], overlays.heat, strict=True):
            one.set_title(name_row(name, overlays), fontsize=9, color=colour_of(name, theme))
        title = _shorten(overlays.title, round(14.5 * figure.get_figwidth())).split("\n")[0]
        figure.supxlabel(title, fontsize=8, color=theme.ink)
        yield _to_pixels(figure)


def _resample(part: pd.DataFrame, pictures: Pixels, window: Window) -> Floats:
    """One frame's heat on the pixels of what the network sees; cells stand where the table says."""
    heat = part.pivot(index="y", columns="x", values="evidence").clip(lower=0)
    height, width = pictures.shape[1:3]
    tall, wide = round((window[3] - window[1]) * height), round((window[2] - window[0]) * width)
    y, x = ((np.arange(count) + 0.5) / count for count in (max(1, tall), max(1, wide)))
    values, ys, xs = (
        heat.to_numpy(dtype=float),
        heat.index.to_numpy(dtype=float),
        heat.columns.to_numpy(float),
    )
    across = np.stack([np.interp(x, xs, row) for row in values])
    return np.stack([np.interp(y, ys, column) for column in across.T], axis=1)


def _draw_frame(
    axes: npt.NDArray[np.object_], overlays: Overlays, frame: int, theme: Theme, *, named: bool
) -> None:
    """The frame, and below or beside it an overlay for every group."""
    picture = overlays.pictures[frame]
    axes[0].imshow(picture, interpolation="antialiased")
    seconds = overlays.seconds[frame]
    when = f"{frame}" if np.isnan(seconds) else f"{frame}: {seconds:.2f} s"
    axes[0].set_title(when, fontsize=8, color=theme.ink, pad=2)
    for one, (group, heat) in zip(axes[1:], overlays.heat.items(), strict=True):
        one.imshow(blend_heat(picture, heat[frame], overlays.window, colour_of(group, theme)))
        _frame_window(one, picture, overlays.window, theme)
    if named:
        _write_row(axes[0], "frame", theme.ink)
        for one, group in zip(axes[1:], overlays.heat, strict=True):
            _write_row(one, "\n".join(wrap(name_row(group, overlays), _LETTERS)), colour_of(group, theme))


def _write_row(axes: Axes, name: str, colour: str) -> None:
    axes.text(-0.05, 0.5, name, transform=axes.transAxes, ha="right", va="center", fontsize=8, color=colour)


def name_row(group: str, overlays: Overlays) -> str:
    """What a row of overlays is called."""
    whole = "both pathways" if "slow" in overlays.heat else "whole block"
    return whole if group == "all" else GROUPS[group].phrase


def colour_of(group: str, theme: Theme) -> str:
    """The group's own; the whole block's must stand out from grey frames."""
    return theme.accent if group == "all" else theme.groups[group]


def blend_heat(picture: Pixels, heat: Floats, window: Window, colour: str) -> Pixels:
    """A frame in grey, dark outside the window, with heat of 0 to 1 in a colour inside it."""
    height, width = picture.shape[:2]
    left, top = round(window[0] * width), round(window[1] * height)
    grey = picture.astype(float) @ (0.299, 0.587, 0.114) / 255
    blended = np.repeat(0.35 * grey[..., None], 3, axis=2)
    tall, wide = min(heat.shape[0], height - top), min(heat.shape[1], width - left)
    inside = (slice(top, top + tall), slice(left, left + wide))
    ground = np.repeat((0.15 + 0.65 * grey[inside])[..., None], 3, axis=2)
    cover = 0.85 * np.clip(heat[:tall, :wide], 0, 1)[..., None]
    blended[inside] = (1 - cover) * ground + cover * np.array(to_rgb(colour))
    return np.asarray(np.round(255 * blended), dtype=np.uint8)


def _frame_window(axes: Axes, picture: Pixels, window: Window, theme: Theme) -> None:
    """A line around what the network sees, where that is less than the frame."""
    height, width = picture.shape[:2]
    if sees_all(window):
        return
    corner = (window[0] * width - 0.5, window[1] * height - 0.5)
    sides = ((window[2] - window[0]) * width, (window[3] - window[1]) * height)
    axes.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=theme.faint, linewidth=0.7))


def sees_all(window: Window) -> bool:
    """Whether the network sees the whole frame."""
    return window[2] - window[0] > 0.995 and window[3] - window[1] > 0.995


def _explain(overlays: Overlays) -> str:
    names = [name_row(group, overlays) for group in overlays.tops]
    tops = [f"{top:.2g}" if top else "none" for top in overlays.tops.values()]
    parts = [f"{name} {top}" for name, top in zip(names, tops, strict=True)]
    deepest = f"deepest colour, evidence of a cell in units of the logit: {', '.join(parts)}"
    return deepest if sees_all(overlays.window) else f"{deepest}; dark: outside what the network sees"


def _shorten(title: str, limit: int) -> str:
    """Each line in so many letters at most: a class loses words in its middle, a path its beginning."""
    head, *rest = title.split("\n")
    lines = [
        shorten(head, limit),
        *(line if len(line) <= limit else f"…{line[1 - limit :]}" for line in rest),
    ]
    return "\n".join(lines).replace("$", r"\$")


def _to_pixels(figure: Figure) -> Pixels:
    """What the figure looks like, cut to even sides as films want them."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined] # it is Agg's
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[:height, :width])
