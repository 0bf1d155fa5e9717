"""What networks learn of the worlds of stories: the page's table, and the lessons themselves (slow)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.world_lessons import LESSONS, TARGET, Learnt, Lesson, do_lesson, format_lessons, is_learnt

HALF_LEARNT = ("hidden",)
"""Beyond one frame, but for the wrong half: shapes, which another frame shows, and not screens."""
LINES = json.loads(TARGET.read_text(encoding="utf-8"))["lessons"]


def weigh(line: dict[str, dict[str, float]]) -> bool:
    seeing, blind = (Learnt(**line[name]) for name in ("seeing", "blind"))  # type: ignore[arg-type] # fields by name, as json has them
    return is_learnt(seeing, blind, 1 / float(line["classes"]))  # type: ignore[arg-type] # the number of classes, as json has it


def test_the_page_shows_what_was_learnt() -> None:
    assert format_lessons(LINES) in Path("docs/planted-worlds.md").read_text(encoding="utf-8")
    assert [Lesson(**line["lesson"]) for line in LINES] == list(LESSONS)


def test_what_counts_as_learnt() -> None:
    assert is_learnt(Learnt(300, 400), Learnt(130, 400), 1 / 3)
    assert not is_learnt(Learnt(300, 400), Learnt(290, 400), 1 / 3), "one frame tells as much"
    assert not is_learnt(Learnt(140, 400), Learnt(40, 400), 1 / 3), "a guess is right as often"


@pytest.mark.slow
@pytest.mark.parametrize(
    "lesson",
    [
        lesson
        for lesson, line in zip(LESSONS, LINES, strict=True)
        if weigh(line) and lesson.world not in HALF_LEARNT
    ],
    ids=lambda lesson: lesson.world,
)
def test_a_network_over_time_learns_what_one_frame_cannot_tell(lesson: Lesson, tmp_path: Path) -> None:
    line = json.loads(json.dumps(do_lesson(lesson, tmp_path), default=vars))
    assert weigh(line), line
