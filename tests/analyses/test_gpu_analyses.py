"""Each analysis that runs a network says on a GPU what it says on the CPU: trained networks, real clips."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.clips.records import RecordList
from gst_analysis.planted.making import make_world
from gst_analysis.planted.worlds import WorldConfig

pytestmark = pytest.mark.gpu

MODEL = Path(__file__).parents[2] / "trained_models" / "temporal-gst-quarter.pth"
FEW: dict[str, dict[str, Any]] = {
    "evaluation.evaluate": {},
    "traces.trace": {"influence": True},
    "influence.frame_influence": {},
    "ablation.ablate": {"draws": 100, "joint": True},
    "importance.channel_importance": {},
    "saliency.saliency_maps": {},
    "roles.channel_roles": {"scenes": 4},
    "similarity.similarity": {},
    "order.frame_order": {"draws": 100},
    "temporal_use.temporal_use": {},
    "profile.profile": {"scenes": 3, "limit": 8},
}
"""By room and function; the options of each that make it short."""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> RecordList:
    root = tmp_path_factory.mktemp("world")
    make_world(root, WorldConfig(clips=60, size=64, container="frames"))
    return load_labelled_clips(root, ClipChoice())


def run(name: str, records: RecordList, device: str) -> Any:
    room, function = name.split(".")
    call = getattr(importlib.import_module(f"gst_analysis.analyses.{room}"), function)
    options = {**FEW[name], "device": device}
    if room == "roles":
        return call(MODEL, **options)
    if room in ("importance", "temporal_use"):
        return call(MODEL, clips=[record.path for record in records][:4], **options)
    if room == "saliency":
        return call(MODEL, records[0], **options)
    return call(
        MODEL, RecordList(tuple(records)[:4]) if room in ("traces", "influence") else records, **options
    )


def compare(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    """Of each column the share of rows that are not alike."""
    assert list(one.columns) == list(other.columns)
    assert len(one) == len(other)
    apart = {}
    for column in one.columns:
        a, b = one[column], other[column]
        if pd.api.types.is_float_dtype(a):
            scale = float(np.nanmax(np.abs(b.to_numpy(float)), initial=0.0))
            near = np.isclose(
                a.to_numpy(float), b.to_numpy(float), rtol=2e-2, atol=2e-3 * scale, equal_nan=True
            )
        else:
            near = (a.astype(str) == b.astype(str)).to_numpy()
        apart[column] = 1.0 - float(near.mean()) if len(near) else 0.0
    return {column: share for column, share in apart.items() if share > 0}


@pytest.mark.parametrize("name", FEW)
def test_an_analysis_says_on_the_gpu_what_it_says_on_the_cpu(name: str, records: RecordList) -> None:
    try:
        on_cpu, on_gpu = (run(name, records, device) for device in ("cpu", "cuda"))
    except ImportError as error:
        pytest.skip(f"{error.name} is not there")
    assert set(on_cpu.tables) == set(on_gpu.tables)
    assert any(len(table) for table in on_gpu.tables.values())
    assert on_gpu.failures == on_cpu.failures
    for table in on_cpu.tables:
        apart = compare(on_gpu.tables[table], on_cpu.tables[table])
        print(name, table, len(on_cpu.tables[table]), apart)
        assert all(share < 0.05 for share in apart.values()), (table, apart)
