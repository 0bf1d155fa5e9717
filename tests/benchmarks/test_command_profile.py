"""The profile of a command: its parts are what it did, and together they are all of its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.command_profile import (
    DIGEST,
    OWN,
    PYTHON,
    REST,
    Round,
    part_rounds,
    run_profiled,
    write_table,
)
from benchmarks.commands import build_environment
from tests.conftest import SaveSmall


def test_parts_are_the_shortest_of_all_rounds_and_add_up() -> None:
    imports = {"numpy": 0.1, "numpy.ma": 0.2, "json": 0.05, "gst_analysis.files": 0.1, "av": 0.04}
    slower = {name: 3 * seconds for name, seconds in imports.items()}
    parts = part_rounds([Round(slower, 0.5, 3.0), Round(imports, 0.4, 2.0)], torch_s=2.0)
    assert parts[DIGEST] == pytest.approx(0.2)
    assert [parts[name] for name in ("numpy", PYTHON, OWN)] == pytest.approx([0.15, 0.025, 0.05])
    assert sum(parts.values()) == pytest.approx(2.5 / 2.0)
    table = write_table({"one": parts, "two": {REST: 1.0}}).splitlines()
    assert table[0] == "| over `import torch` | one | two |"
    assert table[2].startswith(f"| {REST} | 0.8")
    assert table[-1] == "| all | 1.250 | 1.000 |"


def test_a_command_is_profiled_as_it_is_run(save_small: SaveSmall, tmp_path: Path) -> None:
    words = ["bn-hist", str(save_small()), "--formats", "csv"]
    found = run_profiled(words, tmp_path, build_environment())
    assert list(tmp_path.rglob("*.csv"))
    assert {"numpy", "typer", "rich.table", "gst_analysis.checkpoints.archives"} <= set(found.imports)
    assert "torch" not in found.imports
    assert 0 < found.digest < found.whole
