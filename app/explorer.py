"""The script that runs for every visit: the frame around all pages, and the page asked for.

The frame is what Streamlit's theme does not reach: a little CSS, and when the browser loads what plots.
"""

from pathlib import Path

import streamlit as st

from app import links
from app.cached_quiet import quiet
from app.navigation import list_pages
from app.preloading import find_plots

STYLE = """<style>
.stMainBlockContainer { padding: 4.5rem 3.5rem 4rem }  /* less empty space */
[data-testid="stFileUploaderDropzoneInstructions"] { display: none }  /* cut short; the label says it */
[data-testid="stPageLink-NavLink"] { padding-left: 0 }  /* in line with the words below it */
[role="radiogroup"] [aria-checked="true"] { color: inherit !important; font-weight: 600 }  /* in dark too */
@media (max-width: 640px) {
  .stMainBlockContainer { padding: 4.5rem 1rem 4rem }
  [data-testid="stImage"] { overflow-x: auto }
  [data-testid="stImage"] img { min-width: 40rem; max-width: none !important }  /* words stay readable */
  .st-key-wall [data-testid="stImage"] img { min-width: 0; max-width: 100% !important }
}
[data-testid="stButtonGroup"] [role="radiogroup"] { flex-wrap: wrap }  /* no choice out of sight */
[data-testid="stFileUploader"] [role="alert"] {  /* why a file is refused, which is for ears alone else */
  position: static !important; width: auto !important; height: auto !important; margin: 0 !important;
  clip: auto !important; clip-path: none !important; overflow: visible !important; white-space: normal;
  font-size: .8rem;
}
.st-key-wall button > div, .st-key-wall button p { justify-content: left; text-align: left }
[data-testid="stFileChip"] { flex-wrap: wrap; height: auto !important }
[data-testid="stMetricValue"] { font-size: clamp(1.25rem, 2.2vw, 2.25rem) }  /* no number is cut */
[data-testid="stMultiSelect"] :is([data-baseweb="select"], [role="group"], :has(> [role="group"])) {
  max-height: none;  /* and no chip, whichever list this Streamlit draws */
}
[data-testid="stMultiSelect"] [data-baseweb="select"] > div { max-height: none }
[data-testid="stSliderThumbValue"] { color: inherit !important }  /* its own is faint in dark */
[data-testid="stCode"] .token { color: inherit !important }  /* and of code, in light */
/* What has the keyboard's focus, in the ink of its words: the theme's own ring is a pale grey. */
:is(a, button, summary, input, video, [role="radio"], [role="combobox"], [tabindex="0"]):focus-visible {
  outline: 2px solid currentColor !important; outline-offset: 2px !important;
}
[data-testid="stMain"]:focus-visible { outline-offset: -2px !important }  /* all of it */
/* What is folded away at the side takes no focus: nobody would see where it is. */
[data-testid="stSidebar"][data-collapsed="true"] * { visibility: hidden !important }
[data-testid="stElementToolbar"]:focus-within { opacity: 1 !important; z-index: 1 }  /* else for pointers */
/* Two profiles stand beside each other where each has room for its legend. */
[class*="st-key-profiles-"] [data-testid="stColumn"] { min-width: min(24rem, 100%) }
/* A clip is no higher than the curves beside it; on a wide page they get what it leaves. */
.st-key-player video { max-height: 30rem; object-fit: contain }
@media (min-width: 641px) { [data-testid="stColumn"]:has(.st-key-player) { flex: 0 1 min(33%, 24rem) } }
/* Where names of points would cover each other, the one touched or pointed at says its own. */
.st-key-tradeoff { container-type: inline-size }
@container (max-width: 689px) { .st-key-tradeoff .annotation { display: none } }
</style>"""
LOGO = str(Path(__file__).with_name("logo.svg"))


def load_plots_early() -> str:
    """A script that makes the browser run plotly's own code before the first figure arrives.

    It takes half a second, in which the server still reads checkpoints. Empty if it is not where we look for
    it, which costs no more than that.
    """
    plots = find_plots()
    if not plots:
        return "<span></span>"
    return f'<script type="module">import("{plots}").catch(() => {{}})</script>'


def keep_one_step_a_page() -> str:
    """A script by which each page is one step back in the browser, however often it writes its address."""
    return """<script>
if (!window.gstSteps) {
  window.gstSteps = true;
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let before = null;  // the address whose place the last one of this page has taken, and when
  history.pushState = (state, title, url) => {
    const next = new URL(url ?? location.href, location.href);
    if (next.pathname === location.pathname) {
      before = {href: location.href, at: Date.now()};
      replace(state, title, url);
      return;
    }
    // A page that sends its visitor to another is given that one's query first: a step back wants its own.
    if (before && next.search === location.search && Date.now() - before.at < 1000)
      replace(history.state, "", before.href);
    before = null;
    push(state, title, url);
  };
}
</script>"""


def settle_legends() -> str:
    """A script that has plots drawn once more when the page has become wider or narrower.

    Plotly sets a legend where the room that it took before has it; a second drawing finds it in its place.
    Nothing of plotly is within reach of a page, so plots are made narrower by a pixel for a moment.
    """
    return """<script>
const main = document.querySelector('[data-testid="stMain"]');
if (main && !main.gstSettles) {
  main.gstSettles = true;
  let wide = main.clientWidth, soon = 0;
  const nudge = () => {
    const plots = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')];
    plots.forEach((plot) => { plot.parentElement.style.width = "calc(100% - 1px)"; });
    setTimeout(() => plots.forEach((plot) => { plot.parentElement.style.width = ""; }), 300);
  };
  new ResizeObserver(() => {
    if (Math.abs(main.clientWidth - wide) < 24) return;  // a scroll bar's width
    wide = main.clientWidth;
    clearTimeout(soon);
    soon = setTimeout(nudge, 400);
  }).observe(main);
}
</script>"""


st.set_page_config(page_title="gst-analysis", page_icon=LOGO, layout="wide", initial_sidebar_state=320)
st.html(STYLE)
st.html(keep_one_step_a_page(), unsafe_allow_javascript=True)
st.html(settle_legends(), unsafe_allow_javascript=True)
st.html(load_plots_early(), unsafe_allow_javascript=True)
st.logo(LOGO, size="large")
# Not in a folder called pages: Streamlit would take that for its older kind of app, and run the page that
# a link names without this file.
pages = [
    st.Page(page.file, title=page.title, icon=page.icon, default=number == 0)
    for number, page in enumerate(list_pages())
]
page = st.navigation(pages, position="top")
links.open_link(page.url_path)
faults = st.container()  # said last, once controls have looked at the link, and shown first
with quiet().at_work():
    page.run()
links.show_faults(faults)
