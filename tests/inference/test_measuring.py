"""Logits of a network whose answers are known: views, order, failures, and what is left behind."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from gst_analysis.checkpoints.loaded import Checkpoint, LoadedModel
from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.sampling import multi_clip_indices
from gst_analysis.errors import BrokenCheckpoint, DataError, SpecError
from gst_analysis.inference import reading, running
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.reading import read_ahead
from gst_analysis.inference.settings import InferenceSettings, choose_device
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.network import VideoNetwork
from tests.conftest import build_small
from tests.inference.fakes import Brightness, fake_model, record, write_greys
from tests.untyped import untyped

CPU = InferenceSettings(device="cpu", readers=2)


def settings(**changes: object) -> InferenceSettings:
    return InferenceSettings(device="cpu", readers=2, **changes)  # type: ignore[arg-type] # settings by name, of any type


def test_every_frame_says_what_it_shows(tmp_path: Path) -> None:
    one = record(write_greys(tmp_path / "one", [(10, 20), (30, 50), (70, 90)]), 1)
    logits = measure_frame_logits(fake_model(), [one], settings=CPU)
    left, right = np.array([10, 30, 70]) / 255, np.array([20, 50, 90]) / 255
    expected = np.stack([(left + right) / 2, left, right, left], axis=-1)
    np.testing.assert_allclose(logits.logits[0], expected, rtol=1e-5)
    np.testing.assert_allclose(logits.clip_logits[0], expected.mean(axis=0), rtol=1e-5)
    assert logits.logits.dtype == np.float32
    assert (logits.clips, logits.labels.tolist()) == (("one",), [1])
    assert np.isnan(logits.seconds).all()  # image files say nothing of time


def test_samplings_of_one_clip_are_averaged_frame_by_frame(tmp_path: Path) -> None:
    greys = [7, 90, 200, 31, 150, 66, 240, 18, 120, 75, 9, 181, 99]
    one = record(write_greys(tmp_path / "one", greys))
    logits = measure_frame_logits(fake_model(), [one], settings=settings(clips=4))
    shown = np.array(greys)[multi_clip_indices(13, 3, 4)] / 255
    assert len(np.unique(shown)) > 6  # the samplings differ
    np.testing.assert_allclose(logits.logits[0, :, 0], shown.mean(axis=0), rtol=1e-5)


def test_crops_are_averaged(tmp_path: Path) -> None:
    """A wide frame, dark on the left: the three crops see it dark, half and bright."""
    pixels = np.zeros((32, 96, 3), dtype=np.uint8)
    pixels[:, 48:] = 200
    folder = tmp_path / "wide"
    folder.mkdir()
    Image.fromarray(pixels).save(folder / "1.png")
    model = fake_model(frames=1)
    one, three = (
        measure_frame_logits(model, [record(folder)], settings=settings(crops=crops)).logits[0, 0]
        for crops in (1, 3)
    )
    half, full = 100 / 255, 200 / 255
    np.testing.assert_allclose(one, [half, 0, full, 0], rtol=1e-5)
    np.testing.assert_allclose(three, [half, full / 3, 2 * full / 3, full / 3], rtol=1e-5)


def test_classes_of_mirrored_views_are_swapped_back(tmp_path: Path) -> None:
    """A mirrored crop's left half is the frame's right half, so 'left' and 'right' agree over all views."""
    one = record(write_greys(tmp_path / "one", [(40, 160)] * 3))
    logits = measure_frame_logits(fake_model(), [one], settings=settings(crops=10))
    np.testing.assert_allclose(logits.logits[0, 0], np.array([100, 40, 160, 40]) / 255, rtol=1e-5)
    assert any("Swiping left" in note for note in logits.notes)  # which has no partner to swap with


def test_without_class_names_mirrored_views_are_plain_and_it_is_said(tmp_path: Path) -> None:
    one = record(write_greys(tmp_path / "one", [(40, 160)] * 3))
    logits = measure_frame_logits(fake_model(labels=None), [one], settings=settings(crops=10))
    np.testing.assert_allclose(logits.logits[0, 0], np.array([100, 100, 100, 100]) / 255, rtol=1e-5)
    assert any("mirrored" in note for note in logits.notes)
    assert any("numbers" in note for note in logits.notes)


def test_names_are_the_datas_where_the_checkpoint_has_none(tmp_path: Path) -> None:
    records = RecordList((record(write_greys(tmp_path / "a", [1, 2, 3])),), ("a", "b", "c", "d"))
    logits = measure_frame_logits(fake_model(labels=None), records, settings=CPU)
    assert logits.class_names == ("a", "b", "c", "d")
    assert any("assumption" in note for note in logits.notes)
    assert measure_frame_logits(fake_model(), records, settings=CPU).class_names[0] == "Watching something"


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 64])
def test_batches_do_not_mix_clips_up(tmp_path: Path, batch: int) -> None:
    clips = [record(write_greys(tmp_path / f"{n:02d}", [n, 2 * n, 3 * n, 4 * n]), n % 4) for n in range(11)]
    model = fake_model()
    logits = measure_frame_logits(model, clips, settings=settings(batch=batch, clips=2, fold=False))
    shown = np.array([1, 2, 3, 4])[multi_clip_indices(4, 3, 2)].mean(axis=0)
    expected = np.arange(11)[:, None] * shown / 255
    np.testing.assert_allclose(logits.logits[..., 0], expected, rtol=1e-5)
    assert logits.clips == tuple(f"{n:02d}" for n in range(11))
    assert logits.labels.tolist() == [n % 4 for n in range(11)]
    assert model.module.batches == [batch] * (22 // batch) + ([22 % batch] if 22 % batch else [])


def test_unreadable_clips_are_left_out_and_named(tmp_path: Path) -> None:
    clips = [record(write_greys(tmp_path / f"{n}", [10 * n] * 3), n % 4) for n in range(6)]
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    clips[2:2] = [record(tmp_path / "missing.mp4"), record(tmp_path / "broken.mp4", 3)]
    logits = measure_frame_logits(fake_model(), clips, settings=settings(batch=4))
    assert logits.clips == tuple("012345")
    assert logits.labels.tolist() == [0, 1, 2, 3, 0, 1]
    np.testing.assert_allclose(logits.clip_logits[:, 0], np.arange(6) * 10 / 255, rtol=1e-5, atol=1e-9)
    assert list(logits.failures) == ["missing.mp4", "broken.mp4"]
    assert "nothing there" in logits.failures["missing.mp4"]
    assert all("\n" not in reason for reason in logits.failures.values())


def test_a_list_without_one_readable_clip_is_empty_but_named(tmp_path: Path) -> None:
    logits = measure_frame_logits(fake_model(), [record(tmp_path / "gone")], settings=CPU)
    assert logits.logits.shape == (0, 3, 4)
    assert list(logits.failures) == ["gone"]
    assert measure_frame_logits(fake_model(), [], settings=CPU).clips == ()


def test_clips_listed_twice_keep_their_own_rows(tmp_path: Path) -> None:
    one = write_greys(tmp_path / "one", [10, 20, 30, 200, 210, 220])
    parts = [ClipRecord("a", one, n, start_frame=3 * n, stop_frame=3 * n + 3) for n in (0, 1)]
    clips = [*parts, ClipRecord("a (2)", one), ClipRecord("a", tmp_path / "gone")]
    logits = measure_frame_logits(fake_model(), clips, settings=CPU)
    assert logits.clips == ("a", "a (2)", "a (2) (2)")
    assert list(logits.failures) == ["a (3)"]
    np.testing.assert_allclose(logits.clip_logits[:2, 0], [20 / 255, 210 / 255], rtol=1e-5)


def test_progress_counts_every_clip(tmp_path: Path) -> None:
    clips = [record(write_greys(tmp_path / f"{n}", [n] * 3)) for n in range(5)] + [record(tmp_path / "gone")]
    seen: list[tuple[int, int]] = []
    measure_frame_logits(
        fake_model(), clips, settings=settings(batch=2), progress=lambda done, of, _: seen.append((done, of))
    )
    assert seen == [(n, 6) for n in range(1, 7)]


@pytest.mark.parametrize("fold", [True, False])
def test_the_network_is_left_as_it_was(tmp_path: Path, *, fold: bool) -> None:
    model = fake_model(module=nn.Sequential(Brightness(), nn.Identity()).train())
    parts = untyped(model.module)
    parts[1].eval()
    measure_frame_logits(
        model, [record(write_greys(tmp_path / "a", [1, 2, 3]))], settings=settings(fold=fold)
    )
    assert [module.training for module in model.module.modules()] == [True, True, False]
    assert torch.is_grad_enabled()
    if not fold:
        assert parts[0].modes == [False]
        assert parts[0].grad == [False]


def test_an_error_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    class Failing(Brightness):
        def forward(self, clips: Tensor) -> Tensor:
            raise RuntimeError("planted")

    model = fake_model(module=Failing().train())
    with pytest.raises(RuntimeError, match="planted"):
        measure_frame_logits(
            model, [record(write_greys(tmp_path / "a", [1, 2, 3]))], settings=settings(fold=False)
        )
    assert model.module.training
    assert not [t for t in threading.enumerate() if t.name.startswith("read-clips")]


class Listener:
    def __init__(self) -> None:
        self.heard = 0

    def hear(self, module: nn.Module, inputs: object, output: Tensor) -> None:
        self.heard += len(output)


def test_hooks_hear_of_every_clip(tmp_path: Path) -> None:
    """A folded copy would have copied the listener too, and it would hear nothing."""
    model, listener = fake_model(), Listener()
    model.module.register_forward_hook(listener.hear)
    clips = [record(write_greys(tmp_path / f"{n}", [n] * 3)) for n in range(5)]
    measure_frame_logits(model, clips, settings=settings(batch=2))
    assert listener.heard == 5


class Exhausted(Brightness):
    """Runs out of memory with more than two views."""

    def forward(self, clips: Tensor) -> Tensor:
        if len(clips) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate much.")
        return super().forward(clips)


def test_out_of_memory_says_which_batch_to_try(tmp_path: Path) -> None:
    clips = [record(write_greys(tmp_path / f"{n}", [n] * 3)) for n in range(6)]
    model = fake_model(module=Exhausted())
    with pytest.raises(SpecError, match=r"5 views at once to fit .* try a batch of 2"):
        measure_frame_logits(model, clips, settings=settings(batch=5))
    assert len(measure_frame_logits(model, clips, settings=settings(batch=2)).clips) == 6


def test_outputs_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    module = Brightness()
    module.weight.data.fill_(float("nan"))
    with pytest.raises(BrokenCheckpoint, match=r"fake.pth: expected finite logits"):
        measure_frame_logits(
            fake_model(module=module), [record(write_greys(tmp_path / "a", [1, 2, 3]))], settings=CPU
        )


@examples(deadline=None, max_examples=4)
@given(data=st.data(), batch=st.integers(1, 6))
def test_a_clips_logits_do_not_depend_on_its_company(
    tmp_path_factory: pytest.TempPathFactory, batch: int, data: st.DataObject
) -> None:
    """A real network, random clips: whatever else is in the batch, and in whatever order it comes."""
    folder = tmp_path_factory.mktemp("company")
    grey = st.tuples(st.integers(0, 255), st.integers(0, 255))
    greys = data.draw(st.lists(st.lists(grey, min_size=3, max_size=5), min_size=2, max_size=4))
    clips = [record(write_greys(folder / f"{n}", shown)) for n, shown in enumerate(greys)]
    order = data.draw(st.permutations(range(len(clips))))
    network = build_small("gst-resnet26s")
    model = LoadedModel(network, _with_spec(fake_model(labels=None), network))
    together = measure_frame_logits(model, [clips[n] for n in order], settings=settings(batch=batch)).logits
    for at, n in enumerate(order):
        (alone,) = measure_frame_logits(model, [clips[n]], settings=settings(batch=1)).logits
        np.testing.assert_allclose(together[at], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["gst-resnet26s", "sth-resnet26s"])
def test_a_real_network_says_the_same_as_without_all_this(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    greys = [[(int(a), int(b)) for a, b in rng.integers(0, 256, (5, 2))] for _ in range(3)]
    clips = [record(write_greys(tmp_path / f"{n}", grey)) for n, grey in enumerate(greys)]
    network = build_small(name)
    fake = fake_model(labels=None)
    model = LoadedModel(network, _with_spec(fake, network))
    plan = ReadingPlan(model.clip_spec, clips=2)
    with torch.no_grad():
        by_hand = [network(load_views(clip, plan)[0]).mean(0).numpy() for clip in clips]
    for changes, tolerance in (({}, 1e-4), ({"fold": False}, 1e-5), ({"precision": "bf16"}, 0.1)):
        logits = measure_frame_logits(model, clips, settings=settings(batch=3, clips=2, **changes))
        worst = np.abs(logits.logits - by_hand).max() / np.abs(by_hand).max()
        assert worst < tolerance, changes


def _with_spec(fake: LoadedModel, network: VideoNetwork) -> Checkpoint:
    return dataclasses.replace(fake.checkpoint, spec=network.spec, clip_spec=ClipSpec(3, resize=32, crop=32))


def test_clips_are_read_at_once_in_order_and_not_too_far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    together = threading.Barrier(2, timeout=10)

    def slow(place: int, record: ClipRecord, *_: object) -> reading.ReadClip:
        begun.append(place)
        if place < 2:
            together.wait()  # two threads must meet here, or this raises
        time.sleep(0.002 * (place % 3))
        return reading.ReadClip(place, None, None, "planted")

    monkeypatch.setattr(reading, "_read", slow)
    numbered = [(n, ClipRecord(str(n), Path(str(n)))) for n in range(50)]
    places = []
    for clip in read_ahead(numbered, ReadingPlan(), threads=2):
        places.append(clip.place)
        assert len(begun) <= len(places) + 2 * 2 + 1
    assert places == list(range(50))


def test_while_a_batch_is_worked_on_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the network would wait for most of the next batch, and the readers for the network."""
    begun, eleven = [], threading.Event()

    def count(place: int, record: ClipRecord, *_: object) -> reading.ReadClip:
        begun.append(place)
        if len(begun) == 11:
            eleven.set()
        return reading.ReadClip(place, None, None, "planted")

    monkeypatch.setattr(reading, "_read", count)
    numbered = [(n, ClipRecord(str(n), Path(str(n)))) for n in range(40)]
    with closing(read_ahead(numbered, ReadingPlan(), threads=1, taken=8)) as clips:
        next(clips)
        next(clips)  # two are taken and worked on; one more than the next eight is being read
        assert eleven.wait(timeout=10)
        assert len(begun) == 11


