"""What docs/security.md says of the cost of reading in a child is what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.apart import BESIDE, MOST, RESULT, compare, tabulate
from tests.conftest import build_small


def test_the_pages_table_is_what_was_written() -> None:
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    page = (Path(__file__).parents[2] / "docs/security.md").read_text(encoding="utf-8")
    assert "\n".join(tabulate(found)) in page
    assert f"{found['rounds']} rounds on {found['machine']['date']}" in page
    assert f"takes {found['forked']['alone']['plain_s'] * 1000:.0f} ms" in page
    beyond = [
        f"{way}, {beside}, {kind}"
        for way in ("forked", "helped")
        for beside in BESIDE
        for kind in ("clock", "processor")
        if found[way][beside].get(kind, {"median": 0})["median"] > MOST == found["most"]
    ]
    assert f"Beyond {MOST} {'are' if len(beyond) > 1 else 'is'} {len(beyond)} of the nine" in page


@pytest.mark.slow
def test_a_read_and_one_in_a_child_are_timed_by_turns(tmp_path: Path) -> None:
    torch.save(build_small("gst-resnet26s").state_dict(), tmp_path / "net.pth")
    told = compare(tmp_path / "net.pth", 2, waits=False)
    assert told["clock"]["low"] <= told["clock"]["median"] <= told["clock"]["high"]
    assert told["plain_s"] > 0
