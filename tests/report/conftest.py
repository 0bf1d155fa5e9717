"""A checkpoint and its clips, as every test of reports takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gst_analysis.reporting import page
from tests.report.pages import write_both


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def without_stills(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank for each picture that matplotlib draws, half of a report's time, where a test looks at none."""
    monkeypatch.setattr(page, "_encode", lambda *_: "data:,")


@pytest.fixture
def ckpt(tmp_path: Path) -> str:
    return write_both(tmp_path)[0]


@pytest.fixture
def world(tmp_path: Path, ckpt: str) -> Path:
    return Path(ckpt).with_name("world")
