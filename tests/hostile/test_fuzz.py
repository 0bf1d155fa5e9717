"""The targets of fuzzing read what they begin with, and tell a refusal from a finding."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest

from tests.hostile.fuzz_targets import TARGETS, Target, try_one


@pytest.mark.parametrize("name", [*(n for n in TARGETS if n != "checkpoints")])
def test_a_target_reads_what_it_begins_with(name: str, tmp_path: Path) -> None:
    for content in islice(TARGETS[name].begin(), 3):
        try_one(TARGETS[name], content, tmp_path)


def test_what_is_no_refusal_is_a_finding(tmp_path: Path) -> None:
    def fail(content: bytes, folder: Path) -> object:
        return os.fspath(content.decode()) + 1  # type: ignore[operator] # that is the point

    with pytest.raises(TypeError):
        try_one(Target(fail, lambda: ()), b"x", tmp_path)
