"""Every analysis keeps the contract; a new one is found everywhere by a folder and a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gst_analysis.analyses import ROOMS
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from tests.analyses.contract import Bench, check_analysis
from tests.analyses.labelled_clips import small_model, write_clips

LONG = (
    "saliency",
    "profile",
    "profile_comparison",
    "influence",
    "order",
    "roles",
    "scales",
    "comparison",
    "drift",
    "temporal_use",
    "similarity",
    "agreement",
    "traces",
)
"""Rooms whose suite takes longest: many figures, drawn four times each, or many goes through a network."""


def build_bench(folder: Path) -> Bench:
    """A small network of five classes, and five labelled clips of noise."""
    made = small_model()
    file = save_model(folder / "small.pth", made.module, clip_spec=made.clip_spec)
    second = save_model(folder / "second.pth", small_model(seed=1).module, clip_spec=made.clip_spec)
    third = save_model(folder / "third.pth", small_model(seed=2).module, clip_spec=made.clip_spec)
    records = write_clips(folder / "videos", [0, 1, 2, 3, 4])
    labels = {f"class {number}": str(number) for number in range(5)}
    (folder / "labels.json").write_text(json.dumps(labels))
    listed = [
        {"id": record.path.name, "label": f"class {record.label}", "template": f"class {record.label}"}
        for record in records
    ]
    annotations = folder / "validation.json"
    annotations.write_text(json.dumps(listed))
    model: LoadedModel = load_model(file)
    out = folder / "written"
    out.mkdir()
    return Bench(model, file, second, third, records, annotations, out)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in ROOMS]
)
def test_an_analysis_keeps_the_contract(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def again() -> Bench:
        return build_bench(tmp_path / "again")

    (tmp_path / "again").mkdir()
    check_analysis(name, build_bench(tmp_path), capsys, again)
