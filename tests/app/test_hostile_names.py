"""Names from outside, in a real browser: on pages, in the report and in figures they do and break nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from app.navigation import list_pages
from gst_analysis.analyses.traces.single_clips import planted_clips
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from tests.app.conftest import explore
from tests.conftest import SMALL_CLIPS, build_small

pytestmark = pytest.mark.slow
PATIENCE_MS = 120_000
BAD = (
    "<img src=x onerror=window.ran=1><script>window.ran=1<\u2215script>",
    "![zq](x) :red[zq] **zq** [zq](javascript:window.ran=1)",
    "$\\notacommand{x}$ <b>zq<\u2215b> <svg onload=window.ran=1>",
    "\u202egnp.exe\u202d \x1b[31mred\x1b[0m \x1b]0;title\x07",
)
"""A file's name holds no slash: another sign stands for it, and labels below have the real one."""
LABELS = [*(word.replace("\u2215", "/") for word in BAD), "w" * 300]
NETWORKS = f"{BAD[0]}{BAD[1]}{BAD[2]}.pth", f"{'w' * 241}{BAD[3][:8]}.pth"
CLIPS = (f"{BAD[2]}{BAD[3]}{BAD[1]}.mp4", f"{'w' * 240}.mp4", f"{BAD[0]}.mp4")
LISTED = f"{BAD[1]}{BAD[2]}.txt"

SCALES = ("Overlay", "Statistics", "Importance", "Over training")
CHECKS = ("Take channels away", "Make it smaller")
CLASSES = ("Accuracy", "Taken for what", "Order", "Clip by clip")
"""Views of pages as their controls call them."""
LOOK = """() => {
    const all = [...document.querySelectorAll("body *")].filter(one => one.checkVisibility());
    const own = one => [...one.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join("").trim();
    return {
        ran: window.ran ?? null,
        pictures: document.querySelectorAll('img[src="x"], [onerror], [onload]').length,
        made: all.filter(one => own(one) === "zq").map(one => one.outerHTML.slice(0, 200)),
        links: document.querySelectorAll('a[href^="javascript:"]').length,
        formulas: [...document.querySelectorAll(".katex")].filter(k => /notaco/.test(k.textContent)).length,
        errors: document.querySelectorAll("[data-testid=stException]").length,
        escapes: /[\\x07\\x1b\\u202a-\\u202e]/.test(document.body.innerText),
        wide: document.documentElement.scrollWidth - window.innerWidth,
    };
}"""
"""What a name could do: run, show a picture, be read as markup or a formula, turn text, widen the page."""
TAME: dict[str, Any] = {"ran": None, "made": [], "escapes": False} | dict.fromkeys(
    ("pictures", "links", "formulas", "errors"), 0
)
OUTSIDE = """() => [...document.querySelectorAll("body *")].filter(one => {
    const box = one.getBoundingClientRect();
    if (one.id === "js-plotly-tester") return false;  // plotly's own, which nobody sees
    let inside = one;
    while ((inside = inside.parentElement)) {
        if (getComputedStyle(inside).overflowX !== "visible") return false;
    }
    return box.width && one.checkVisibility() && (box.right > innerWidth + 1 || box.left < -1);
}).map(one => one.outerHTML.slice(0, 200))"""
"""What stands beyond the window's edge, and in nothing that scrolls or cuts."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with networks, clips and a list, all of them named and labelled to do harm."""
    folder = tmp_path_factory.mktemp("lab")
    for seed, name in enumerate(NETWORKS):
        network = build_small("gst-resnet26s", seed=seed)
        save_model(folder / "plain.pth", network, clip_spec=SMALL_CLIPS, labels=LABELS).rename(folder / name)
    planted = planted_clips(folder / "world", "static")
    for clip, name in zip(planted, CLIPS, strict=False):
        shutil.copy(clip.path, folder / name)
    lines = [f"{name} {number % len(LABELS)}\n" for number, name in enumerate(CLIPS)]
    (folder / LISTED).write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def address(browser: Any, lab: Path) -> Iterator[str]:
    with explore(lab, lab / "log") as running:
        yield running


