"""What is said of an audit: no more than was looked up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.audit import OWN, TODO, judge, main

SOUND: dict[str, Any] = {"name": "a", "version": "1", "vulns": []}
BAD: dict[str, Any] = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found: c (1)"}
OURS = {"name": OWN, "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([SOUND, OURS], 0, ["nothing is known against 1 packages"]),
        ([SOUND, BAD], 1, ["b 2: CVE-1, mended in 3"]),
        ([UNKNOWN, OURS], 2, [f"1 of 1 packages were not looked up (not found): {TODO}"]),
        (
            [SOUND, SOUND, UNKNOWN],
            0,
            [
                f"1 of 3 packages were not looked up (not found): {TODO}",
                "nothing is known against 2 packages",
            ],
        ),
    ],
)
def test_what_is_said(packages: list[dict[str, Any]], code: int, said: list[str]) -> None:
    assert judge({"dependencies": packages}) == (code, said)


def test_what_is_unknown_hides_nothing_that_is_known() -> None:
    code, lines = judge({"dependencies": [BAD, UNKNOWN, UNKNOWN]})
    assert code == 1
    assert lines[0].startswith("b 2: CVE-1")
    assert lines[1].startswith("2 of 3")


def test_a_tool_that_fails_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool = tmp_path / "tool"
    tool.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('a trace\\nno network')\n")
    tool.chmod(0o700)
    assert main(str(tool)) == 2
    assert capsys.readouterr().out == f"pip-audit could not look anything up (no network): {TODO}\n"
