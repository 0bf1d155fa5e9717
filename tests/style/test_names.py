"""Shortened names: what tells checkpoints apart is what is kept."""

from __future__ import annotations

import pytest

from gst_analysis.style.names import tell_apart

LONG = "something-something-v2-gst-resnet50-8f-seed-0"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["half", "quarter"], ["half", "quarter"]),
        ([f"{LONG}-half-best", f"{LONG}-quarter-best"], ["…half…", "…quarter…"]),
        ([f"{LONG}-epoch-0001", f"{LONG}-epoch-0010"], ["…0001", "…0010"]),
    ],
)
def test_what_all_share_is_left_out(names: list[str], expected: list[str]) -> None:
    assert tell_apart(names, 26) == expected


def test_short_and_long_names_together_stay_apart() -> None:
    found = tell_apart(["one", f"{LONG}-one"], 26)
    assert found[0] == "one…" or found[0] == "one"
    assert found[1].startswith("something")
    assert len(set(found)) == 2


def test_one_long_name_keeps_its_ends() -> None:
    (found,) = tell_apart([f"{LONG}-best"], 20)
    assert found.startswith("something")
    assert found.endswith("best")
    assert len(found) <= 20


def test_names_that_stay_the_same_are_numbered() -> None:
    names = [f"a{'b' * 60}{middle}{'c' * 60}" for middle in "xyz"]
    found = tell_apart(names, 20)
    assert len(set(found)) == 3
    assert [name[0] for name in found] == ["1", "2", "3"]
