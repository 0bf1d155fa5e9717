"""What a link asks for and no page can show is said in a line: what was wanted, found, and shown instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.links import MOST_SAID, is_wild, tame_wild_numbers
from app.navigation import list_pages
from tests.app.conftest import Visit
from tests.conftest import SaveSmall

BAD = {
    "bars": ("pies", "one of Multiply-adds, Parameters", "Multiply-adds"),
    "frames": ("1025", "a whole number from 1 to 1,024", "8"),
    "size": ("1e999\u2060", "a whole number from 32 to 2,048", "224"),
    "classes": ("many", "a whole number from 1 to 100,000", "174"),
    "family": ("pie", "one of ", "GST, GST-Large"),
    "backbone": ("resnet7", "one of ", "ResNet-50"),
    "beta": ("2", "one of 1/2, 1", "1/2"),
    "dataset": ("\x00", "one of ", "Something-Something V1"),
}
"""Of the page of costs: what a link says, what was expected, and what is shown instead."""


def said(page: AppTest) -> list[str]:
    """The lines about the link, as a reader sees them."""
    lines = [caption.value.replace("\\", "") for caption in page.caption]
    return [line for line in lines if "The link says" in line]


def test_each_value_that_cannot_be_has_a_line_until_something_is_chosen_there(visit: Visit) -> None:
    page = visit("cost", kind="Design", nonsense="<b>", **{key: told for key, (told, *_) in BAD.items()})
    lines = said(page)
    assert len(lines) == MOST_SAID == len(BAD)
    for key, (told, expected, shown) in BAD.items():
        (line,) = (line for line in lines if f"says {key}=" in line)
        found = told.strip("\u2060\x00") or "nothing"
        assert f"{key}=*{found}*; expected {expected}" in line
        assert line.endswith(f"Shown: **{shown}**.")
    assert "… and 1 more of the link." in [caption.value for caption in page.caption]
    page.number_input(key="frames").set_value(16)
    later = said(page.run())
    assert [line for line in lines if line not in later] == [line for line in lines if "frames=" in line]
    assert "nonsense, which no control on this page reads as it stands" in later[-1]


def test_a_good_link_says_nothing_and_a_value_given_twice_does(visit: Visit) -> None:
    good = {"kind": "Design", "bars": "Parameters", "family": "TSM", "clip": "another page's"}
    (line,) = said(visit("cost", frames=["4", "16"], **good))
    assert "frames=*2 of them*; expected one value" in line


def test_networks_that_cannot_be_opened_are_named_beside_what_is_shown(visit: Visit) -> None:
    networks, told = said(visit("report", ckpt=["a.pth", "../../etc/passwd"], told="a.pth?frames=16"))
    assert "ckpt=*a.pth, ../../etc/passwd*; expected networks that can be opened" in networks
    assert "Shown: **an untrained network**" in networks
    assert "expected a file that is shown" in told


@pytest.mark.slow
@pytest.mark.parametrize("page", [page.script for page in list_pages()])
def test_a_name_that_no_control_has_is_said_on_every_page(
    visit: Visit, folder: Path, save_small: SaveSmall, page: str
) -> None:
    save_small(file="net.pth")
    (line,) = said(visit(page, ckpt="net.pth", nonsense="<b>1</b>"))
    assert "says nonsense, which no control on this page reads" in line
    assert "It is left out" in line


@pytest.mark.slow
def test_values_of_a_clip_are_held_against_what_there_is(
    visit: Visit, folder: Path, save_small: SaveSmall, clip: Path
) -> None:
    save_small(file="net.pth")
    bad = {"clip": "planted:pies/7", "window": "0", "step": "x", "class": "9999"}
    lines = said(visit("traces", ckpt="net.pth", mode="Sliding window", **bad))
    assert sorted(line.split("=")[0].split()[-1] for line in lines) == sorted(bad)
    assert said(visit("traces", ckpt="net.pth", clip="clip.mp4")) == []


@pytest.mark.parametrize("text", ["1e999", "-1e999", "inf", "nan", "1" * 400, "9007199254740993"])
def test_a_number_without_end_is_a_word(text: str) -> None:
    assert is_wild(text)
    assert not is_wild("8")
    assert tame_wild_numbers(f"frames={text}&ckpt=a+b.pth&x=") == f"frames={text}%E2%81%A0&ckpt=a+b.pth&x="
    assert tame_wild_numbers("ckpt=a%20b.pth") == "ckpt=a%20b.pth"
