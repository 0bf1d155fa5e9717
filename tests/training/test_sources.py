from __future__ import annotations

import dataclasses
import io
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler

from gst_analysis.clips.dataset import ClipDataset, ClipItem
from gst_analysis.errors import DataError, SpecError
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.loaders import FrameStore, build_dataset, build_loader, count_processors
from gst_analysis.training.loop import train
from gst_analysis.training.recipes import load_config
from gst_analysis.training.sources import load_sources, prepare_world
from gst_analysis.training.table import BEGUN
from tests.training.runs import SETTINGS, at_step, tiny, weights
from tests.untyped import untyped


def items(dataset: ClipDataset) -> list[ClipItem]:
    read = [dataset[place] for place in range(len(dataset))]
    assert all(isinstance(item, ClipItem) for item in read)
    return [item for item in read if isinstance(item, ClipItem)]


@pytest.fixture
def broken_world(world: Path, tmp_path: Path) -> Path:
    """One of the 24 training clips cannot be read."""
    copy = tmp_path / "broken"
    shutil.copytree(world, copy)
    first = json.loads((copy / "train.json").read_text())[0]["id"]
    (copy / "videos" / f"{first}.mp4").write_bytes(b"not a video")
    return copy


@pytest.mark.parametrize("train_mode", [True, False])
def test_frames_in_memory_are_the_frames_on_disk(train_mode: bool, world: Path) -> None:
    config, cached = tiny(world), tiny(world, {"data.cache": "memory"})
    records = load_sources(config).train
    one, two = (build_dataset(records, c, train=train_mode) for c in (config, cached))
    for epoch in (0, 1):
        one.set_epoch(epoch)
        two.set_epoch(epoch)
        for a, b in zip(items(one), items(two), strict=True):
            assert torch.equal(a.clip, b.clip)
            assert a.clip.dtype == torch.uint8
            assert (a.label, a.place) == (b.label, b.place)


