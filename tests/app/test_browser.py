"""The explorer in a real browser: what a visitor does, from the first page to a file on the disk.

One server and one browser serve all tests here. They are skipped where there is no Chromium.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.serving import ROOT
from gst_analysis.analyses.traces.single_clips import planted_clips
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from tests.app.conftest import explore
from tests.conftest import SMALL_CLIPS, build_small, list_results

PATIENCE_MS = 60_000

Open = Callable[..., Any]
FAULTS = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap(plot => {
    const frame = plot.getBoundingClientRect(), faults = [];
    const words = [...plot.querySelectorAll(".main-svg text")]
        .map(text => [text.textContent, text.getBoundingClientRect()])
        .filter(([text, box]) => box.width && /[^\\d.<%\\s]/.test(text));
    words.forEach(([text, box], place) => {
        if (box.left < frame.left - 1 || box.right > frame.right + 1) faults.push(["cut", text]);
        for (const [other, its] of words.slice(0, place)) {
            const wide = Math.min(box.right, its.right) - Math.max(box.left, its.left);
            const high = Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top);
            if (wide > 2 && high > 3) faults.push([other, text]);
        }
    });
    return faults;
})"""
"""Words that reach beyond their figure, and pairs that cover each other; numbers of axes left out."""


FOCUS = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    if (one === document.body) return ["", "", 0, true];
    const name = one.getAttribute("aria-label") || one.textContent.trim() || one.tagName;
    return [name, style.outlineStyle, parseFloat(style.outlineWidth), style.outlineColor === style.color];
}"""
"""What has the focus, and how it is outlined: with what line, how wide, and whether in its own ink."""
AXE = "4.14.1"
VIEWS = ("Histograms", "Overlay", "Statistics", "Importance")
PICTURES = "[data-testid=stPlotlyChart], video, [data-testid=stImage] img"
UNNAMED = """pictures => [...document.querySelectorAll(pictures)]
    .filter(one => one.checkVisibility()
        && !(one.getAttribute("aria-label") || one.getAttribute("alt") || one.title
             || one.closest("[aria-label]") || one.querySelector("[aria-label], [alt]:not([alt=''])")))
    .map(one => one.outerHTML.slice(0, 200))"""
"""Charts, films and pictures without a name."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the explorer is started in: two networks and a clip."""
    folder = tmp_path_factory.mktemp("lab")
    for name, seed in (("first", 1), ("second", 2)):
        save_model(folder / f"{name}.pth", build_small("gst-resnet26s", seed=seed), clip_spec=SMALL_CLIPS)
    (planted, *_) = planted_clips(folder / "world", "static")
    planted.path.rename(folder / "clip.mp4")
    return folder


@pytest.fixture(scope="module")
def address(browser: Any, lab: Path) -> Iterator[str]:
    """A running server's address; none where there is no browser to look at it with."""
    with explore(lab, lab / "log") as running:
        yield running


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Open]:
    """Each call is a visitor of its own, as one who follows a link is."""
    visitors = []

    def visit(where: str, *, width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE_MS)
        visitors.append(context)
        page = context.new_page()
        page.goto(address + where if where.startswith("/") else where)
        return page

    yield visit
    for context in visitors:
        context.close()


def upload(page: Any, expander: str, file: Path) -> None:
    page.get_by_text(expander, exact=True).click()
    own = page.locator('[data-testid="stExpander"]', has=page.get_by_text(expander, exact=True))
    own.locator("input[type=file]").last.set_input_files(file)


def titles(page: Any) -> list[str]:
    """Headings of a plotly figure's columns and rows."""
    figure = page.locator(".js-plotly-plot").first
    figure.wait_for()
    return list(figure.locator(".annotation-text, [class$=title]").all_text_contents())


