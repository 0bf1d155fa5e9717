"""A player and a timeline that know each other: a click on one moves the other, a line shows the moment."""

from __future__ import annotations

import streamlit as st

PLAYER, TIMELINE = "player", "timeline"
"""Keys of the containers that hold the video and the plotly figure."""

# The line is drawn over the figure, not in it: plotly would redraw everything at every frame. Streamlit may
# replace video and figure at any time, so both are looked for each time.
_LINK = """
export default function ({ data, parentElement }) {
  const find = (key, inside) => document.querySelector(`.st-key-${key} ${inside}`);
  const line = document.createElement("div");
  line.style.cssText = "position:absolute;width:2px;pointer-events:none;opacity:.75;z-index:5";
  let linked = null;
  const seek = (event) => {
    const video = find(data.player, "video");
    if (video) { video.pause(); video.currentTime = Math.max(0, event.points[0].x); }
  };
  const draw = () => {
    const video = find(data.player, "video"), plot = find(data.timeline, ".js-plotly-plot");
    if (video && video.ariaLabel !== data.film) { video.ariaLabel = data.film; }
    if (plot && plot !== linked && plot.on) { linked = plot; plot.on("plotly_click", seek); }
    const layout = plot && plot._fullLayout;
    if (video && layout && layout.xaxis && video.readyState > 0) {
      const { xaxis, yaxis, yaxis2, height } = layout;
      const x = xaxis._offset + xaxis.l2p(video.currentTime);
      const inside = x >= xaxis._offset && x <= xaxis._offset + xaxis._length;
      const bottom = yaxis2 ? yaxis2._offset + yaxis2._length : height;
      line.style.display = inside ? "block" : "none";
      line.style.background = layout.font.color;
      line.style.left = `${x - 1}px`;
      line.style.top = `${yaxis._offset}px`;
      line.style.height = `${bottom - yaxis._offset}px`;
      if (line.parentElement !== plot) { plot.style.position = "relative"; plot.appendChild(line); }
    }
    frame = requestAnimationFrame(draw);
  };
  let frame = requestAnimationFrame(draw);
  return () => {
    cancelAnimationFrame(frame);
    line.remove();
    if (linked && linked.removeListener) linked.removeListener("plotly_click", seek);
  };
}
"""


def link_player(film: str) -> None:
    """Link the video in the container PLAYER with the figure in the container TIMELINE.

    Args:
        film: what the video is called for those who do not see it; Streamlit gives it no name.
    """
    link = st.components.v2.component("gst_analysis_link", js=_LINK)
    link(data={"player": PLAYER, "timeline": TIMELINE, "film": film}, key="link", height=0)