def test_the_store_keeps_to_its_limit_and_reads_the_rest_from_disk(world: Path) -> None:
    records = load_sources(tiny(world)).train
    store = FrameStore(limit_mib=1)
    told: list[tuple[int, int]] = []
    store.fill(records, lambda done, total, _: told.append((done, total)))
    clip = 8 * 48 * 48 * 3
    assert len(store) == min(len(records), 2**20 // clip) < len(records)
    assert store.used_bytes == len(store) * clip <= 2**20
    choose = lambda total: np.array([total - 1, 0])  # noqa: E731 # one line, beside what it is given to
    whole = FrameStore(limit_mib=100)
    whole.fill(records, lambda done, total, _: told.append((done, total)))
    assert told[-1] == (24, 24)
    assert len(whole) == 24
    for record in records:
        a, b = store(record, choose), whole(record, choose)
        np.testing.assert_array_equal(a.pixels, b.pixels)
        np.testing.assert_array_equal(a.seconds, b.seconds)
        np.testing.assert_array_equal(a.indices, b.indices)


@pytest.mark.parametrize("cache", ["none", "memory"])
def test_unreadable_clips_are_left_out_counted_and_named(
    cache: str, broken_world: Path, tmp_path: Path
) -> None:
    config = tiny(broken_world, {"data.max_skipped": "0.05", "data.cache": cache, "schedule.epochs": "2"})
    result = train(config, out=tmp_path / "run")
    assert result.table["clips"].tolist() == [23, 23]
    assert result.summary.skipped == 1
    events = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    skipped = [event for event in events if event["event"] == "skipped"]
    first = json.loads((broken_world / "train.json").read_text())[0]["id"]
    assert [(event["split"], event["clip"]) for event in skipped] == [("train", first)]
    assert f"{first}.mp4" in skipped[0]["reason"]
    assert result.table["skipped"].tolist()[-1] == 1


def test_too_many_unreadable_clips_stop_the_run(broken_world: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"at most 1.0% unreadable clips of 24"):
        train(tiny(broken_world), out=tmp_path / "run")


def test_skipped_clips_are_remembered_over_a_resume(broken_world: Path, tmp_path: Path) -> None:
    changes = {"data.max_skipped": "0.05", "schedule.kind": "constant"}
    out = tmp_path / "run"
    train(tiny(broken_world, {**changes, "schedule.epochs": "1"}), out=out)
    result = train(tiny(broken_world, {**changes, "schedule.epochs": "2"}), out=out, resume=True)
    assert result.table["skipped"].tolist() == [1, 1]
    assert (out / "log.jsonl").read_text().count('"skipped", "split"') == 1


def test_an_epoch_without_any_readable_clip_is_an_error(world: Path, tmp_path: Path) -> None:
    copy = tmp_path / "empty"
    shutil.copytree(world, copy)
    for clip in json.loads((copy / "train.json").read_text()):
        (copy / "videos" / f"{clip['id']}.mp4").write_bytes(b"")
    config = tiny(copy, {"data.max_skipped": "1", "schedule.epochs": "1", "data.validation": "none"})
    with pytest.raises(DataError, match="readable"):
        train(config, out=tmp_path / "run")
    assert not (tmp_path / "run" / "last.pth").exists()


def test_an_empty_root_is_filled_with_the_recipes_world_and_another_one_refused(tmp_path: Path) -> None:
    config = tiny(tmp_path / "world", {"world.clips": "24"})
    prepare_world(config, workers=1)
    assert load_sources(config).num_classes == 12
    prepare_world(config)
    with pytest.raises(DataError, match="clips 24 for 36"):
        prepare_world(tiny(tmp_path / "world"))


def test_classes_come_from_the_data_and_must_agree(world: Path) -> None:
    assert load_sources(tiny(world, {"model.num_classes": "none"})).num_classes == 12
    for wrong in ("11", "13"):
        with pytest.raises(SpecError, match=r"model\.num_classes: expected 12"):
            load_sources(tiny(world, {"model.num_classes": wrong}))


def test_validation_clips_have_the_classes_of_the_training_clips(world: Path) -> None:
    sources = load_sources(tiny(world))
    assert sources.validation is not None
    assert sources.validation.class_names == sources.train.class_names == sources.labels
    assert set(sources.sha256) == {"train.json", "validation.json"}


def plain(world: Path, folder: Path, labels: dict[str, list[int]], **changes: str) -> TrainConfig:
    """A run on lists of clips of the world with the given labels, without class names."""
    clips = [f"{row['id']}.mp4 8" for row in json.loads((world / "train.json").read_text())]
    for name, numbers in labels.items():
        lines = [f"{clip} {label}" for clip, label in zip(clips, numbers, strict=False)]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    settings = {
        "data.root": str(folder),
        "data.train": "train.txt",
        "data.clips": str(world / "videos"),
        "data.format": "list",
        "data.validation": "validation.txt" if "validation" in labels else "none",
        "schedule.epochs": "1",
        "model.num_classes": "none",
        **changes,
    }
    shared = {k: v for k, v in SETTINGS.items() if not k.startswith("world.")}
    return dataclasses.replace(load_config("planted-static", {**shared, **settings}), world=None)


def test_a_list_without_names_trains_too(world: Path, tmp_path: Path) -> None:
    config = plain(world, tmp_path, {"train": [n % 12 for n in range(24)]})
    result = train(config, out=tmp_path / "run")
    assert result.summary.steps == 4
    assert weights(tmp_path / "run")["fc.bias"].shape == (12,)
    assert any("not flipped" in note for note in result.notes)
    assert "not flipped" in (tmp_path / "run" / "log.jsonl").read_text()


def test_without_names_both_lists_say_how_many_classes_there_are(world: Path, tmp_path: Path) -> None:
    lists = {"train": [n % 4 for n in range(24)], "validation": [n % 6 for n in range(12)]}
    result = train(plain(world, tmp_path, lists), out=tmp_path / "run")
    assert weights(tmp_path / "run")["fc.bias"].shape == (6,)
    assert "validation clips: no training clip has label 4, 5" in result.notes
    for few in ("4", "5"):
        config = plain(world, tmp_path, lists, **{"model.num_classes": few})
        with pytest.raises(SpecError, match=rf"at least 6, .*found {few}, and clip \d+\.mp4 with label 5"):
            train(config, out=tmp_path / "refused")
    assert not (tmp_path / "refused" / "log.jsonl").exists()
    more = plain(world, tmp_path, lists, **{"model.num_classes": "9", "clip.flip": "0"})
    assert load_sources(more).num_classes == 9
    assert not any("flipped" in note for note in load_sources(more).notes)


def ucf(folder: Path, lists: Mapping[str, Sequence[tuple[str, int | None]]], **changes: str) -> TrainConfig:
    """A run on lists as UCF-101 has them: actions and numbers, or actions alone."""
    for name, rows in lists.items():
        lines = [
            f"{action}/v_{action}_g01_c{clip:02}.avi {'' if number is None else number}".strip()
            for clip, (action, number) in enumerate(rows)
        ]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    settings = {
        "data.root": str(folder),
        "data.train": "train.txt",
        "data.validation": "validation.txt",
        "data.format": "none",
        "data.clips": "none",
        "model.num_classes": "none",
        **changes,
    }
    return dataclasses.replace(load_config("planted-static", settings), world=None)


FROM_0 = [("Archery", 0), ("Bowling", 1), ("YoYo", 2)]
FROM_1 = [("Archery", 1), ("Bowling", 2), ("YoYo", 3)]


def test_a_validation_list_is_read_as_the_training_list_is(tmp_path: Path) -> None:
    """Without a clip of class 0 a list from 0 looks like UCF-101's own, which count from 1."""
    sources = load_sources(ucf(tmp_path, {"train": FROM_0, "validation": FROM_0[1:]}))
    assert sources.validation is not None
    assert [record.label for record in sources.train] == [0, 1, 2]
    assert [record.label for record in sources.validation] == [1, 2]
    assert (
        "validation clips: read as list, as the training clips are; by itself the list looks like ucf101"
        in sources.notes
    )


def test_lists_of_one_format_are_read_by_it_without_a_word(tmp_path: Path) -> None:
    for validation in (FROM_1[1:], [(action, None) for action, _ in FROM_1]):
        sources = load_sources(ucf(tmp_path, {"train": FROM_1, "validation": validation}))
        assert sources.validation is not None
        wanted = [FROM_1.index(row) for row in FROM_1 if row[0] in dict(validation)]
        assert [record.label for record in sources.validation] == wanted
        assert not any("by itself" in note for note in sources.notes)


def test_a_validation_list_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"format of data\.train, ucf101; found one that looks like list \('0'"
    ):
        load_sources(ucf(tmp_path, {"train": FROM_1, "validation": FROM_0}))
    names = [(action, None) for action, _ in FROM_1]
    with pytest.raises(DataError, match=r"format of data\.train, list; found .* like ucf101 .*data\.format"):
        load_sources(ucf(tmp_path, {"train": FROM_0, "validation": names}))
    broken = ucf(tmp_path, {"train": FROM_1, "validation": FROM_1})
    (tmp_path / "validation.txt").write_text("Archery/v_Archery_g01_c01.avi 1\nno such line\n")
    with pytest.raises(DataError, match="line 2: expected Action") as caught:
        load_sources(broken)
    assert "looks like" not in str(caught.value)


