"""The forward benchmark runs, and its ratios are those of its own seconds."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from benchmarks.forward import PRODUCT, PRODUCT_BF16, REFERENCE, main


def test_a_tiny_run_says_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "forward.json"
    options = {"size": 32, "frames": 2, "rounds": 2, "warmup": 1, "tries": 1, "threads": 1}
    tiny = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    assert main([*tiny, "--json", str(target)]) == 0
    printed = capsys.readouterr().out
    record = json.loads(target.read_text())
    rows = {row["name"]: row for row in record["rows"]}
    assert next(iter(rows)) == REFERENCE
    for name, row in rows.items():
        assert name in printed
        pairs = zip(rows[REFERENCE]["seconds"], row["seconds"], strict=True)
        assert row["faster"]["median"] == pytest.approx(statistics.median(a / b for a, b in pairs))
        assert row["median_ms"] == pytest.approx(1000 * statistics.median(row["seconds"]))
    assert rows[REFERENCE]["difference"] == 0
    assert rows[PRODUCT]["difference"] < 1e-5
    assert rows["the other form, fp32"]["difference"] < 1e-5
    assert rows[PRODUCT_BF16]["difference"] < 0.05
    assert record["settings"]["size"] == 32
    assert "amx_bf16" in record["machine"]
    assert len(record["targets"]) == 2
