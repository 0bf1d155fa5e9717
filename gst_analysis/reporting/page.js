"use strict";
// Draws every interactive figure for a light or a dark screen. Paper and readers without scripts get the stills.
document.documentElement.classList.add("scripted");
const dark = matchMedia("(prefers-color-scheme: dark)");
// Up to this width panels that stand beside each other are put below each other, as the figure itself says how.
const narrow = matchMedia("(max-width: 640px)");
const settings = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
function draw(place) {
  const figures = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  const { data, layout } = figures[dark.matches ? "dark" : "light"];
  if (narrow.matches) change(layout, layout.meta?.narrow ?? {});
  Plotly.newPlot(place, data, layout, settings);  // react would keep axes of the other arrangement
}
function change(layout, changes) {
  for (const [path, value] of Object.entries(changes)) {
    const names = path.replace(/\[(\d+)\]/g, ".$1").split("."), last = names.pop();
    names.reduce((part, name) => (part[name] ??= {}), layout)[last] = value;
  }
}
function drawAll() {
  document.querySelectorAll(".live").forEach(draw);
}
drawAll();
dark.addEventListener("change", drawAll);
narrow.addEventListener("change", drawAll);
// Shown inside another page (as the explorer does), a link to a section would open that page again.
document.querySelector("nav").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link === null || location.protocol !== "about:") return;
  event.preventDefault();
  document.getElementById(link.hash.slice(1)).scrollIntoView();
});
// On paper nothing can be unfolded; the settings belong there, long lists of names do not.
addEventListener("beforeprint", () => document.querySelectorAll("#provenance details").forEach((part) => { part.open = true; }));
