"""The Dataset: reproducible draws, and clips that cannot be read are never silently replaced."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from gst_analysis.clips.dataset import (
    ClipBatch,
    ClipDataset,
    ClipItem,
    ReadingPlan,
    SkippedClip,
    SkippedClips,
    collate_clips,
    load_views,
)
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.transforms import Augmentation, EvalTransform
from gst_analysis.errors import DataError, SpecError
from gst_analysis.networks.clip_specs import ClipSpec
from tests.clips.planted_clips import cut, decode_all, write_folder, write_video

SPEC = ClipSpec(frames=4, resize=32, crop=24)
NAMES = ("go left", "go right", "stay")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> RecordList:
    """Five sound clips, and in the third place a truncated one."""
    where = tmp_path_factory.mktemp("dataset")
    paths = [write_video(where / f"{n}.mp4", frames=20 + n) for n in range(4)]
    paths.insert(2, cut(write_video(where / "broken.webm", noise=True), 0.5))
    paths.append(write_folder(where / "folder", [f"{n:05d}.jpg" for n in range(3)]))
    return RecordList(tuple(ClipRecord(p.name, p, n % 3) for n, p in enumerate(paths)), NAMES)


def sound(records: RecordList) -> RecordList:
    return RecordList(tuple(r for r in records if not r.clip.startswith("cut")), records.class_names)


def test_test_clips_are_the_middle_frames(records: RecordList) -> None:
    dataset = ClipDataset(records, ReadingPlan(SPEC))
    item = dataset[0]
    assert isinstance(item, ClipItem)
    assert (item.clip.shape, item.label, item.place) == ((4, 3, 24, 24), 0, 0)
    expected = EvalTransform(SPEC)(decode_all(records[0].path)[[2, 7, 12, 17]])[0]
    torch.testing.assert_close(item.clip, expected, rtol=0, atol=0)
    assert isinstance(dataset[5], ClipItem), "a folder shorter than the clip"


def test_many_views_of_one_clip(records: RecordList) -> None:
    plan = ReadingPlan(SPEC, clips=2, crops=3)
    item = ClipDataset(records, plan)[0]
    assert isinstance(item, ClipItem)
    assert item.clip.shape == (6, 4, 3, 24, 24)
    views, frames = load_views(records[0], plan)
    torch.testing.assert_close(views, item.clip)
    assert frames.indices.tolist() == [1, 6, 11, 16, 3, 8, 13, 18]
    first = EvalTransform(SPEC, 3)(decode_all(records[0].path)[[1, 6, 11, 16]])
    torch.testing.assert_close(views[:3], first, rtol=0, atol=0)


def test_draws_depend_on_seed_epoch_and_place_alone(records: RecordList) -> None:
    def read(seed: int, epoch: int, places: list[int]) -> dict[int, torch.Tensor]:
        dataset = ClipDataset(sound(records), ReadingPlan(SPEC, train=True, seed=seed))
        dataset.set_epoch(epoch)
        items = [dataset[place] for place in places]
        return {item.place: item.clip for item in items if isinstance(item, ClipItem)}

    forth, back = read(7, 3, [0, 1, 2, 3]), read(7, 3, [3, 2, 1, 0])
    for place in range(4):
        torch.testing.assert_close(forth[place], back[place], rtol=0, atol=0)
    for other in (read(8, 3, [0, 1]), read(7, 4, [0, 1])):
        assert any(not torch.equal(forth[place], other[place]) for place in (0, 1))


def test_a_flip_turns_labels_in_training_only(records: RecordList) -> None:
    flip = Augmentation(flip=1)
    train = ClipDataset(sound(records), ReadingPlan(SPEC, train=True, augmentation=flip))
    labels = [record.label for record in sound(records)]
    turned = [item.label for item in (train[n] for n in range(5)) if isinstance(item, ClipItem)]
    assert turned == [{0: 1, 1: 0, 2: 2}[label] for label in labels if label is not None]
    test = ClipDataset(sound(records), ReadingPlan(SPEC, augmentation=flip))
    assert [item.label for item in (test[n] for n in range(5)) if isinstance(item, ClipItem)] == labels


def test_without_names_nothing_is_flipped_and_it_is_said(
    records: RecordList, caplog: pytest.LogCaptureFixture
) -> None:
    nameless = RecordList(sound(records).records)
    with caplog.at_level(logging.INFO):
        dataset = ClipDataset(nameless, ReadingPlan(SPEC, train=True, augmentation=Augmentation(flip=1)))
    assert "clips are not flipped" in caplog.text
    assert [dataset[n].label for n in range(5)] == [r.label for r in nameless]  # type: ignore[union-attr] # items, none of them skipped


@pytest.mark.parametrize("train", [True, False])
def test_an_unreadable_clip_is_a_marker_not_another_clip(train: bool, records: RecordList) -> None:
    item = ClipDataset(records, ReadingPlan(SPEC, train=train))[2]
    assert isinstance(item, SkippedClip)
    assert (item.place, item.clip) == (2, "cut_50_broken.webm")
    assert "truncated" in item.reason


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("workers", [0, 2])
def test_loading_in_workers_over_two_epochs(workers: int, records: RecordList) -> None:
    dataset = ClipDataset(records, ReadingPlan(SPEC, train=True, seed=1))
    assert isinstance(dataset[0], ClipItem), "what was decoded before must not hang a forked worker"
    loader = DataLoader(
        dataset,
        batch_size=4,
        num_workers=workers,
        collate_fn=collate_clips,
        persistent_workers=workers > 0,
        multiprocessing_context="fork" if workers else None,
    )
    for epoch in range(2):
        dataset.set_epoch(epoch)
        batches = list(loader)
        assert [clip.place for batch in batches for clip in batch.skipped] == [2]
        assert torch.cat([batch.places for batch in batches]).tolist() == [0, 1, 3, 4, 5]
        here = [dataset[n] for n in (0, 1, 3)]
        expected = torch.stack([item.clip for item in here if isinstance(item, ClipItem)])
        torch.testing.assert_close(batches[0].clips, expected, rtol=0, atol=0)
        assert batches[0].labels.tolist() == [item.label for item in here if isinstance(item, ClipItem)]


def test_a_batch_of_nothing() -> None:
    batch = collate_clips([SkippedClip(3, "a", "why")])
    assert isinstance(batch, ClipBatch)
    assert len(batch.labels) == len(batch.places) == len(batch.clips) == 0
    assert [clip.place for clip in batch.skipped] == [3]


def test_the_tally_names_each_clip_once_and_stops_above_its_share(caplog: pytest.LogCaptureFixture) -> None:
    tally = SkippedClips(200)
    bad = [SkippedClip(n, f"clip\n{n}", "it is torn") for n in range(3)]
    with caplog.at_level(logging.WARNING):
        tally.count(bad[:2])
        tally.count(bad[:2])
    assert [record.getMessage() for record in caplog.records] == [
        "skipped clip clip 0: it is torn",
        "skipped clip clip 1: it is torn",
    ]
    with pytest.raises(DataError, match=r"at most 1.0% unreadable clips of 200; found 3, the first .* torn"):
        tally.count(bad[2:])
    SkippedClips(200, max_share=0.5).count(bad)
    with pytest.raises(DataError):
        SkippedClips(50).count(bad[:1])
    SkippedClips(50).count([])


def test_labels_are_checked_before_training(tmp_path: Path) -> None:
    good = ClipRecord("good", tmp_path, 0)
    for bad in (ClipRecord("bad", tmp_path, None, "unheard of"), ClipRecord("bad", tmp_path, 3)):
        with pytest.raises(DataError, match="1 clip without: bad"):
            ClipDataset(RecordList((good, bad), NAMES), ReadingPlan(SPEC))
        assert len(ClipDataset(RecordList((good, bad), NAMES), ReadingPlan(SPEC), labelled=False)) == 2


def test_clips_without_labels_can_be_read(records: RecordList) -> None:
    unlabelled = RecordList((ClipRecord("a", records[0].path),))
    item = ClipDataset(unlabelled, ReadingPlan(SPEC), labelled=False)[0]
    assert isinstance(item, ClipItem)
    assert item.label == -1


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"clips": 0}, {"spec": ClipSpec(sampling="often")}])
def test_plans_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        ReadingPlan(**wrong)  # type: ignore[arg-type] # wrong on purpose


def test_seeds_of_neighbours_do_not_collide(records: RecordList) -> None:
    """Seed 1 in epoch 2 must not draw what seed 2 draws in epoch 1."""
    draws = set()
    for key in ([1, 2, 0], [2, 1, 0], [1, 0, 2], [0, 1, 2]):
        draws.add(int(np.random.default_rng(key).integers(2**60)))
    assert len(draws) == 4
