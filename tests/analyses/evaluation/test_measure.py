"""Accuracies worked out another way, and classes that do not match refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binomtest

from gst_analysis.analyses.evaluation.measure import measure_accuracy, rank_truth, summarise_accuracy
from gst_analysis.analyses.evaluation.table import CLASS_ACCURACY, CONFUSION, ModelEvaluation
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.records import ClipRecord, RecordList, load_records
from gst_analysis.errors import DataError
from gst_analysis.inference.logits import FrameLogits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted.making import WorldConfig, make_world
from gst_analysis.results import Provenance
from gst_analysis.tables.schema import check
from tests.inference.fakes import LABELS, fake_model, record, write_greys
from tests.untyped import submodule

CPU = InferenceSettings(device="cpu", readers=2)


def draw_logits(clips: int = 200, classes: int = 7, *, seed: int = 0) -> FrameLogits:
    """Random logits that favour the truth; the last class never occurs."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes - 1, clips)
    logits = rng.normal(size=(clips, 2, classes))
    logits[np.arange(clips), :, labels] += 1.0
    return FrameLogits(
        "net",
        tuple(f"c{n}" for n in range(clips)),
        labels,
        logits.astype(np.float32),
        np.zeros((clips, 2)),
        (),
        {},
        (),
        Provenance({}, {}, {}),
        tuple(range(clips)),
    )


@pytest.fixture(scope="module")
def evaluation() -> ModelEvaluation:
    return summarise_accuracy(draw_logits())


def test_top1_and_top5_are_counted_clip_by_clip(evaluation: ModelEvaluation) -> None:
    logits = evaluation.logits
    right = among5 = 0
    for row, label in zip(logits.logits.mean(axis=1), logits.labels, strict=True):
        better = sum(value > row[label] for value in row)
        right, among5 = right + (better == 0), among5 + (better < 5)
    assert evaluation.summary.top1 == pytest.approx(right / 200)
    assert evaluation.summary.top5 == pytest.approx(among5 / 200)
    assert 0.2 < evaluation.summary.top1 < evaluation.summary.top5 < 1


def test_shares_have_the_intervals_of_exact_tests(evaluation: ModelEvaluation) -> None:
    summary = evaluation.summary
    for name, share in (("top1", summary.top1), ("top5", summary.top5)):
        exact = binomtest(round(200 * share), 200).proportion_ci(method="exact")
        found = summary.intervals[name]
        assert [found.value, found.low, found.high] == pytest.approx([share, exact.low, exact.high])
    mean = summary.intervals["mean_class_accuracy"]
    assert mean.value == pytest.approx(evaluation.table["accuracy"].mean())
    assert mean.low < mean.value == summary.mean_class_accuracy < mean.high
    row = evaluation.table.iloc[0]
    exact = binomtest(int(row["correct"]), int(row["clips"])).proportion_ci(method="exact")
    assert [row["accuracy_low"], row["accuracy_high"]] == pytest.approx([exact.low, exact.high])
    assert list(summary.intervals) == ["top1", "top5", "mean_class_accuracy"]


def test_all_right_is_not_certain_but_five_of_five_is() -> None:
    logits = draw_logits(classes=5)
    sure = dataclasses.replace(
        logits, logits=np.eye(5, dtype=np.float32)[logits.labels][:, None].repeat(2, axis=1)
    )
    summary = summarise_accuracy(sure).summary
    assert summary.top1 == summary.mean_class_accuracy == 1
    assert 0.97 < summary.intervals["top1"].low < 1
    assert 0.97 < summary.intervals["mean_class_accuracy"].low < 1
    assert vars(summary.intervals["top5"]) == {"value": 1, "low": 1, "high": 1}, "on any clips whatever"


def test_clips_of_one_video_count_together(evaluation: ModelEvaluation) -> None:
    logits = dataclasses.replace(evaluation.logits, videos=tuple(range(20)) * 10)
    found = summarise_accuracy(logits)
    assert (found.summary.videos, evaluation.summary.videos) == (20, 200)
    assert "200 clips are cut out of 20 videos" in found.notes[-1]
    assert evaluation.notes == ()
    for name, one in evaluation.summary.intervals.items():
        cut = found.summary.intervals[name]
        assert cut.value == one.value
        assert (cut.low, cut.high) != (one.low, one.high), name


