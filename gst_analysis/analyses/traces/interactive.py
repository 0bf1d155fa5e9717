"""Figure 5 in plotly: curves of the most likely classes over the frames that they belong to."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from gst_analysis.analyses.traces.evidence_figure import add_matrix, move_matrix_below
from gst_analysis.analyses.traces.figure import Pictures
from gst_analysis.analyses.traces.result import Traces
from gst_analysis.analyses.traces.story import ClipStory, Moment
from gst_analysis.analyses.traces.tints import pick_tint
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import shorten
from gst_analysis.style.screen import break_lines, paint, say_narrow, start_figure

_COLOURS_LIGHT = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#882255", "#56B4E9", "#D55E00", "#7A7A7A")
_COLOURS_DARK = ("#56B4E9", "#E69F00", "#2FC79B", "#E08FC2", "#E4708E", "#9CD3F2", "#F0853B", "#A8A8A8")
_DASHES = ("solid", "dash", "dot", "dashdot")
_MARKS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
"""Classes differ in colour, dash and mark, so that colour alone is never needed."""
_MOST_PICTURES = 16
"""Frames that find room side by side."""
_LINE = 44
"""Characters that find room beside a line of the legend on a telephone."""
_NARROW = 46
"""Characters of a line of the title there."""


def draw_pages(result: Traces, *, dark: bool = False) -> dict[str, go.Figure]:
    """The timeline of every clip that is drawn."""
    drawn = {}
    for clip in result.drawn:
        story = result.story(clip)
        places = [moment.source_frame for moment in choose_pictures(story)]
        drawn[result.name_file(clip)] = draw_frame_traces_interactive(
            story, result.load_pictures(clip, places), top_k=result.curves, dark=dark
        )
    return drawn


def draw_frame_traces_interactive(
    story: ClipStory, pictures: Pictures, *, top_k: int = 5, dark: bool = False
) -> go.Figure:
    """A timeline: a curve for each of the classes that come highest, and below it the frames at their times.

    Both share their axis, so zooming into the curves zooms into the frames. Every point carries its frame
    and the frame's place in the video as customdata. To the right, where that was measured, which frames the
    logits are made of.

    Args:
        story: what read_story made of the clip's tables.
        pictures: thumbnails by their place in the video.
        top_k: how many curves; those between which the state changes are drawn besides.
        dark: for a dark background.
    """
    theme = theme_of(dark=dark)
    figure = start_figure(2, 1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.03)
    figure.add_traces(_list_curves(story, top_k, _COLOURS_DARK if dark else _COLOURS_LIGHT))
    figure.add_trace(_build_verdicts(story, theme), row=2, col=1)
    shapes, notes = _list_turns(story, theme)
    figure.update_layout(shapes=shapes, annotations=notes, images=_list_images(story, pictures))
    _dress(figure, story, theme)
    title = _write_title(story, _NARROW)
    top = {"title.y": 1, "title.yanchor": "top", "title.pad.t": 12}
    narrow: dict[str, object] = {"title.text": title, "margin.t": 36 + 18 * (1 + title.count("<br>"))} | top
    if story.evidence is not None:
        add_matrix(figure, story.evidence, theme)
        narrow |= move_matrix_below(figure)
    say_narrow(figure, narrow)
    return figure


def add_still_curve(figure: go.Figure, story: ClipStory, still: ClipStory, *, dark: bool = False) -> None:
    """A thin line in a timeline: the clip's predicted class where each frame stands still.

    Args:
        figure: what `draw_frame_traces_interactive` drew.
        story: what it was drawn from.
        still: the clip's trace in mode still.
        dark: for a dark background.
    """
    if story.label not in still.curves:
        return  # none of the few classes whose rows were kept
    name = break_lines(f"{escape(shorten(story.label, 44))}, standing still", _LINE)
    line = go.Scatter(
        x=_times(still),
        y=still.curves[story.label],
        name=name,
        mode="lines",
        line={"color": theme_of(dark=dark).ink, "width": 1},
        customdata=np.array([(moment.frame, moment.source_frame) for moment in still.moments]),
        hovertemplate="%{y:.1%} from frame %{customdata[1]} alone<extra>" + name + "</extra>",
    )
    figure.add_trace(line, row=1, col=1)


def _times(story: ClipStory) -> list[float]:
    """Seconds, or places in the video where the clip does not say when a frame is shown."""
    return [float(m.source_frame) if m.seconds is None else m.seconds for m in story.moments]


def choose_pictures(story: ClipStory) -> list[Moment]:
    """The rows whose frames are shown: all, or as many as find room beside each other, evenly."""
    times = _times(story)
    least = _spread(times) / min(len(times), _MOST_PICTURES) * 0.999
    kept = [0]
    for place, time in enumerate(times):
        if time - times[kept[-1]] >= least:
            kept.append(place)
    return [story.moments[place] for place in kept]


def _picture_width(story: ClipStory) -> float:
    """How much of the axis belongs to one picture."""
    times = _times(story)
    gaps = np.diff([times[moment.frame] for moment in choose_pictures(story)])
    return float(gaps.min()) if len(gaps) else _spread(times)


def _choose_classes(story: ClipStory, top_k: int) -> list[str]:
    kept = list(story.curves)[:top_k]
    ends = [name for turn in story.turns for name in (turn.from_label, turn.to_label)]
    return list(dict.fromkeys([*kept, *(name for name in ends if name in story.curves)]))


def _list_curves(story: ClipStory, top_k: int, colours: tuple[str, ...]) -> list[go.Scatter]:
    places = np.array([(m.frame, m.source_frame) for m in story.moments])
    curves = []
    for number, name in enumerate(_choose_classes(story, top_k)):
        shown = break_lines(escape(shorten(name, 60)), _LINE)
        line = {"color": colours[number % len(colours)], "dash": _DASHES[number % len(_DASHES)], "width": 2.5}
        marker = {"symbol": _MARKS[number % len(_MARKS)], "size": 8 if len(places) <= 40 else 4}
        curves.append(
            go.Scatter(
                x=_times(story),
                y=story.curves[name],
                name=shown,
                mode="lines+markers",
                line=line,
                marker=marker,
                customdata=places,
                xaxis="x",
                yaxis="y",
                hovertemplate="%{y:.1%}, frame %{customdata[1]} of the video<extra>" + shown + "</extra>",
            )
        )
    return curves


def _build_verdicts(story: ClipStory, theme: Theme) -> go.Scatter:
    """A tick or a cross under every frame."""
    hovers = [
        f"{escape(m.label)}<br>{story.say_share(m)}, frame {m.source_frame} of the video"
        for m in story.moments
    ]
    colours = [pick_tint(story, m, theme) for m in story.moments]
    return go.Scatter(
        x=_times(story),
        y=[0.0] * len(story.moments),
        mode="text",
        showlegend=False,
        hovertext=hovers,
        hoverinfo="text",
        text=[story.marks[0] if m.right else story.marks[1] for m in story.moments],
        customdata=[(m.frame, m.source_frame) for m in story.moments],
        textfont={"color": colours, "size": 13 if len(story.moments) <= 40 else 7},
    )


def _list_turns(story: ClipStory, theme: Theme) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """A line before the first frame of every new state, half way from the frame before it."""
    times, shapes, notes = _times(story), [], []
    for turn in story.turns:
        x = (times[turn.frame - 1] + times[turn.frame]) / 2
        line = {"color": theme.ink, "width": 1.5, "dash": "dash"}
        shapes.append({"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line})
        words = f"{escape(turn.from_label)}<br>→ {escape(turn.to_label)}<br>{turn.confidence:.0%} sure"
        notes.append(
            {
                "x": x,
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "text": "▼",
                "hovertext": words,
                "showarrow": False,
                "font": {"color": theme.ink},
            }
        )
    return shapes, notes


def _list_images(story: ClipStory, pictures: Pictures) -> list[dict[str, object]]:
    """The frames below the curves, each at its time."""
    times, width = _times(story), _picture_width(story) * 0.94
    shown = [m for m in choose_pictures(story) if m.source_frame in pictures]
    return [
        {
            "source": _encode(pictures[m.source_frame]),
            "xref": "x2",
            "yref": "y2",
            "x": times[m.frame],
            "y": 1,
            "sizex": width,
            "sizey": 0.78,
            "xanchor": "center",
            "yanchor": "top",
            "layer": "above",
        }
        for m in shown
    ]


def _spread(times: list[float]) -> float:
    """The length of the axis: one frame's worth of room more than from the first to the last."""
    steps = len(times) - 1
    return (times[-1] - times[0]) * (steps + 1) / steps if steps and times[-1] > times[0] else 1.0