@pytest.mark.parametrize("named", [{}, {"data.format": "ucf101"}])
def test_lists_that_number_a_class_differently_are_refused(named: dict[str, str], tmp_path: Path) -> None:
    config = ucf(tmp_path, {"train": FROM_1, "validation": FROM_0[1:]}, **named)
    with pytest.raises(DataError, match=r"found Bowling as 1 and as 0, YoYo as 2 and as 1, read as ucf101"):
        load_sources(config)


def test_plain_lists_that_number_a_folder_differently_are_refused(tmp_path: Path) -> None:
    """A plain list from 0 beside UCF-101's own from 1: every validation label would be one too high."""
    with pytest.raises(
        DataError, match=r"found folder Archery as 0 and as 1, folder Bowling as 1 and as 2, .* read as list"
    ):
        load_sources(ucf(tmp_path, {"train": FROM_0, "validation": FROM_1}))
    for name, first in (("train", 1), ("val", 0)):
        lines = [f"{name}_256/{action}/{n}.mp4 {n + first}" for n, (action, _) in enumerate(FROM_0)]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match="found folder Archery as 1 and as 0, "):
        load_sources(ucf(tmp_path, {}, **{"data.validation": "val.txt"}))


@pytest.mark.parametrize(
    "validation",
    {
        "the same numbers": FROM_0,
        "one folder": [("Archery", 1), ("Chess", 0)],
        "shifts of several sizes": [("Archery", 1), ("Bowling", 0), ("YoYo", 2)],
        "folders of several classes": [*FROM_1, ("Archery", 0)],
    }.values(),
)
def test_folders_that_may_be_persons_are_not_taken_for_classes(
    validation: list[tuple[str, int | None]], tmp_path: Path
) -> None:
    assert load_sources(ucf(tmp_path, {"train": FROM_0, "validation": validation})).num_classes >= 3


