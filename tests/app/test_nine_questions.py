"""A stranger's nine questions, each answered in three clicks at most: those that docs/explorer.md lists.

And the stop-watch: how long it takes from nothing to the first verdict, and to that about one's own file.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.serving import ROOT, serve

pytestmark = pytest.mark.slow
PATIENCE_MS = 600_000
MOST_CLICKS = 3
SHIPPED_S, UPLOADED_S = 10.0, 30.0
VERDICT = re.compile(r"temporal-gst-quarter: .*(time|temporal)", re.IGNORECASE)
ANSWERS = {
    "Which stage is most temporal?": ("text", VERDICT),
    "Was γ learned, or only inherited?": ("text", re.compile(r"On average spatial channels by [\d.e-]+")),
    "Does γ agree with what channels are worth?": (
        "text",
        re.compile(r"agree in \d+ of|Undecided|disagree|does not show it"),
    ),
    "Which class needs the order of frames?": ("alt", re.compile("order_classes|needs the order")),
    "Where does the prediction change?": ("text", re.compile(r"Its mind changes at|No change of state")),
    "How much of a frame's prediction is that frame?": ("text", re.compile(r"\d+% of what moves a frame's")),
    "Where in the frame does it look?": ("alt", re.compile("Evidence for .* frames")),
    "What does a clip cost, and where?": ("text", re.compile(r"^\d[\d.]* [GM]MACs$")),
    "How much smaller can it be made?": ("alt", re.compile("Channels left by group")),
}
"""Where each answer is read, and what it looks like."""


class Question(NamedTuple):
    """A row of the table in the docs."""

    asked: str
    clicks: tuple[str, ...]


def list_questions() -> list[Question]:
    """What the docs say is answered, and how one gets there."""
    text = (ROOT / "docs" / "explorer.md").read_text()
    rows = text.split("| question | clicks | the answer |")[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [Question(asked, tuple(re.findall(r"\*\*(.+?)\*\*", clicks))) for asked, clicks, _ in cells]


class Started(NamedTuple):
    """A running explorer, when it was started, and how busy the machine was."""

    address: str
    began: float
    load: float


@pytest.fixture(scope="module")
def server(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """In an empty folder: what is seen are the shipped networks."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    log = tmp_path_factory.mktemp("stranger") / "log"
    with serve(log=log) as running:
        yield Started(running.address, running.began, max(1.0, 1 + load))
    assert "Traceback" not in log.read_text()


@pytest.fixture
def page(browser: Any, server: Started) -> Iterator[Any]:
    """A visitor who has just opened the explorer."""
    context = browser.new_context(viewport={"width": 1440, "height": 1200})
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    opened.goto(server.address)
    yield opened
    context.close()


def test_from_the_servers_start_to_the_first_verdict_without_a_click(page: Any, server: Started) -> None:
    wait_for(page, "text", VERDICT)
    took = time.perf_counter() - server.began
    print(
        f"server started -> verdict about a shipped network: {took:.1f} s, no click, load {server.load:.1f}"
    )
    assert took <= SHIPPED_S * server.load


def test_from_a_file_to_its_verdict_in_three_clicks(page: Any, server: Started, tmp_path: Path) -> None:
    wait_for(page, "text", VERDICT)
    own = Path(shutil.copy(ROOT / "trained_models" / "temporal-gst-half.pth", tmp_path / "my-own.pth"))
    began = time.perf_counter()
    page.get_by_text("Add a checkpoint", exact=True).click()
    box = page.locator('[data-testid="stExpander"]', has=page.get_by_text("Add a checkpoint", exact=True))
    with page.expect_file_chooser() as chooser:
        box.get_by_test_id("stFileUploaderDropzone").locator("button").first.click()
    chooser.value.set_files(own)  # the third click
    wait_for(page, "text", re.compile("my-own: .*(time|temporal)", re.IGNORECASE))
    took = time.perf_counter() - began
    print(f"upload -> verdict about it: {took:.1f} s, three clicks, load {server.load:.1f}")
    assert took <= UPLOADED_S * server.load


@pytest.mark.parametrize("question", list_questions(), ids=lambda question: question.asked)
def test_a_question_is_answered_in_three_clicks(page: Any, question: Question) -> None:
    assert len(question.clicks) <= MOST_CLICKS
    for words in question.clicks:
        click(page, words)
    wait_for(page, *ANSWERS[question.asked])


def test_nine_questions_are_listed() -> None:
    assert [question.asked for question in list_questions()] == list(ANSWERS)
    assert len(ANSWERS) == 9


def click(page: Any, words: str) -> None:
    """One click on a link, a choice or a button of that name, whichever the page offers now."""
    link = page.get_by_test_id("stTopNavLink").filter(has_text=words)
    choice = page.get_by_role("radio", name=words, exact=True)
    button = page.get_by_role("button", name=words, exact=False)
    until = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < until:  # between two pages the script rests for a moment, and nothing is offered
        page.wait_for_selector("[data-test-script-state=notRunning]")
        for place in (link, choice, button):
            offered = [one for one in place.all() if one.is_visible()]
            chosen = place is choice and offered and offered[0].get_attribute("aria-checked") == "true"
            if offered and not chosen:
                offered[0].click()
                return
        page.wait_for_timeout(200)
    raise AssertionError(f"nothing to click is called {words}")


def wait_for(page: Any, where: str, pattern: re.Pattern[str]) -> None:
    """Until an answer can be read, or heard as the name of a figure."""
    if where == "text":
        page.get_by_test_id("stMain").get_by_text(pattern).first.wait_for()
    else:
        page.get_by_alt_text(pattern).or_(page.get_by_label(pattern)).first.wait_for()
