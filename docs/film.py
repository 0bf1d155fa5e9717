"""A short film of the explorer: a question, the page that answers it, one after the other.

    python -m docs.film                   # writes docs/images/explorer.mp4
    python -m docs.film elsewhere.mp4

Needs Chromium and playwright. The film is not kept with the code: whoever wants it makes it.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from docs.pictures import BROWSERS, FLAGS, IMAGES, IS_STILL, serve_explorer
from gst_analysis.style.films import film_writer, kind_of_film

FILM = IMAGES / "explorer.mp4"
WIDE, HIGH, BAR = 1280, 800, 56
FRAMES_A_SECOND = 8
LARGEST_BYTES = 1_500_000
PATIENCE_MS = 300_000
INK, PAPER = "#F2F2F2", "#0E1117"


class Scene(NamedTuple):
    """A question, where it is answered, when that page is ready, and what is done there."""

    question: str
    address: str
    awaited: str
    seconds: float
    points: int = 0
    """So many frames of the timeline are pointed at and clicked."""
    scroll: int = 0
    """Pixels that the page is moved up in the end."""


CHANGE = "trained_models/state-change-gst-quarter.pth"
SCENES = (
    Scene("Where does this network keep time?", "", "[data-testid=stPlotlyChart]", 4, scroll=500),
    Scene("Which channels does it lean on, block by block?", "space_and_time", ".js-plotly-plot .bars", 3),
    Scene("Where does its mind change?", f"traces?ckpt={CHANGE}", ".st-key-timeline .point", 2, points=4),
    Scene("Was γ learned, or only inherited?", f"is_it_true?ckpt={CHANGE}&clips=My+own", "h1", 3),
    Scene("What does a clip cost, and where?", "cost", ".st-key-cost_bars .point", 3, scroll=600),
)


def main() -> None:
    """Play all scenes and write the film."""
    from playwright.sync_api import sync_playwright

    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FILM
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        sys.exit(f"expected one of {', '.join(BROWSERS)}; found none; install Chromium")
    with serve_explorer() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        frames = [frame for scene in SCENES for frame in play(browser, address, scene)]
        browser.close()
    write_film(target, frames)
    print(target, f"{len(frames) / FRAMES_A_SECOND:.0f} s, {target.stat().st_size / 1000:.0f} kB")
    if target.stat().st_size > LARGEST_BYTES:
        sys.exit(f"expected at most {LARGEST_BYTES / 1e6} MB; lower the seconds of a scene")


def play(browser: Any, address: str, scene: Scene) -> Iterator[Image.Image]:
    """The frames of a scene, its question in a bar below."""
    context = browser.new_context(viewport={"width": WIDE, "height": HIGH - BAR}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{address}/{scene.address}")
    page.locator(scene.awaited).first.wait_for(state="attached")
    page.wait_for_function(IS_STILL)
    page.wait_for_timeout(1000)  # fonts, and what moves when it appears
    yield from hold(page, scene, scene.seconds)
    for place in range(scene.points):
        _click_point(page, (place + 1) / (scene.points + 1))
        page.wait_for_timeout(400)
        yield from hold(page, scene, 0.9)
    for step in range(6 if scene.scroll else 0):
        page.mouse.move(WIDE * 0.7, HIGH / 2)
        page.mouse.wheel(0, scene.scroll / 6)
        page.wait_for_timeout(150)
        yield from hold(page, scene, 1 / FRAMES_A_SECOND if step < 5 else scene.seconds / 2)
    context.close()


def _click_point(page: Any, share: float) -> None:
    """Click the timeline so far along its curve, by which the player goes there."""
    place = page.locator(".st-key-timeline .js-plotly-plot").evaluate(
        """(plot, share) => {
            const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
            const line = plot._fullData[0], at = Math.round(share * (line.x.length - 1));
            return [box.x + xaxis._offset + xaxis.l2p(line.x[at]),
                    box.y + yaxis._offset + yaxis.l2p(line.y[at])];
        }""",
        share,
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    page.mouse.click(*place)


def hold(page: Any, scene: Scene, seconds: float) -> Iterator[Image.Image]:
    """The page as it is now, for so long."""
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    frame = Image.new("RGB", (WIDE, HIGH), PAPER)
    frame.paste(shown, (0, 0))
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 24)
    ImageDraw.Draw(frame).text((28, HIGH - BAR / 2), scene.question, INK, font, anchor="lm")
    for _ in range(max(1, round(seconds * FRAMES_A_SECOND))):
        yield frame


def write_film(target: Path, frames: Sequence[Image.Image]) -> None:
    """A film of the kind that its name says, in few bytes."""
    pictures = (np.asarray(frame) for frame in frames)
    with target.open("wb") as file:
        film_writer(kind_of_film(target), pictures, rate=FRAMES_A_SECOND, preset="slow")(file)


if __name__ == "__main__":
    main()