def _encode(picture: np.ndarray) -> str:
    """A picture as it stands in a page."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _write_title(story: ClipStory, width: int = 150) -> str:
    """The clip, and below it what is said of it, in lines of so many characters."""
    clip, verdict = shorten(story.clip, min(90, width)), shorten(story.verdict, 150)
    return f"<b>{escape(clip)}</b><br>{break_lines(escape(verdict), width)}"


def _dress(figure: go.Figure, story: ClipStory, theme: Theme) -> None:
    times, room = _times(story), _picture_width(story) / 2
    key = "<br>".join(f"{mark} {text}" for mark, text in zip(story.marks, story.legend, strict=True))
    key += "; ▼ change of state" if story.turns else ""
    unit = "frame of the video" if story.moments[0].seconds is None else "time (s)"
    paint(figure, theme, height=630, margin=(70, 20, 90, 150))
    figure.update_layout(
        title={"text": _write_title(story), "font": {"size": 14}, "x": 0, "xref": "paper"},
        hovermode="closest",
        hoverlabel={"namelength": -1},
        legend={"orientation": "h", "y": -0.28, "yanchor": "top", "x": 0},
    )
    figure.update_xaxes(gridcolor=theme.grid, zeroline=False, range=[times[0] - room, times[-1] + room])
    figure.update_yaxes(gridcolor=theme.grid, zeroline=False)
    figure.update_yaxes(
        title="probability" + (" without the frame" if story.mode == "leave-one-out" else ""),
        range=[-0.02, 1.02],
        tickformat=".0%",
        row=1,
    )
    figure.update_yaxes(visible=False, range=[-0.12, 1.02], fixedrange=True, row=2)
    figure.update_xaxes(title={"text": f"{unit}<br>{key}", "font": {"size": 12}}, row=2, showgrid=False)
