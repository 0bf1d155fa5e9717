"""What frames, pairs, bags and halves of clips give away of a story: what the docs say, and no more."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.world_probes import CASES, VIEWS, main, probe

PIXELS = "there-and-back: right or left"
QUICK = (PIXELS, "long-order: by turns or not", "clock", "hidden: which screen", "temporal: right or left")


def list_cases(quick: tuple[str, ...]) -> list[Any]:
    return [pytest.param(name, marks=[] if name in quick else pytest.mark.slow) for name in CASES]


def hold_claims(name: str, clips: int, config: dict[str, Any], *, pixels: bool = False) -> None:
    case = CASES[name]
    tell = case.tell[-1:] if pixels else case.tell  # pixels take more clips than objects do
    for view, found in probe(name, clips, config, pixels=pixels, views=(*case.chance, *tell)).items():
        assert found.is_guess == (view in case.chance), (view, found)
        assert found.is_guess or found.share > 1 / found.classes, (view, found)


@pytest.mark.parametrize("name", list_cases(QUICK))
def test_views_give_away_what_they_are_said_to_and_no_more(name: str) -> None:
    """Held out are 100 clips: a probe that guesses is found guessing, one that sees is found seeing."""
    hold_claims(name, 300, {"frames": 16, "seed": 21})


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("frames", [24, 32])
def test_many_clips_say_the_same(name: str, frames: int) -> None:
    """Held out are 1,000 clips: seven points beside chance would be seen where there are two classes."""
    hold_claims(name, 3000, {"frames": frames, "seed": 22})


@pytest.mark.parametrize("name", list_cases((PIXELS,)))
def test_pixels_give_away_no_more(name: str) -> None:
    clips, frames, size = (180, 8, 32) if name == PIXELS else (1500, 16, 48)
    config = {"frames": frames, "size": size, "difficulty": "easy", "seed": 23}
    hold_claims(name, clips, config, pixels=True)


def test_the_table_has_a_row_for_every_case_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["count", "clock"]
    assert main([*wanted, "--clips", "60", "--frames", "8", "--json", str(tmp_path / "p.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == wanted
    assert all(line.count("|") == len(VIEWS) + 3 for line in lines)
    record = json.loads((tmp_path / "p.json").read_text())
    assert record["scores"]["count"]["ends"]["clips"] == 20
