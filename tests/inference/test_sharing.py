"""Several processes find what one finds, to the last bit, also where some clips cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses.order import measure as order
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import DataError
from gst_analysis.inference import measuring
from gst_analysis.inference.running import Job
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Count, Found, Unit, Work, share_out
from gst_analysis.inference.views import ViewPlan
from tests.analyses.labelled_clips import CPU, small_model, write_clips
from tests.inference.fakes import fake_model, record

ORDER: dict[str, Any] = {"device": "cpu", "draws": 100, "batch": 2, "shuffles": 1}
SOME = ("in-order", "shuffled", "frozen-best", "pad-circular")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


def in_two(work: Work[Found], units: Sequence[Unit], progress: object) -> list[Found]:
    """The second process's share comes first: who is ready first must not matter."""
    return [work.measure(units[first::2], torch.device("cpu"), lambda: None) for first in (1, 0)]


def write_some(folder: Path, labels: Sequence[int]) -> RecordList:
    """Clips of which the third is missing."""
    clips = list(write_clips(folder, labels))
    clips.insert(2, record(folder / "gone", 1))
    return RecordList(tuple(clips))


def check_equal(one: gst.FrameOrder, other: gst.FrameOrder) -> None:
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name], check_exact=True)
    assert one.summary == other.summary
    assert one.notes == other.notes
    assert list(one.failures) == list(other.failures) == ["gone"]


def test_order_in_two_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, clips = small_model(), write_some(tmp_path, [0, 1, 2, 3, 4, 0])
    alone = gst.frame_order(model, clips, conditions=SOME, **ORDER)
    monkeypatch.setattr(order, "share_out", in_two)
    check_equal(alone, gst.frame_order(model, clips, conditions=SOME, **ORDER))
    missing = RecordList((record(tmp_path / "gone", 1), record(tmp_path / "lost", 1)))
    with pytest.raises(DataError, match="at least one that can be read"):
        gst.frame_order(model, missing, **ORDER)


def test_logits_in_two_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, clips = small_model(), write_some(tmp_path, [0, 1, 2, 3, 4, 0])
    settings = InferenceSettings(clips=2, batch=4, device="cpu", readers=1)
    alone = measuring.measure_frame_logits(model, clips, settings=settings)
    monkeypatch.setattr(measuring, "share_out", in_two)
    together = measuring.measure_frame_logits(model, clips, settings=settings)
    assert np.array_equal(alone.logits, together.logits)
    assert (alone.clips, alone.failures) == (together.clips, together.failures)


@pytest.mark.parametrize(("batch", "crops", "sizes"), [(8, 1, [8, 3]), (8, 10, [4, 4, 3]), (3, 3, [1] * 11)])
def test_a_share_is_of_whole_batches(batch: int, crops: int, sizes: list[int]) -> None:
    model, settings = fake_model(), InferenceSettings(batch=batch, crops=crops)
    views = ViewPlan.of(settings, model.clip_spec, (), 4)
    units = Job(model, settings, views, tuple(record(Path(f"{n}")) for n in range(11))).list_units()
    assert [len(unit) for unit in units] == sizes
    assert [place for unit in units for place in unit] == list(range(11))


def test_who_listens_measures_all_clips_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where torchrun started several processes: one would hear its own share alone."""
    for name, value in {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x"}.items():
        monkeypatch.setenv(name, value)
    heard: list[Sequence[Unit]] = []

    class Listening:
        settings = InferenceSettings(devices=2, device="cpu", share=False)

        def lighten(self) -> Listening:
            raise AssertionError("nothing is sent away")

        def measure(self, units: Sequence[Unit], device: torch.device, count: Count) -> int:
            heard.append(units)
            return len(units)

    assert share_out(Listening(), [[0, 1], [2]], None) == [2]
    assert heard == [[[0, 1], [2]]]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:lightning_fabric")
def test_order_and_predict_in_two_processes(tmp_path: Path) -> None:
    small = small_model()
    model = load_model(save_model(tmp_path / "net.pth", small.module, clip_spec=small.clip_spec))
    clips = write_some(tmp_path / "clips", [0, 1, 2, 3, 4, 0])
    alone, together = (gst.frame_order(model, clips, devices=n, **ORDER) for n in (1, 2))
    check_equal(alone, together)
    one, two = (gst.predict(model, clips, batch=2, device=CPU.device, devices=n) for n in (1, 2))
    pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)