@pytest.fixture(params=[1280, 420])
def context(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    opened = browser.new_context(viewport={"width": request.param, "height": 900})
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


def check_tame(page: Any) -> None:
    found = page.evaluate(LOOK)
    assert found.pop("wide") <= 1
    assert found == TAME
    assert page.evaluate(OUTSIDE) == []


def settle(page: Any) -> None:
    """Wait until a page has been drawn, what was folded too."""
    page.locator("h1").first.wait_for()
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.evaluate("document.querySelectorAll('details:not([open]) > summary').forEach(s => s.click())")
    page.wait_for_timeout(1500)  # until what was folded is drawn
    page.wait_for_selector("[data-test-script-state=notRunning]")


def list_visits() -> list[tuple[str, dict[str, str]]]:
    """Every page as it opens, and each of its views with clips of one's own."""
    plain: list[tuple[str, dict[str, str]]] = [(page.script, {}) for page in list_pages()]
    own = {"clips": "My own", "data": LISTED}
    views = [("space_and_time", {"view": title}) for title in SCALES]
    checks = [("is_it_true", {"check": title, **own}) for title in CHECKS]
    kinds = [("classes", {"view": title, **own}) for title in CLASSES]
    return [
        *plain,
        *views,
        *checks,
        *kinds,
        ("report", {"about": "Its weights, and how it does on clips", **own}),
    ]


def test_what_looks_sees_it(context: Any) -> None:
    page = context.new_page()
    page.set_content(f"<b>zq</b><p>\u202ex</p><div style='width:9999px'>a</div><p>{BAD[0]}</p>")
    page.wait_for_function("window.ran === 1")
    found = page.evaluate(LOOK)
    assert (found["ran"], found["pictures"], len(found["made"]), found["escapes"]) == (1, 1, 1, True)
    assert found["wide"] > 1000
    assert len(page.evaluate(OUTSIDE)) == 1


@pytest.mark.parametrize(
    "visit", list_visits(), ids=lambda visit: " ".join((visit[0], *visit[1].values()))[:40]
)
def test_no_name_does_anything_on_a_page(
    context: Any, address: str, visit: tuple[str, dict[str, str]]
) -> None:
    page, (name, told) = context.new_page(), visit
    asked = urlencode({"ckpt": NETWORKS, "clip": CLIPS[0], **told}, doseq=True)
    page.goto(f"{address}/{'' if name == 'start' else name}?{asked}")
    settle(page)
    check_tame(page)
    begin = page.locator("[data-testid=stBaseButton-primary]:visible")
    if "data" in told and begin.count():
        begin.first.click()
        page.wait_for_selector("[data-testid=stProgress]", state="detached")
        settle(page)
        check_tame(page)


@pytest.fixture(scope="module")
def report(lab: Path) -> Path:
    line = ["report", str(lab / NETWORKS[0]), str(lab / LISTED), "--out", str(lab / "report")]
    assert run(line) == 0
    (made,) = (lab / "report").glob("*.html")
    return made


def test_no_name_does_anything_in_the_report(context: Any, report: Path) -> None:
    page = context.new_page()
    page.goto(report.as_uri())
    page.locator("h1").first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.wait_for_timeout(1000)  # until what was folded is drawn
    check_tame(page)
    assert "<svg onload=window.ran=1>" in page.inner_text("body")


FIGURES = {
    "bn-hist": [NETWORKS[0], NETWORKS[1], "--formats", "svg,html"],
    "trace": [NETWORKS[0], CLIPS[0], "--formats", "svg,html"],
    "evaluate": [NETWORKS[0], LISTED, "--formats", "svg,html"],
    "saliency": [NETWORKS[0], CLIPS[0], "--formats", "svg"],
}


@pytest.mark.parametrize("command", FIGURES)
def test_no_name_does_anything_in_a_figure(
    browser: Any, lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(lab)
    assert run([command, *FIGURES[command], "--out", str(tmp_path / "out")]) == 0
    drawn = [file for file in (tmp_path / "out").rglob("*") if file.suffix in (".svg", ".html")]
    assert drawn
    for file in drawn:
        page = browser.new_page()
        page.goto(file.as_uri())
        page.wait_for_timeout(500)  # until a script has drawn
        found = page.evaluate(LOOK.replace("document.body", "document.documentElement"))
        assert {name: found[name] for name in TAME} == TAME
        page.close()
