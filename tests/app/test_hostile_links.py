"""Whatever a stranger's link says in any parameter is a line: no trace, no content of a file."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest

from app import links, telling
from tests.app.conftest import Visit
from tests.app.test_is_it_true import ckpt, start, world
from tests.app.test_place_clips import FIND, press

__all__ = ["ckpt", "world"]

SECRET = "secret-of-the-server"
VALUES = {
    "endless": "1e999",
    "no number": "nan",
    "negative": "-1",
    "huge": "9" * 400,
    "a fraction": "0.5",
    "nothing": "",
    "markup": "<script>alert(1)</script>",
    "markdown": "![](http://a.b/c) :red[x] $\\frac{1}{2}$ `",
    "out of the folder": "../../../../etc/passwd",
    "a secret": ".env",
    "a secret, absolute": "{folder}/.env",
    "a pipe": "pipe",
    "a device": "/dev/zero",
    "memory": "/proc/self/environ",
    "letters of the world": "日本語 \u202e \u0000 😀 é",
    "a command": "$(touch ran); `touch ran`",
    "very long": "x" * 9_000,
    "planted": "planted:no-such-world/99999999999999999999",
    "uploaded": "upload:../../.env",
    "told": "net.pth?frames=1e999&mean=nan&labels=.env",
    "a list": "[1, 2]",
}
PLACES: dict[str, tuple[str, dict[str, str]]] = {
    "start": ("start", {}),
    "an open place": ("start", {"place": "layer4.0", "clips": "My own", "data": "world/validation.json"}),
    "scales": ("space_and_time", {}),
    "over training": ("space_and_time", {"view": "Over training"}),
    "a design": ("space_and_time", {"ckpt": "", "backbone": "ResNet-26, small"}),
    "a trace": ("traces", {"clip": "world/videos/clip00", "mode": "Sliding window"}),
    "take away": ("is_it_true", {"clips": "My own", "data": "world/validation.json"}),
    "make it smaller": ("is_it_true", {"check": "Make it smaller"}),
    "look at the start": ("is_it_true", {"check": "Look at the start"}),
    "classes": ("classes", {"clips": "My own", "data": "world/validation.json"}),
    "clip by clip": ("classes", {"clips": "My own", "data": "world/validation.json", "view": "Clip by clip"}),
    "cost of a design": ("cost", {"kind": "Design"}),
    "cost of a network": ("cost", {"kind": "Published"}),
    "cost of a file": ("cost", {}),
    "train": ("train", {}),
    "an analysis": ("analyses", {"run": "Prediction", "clips": "My own", "videos": "world/videos/clip00"}),
    "report": ("report", {}),
}
"""Where a visitor can be, so that each control is drawn in one of them: the page, and what must be said."""
LINKED = (*links.CARRIED, "videos", "data", "limit", "sent")
"""Parameters whose controls may not be drawn everywhere; all others are found as pages ask for them."""


@pytest.fixture
def room(folder: Path, ckpt: str, world: str) -> Path:
    """Where the explorer runs: a network, clips, a secret, and a pipe that nobody writes to."""
    (folder / ".env").write_text(f"TOKEN={SECRET}\n")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Which parameters pages ask the link for."""
    found, read = set(LINKED), links._read

    def note(key: str) -> str | None:
        found.add(key)
        return read(key)

    monkeypatch.setattr(links, "_read", note)
    return found


def attack(visit: Visit, place: str, /, **told: str | list[str]) -> str:
    """Open a place with such a link, as the server hands it on; returns all that the page says."""
    page, needed = PLACES[place]
    query = urlencode({"ckpt": "small.pth"} | needed | told, doseq=True)
    shown = visit(page, **parse_qs(links.tame_wild_numbers(query), keep_blank_values=True))
    words = "\n".join(str(getattr(one, "value", "")) for one in shown)
    assert SECRET not in words
    assert "root:x:" not in words
    return words


def rotate(keys: Sequence[str], first: int, room: Path) -> dict[str, str]:
    """Another value for each parameter."""
    values = [value.replace("{folder}", str(room)) for value in VALUES.values()]
    return {key: values[(first + number) % len(values)] for number, key in enumerate(keys)}


@pytest.mark.parametrize("place", PLACES)
def test_each_parameter_may_say_anything(visit: Visit, room: Path, asked: set[str], place: str) -> None:
    attack(visit, place)  # what it asks for
    keys = sorted(asked - set(PLACES[place][1]) - {"ckpt"})
    said = attack(visit, place, **rotate(keys, zlib.crc32(place.encode()), room))
    assert "The link says" in said
    attack(visit, place, **dict.fromkeys(keys, ""))
    assert not (room / "ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_every_value_in_every_parameter(visit: Visit, room: Path, asked: set[str], place: str) -> None:
    attack(visit, place)
    needed = PLACES[place][1]
    for turn, value in enumerate(VALUES.values()):
        told = value.replace("{folder}", str(room))
        keys = sorted(asked - set(needed) - {"ckpt"})
        attack(visit, place, **{key: [told, told] if turn % 2 else told for key in keys})
    attack(visit, place, **rotate((*keys, *needed, "ckpt"), 0, room))
    assert not (room / "ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", VALUES)
def test_networks_and_what_is_told_of_them(visit: Visit, room: Path, name: str) -> None:
    value = VALUES[name].replace("{folder}", str(room))
    attack(visit, "report", ckpt=value)
    told = [f"small.pth?{field}={value}" for field in telling.FIELDS]
    attack(visit, "report", ckpt=["small.pth", *[value] * 50], told=told)


@pytest.mark.slow
def test_controls_that_are_drawn_once_something_is_measured(
    visit: Visit, room: Path, asked: set[str], ckpt: str, world: str
) -> None:
    for place, label in (("an open place", FIND), ("clip by clip", "")):
        page, needed = PLACES[place]
        opened = visit(page, ckpt=ckpt, **needed)
        measured = press(opened, label) if label else start(opened)
        assert measured.selectbox(key="channel" if label else "truth").value is not None
        for value in VALUES.values():
            told = value.replace("{folder}", str(room))
            attack(visit, place, **dict.fromkeys(sorted(asked - set(needed) - {"ckpt"}), told))
    assert {"channel", "look", "sort", "only", "truth", "taken"} <= asked
