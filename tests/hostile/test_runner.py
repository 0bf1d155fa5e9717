"""The runner sees what it is there to see."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.cases import MARKER, Case, Kind
from tests.hostile.children import run_case
from tests.hostile.runner import count_faults
from tests.hostile.table import BEGIN, END, read_rows, write_rows

QUICK = Kind("made up", lambda seed: (), seconds=0.3)


def make(folder: Path) -> Path:
    path = folder / "a.pth"
    path.write_bytes(b"nothing")
    return path


def raise_error(path: Path, out: Path) -> None:
    raise ValueError(str(path))


ACTS: dict[str, Any] = {
    "": lambda path, out: None,
    "executed": lambda path, out: (path.parent / MARKER).mkdir(),
    "hung": lambda path, out: time.sleep(5),
    "crashed": lambda path, out: os.abort(),
    "traceback": raise_error,
    "lost": lambda path, out: path.unlink(),
}


@pytest.mark.parametrize("fault", ACTS)
def test_each_fault_is_seen(fault: str) -> None:
    assert run_case(QUICK, Case("act", make, act=ACTS[fault])).fault == fault


def test_memory_beyond_the_limit_is_seen() -> None:
    verdict = run_case(QUICK, Case("claim", make, act=lambda path, out: bytearray(5 * 2**30)))
    assert (verdict.fault, "MemoryError" in verdict.detail) == ("traceback", True)


def test_a_command_and_its_exit_code() -> None:
    kind = Kind("made up", lambda seed: ())
    assert run_case(kind, Case("text", make)).codes == (2, 2)


def test_the_table_keeps_the_rows_of_kinds_that_were_not_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    write_rows(page, {"a": {"tried": 3}, "b": {"tried": 2, "hung": 1}}, ["a", "b"])
    write_rows(page, {"b": {"tried": 4, "": 4}}, ["a", "b"])
    assert read_rows(page) == {"a": ["3", *"00000"], "b": ["4", *"00000"]}
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")


def test_faults_are_counted_by_kind() -> None:
    verdict = run_case(QUICK, Case("act", make, act=ACTS["lost"]))
    assert count_faults([verdict, verdict]) == {"made up": {"tried": 2, "lost": 2}}