def test_classes_are_counted_as_pandas_does(evaluation: ModelEvaluation) -> None:
    logits = evaluation.logits
    frame = pd.DataFrame({"true": logits.labels, "said": logits.logits.mean(axis=1).argmax(axis=1)})
    by_class = (frame["true"] == frame["said"]).groupby(frame["true"]).agg(["size", "sum", "mean"])
    table = check(evaluation.table, CLASS_ACCURACY).set_index("class_id")
    seen = table.loc[by_class.index]
    assert seen["clips"].tolist() == by_class["size"].tolist()
    assert seen["correct"].tolist() == by_class["sum"].tolist()
    np.testing.assert_allclose(seen["accuracy"], by_class["mean"])
    assert (
        table["predicted"].tolist() == frame["said"].value_counts().reindex(range(7), fill_value=0).tolist()
    )
    assert evaluation.summary.mean_class_accuracy == pytest.approx(by_class["mean"].mean())


def test_a_class_without_clips_has_no_accuracy_and_does_not_count(evaluation: ModelEvaluation) -> None:
    last = evaluation.table.iloc[-1]
    assert (last["clips"], last["correct"]) == (0, 0)
    assert np.isnan(last["accuracy"])
    assert (evaluation.summary.classes, evaluation.summary.classes_seen) == (7, 6)
    assert evaluation.record()["summary"]["mean_class_accuracy"] is not None


def test_the_confusion_table_is_the_cross_table(evaluation: ModelEvaluation) -> None:
    logits = evaluation.logits
    frame = pd.DataFrame({"true": logits.labels, "said": logits.logits.mean(axis=1).argmax(axis=1)})
    expected = pd.crosstab(frame["true"], frame["said"]).reindex(
        index=range(7), columns=range(7), fill_value=0
    )
    table = check(evaluation.confusion, CONFUSION)
    counts = table.pivot(index="true_id", columns="predicted_id", values="clips")
    np.testing.assert_array_equal(counts, expected)
    shares = table.pivot(index="true_id", columns="predicted_id", values="share")
    np.testing.assert_allclose(shares.loc[:5], expected.div(expected.sum(axis=1), axis=0).loc[:5])
    assert shares.loc[6].isna().all()
    assert np.trace(counts) / 200 == pytest.approx(evaluation.summary.top1)


def test_ranks_break_ties_as_the_table_of_predictions_does() -> None:
    logits = FrameLogits(
        "net",
        ("a", "b"),
        np.array([1, 0]),
        np.zeros((2, 1, 3), np.float32),
        np.zeros((2, 1)),
        (),
        {},
        (),
        Provenance({}, {}, {}),
    )
    assert rank_truth(logits).tolist() == [1, 0]


def test_logits_from_a_file_give_the_same_accuracies(tmp_path: Path, evaluation: ModelEvaluation) -> None:
    loaded = FrameLogits.load(evaluation.logits.save(tmp_path / "some.npz"))
    assert loaded.videos == evaluation.logits.videos
    again = summarise_accuracy(loaded)
    assert again.summary == evaluation.summary
    pd.testing.assert_frame_equal(again.table, evaluation.table)


def test_unlabelled_clips_cannot_be_evaluated() -> None:
    logits = draw_logits(5)
    logits.labels[2] = -1
    with pytest.raises(DataError, match="labels: expected one for every clip; found none for c2"):
        summarise_accuracy(logits)
    with pytest.raises(DataError, match="at least one clip"):
        summarise_accuracy(draw_logits(0))


def planted_records(root: Path, class_names: tuple[str, ...] = LABELS) -> RecordList:
    """Two clips that are right, one that is wrong, one that is gone."""
    greys = {"left": (200, 10), "right": (10, 200), "also": (10, 220)}
    paths = {name: write_greys(root / name, [grey] * 3) for name, grey in greys.items()}
    records = (
        record(paths["left"], 1),
        record(paths["right"], 2),
        record(paths["also"], 1),
        record(root / "gone", 0),
    )
    return RecordList(records, class_names, sources={"list.txt": "11"})


