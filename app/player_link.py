"""A player, timelines and a matrix that know each other: pointing at one moves the others.

Pointing at a frame of a curve or at a row of the matrix takes the player there while one points; a click
keeps it there. A line in each timeline and a frame around the matrix's row show where the player is. Space
plays and stops, the arrows step from point to point. What matplotlib drew is a picture, and does not follow.
"""

from __future__ import annotations

import streamlit as st

PLAYER, TIMELINE, MATRIX = "player", "timeline", "evidence"
"""Keys of the containers of the video and of the plotly figures; further timelines begin like the first."""

# Marks are drawn over the figures, not in them: plotly would redraw everything at every frame. Streamlit may
# replace video and figures at any time, so they are looked for each time.
_LINK = """
export default function ({ data }) {
  const video = () => document.querySelector(`.st-key-${data.player} video`);
  const plots = (key) =>
    [...document.querySelectorAll(`[class*="st-key-${key}"] .js-plotly-plot`)]
      .filter((plot) => plot._fullLayout);
  const curve = (plot) => plot && plot._fullData.find((trace) => trace.mode === "lines+markers");
  const times = () => [...(curve(plots(data.timeline)[0])?.x ?? [])];
  const listening = new Map(), marks = new Map(), met = new WeakSet();
  let playing = false;
  const go = (seconds, stay) => {
    const film = video();
    if (!film || seconds === undefined) return;
    playing = !stay && (playing || !film.paused);
    film.pause();
    film.currentTime = Math.max(0, seconds);
  };
  const leave = () => { if (playing) { playing = false; video()?.play().catch(() => {}); } };
  const find = (plot, point) =>
    plot.closest(`[class*="st-key-${data.matrix}"]`) ? times()[point.y] : point.x;
  const listen = (plot) => {
    if (listening.has(plot) || !plot.on) return;
    const hear = {
      plotly_hover: (event) => go(find(plot, event.points[0]), false),
      plotly_unhover: leave,
      plotly_click: (event) => go(find(plot, event.points[0]), true),
    };
    Object.entries(hear).forEach(([name, heard]) => plot.on(name, heard));
    listening.set(plot, hear);
  };
  const mark = (plot, left, top, width, height) => {
    let box = marks.get(plot);
    if (!box) {
      box = document.createElement("div");
      box.style.cssText =
        "position:absolute;box-sizing:border-box;pointer-events:none;opacity:.75;z-index:5;border:1px solid";
      plot.style.position = "relative";
      plot.appendChild(box);
      marks.set(plot, box);
    }
    const inside = width > 0 && height > 0;
    Object.assign(box.style, {
      display: inside ? "block" : "none", borderColor: plot._fullLayout.font.color,
      left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`,
    });
  };
  const markTime = (plot, now) => {
    const { xaxis, yaxis, yaxis2, height } = plot._fullLayout;
    const x = xaxis._offset + xaxis.l2p(now);
    const inside = x >= xaxis._offset && x <= xaxis._offset + xaxis._length;
    const bottom = yaxis2 ? yaxis2._offset + yaxis2._length : height;
    mark(plot, x - 1, yaxis._offset, inside ? 2 : 0, bottom - yaxis._offset);
  };
  const markRow = (plot, now) => {
    const { xaxis, yaxis } = plot._fullLayout, at = times(), rows = plot._fullData[0].z?.length ?? 0;
    const row = at.reduce((best, time, n) => (Math.abs(time - now) < Math.abs(at[best] - now) ? n : best), 0);
    const edges = [yaxis.l2p(row - 0.5), yaxis.l2p(row + 0.5)];
    const top = Math.min(...edges), tall = Math.max(...edges) - top;
    mark(plot, xaxis._offset, yaxis._offset + top, xaxis._length, rows === at.length ? tall : 0);
  };
  const meet = (film) => {
    met.add(film);
    // It plays by itself, but not for those who asked for stillness; Space plays it.
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) { film.autoplay = false; film.pause(); }
  };
  const draw = () => {
    const film = video();
    if (film && !met.has(film)) meet(film);
    if (film && film.ariaLabel !== data.film) film.ariaLabel = data.film;
    const lines = plots(data.timeline), matrices = data.linked ? plots(data.matrix) : [];
    [...lines, ...matrices].forEach(listen);
    if (film && film.readyState > 0) {
      lines.forEach((plot) => markTime(plot, film.currentTime));
      matrices.forEach((plot) => markRow(plot, film.currentTime));
    }
    frame = requestAnimationFrame(draw);
  };
  const OWN_KEYS = "input, textarea, select, button, a, summary, canvas, iframe, [contenteditable=true], " +
    "[role=radio], [role=option], [role=combobox], [role=listbox], [role=slider], [role=grid], [role=tab]";
  const press = (event) => {
    const film = video();
    if (!film || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.(OWN_KEYS)) return;
    if (event.key === " " && event.target !== film) {
      film.paused ? film.play().catch(() => {}) : film.pause();
    } else if (event.key === "ArrowRight") {
      go(times().find((time) => time > film.currentTime + 0.001), true);
    } else if (event.key === "ArrowLeft") {
      go(times().findLast((time) => time < film.currentTime - 0.001), true);
    } else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", press);
  let frame = requestAnimationFrame(draw);
  return () => {
    cancelAnimationFrame(frame);
    document.removeEventListener("keydown", press);
    marks.forEach((box) => box.remove());
    listening.forEach((hear, plot) =>
      Object.entries(hear).forEach(([name, heard]) => plot.removeListener?.(name, heard)));
  };
}
"""


def link_player(film: str, *, linked: bool) -> None:
    """Link the video in the container PLAYER with the figures in the containers TIMELINE… and MATRIX.

    Args:
        film: what the video is called for those who do not see it; Streamlit gives it no name.
        linked: whether the matrix's rows are the timeline's points.
    """
    link = st.components.v2.component("gst_analysis_link", js=_LINK)
    told = {"player": PLAYER, "timeline": TIMELINE, "matrix": MATRIX, "film": film, "linked": linked}
    link(data=told, key="link", height=0)
