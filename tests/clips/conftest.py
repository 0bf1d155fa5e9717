from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder for clips."""
    (tmp_path / "clips").mkdir()
    return tmp_path / "clips"