def test_figure_4_gives_the_command_lines_table_and_takes_an_uploaded_checkpoint(
    open_page: Open, lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("/space_and_time?ckpt=first.pth")
    _check_that_the_table_is_the_command_lines(page, lab, monkeypatch)
    own = shutil.copy(lab / "second.pth", tmp_path / "my own.pth")
    upload(page, "Add a checkpoint", Path(own))
    page.locator(".js-plotly-plot .annotation-text", has_text="my own").wait_for()
    assert "first" in titles(page)
    assert page.locator(".js-plotly-plot .bars path").count() > 10


def _check_that_the_table_is_the_command_lines(page: Any, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    button = page.get_by_role("button", name="CSV", exact=False).first
    button.wait_for()
    with page.expect_download() as download:
        button.click()
    monkeypatch.chdir(lab)
    assert run(["bn-hist", "first.pth", "--formats", "csv", "--out", "told"]) == 0
    assert download.value.suggested_filename == "bn_scales.csv"
    assert Path(download.value.path()).read_bytes() == (lab / "told" / "bn_scales.csv").read_bytes()
    assert list_results(lab / "told") == ["bn_scales.csv"]


def test_a_clip_is_uploaded_and_its_trace_seen_beside_the_player(
    open_page: Open, lab: Path, tmp_path: Path
) -> None:
    own = shutil.copy(lab / "clip.mp4", tmp_path / "my clip.mp4")
    page = open_page("/traces?ckpt=first.pth")
    page.get_by_text("rediction for the clip").first.wait_for()
    upload(page, "Add a clip", Path(own))
    # The name of the file in the uploader comes and goes within a moment; the chosen clip stays.
    page.wait_for_function(
        "[...document.querySelectorAll('[role=combobox]')].some(one => one.value === 'my clip.mp4')"
    )
    timeline = page.locator(".st-key-timeline .js-plotly-plot")
    timeline.locator(".point").first.wait_for()
    # The page is drawn once more when the clip's evidence is there; until then two figures may stand there.
    page.get_by_text("of what moves a frame's logit is that frame").wait_for()
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.wait_for_function("document.querySelectorAll('.st-key-timeline .js-plotly-plot').length === 1")
    page.wait_for_function("document.querySelector('.st-key-player video')?.readyState >= 2")
    _check_that_a_click_moves_the_player(page, timeline)


def _check_that_a_click_moves_the_player(page: Any, timeline: Any) -> None:
    point = timeline.evaluate("plot => plot._fullData[0].x.at(-1)")
    place = timeline.evaluate(
        """plot => {
            const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
            const at = plot._fullData[0];
            return [box.x + xaxis._offset + xaxis.l2p(at.x.at(-1)),
                    box.y + yaxis._offset + yaxis.l2p(at.y.at(-1))];
        }"""
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    page.mouse.click(*place)
    shown = "Math.abs(document.querySelector('.st-key-player video').currentTime - {}) < 0.05"
    page.wait_for_function(shown.format(point))


@pytest.mark.slow
def test_the_player_follows_what_is_pointed_at_and_the_keys(open_page: Open) -> None:
    page = open_page("/traces?ckpt=first.pth&ckpt=second.pth&clip=clip.mp4&beside=second")
    page.get_by_text("of what moves a frame's logit is that frame").wait_for()
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.wait_for_function(
        "document.querySelectorAll('[class*=st-key-timeline] .js-plotly-plot').length === 2"
    )
    page.wait_for_function("document.querySelector('.st-key-player video')?.readyState >= 2")
    times = page.evaluate("[...document.querySelector('.st-key-timeline .js-plotly-plot')._fullData[0].x]")
    names = page.evaluate(
        "document.querySelector('.st-key-timeline .js-plotly-plot')._fullData.map(t => t.name)"
    )
    assert sum("standing still" in str(name).replace("<br>", " ") for name in names) == 1
    matrix = page.locator(".st-key-evidence .js-plotly-plot").first
    matrix.scroll_into_view_if_needed()
    place = matrix.evaluate(
        """plot => {
            const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
            return [box.x + xaxis._offset + xaxis.l2p(1), box.y + yaxis._offset + yaxis.l2p(3)];
        }"""
    )
    page.mouse.move(place[0] - 2, place[1])
    page.mouse.move(*place)
    at = "Math.abs(document.querySelector('.st-key-player video').currentTime - {}) < 0.02"
    page.wait_for_function(at.format(times[3]))
    page.mouse.click(*place)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(at.format(times[4]))
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(at.format(times[3]))
    page.keyboard.press(" ")
    page.wait_for_function("!document.querySelector('.st-key-player video').paused")
    page.keyboard.press(" ")
    page.wait_for_function("document.querySelector('.st-key-player video').paused")


@pytest.mark.slow
def test_a_clip_of_the_wall_leads_into_its_trace(open_page: Open) -> None:
    page = open_page(f"/classes?ckpt={ROOT / 'trained_models' / 'static-gst-quarter.pth'}&view=Clip+by+clip")
    page.locator(".st-key-wall img").first.wait_for()
    # A button with help stands twice in its page, for fingers and for a pointer; one is hidden.
    page.locator(".st-key-wall [data-testid=stButton] button:visible").nth(3).click()
    page.get_by_text("rediction for the clip").first.wait_for()


@pytest.mark.slow
def test_back_from_a_trace_finds_the_wall_as_it_was_left(open_page: Open) -> None:
    ckpt = ROOT / "trained_models" / "static-gst-quarter.pth"
    home = f"/classes?ckpt={ckpt}&view=Clip+by+clip&sort=Least+sure"
    page = open_page(home)
    page.locator(".st-key-wall img").first.wait_for()
    left = page.locator(".st-key-wall img").first.get_attribute("alt")
    page.locator(".st-key-wall [data-testid=stButton] button:visible").nth(3).click()
    page.get_by_text("rediction for the clip").first.wait_for()
    assert "sort" not in page.url
    page.go_back()
    page.locator(".st-key-wall img").first.wait_for()
    assert "view=Clip+by+clip" in page.url
    assert "sort=Least+sure" in page.url
    assert page.locator(".st-key-wall img").first.get_attribute("alt") == left
    page.get_by_role("radio", name="Least sure", checked=True).wait_for()


@pytest.mark.slow
def test_a_place_is_opened_by_keyboard_alone(open_page: Open) -> None:
    page = open_page("/?ckpt=first.pth")
    points = page.get_by_text("Points of the chart, one by one")
    points.wait_for()
    _tab_to(page, "Points of the chart")
    page.keyboard.press("Enter")
    page.locator("[data-testid=stExpander] [data-testid=stButton]").first.wait_for()
    _tab_to(page, "block 2.0:")
    page.keyboard.press("Enter")
    page.get_by_text("block 2.0: 32 channels, the largest γ first").wait_for()
    assert "place=block+2.0" in page.url


def _tab_to(page: Any, words: str) -> None:
    """Press Tab until what begins with the words has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        told = page.evaluate("document.activeElement.innerText ?? ''")
        if words in told and len(told) < 400:
            return
    pytest.fail(f"Tab does not reach {words}")


@pytest.mark.slow
def test_a_shared_link_shows_the_same(open_page: Open) -> None:
    page = open_page("/space_and_time?ckpt=first.pth&ckpt=second.pth")
    page.locator(".js-plotly-plot").first.wait_for()
    page.get_by_text("Blocks", exact=True).click()
    page.locator(".js-plotly-plot [class$=title]", has_text="block 1.1").first.wait_for()
    follower = open_page(page.url)
    follower.locator(".js-plotly-plot [class$=title]", has_text="block 1.1").first.wait_for()
    assert titles(follower) == titles(page)
    assert {"first", "second"} <= set(titles(follower))


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    ["/cost", "/traces?ckpt=first.pth&clip=clip.mp4", "/space_and_time?ckpt=first.pth&ckpt=second.pth"],
)
def test_no_word_of_a_figure_is_cut_or_covered_at_any_width(open_page: Open, where: str) -> None:
    page = open_page(where)
    page.set_viewport_size({"width": 1000, "height": 4000})
    figures = page.locator(".js-plotly-plot")
    figures.nth(1 if where.startswith(("/cost", "/traces")) else 0).locator(
        ".legendtext, .cbaxis"
    ).first.wait_for()
    page.wait_for_function("document.querySelectorAll('[data-testid=stSkeleton]').length == 0")
    for width in (1000, 400, 1440, 2560):
        page.set_viewport_size({"width": width, "height": 4000})
        page.wait_for_timeout(2000)  # until figures have taken the window's new width, and drawn it twice
        assert page.evaluate(FAULTS) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_has_the_keyboards_focus_is_outlined_in_the_ink_of_words(open_page: Open, scheme: str) -> None:
    page = open_page("/cost", scheme=scheme)
    page.locator(".st-key-cost_bars .point").first.wait_for(state="attached")
    outlined = []
    for _ in range(12):
        page.keyboard.press("Tab")
        outlined.append(page.evaluate(FOCUS))
    named = [(name, how) for name, *how in outlined if name]
    assert len({name for name, _ in named}) > 8
    assert [(name, how) for name, how in named if how != ["solid", 2, True]] == []


@pytest.mark.slow
def test_what_is_folded_away_at_the_side_takes_no_focus(open_page: Open) -> None:
    page = open_page("/cost", width=420)
    page.locator(".st-key-cost_bars .point").first.wait_for(state="attached")
    lefts = []
    for _ in range(12):
        page.keyboard.press("Tab")
        lefts.append(page.evaluate("document.activeElement.getBoundingClientRect().right"))
    assert min(lefts) > 0
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name="Traces").wait_for()  # unfolded, it is there for all


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checker axe-core as text, fetched by npm; it is nobody's dependency."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, which fetches axe-core")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts"]
    fetched = subprocess.run([*command, f"axe-core@{AXE}"], capture_output=True, check=False, timeout=120)
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if fetched.returncode or not script.exists():
        pytest.skip("npm could not fetch axe-core")
    return script.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "where",
    [
        "/?ckpt=first.pth",
        *(f"/space_and_time?ckpt=first.pth&ckpt=second.pth&view={view}" for view in VIEWS),
        "/traces?ckpt=first.pth&clip=clip.mp4",
        "/is_it_true?ckpt=first.pth&clips=My+own",
        "/classes?ckpt=first.pth&clips=My+own",
        "/cost",
        "/train",
        "/analyses?ckpt=first.pth",
        "/report?ckpt=first.pth",
    ],
)
def test_axe_finds_nothing_serious_and_headings_stand_in_order(
    open_page: Open, axe: str, where: str, scheme: str
) -> None:
    page = open_page(where, scheme=scheme)
    page.locator("h1").first.wait_for()
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.evaluate("document.querySelectorAll('details:not([open]) > summary').forEach(s => s.click())")
    page.wait_for_timeout(2000)  # until what was folded is drawn
    page.evaluate(axe)
    # What is switched off need not stand out (WCAG 1.4.3), but its label is no part of it to axe.
    found = page.evaluate("axe.run({exclude: ['[data-testid=stSelectbox]:has(:disabled)']})")["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in serious] == []
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert page.evaluate(UNNAMED, PICTURES) == []
