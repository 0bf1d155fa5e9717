"""Several processes find what one finds, to the last bit, also where some clips cannot be read."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import DataError
from gst_analysis.inference import measuring
from gst_analysis.inference.running import Job
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Found, Here, Unit, Work, merge_found
from gst_analysis.inference.views import ViewPlan
from gst_analysis.probes import listening
from gst_analysis.results import Result
from tests.analyses.labelled_clips import CPU, small_model, write_clips
from tests.inference import shared_analyses
from tests.inference.fakes import fake_model, record

ORDER: dict[str, Any] = {"device": "cpu", "draws": 100, "batch": 2, "shuffles": 1}
ablation, order = (  # not the rooms' doors to them
    importlib.import_module(f"gst_analysis.analyses.{room}.measure") for room in ("ablation", "order")
)
CPU_DEVICE = torch.device("cpu")
SOME = ("in-order", "shuffled", "frozen-best", "pad-circular")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


def in_two(work: Work[Found], units: Sequence[Unit], progress: object, **_: object) -> list[Found]:
    """Two threads instead of two processes, each with what a process would get, pickled."""
    told, meet = [None, None], threading.Barrier(2, timeout=60)

    def exchange(rank: int, own: Any) -> list[Any]:
        told[rank] = pickle.loads(pickle.dumps(own))
        meet.wait()
        heard = list(told)
        meet.wait()
        return heard

    def measure(rank: int) -> Found:
        torch.set_num_threads(1)
        own: Work[Found] = pickle.loads(payload)
        here = Here(torch.device("cpu"), rank=rank, world=2, exchange=partial(exchange, rank))
        return own.measure(here.own(units), here)

    payload = pickle.dumps(work.lighten())
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(measure, (0, 1)))


def write_some(folder: Path, labels: Sequence[int]) -> RecordList:
    """Clips of which the third is missing."""
    clips = list(write_clips(folder, labels))
    clips.insert(2, record(folder / "gone", 1))
    return RecordList(tuple(clips))


def check_equal(one: Result[Any], other: Result[Any]) -> None:
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name], check_exact=True)
    assert repr(one.summary) == repr(other.summary)  # nan is not itself
    assert one.notes == other.notes
    assert list(one.failures) == list(other.failures)


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


def test_what_was_found_is_put_in_the_order_of_the_clips() -> None:
    units: list[Unit] = [(0, 1), (2, 3), (4,)]
    first, second = (Here(CPU_DEVICE, rank=rank, world=2) for rank in (0, 1))
    pieces = [[(tuple(unit), sum(unit)) for unit in here.own(units)] for here in (second, first)]
    assert [found for _, found in merge_found(pieces)] == [1, 5, 4]
    assert [units[second.number(place)] for place, _ in enumerate(second.own(units))] == [(2, 3)]


def test_listening_in_two_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process hears its own batches; of clips of which the third is missing."""
    model, clips = small_model(), write_some(tmp_path, [0, 1, 2, 3, 4, 0])
    layers = {unit.layer for unit in model.anatomy.scaled[:4]}

    def listen() -> Any:
        return listening.listen_to_clips(model, clips, InferenceSettings(batch=2, device="cpu"), hear)

    alone = listen()
    monkeypatch.setattr(listening, "share_out", in_two)
    together = listen()
    assert [len(batch) for batch in alone.batches] == [len(layers)] * 4
    assert alone == together
    assert (alone.clips, list(alone.failures)) == (6, ["gone"])


@contextmanager
def hear(model: gst.Network) -> Iterator[list[dict[str, float]]]:
    """The mean of what two batch norms put out, batch by batch."""
    heard: list[dict[str, float]] = []
    with ExitStack() as stack:
        stack.callback(model.module.register_forward_pre_hook(lambda *_: heard.append({})).remove)
        for layer in dict.fromkeys(unit.layer for unit in model.anatomy.scaled[:4]):
            norm = model.module.get_submodule(layer)
            stack.callback(norm.register_forward_hook(partial(_keep_mean, heard, layer)).remove)
        yield heard


def _keep_mean(
    heard: list[dict[str, float]], layer: str, _: object, __: object, output: torch.Tensor
) -> None:
    heard[-1][layer] = float(output.double().mean())


def test_a_broken_clip_makes_all_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What shares a batch, and so all that is drawn for it, is as it is in one process."""
    model, clips = small_model(), write_some(tmp_path, [0, 1, 2, 3])
    run = partial(
        shared_analyses.ANALYSES["ablate"], interventions=("mean", "shuffle-batch"), sets=("greedy",)
    )
    alone = run(model, clips, device="cpu")
    monkeypatch.setattr(ablation, "share_out", in_two)
    check_equal(alone, run(model, clips, device="cpu"))


@pytest.mark.slow
def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    """All analyses in the same two processes, of clips of which the third is missing."""
    small, where = small_model(), [tmp_path / name for name in ("net.pth", "clips.pickle", "found.pickle")]
    model = load_model(save_model(where[0], small.module, clip_spec=small.clip_spec))
    clips = write_some(tmp_path / "clips", [number % 5 for number in range(20)])
    where[1].write_bytes(pickle.dumps(clips))
    words = ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", shared_analyses.__name__]
    line = [sys.executable, "-m", *words, *map(str, where)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    together, alone = pickle.loads(where[2].read_bytes()), shared_analyses.run_all(model, clips)
    for name, one in alone.items():
        other = together[name]
        for table in list(one["tables"]):
            first, second = one["tables"].pop(table), other["tables"].pop(table)
            pd.testing.assert_frame_equal(first, second, check_exact=True, obj=f"{name}: {table}")
        assert one == other


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