def test_evaluate_counts_what_it_read_and_names_what_it_did_not(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    done = measure_accuracy(
        fake_model(), planted_records(tmp_path), settings=CPU, progress=lambda *done: seen.append(done)
    )
    assert done.summary.clips == 3
    assert done.summary.top1 == pytest.approx(2 / 3)
    assert done.summary.top5 == 1
    assert done.summary.mean_class_accuracy == pytest.approx((1 / 2 + 1) / 2)
    assert list(done.failures) == ["gone"]
    assert done.table["label"].tolist() == list(LABELS)
    assert done.provenance.sources == {"fake": "0" * 64, "list.txt": "11"}
    assert seen[-1] == (4, 4, "")


def test_labels_may_differ_by_brackets_and_capitals_only(tmp_path: Path) -> None:
    names = ("watching [something]", *LABELS[1:])
    assert measure_accuracy(fake_model(), planted_records(tmp_path, names), settings=CPU).summary.clips == 3


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (LABELS[:3], "expected 4 classes, as fake has; found 3"),
        ((*LABELS, "more"), "expected 4 classes, as fake has; found 5"),
        (
            (*LABELS[:3], "Swiping up"),
            "1 others, the first of them class 3: 'Swiping up' instead of 'Swiping l",
        ),
        ((LABELS[1], LABELS[0], *LABELS[2:]), "class names in its order; found 2 others"),
    ],
)
def test_classes_that_are_not_the_checkpoints_are_refused(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        measure_accuracy(fake_model(), planted_records(tmp_path, names), settings=CPU)


def test_class_numbers_beyond_the_checkpoint_are_refused_before_anything_is_read() -> None:
    records = RecordList((ClipRecord("far", Path("far"), 4),))
    with pytest.raises(DataError, match=r"class numbers below 4, as many as fake has; found larger .* far"):
        measure_accuracy(fake_model(), records, settings=CPU)
    with pytest.raises(DataError, match="labels: expected"):
        measure_accuracy(fake_model(), RecordList((ClipRecord("none", Path("none")),)), settings=CPU)


def test_a_checkpoint_without_labels_shows_numbers_or_the_datas_names_and_says_so(tmp_path: Path) -> None:
    records = planted_records(tmp_path, ())
    done = measure_accuracy(fake_model(labels=None), records, settings=CPU)
    assert done.table["label"].tolist() == ["class 0", "class 1", "class 2", "class 3"]
    assert any("shown as numbers" in note for note in done.notes)
    named = RecordList(records.records, LABELS)
    done = measure_accuracy(fake_model(labels=None), named, settings=CPU)
    assert done.table["label"].tolist() == list(LABELS)
    assert any("those of the data" in note for note in done.notes)


def test_a_planted_world_is_evaluated_against_its_truth(tmp_path: Path) -> None:
    """Labels and counts must be those of the world; the score that of a plain loop over its clips."""
    config = WorldConfig("static", clips=24, frames=8, size=32, train_fraction=0)
    world = make_world(tmp_path / "world", config, workers=1)
    records = load_records(world.folder / "validation.json", root=world.folder / "videos")
    names = tuple(planted.label for planted in config.classes)
    model = real_model(names)
    done = measure_accuracy(model, records, settings=CPU)
    truth = {clip.id: clip.label for clip in world.clips}
    assert dict(zip(done.logits.clips, (names[n] for n in done.logits.labels), strict=True)) == truth
    assert done.table["clips"].tolist() == [2] * 12
    plan, right = ReadingPlan(model.clip_spec), 0
    with torch.no_grad():
        for clip in records:
            said = int(model.module(load_views(clip, plan)[0]).mean(1).argmax())
            right += names[said] == truth[clip.clip]
    assert done.summary.top1 == pytest.approx(right / 24)


def real_model(labels: tuple[str, ...]) -> LoadedModel:
    """A small network with random weights, which prefers no class before all others."""
    spec = ModelSpec.from_name("c2d-resnet26s", width=16, num_classes=len(labels), num_frames=4)
    fresh = create_model(spec, seed=0)
    torch.manual_seed(0)
    torch.nn.init.normal_(submodule(fresh.module, "fc").weight)
    clip = ClipSpec(4, resize=32, crop=32)
    return LoadedModel(fresh.module, dataclasses.replace(fresh.checkpoint, labels=labels, clip_spec=clip))
