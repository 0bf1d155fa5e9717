"""The page of all analyses: a line for each of the list; those without a page of their own run there."""

from __future__ import annotations

import pytest

from gst_analysis import analyses
from gst_analysis.analyses import list_analyses
from tests.analyses.test_rooms import toy
from tests.app.conftest import Visit, images
from tests.conftest import SaveSmall

__all__ = ["toy"]


def test_every_analysis_of_the_list_is_a_line(visit: Visit) -> None:
    page = visit("analyses", backbone="ResNet-26, small")
    assert list(page.table[0].value["Question"]) == [about.question for about in list_analyses()]


@pytest.mark.usefixtures("toy")
def test_a_folder_and_a_line_are_on_the_page_and_run_there(visit: Visit, save_small: SaveSmall) -> None:
    assert analyses.ROOMS[-1] == "toy_room"
    save_small(file="net.pth")
    page = visit("analyses", ckpt="net.pth", run="count-norms")
    assert list(page.table[0].value["Analysis"])[-1] == "Toy"
    (start,) = [button for button in page.button if button.label == "Run it"]
    start.click().run()
    for _ in range(40):
        if images(page):
            break
        page.run()
    assert images(page) == ["counts of net"]
    assert "it is only a count" in [note.value for note in page.info]
