from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.runs import render


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static world of 48 training and 12 validation clips in 12 classes."""
    return render(tmp_path_factory.mktemp("training") / "world")
