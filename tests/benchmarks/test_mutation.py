"""The list of small changes, and that no more of them run at once than were asked for."""

from __future__ import annotations

import ast
import json
import os
import time
from pathlib import Path

import pytest

from benchmarks import mutation
from benchmarks.mutants import list_mutants

SOURCE = '''
"""Words stay."""
LIMIT: int = 3

def pick(values: list[int], *, low: float = 0.5) -> int | None:
    if not values or LIMIT < 1:
        raise ValueError(1 + 1)
    return values[-1] + 2
'''


def test_what_is_changed_and_what_is_not() -> None:
    tree = ast.parse(SOURCE)
    before = ast.dump(tree)
    mutants = list_mutants(tree)
    assert [(mutant.line, mutant.change) for mutant in mutants if mutant.function != "pick"] == [
        (3, "LIMIT: int = 3 -> LIMIT: int = 4"),
        (3, "LIMIT: int = 3 -> LIMIT: int = 2"),
    ]
    changes = [mutant.change for mutant in mutants if mutant.function == "pick"]
    for expected in (
        "not values or LIMIT < 1 -> not values and LIMIT < 1",
        "not values -> values",
        "LIMIT < 1 -> LIMIT <= 1",
        "LIMIT < 1 -> LIMIT >= 1",
        "LIMIT < 1 -> LIMIT < 2",
        "values[-1] + 2 -> values[-1] - 2",
        "values[-1] + 2 -> values[-1] + 3",
        "values[-1] -> values[1]",
        "return values[-1] + 2 -> return None",
    ):
        assert expected in changes
    assert not any("ValueError" in change or "Words" in change for change in changes)
    assert ast.dump(tree) == before
    ends = set()
    for mutant in mutants:
        space: dict[str, object] = {}
        exec(mutant.compile(tree, "one.py"), space)
        ends.add((space["LIMIT"], space["pick"].__kwdefaults__["low"]))  # type: ignore[attr-defined] # a function, as what exec leaves is an object
    assert ends == {(3, 0.5), (4, 0.5), (2, 0.5), (3, 1.5), (3, -0.5)}
    assert ast.dump(tree) == before


def test_no_more_run_at_once_than_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running: set[int] = set()
    most = []
    wait = os.wait

    def start(name: str, file: Path, code: object, limit: float) -> int:
        pid = os.fork()
        if pid == 0:
            time.sleep(0.05)
            os._exit(int(str(code)))
        running.add(pid)
        most.append(len(running))
        return pid

    def reap() -> tuple[int, int]:
        done, status = wait()
        running.discard(done)
        return done, status

    monkeypatch.setattr(mutation, "_start", start)
    monkeypatch.setattr(os, "wait", reap)
    codes = [0, 1, 0, 4, 2]
    ends = mutation._run_all(codes, "one", tmp_path, limit=60, jobs=2)  # type: ignore[arg-type] # numbers stand for code: nothing is run
    assert ends == dict(enumerate(codes))
    assert max(most) == 2


def test_modules_that_are_not_run_keep_what_was_found(tmp_path: Path) -> None:
    one, other, *_ = mutation.TESTS
    file = tmp_path / "m.json"
    file.write_text(json.dumps({"modules": {one: {"killed": 1}, other: {"killed": 2}, "gone": {}}}))
    assert mutation._read_others(file, {one: {}}) == {other: {"killed": 2}}
    assert mutation._read_others(tmp_path / "none.json", {}) == mutation._read_others(None, {}) == {}
    record = json.loads(mutation.RESULTS.read_text(encoding="utf-8"))
    for name in mutation.COUNTS:
        assert record[name] == sum(module[name] for module in record["modules"].values())
    assert all(survivor["why"] for module in record["modules"].values() for survivor in module["survivors"])