def test_clips_are_read_while_the_network_is_made_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun = threading.Event()

    def read(place: int, *_: object) -> reading.ReadClip:
        begun.set()
        return reading.ReadClip(place, None, None, "planted")

    @contextmanager
    def make_ready(network: VideoNetwork, *_: object, **__: object) -> Iterator[VideoNetwork]:
        assert begun.wait(timeout=10)
        yield network

    monkeypatch.setattr(reading, "_read", read)
    monkeypatch.setattr(running, "running_conditions", make_ready)
    found = measure_frame_logits(fake_model(), [record(tmp_path / "a", 0)], settings=CPU)
    assert list(found.failures) == ["a"]


def test_stopping_early_stops_the_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def count(place: int, record: ClipRecord, *_: object) -> reading.ReadClip:
        read.append(place)
        return reading.ReadClip(place, None, None, "planted")

    monkeypatch.setattr(reading, "_read", count)
    clips = read_ahead([(n, ClipRecord(str(n), Path(str(n)))) for n in range(99)], ReadingPlan(), threads=2)
    next(clips)
    clips.close()
    assert len(read) < 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clips": 0}, "clips: expected a whole number from 1"),
        ({"crops": 2}, "crops: expected one of 1, 3, 5, 10; found 2"),
        ({"batch": -1}, "batch"),
        ({"batch": 2.5}, "batch"),
        ({"devices": 0}, "devices"),
        ({"readers": 0}, "readers"),
        ({"device": "tpu"}, "device: expected one of auto, cuda, mps, cpu"),
        ({"precision": "int8"}, "precision"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        InferenceSettings(**changes)  # type: ignore[arg-type] # settings by name, of any type


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_here_is_an_error() -> None:
    with pytest.raises(SpecError, match="device: expected one that is here: cpu; found cuda"):
        choose_device("cuda")
    assert choose_device("auto").type in ("cpu", "mps")


def test_labels_beyond_the_network_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="labels below 4; found 9 to 9"):
        measure_frame_logits(fake_model(), [record(write_greys(tmp_path / "a", [1, 2, 3]), 9)], settings=CPU)


def test_reading_threads_use_one_processor_each_and_nobody_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(3)

    def look(place: int, record: ClipRecord, *_: object) -> reading.ReadClip:
        torch.zeros(100_000).add_(1)  # work that torch would share among threads
        seen.append(torch.get_num_threads())
        return reading.ReadClip(place, None, None, "planted")

    monkeypatch.setattr(reading, "_read", look)
    numbered = [(n, ClipRecord(str(n), Path(str(n)))) for n in range(9)]
    try:
        list(read_ahead(numbered, ReadingPlan(), threads=2))
        later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        later.start()
        later.join()
        assert seen == [1] * 9 + [3]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
