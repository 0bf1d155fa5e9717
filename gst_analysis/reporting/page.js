"use strict";
// Draws every interactive figure for a light or a dark screen. Paper and readers without scripts get the stills.
document.documentElement.classList.add("scripted");
const dark = matchMedia("(prefers-color-scheme: dark)");
const settings = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
function draw(place) {
  const figures = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  const { data, layout } = figures[dark.matches ? "dark" : "light"];
  Plotly.react(place, data, layout, settings);
}
function drawAll() {
  document.querySelectorAll(".live").forEach(draw);
}
drawAll();
dark.addEventListener("change", drawAll);
// Shown inside another page (as the explorer does), a link to a section would open that page again.
document.querySelector("nav").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link === null || location.protocol !== "about:") return;
  event.preventDefault();
  document.getElementById(link.hash.slice(1)).scrollIntoView();
});
// On paper nothing can be unfolded; the settings belong there, long lists of names do not.
addEventListener("beforeprint", () => document.querySelectorAll("#provenance details").forEach((part) => { part.open = true; }));
