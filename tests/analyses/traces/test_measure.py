"""Traces of networks whose answers are known, beside plain loops over single calls of the network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from gst_analysis.analyses.traces.clip_trace import ClipTrace, TracePlan, UntracedClip
from gst_analysis.analyses.traces.measure import StillNetwork, locate_frames, trace_clips
from gst_analysis.analyses.traces.table import FRAME_TRACES, STATE_CHANGES, TRACE_MODES, TRACED_CLIPS
from gst_analysis.analyses.traces.tabulate import TraceTally, tabulate_trace
from gst_analysis.analyses.traces.windows import plan_windows
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.finding import find_clips
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import DataError, SpecError
from gst_analysis.inference.logits import softmax
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.tables.schema import check
from tests.clips.planted_clips import write_video
from tests.conftest import build_small
from tests.inference.fakes import LABELS, Brightness, fake_model, record, write_greys

CPU = InferenceSettings(device="cpu", readers=1, batch=4)


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """Eight frames of 32 pixels."""
    path = tmp_path_factory.mktemp("net") / "small.pth"
    save_model(path, build_small("gst-resnet26s"), clip_spec=ClipSpec(frames=8, resize=32, crop=32))
    return load_model(path)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> ClipRecord:
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    write_video(path, frames=40, rate=20)
    return ClipRecord("film", path)


def run(model: LoadedModel, *records: ClipRecord, mode: str = "frame", **plan: Any) -> list[Any]:
    """A ClipTrace of every clip, or the UntracedClip that a test asks for."""
    settings = TracePlan(mode, settings=CPU, **plan)
    return [t for chunk in trace_clips(model, RecordList(records), settings) for t in chunk.traces]


def clip_of(model: LoadedModel, clip: ClipRecord) -> Tensor:
    views, _ = load_views(clip, ReadingPlan(model.clip_spec))
    return views  # (1, T, 3, S, S)


def test_the_mean_of_the_frames_is_the_video(small: LoadedModel, film: ClipRecord) -> None:
    (trace,) = run(small, film)
    np.testing.assert_allclose(trace.logits.mean(axis=0), trace.video, atol=1e-5)
    with torch.no_grad():
        plain = small.module(clip_of(small, film))[0].numpy()
    np.testing.assert_allclose(trace.logits, plain, atol=1e-4)
    whole = measure_frame_logits(small, [film], settings=CPU)
    np.testing.assert_allclose(trace.video, whole.clip_logits[0], atol=1e-5)


def test_a_prefix_sees_no_frame_that_comes_later(small: LoadedModel, film: ClipRecord) -> None:
    (trace,) = run(small, film, mode="prefix")
    clip = clip_of(small, film)
    with torch.no_grad():
        plain = [small.module(clip[:, :t])[0].mean(dim=0).numpy() for t in range(1, 9)]
    np.testing.assert_allclose(trace.logits, np.stack(plain), atol=1e-4)
    (frame,) = run(small, film)
    np.testing.assert_allclose(trace.logits[-1], frame.logits.mean(axis=0), atol=1e-4)
    np.testing.assert_array_equal(trace.video, trace.logits[-1])
    assert abs(trace.logits[:-1] - frame.logits[:-1]).max() > 1e-3  # it is another question


def test_one_left_out(small: LoadedModel, film: ClipRecord) -> None:
    (trace,) = run(small, film, mode="leave-one-out")
    clip = clip_of(small, film)
    with torch.no_grad():
        plain = [
            small.module(clip[:, [f for f in range(8) if f != out]])[0].mean(dim=0).numpy()
            for out in range(8)
        ]
        whole = small.module(clip)[0].mean(dim=0).numpy()
    np.testing.assert_allclose(trace.logits, np.stack(plain), atol=1e-4)
    np.testing.assert_allclose(trace.video, whole, atol=1e-4)
    told = tabulate_trace(trace).record
    label = int(whole.argmax())
    losses = softmax(whole)[label] - softmax(np.stack(plain))[:, label]
    np.testing.assert_allclose([f["loss"] for f in told["frames"]], losses, atol=1e-4)
    assert told["change_points"] == []


def test_still_frames_have_no_time(small: LoadedModel, film: ClipRecord) -> None:
    """What a row says does not hang on the other frames, nor on the order of all."""
    (trace,) = run(small, film, mode="still")
    clip = clip_of(small, film)
    with torch.no_grad():
        plain = [small.module(clip[:, [t] * 8])[0].mean(dim=0).numpy() for t in range(8)]
        turned = StillNetwork(small.module)(clip.flip(1))[0].flip(0).numpy()
    np.testing.assert_allclose(trace.logits, np.stack(plain), atol=1e-4)
    np.testing.assert_allclose(trace.logits, turned, atol=1e-4)
    np.testing.assert_allclose(trace.video, np.mean(plain, axis=0), atol=1e-4)


def test_modes_of_a_network_that_sees_single_frames(tmp_path: Path) -> None:
    """Its logits are grey levels, so every mode can be worked out by hand."""
    greys = np.array([30, 60, 150]) / 255
    clip = record(write_greys(tmp_path / "a", [30, 60, 150]))
    expected: dict[str, Any] = {
        "frame": greys,
        "prefix": [greys[0], greys[:2].mean(), greys.mean()],
        "leave-one-out": [greys[1:].mean(), greys[[0, 2]].mean(), greys[:2].mean()],
        "still": greys,
        "window": [greys.mean()],
    }
    for mode in TRACE_MODES:
        (trace,) = run(fake_model(), clip, mode=mode)
        np.testing.assert_allclose(trace.logits[:, 0], expected[mode], rtol=1e-5)
        np.testing.assert_allclose(trace.video[0], greys.mean(), rtol=1e-5)
        assert np.isnan(trace.seconds).all()  # image files say nothing of time


def test_frames_are_named_by_their_place_and_time(small: LoadedModel, film: ClipRecord) -> None:
    (trace,) = run(small, film)
    np.testing.assert_array_equal(trace.source_frames, [2, 7, 12, 17, 22, 27, 32, 37])
    np.testing.assert_allclose(trace.seconds, trace.source_frames / 20, atol=1e-3)
    part = dataclasses.replace(film, start_frame=16, stop_frame=32)
    np.testing.assert_array_equal(locate_frames(part, small.clip_spec), 17 + 2 * np.arange(8))


def test_windows_are_clips_of_their_own(small: LoadedModel, film: ClipRecord) -> None:
    (trace,) = run(small, film, mode="window", window=16, step=6)
    starts = [0, 6, 12, 18, 24]
    assert trace.source_frames.tolist() == [s + 8 for s in starts]
    plain = []
    for start in starts:
        part = dataclasses.replace(film, start_frame=start, stop_frame=start + 16)
        with torch.no_grad():
            plain.append(small.module(clip_of(small, part))[0].mean(dim=0).numpy())
    np.testing.assert_allclose(trace.logits, np.stack(plain), atol=1e-4)
    np.testing.assert_allclose(trace.video, np.mean(plain, axis=0), atol=1e-4)
    np.testing.assert_allclose(trace.seconds, trace.source_frames / 20, atol=1e-3)
    assert trace.notes == ("a window of 16 frames of the video, of which 8 are sampled, every 6 frames",)


def test_a_window_stands_where_its_middle_frame_is_shown(small: LoadedModel, tmp_path: Path) -> None:
    shown = [50 * n if n < 12 else 600 + 500 * (n - 12) for n in range(24)]  # slow at the end
    path = write_video(tmp_path / "uneven.mkv", frames=24, pts_ms=tuple(shown))
    (trace,) = run(small, ClipRecord("uneven", path), mode="window", window=9, step=5)
    assert trace.source_frames.tolist() == [4, 9, 14, 19]
    np.testing.assert_allclose(trace.seconds, [0.2, 0.45, 1.6, 4.1], atol=1e-3)


def bounds(clip: ClipRecord, spec: ClipSpec, **plan: Any) -> list[tuple[int | None, int | None]]:
    return [(w.start_frame, w.stop_frame) for w in plan_windows(clip, spec, **plan)]


def test_windows_cover_the_video_to_its_last_frame(film: ClipRecord) -> None:
    spec = ClipSpec(frames=8)
    assert bounds(film, spec, window=16, step=10) == [(0, 16), (10, 26), (20, 36), (24, 40)]
    assert bounds(film, spec, window=400) == [(0, 40)]
    usual = bounds(film, spec)
    assert usual[0] == (0, 20)  # half of the video
    assert usual[-1] == (20, 40)
    dense = bounds(film, ClipSpec(frames=8, sampling="dense-2"))
    assert {stop - start for start, stop in dense} == {16}  # type: ignore[operator] # windows have both
    part = dataclasses.replace(film, start_frame=10, stop_frame=30)
    assert bounds(part, spec, window=10, step=5) == [(10, 20), (15, 25), (20, 30)]


def test_unreadable_clips_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = [record(write_greys(tmp_path / name, [10, 20, 30])) for name in "ab"]
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    clips = [good[0], record(tmp_path / "bad.mp4"), record(tmp_path / "gone.mp4"), good[1]]
    for mode in TRACE_MODES:
        traces = run(fake_model(), *clips, mode=mode)
        assert [t.clip for t in traces] == ["a", "bad.mp4", "gone.mp4", "b"]
        assert [isinstance(t, UntracedClip) for t in traces] == [False, True, True, False]
        assert "nothing there" in traces[2].reason


def test_clips_of_one_name_are_told_apart_over_all_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gst_analysis.analyses.traces.measure._CHUNK", 2)
    folders = [write_greys(tmp_path / str(n), [n, 2 * n, 3 * n]) for n in range(5)]
    traces = run(fake_model(), *(ClipRecord("same", folder) for folder in folders))
    assert len({t.clip for t in traces}) == 5
    np.testing.assert_allclose([t.video[0] for t in traces], 2 * np.arange(5) / 255, rtol=1e-5)


def test_progress_counts_every_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gst_analysis.analyses.traces.measure._CHUNK", 2)
    clips = [record(write_greys(tmp_path / str(n), [n] * 3)) for n in range(5)]
    for mode in ("frame", "window"):
        seen: list[tuple[int, int]] = []
        plan = TracePlan(mode, settings=CPU)
        report = lambda done, of, name: seen.append((done, of))  # noqa: E731, B023 # called before the next turn
        list(trace_clips(fake_model(), RecordList(tuple(clips)), plan, progress=report))
        assert seen == [(n, 5) for n in range(1, 6)]


def test_progress_within_several_long_videos_counts_videos_and_says_windows(tmp_path: Path) -> None:
    clips = [record(write_greys(tmp_path / str(n), [n] * 5)) for n in range(2)]
    heard: list[tuple[int, int, str]] = []
    plan = TracePlan("window", window=3, step=1, settings=CPU)
    list(trace_clips(fake_model(), RecordList(tuple(clips)), plan, progress=lambda *at: heard.append(at)))
    assert [(done, of) for done, of, _ in heard] == [(0, 2), (0, 2), (1, 2), (1, 2), (1, 2), (2, 2)]
    assert heard[1][2] == "2 of 3 windows of 0"


@pytest.mark.parametrize("mode", TRACE_MODES)
def test_the_network_is_left_as_it_was(tmp_path: Path, mode: str) -> None:
    model = fake_model(module=nn.Sequential(Brightness(), nn.Identity()).train())
    model.module[1].eval()  # type: ignore[index] # a Sequential
    plan = TracePlan(mode, settings=dataclasses.replace(CPU, fold=False))
    list(trace_clips(model, RecordList((record(write_greys(tmp_path / "a", [1, 2, 3])),)), plan))
    assert [module.training for module in model.module.modules()] == [True, True, False]
    assert torch.is_grad_enabled()
    assert not any(model.module[0].modes)  # type: ignore[index] # a Sequential


def test_labels_that_are_not_the_checkpoints_are_refused(tmp_path: Path) -> None:
    clip = record(write_greys(tmp_path / "a", [1, 2, 3]), 1)
    other = RecordList((clip,), ("a", "b", "c", "d"))
    with pytest.raises(DataError, match="class names"):
        list(trace_clips(fake_model(), other, TracePlan(settings=CPU)))
    unknown = RecordList((dataclasses.replace(clip, label=None, label_text="Flying"),), LABELS)
    with pytest.raises(DataError, match="labels"):
        list(trace_clips(fake_model(), unknown, TracePlan(settings=CPU)))
    (trace,) = run(fake_model(), clip)
    assert trace.truth == 1


def test_a_network_of_one_frame_is_traced_by_windows_alone(tmp_path: Path) -> None:
    """One row is no trace; but windows of a frame each follow a video."""
    model = fake_model(frames=1)
    clip = record(write_greys(tmp_path / "a", [10, 20, 30, 40]))
    for mode in ("frame", "prefix", "leave-one-out", "still"):
        with pytest.raises(SpecError, match="at least 2 frames; found 1; use mode window"):
            run(model, clip, mode=mode)
    (trace,) = run(model, clip, mode="window", window=1, step=1)
    np.testing.assert_allclose(trace.logits[:, 0], np.array([10, 20, 30, 40]) / 255, rtol=1e-5)


@pytest.mark.parametrize("mode", TRACE_MODES)
def test_a_clip_of_one_frame_is_no_trace_and_the_rest_goes_on(tmp_path: Path, mode: str) -> None:
    still, moving = (record(write_greys(tmp_path / n, [90] * count)) for n, count in (("a", 1), ("b", 6)))
    one, other = run(fake_model(), still, moving, mode=mode)
    assert isinstance(one, UntracedClip)
    assert "at least 2 different frames; found 1; name a video" in one.reason
    assert isinstance(other, ClipTrace)


def test_a_clip_of_few_frames_has_some_repeated_and_it_is_said(tmp_path: Path) -> None:
    (trace,) = run(fake_model(), record(write_greys(tmp_path / "a", [90, 60])))
    assert len(np.unique(trace.source_frames)) == 2
    assert "only 2 of the 3 frames" in trace.notes[0]


@pytest.mark.parametrize(
    "plan",
    [{"mode": "sideways"}, {"window": 4}, {"mode": "window", "step": 0}, {"mode": "window", "window": 2.5}],
)
def test_plans_that_make_no_sense_are_refused(plan: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="trace"):
        TracePlan(**plan)  # type: ignore[arg-type] # settings by name, of any type
    with pytest.raises(SpecError, match="one sampling"):
        TracePlan(settings=InferenceSettings(clips=2))


def make_trace(tmp_path: Path) -> ClipTrace:
    """Class 3 leads the first three rows, class 5 the rest; 8 classes."""
    probabilities = np.full((8, 8), 0.02)
    probabilities[:3, 3] = probabilities[3:, 5] = 0.8
    probabilities[:, 1] = 0.06
    logits = np.log(probabilities / probabilities.sum(axis=1, keepdims=True)).astype(np.float32)
    names = tuple(f"class {n}" for n in range(8))
    clip = ClipRecord("a", tmp_path / "a.mp4", 5)
    seconds = np.arange(8) / 4
    return ClipTrace(
        "net", "a", "frame", clip, 5, names, logits, logits.mean(axis=0), np.arange(8) * 3, seconds
    )


def test_tables_hold_what_the_trace_says(tmp_path: Path) -> None:
    trace = make_trace(tmp_path)
    tables = tabulate_trace(trace, top_k=2)
    frames = check(tables.frames, FRAME_TRACES)
    assert sorted(frames["class_id"].unique()) == [3, 5]
    assert len(tabulate_trace(trace, top_k=99).frames) == 64
    for row in tabulate_trace(trace, top_k=99).frames.to_dict("records"):
        logits = trace.logits[row["frame"]]
        assert row["logit"] == pytest.approx(logits[row["class_id"]])
        assert row["probability"] == pytest.approx(softmax(logits)[row["class_id"]])
        assert row["label"] == f"class {row['class_id']}"
        assert row["source_frame"] == 3 * row["frame"]
        assert row["seconds"] == row["frame"] / 4
    full = tabulate_trace(trace, top_k=99).frames
    plain = full.sort_values(["frame", "logit", "class_id"], ascending=[True, False, True])
    assert (plain.groupby("frame").cumcount() + 1 == plain["rank"]).all()
    (clip,) = check(tables.clips, TRACED_CLIPS).to_dict("records")
    assert (clip["label"], clip["true_label"], clip["changes"]) == ("class 5", "class 5", 1)


def test_changes_are_told_alike_in_table_and_record(tmp_path: Path) -> None:
    tables = tabulate_trace(make_trace(tmp_path))
    changes = check(tables.changes, STATE_CHANGES)
    assert list(changes["kind"]) == ["label", "curve"]
    (point,) = tables.record["change_points"]
    assert (point["frame"], point["source_frame"], point["seconds"]) == (3, 9, 0.75)
    assert (point["from_label"], point["to_label"]) == ("class 3", "class 5")
    assert [f["label"] for f in tables.record["frames"]] == ["class 3"] * 3 + ["class 5"] * 5
    assert tables.record["video"]["label"] == "class 5"


def test_the_summary_adds_up(tmp_path: Path) -> None:
    trace, tally = make_trace(tmp_path), TraceTally("frame")
    still = dataclasses.replace(trace, clip="b", truth=3, logits=np.repeat(trace.logits[:1], 8, axis=0))
    for one in (trace, dataclasses.replace(trace, clip="c", truth=None), still):
        tally.add(one, tabulate_trace(one))
    tally.add(UntracedClip("d", "broken"), None)
    summary = tally.summarise()
    assert (summary.clips, summary.changes, summary.changed_clips) == (3, 2, 2)
    assert summary.changed_share == pytest.approx(2 / 3)
    assert summary.right_clips == 1  # of the two whose class is known
    assert summary.when == (0, 0, 0, 2, 0, 0, 0, 0, 0, 0)  # 3 of 8 rows in
    (pair,) = summary.pairs
    assert (pair.from_label, pair.to_label, pair.changes) == ("class 3", "class 5", 2)
    assert pair.mean_place == pytest.approx(3 / 8)
    assert tally.failures == {"d": "broken"}


def test_without_names_classes_are_numbers(small: LoadedModel, film: ClipRecord) -> None:
    (chunk,) = trace_clips(small, RecordList((film,)), TracePlan(settings=CPU))
    assert any("numbers" in note for note in chunk.notes)
    tables = tabulate_trace(chunk.traces[0])  # type: ignore[arg-type] # a trace, no failure
    assert set(tables.frames["label"]) <= {f"class {number}" for number in range(5)}


def test_a_folder_is_traced_clip_by_clip(tmp_path: Path, small: LoadedModel) -> None:
    for name in ("x.mp4", "y.webm"):
        write_video(tmp_path / name, frames=12)
    traces: list[Any] = [
        trace
        for chunk in trace_clips(small, find_clips(tmp_path), TracePlan("prefix", settings=CPU))
        for trace in chunk.traces
    ]
    assert [Path(t.clip).name for t in traces] == ["x.mp4", "y.webm"]
    tables = pd.concat([tabulate_trace(t).frames for t in traces])
    assert tables.groupby("clip")["frame"].nunique().tolist() == [8, 8]


def test_every_family_takes_prefixes_and_gaps(film: ClipRecord, tmp_path: Path) -> None:
    for family in ("c2d", "tsm", "c3d", "p3d", "sth", "gst-large"):
        network = build_small(f"{family}-resnet26s")
        path = save_model(
            tmp_path / f"{family}.pth", network, clip_spec=ClipSpec(frames=8, resize=32, crop=32)
        )
        model = load_model(path)
        (prefix,) = run(model, film, mode="prefix")
        (frame,) = run(model, film)
        np.testing.assert_allclose(prefix.video, frame.video, atol=1e-4)
        run(model, film, mode="leave-one-out")
