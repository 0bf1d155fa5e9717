"""Downloads are the command line's files, and caches go by content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app import cached
from app.downloads import MIMES, make_file
from app.wording import literal, people, plain_name, say_error
from gst_analysis.analyses import cost, scales
from gst_analysis.checkpoints.sources import glance_at
from gst_analysis.errors import SpecError, UnreadableCheckpoint
from tests.conftest import SaveSmall

STARTS = {
    "png": b"\x89PNG",
    "svg": b"<?xml",
    "pdf": b"%PDF",
    "csv": b"spec,",
    "parquet": b"PAR1",
    "json": b"{",
}


@pytest.mark.parametrize("kind", MIMES)
def test_every_kind_of_download_is_what_it_says(kind: str) -> None:
    result = cost.cost("gst-resnet26s")
    assert make_file(kind, "cost", result, result.plot).startswith(STARTS[kind])


def test_the_same_content_is_read_once_whatever_it_is_called(
    folder: Path, save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = save_small(file="first.pth")
    (folder / "copy.pth").write_bytes(first.read_bytes())
    read: list[Any] = []
    monkeypatch.setattr(cached, "glance_at", _noting(glance_at, read))
    reading = cached.read_checkpoint(first)
    assert cached.read_checkpoint(folder / "copy.pth").inspection.sha256 == reading.inspection.sha256
    assert read == [first]
    first.unlink()  # a saved network replaces no other
    save_small(file="first.pth", seed=7)
    assert cached.read_checkpoint(first).inspection.sha256 != reading.inspection.sha256
    assert read == [first, first]


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    folder: Path, save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_small(file="growing.pth")
    monkeypatch.setattr(cached, "_hash", lambda *_: "0" * 64)
    for _ in range(2):
        with pytest.raises(UnreadableCheckpoint, match="found one that changed"):
            cached.read_checkpoint(path)


def test_a_figure_follows_every_argument(folder: Path, save_small: SaveSmall) -> None:
    result = scales.bn_scales(save_small(file="a.pth"))
    key = [("a", "0")]
    views = [
        cached.draw_scales(key, result, by=by, absolute=False, dark=dark).to_json()
        for by in ("block", "stage")
        for dark in (False, True)
    ]
    assert len(set(views)) == 4


def _noting(function: Any, notes: list[Path]) -> Any:
    def noted(path: Path) -> Any:
        notes.append(path)
        return function(path)

    return noted


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (21_035_246, "", "21.0 M"),
        (29_000_564_736, "MACs", "29.0 GMACs"),
        (999, "", "999"),
        (0, "MACs", "0 MACs"),
        (1_000, "", "1.0 k"),
        (2.6e12, "FLOPs", "2.6 TFLOPs"),
    ],
)
def test_numbers_are_written_for_people(number: float, unit: str, text: str) -> None:
    assert people(number, unit) == text


def test_names_and_errors_cannot_write_markdown() -> None:
    assert plain_name("<img src=x>\n$x$.pth") == "_img src=x_ _x_.pth"
    assert plain_name("") == "checkpoint"
    assert literal("**a** :red[b] <i> $x$") == r"\*\*a\*\* \:red\[b\] \<i\> \$x\$"
    assert literal("http://x.y www.z") == "http\\:\u2060\\/\\/x\\.y www\u2060\\.z"
    error = SpecError("/tmp/secret/x.pth", expected="a", found="![b](c)", todo="d")
    assert say_error(error, names={"/tmp/secret/x.pth": "x.pth"}) == (
        r"x\.pth\: expected a\; found \!\[b\]\(c\)\; d"
    )