def test_no_more_workers_than_processors_and_no_warning(world: Path) -> None:
    here = count_processors()
    assert here == (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    for asked, started in ((here + 3, here), (here, here), (0, 0)):
        config = tiny(world, {"data.workers": str(asked)})
        dataset = build_dataset(load_sources(config).train, config, train=True)
        loader = build_loader(
            dataset, BatchSampler(range(4), 2, drop_last=False), config, torch.device("cpu")
        )
        assert loader.num_workers == started


def test_a_worker_that_dies_is_said(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()

    def die(self: ClipDataset, index: int) -> ClipItem:
        assert os.getpid() != here
        os._exit(1)

    monkeypatch.setattr(ClipDataset, "__getitem__", die)
    with pytest.raises(DataError, match=r"fewer data\.workers"):
        train(tiny(world, {"data.workers": "1"}), out=tmp_path)


def kill_a_worker(number: int) -> None:
    """And wait until its end has been noticed here: the signal's handler raises in this call."""
    worker = multiprocessing.active_children()[0]
    assert worker.pid is not None
    os.kill(worker.pid, number)
    time.sleep(20 if number == signal.SIGKILL else 0.2)


def test_a_killed_worker_is_said(world: Path, tmp_path: Path) -> None:
    config = tiny(world, {"data.workers": "1", "schedule.epochs": "1"})
    with pytest.raises(DataError, match=r"was killed, probably .*; set fewer data\.workers, .* --resume$"):
        train(config, out=tmp_path, progress=at_step(2, lambda: kill_a_worker(signal.SIGKILL)))


def test_a_worker_leaves_it_to_training_to_answer_a_job_that_is_asked_to_end(
    world: Path, tmp_path: Path
) -> None:
    config = tiny(world, {"data.workers": "1", "schedule.epochs": "1"})
    result = train(config, out=tmp_path, progress=at_step(2, lambda: kill_a_worker(signal.SIGTERM)))
    assert result.summary.epochs == 1


def test_a_worker_killed_while_a_file_is_written_is_no_full_disk(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, content: object) -> int:
            kill_a_worker(signal.SIGKILL)
            raise AssertionError

    real = torch.save
    monkeypatch.setattr(torch, "save", lambda record, file: real(record, untyped(Slow())))
    with pytest.raises(DataError, match="a process that reads clips and was killed"):
        train(tiny(world, {"data.workers": "1"}), out=tmp_path)
    assert [path.name for path in tmp_path.glob(".*")] == [BEGUN]  # which tells that it may begin anew


@pytest.mark.parametrize("workers", ["0", "1"])
def test_memory_that_runs_out_while_reading_is_said(
    workers: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(self: ClipDataset, index: int) -> ClipItem:
        return ClipItem(torch.empty(10**15, dtype=torch.uint8), 0, index)

    monkeypatch.setattr(ClipDataset, "__getitem__", fill)
    with pytest.raises(SpecError, match=r"^training: .*out of memory; use a smaller clip\.crop"):
        train(tiny(world, {"data.workers": workers}), out=tmp_path)


def test_a_network_too_large_for_the_memory_is_said(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gst_analysis.training.memory._physical_memory", lambda: 2**18)
    with pytest.raises(SpecError, match=r"^building GST .* GiB of memory; found .* million .*model\.width"):
        train(tiny(world), out=tmp_path)


def test_a_label_that_is_no_class_number_is_said(world: Path, tmp_path: Path) -> None:
    config = plain(world, tmp_path, {"train": [0] * 23 + [10**7]})
    with pytest.raises(DataError, match=r"labels: .*clip \d+\.mp4 with label 10000000;"):
        train(config, out=tmp_path / "run")


def test_memory_that_runs_out_while_building_is_said(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: object, **__: object) -> None:
        torch.empty(10**15)

    monkeypatch.setattr("gst_analysis.training.setup.create_model", fill)
    with pytest.raises(SpecError, match=r"^building the network: .*out of memory; .*model\.num_classes"):
        train(tiny(world), out=tmp_path)
