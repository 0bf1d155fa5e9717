"""What is read without torch is what torch gives, or nothing is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.hostile import two_readings
from tests.hostile.readers import READERS
from tests.hostile.two_readings import compare_readers


def test_no_catch_parts_the_two_readers(tmp_path: Path) -> None:
    """All but sound files with changed bytes, which take longer; the slow test of all attacks has those."""
    told = []
    for number, case in enumerate(READERS.generate(0)):
        if "changed" not in case.name:
            (folder := tmp_path / str(number)).mkdir()
            try:
                compare_readers(case.make(folder))
            except Exception as error:
                told.append(f"{case.name}: {error}")
    assert told == []


def test_a_reader_that_differs_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in READERS.generate(0) if case.name == "pickle: a parameter")
    path = case.make(tmp_path)
    compare_readers(path)
    monkeypatch.setattr(two_readings, "to_array", lambda tensor: np.zeros(tensor.shape, np.float32))
    with pytest.raises(AssertionError, match="a"):
        compare_readers(path)
