"""The pages, in their order, each with the question that it answers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

VIEWS = Path(__file__).with_name("views")


class PageLine(NamedTuple):
    """A page: its script in views/, which is its address too, its title, icon, and what it is for."""

    script: str
    title: str
    icon: str
    question: str

    @property
    def file(self) -> str:
        """As Streamlit names it, relative to the explorer's own script."""
        return f"views/{self.script}.py"


_ALL = (
    PageLine("start", "Start", ":material/home:", ""),
    PageLine(
        "space_and_time",
        "Space and time",
        ":material/equalizer:",
        "Which channels does a network lean on, block by block? Figure 4 of the paper, with statistics.",
    ),
    PageLine(
        "traces",
        "Traces",
        ":material/timeline:",
        "What does it believe at every frame of a video, and which frames moved it?",
    ),
    PageLine(
        "is_it_true",
        "Is it true?",
        ":material/fact_check:",
        "Take channels away and see what is lost. Was a scale learned, or only inherited?",
    ),
    PageLine(
        "classes",
        "Classes",
        ":material/grid_view:",
        "Which classes does it get right, what does it take for what, and on which clips does it fail?",
    ),
    PageLine(
        "cost",
        "Cost",
        ":material/balance:",
        "What a clip costs: of a design, a published network or yours, beside what others reached.",
    ),
    PageLine(
        "train",
        "Train",
        ":material/model_training:",
        "Train a small network on videos whose truth is known, or watch a run as it goes.",
    ),
    PageLine(
        "analyses",
        "All analyses",
        ":material/category:",
        "Which questions can be asked, and what does a network answer to those without a page of their own?",
    ),
    PageLine(
        "report",
        "Report",
        ":material/description:",
        "Everything about one checkpoint in a single file, to keep or to send.",
    ),
)


def list_pages() -> list[PageLine]:
    """Those that there are."""
    return [page for page in _ALL if (VIEWS / f"{page.script}.py").is_file()]
