"""What every row of a trace is made of: against hand-made weights, plain gradients and arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gst_analysis.analyses.influence.measure import measure_influence
from gst_analysis.analyses.influence.table import INFLUENCE
from gst_analysis.analyses.traces.clip_trace import ClipTrace, TracePlan, UntracedClip
from gst_analysis.analyses.traces.evidence import Evidence, TraceEvidence, average_evidence, say_own_share
from gst_analysis.analyses.traces.evidence_measure import measure_evidence
from gst_analysis.analyses.traces.measure import trace_clips
from gst_analysis.analyses.traces.table import TRACE_INFLUENCE
from gst_analysis.analyses.traces.windows import plan_windows
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.probes.gradients import trace_prefix_gradients
from gst_analysis.tables.schema import check
from tests.clips.planted_clips import write_grain, write_video
from tests.conftest import build_small
from tests.inference.fakes import fake_model, record, write_greys
from tests.untyped import untyped

CPU = InferenceSettings(device="cpu", readers=1)
T = 4


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    path = tmp_path_factory.mktemp("net") / "small.pth"
    save_model(path, build_small("gst-resnet26s"), clip_spec=ClipSpec(frames=T, resize=32, crop=32))
    return load_model(path)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> ClipRecord:
    return ClipRecord("film", write_grain(tmp_path_factory.mktemp("films") / "film", frames=24))


def look(
    model: LoadedModel, *clips: ClipRecord, mode: str = "frame", **plan: Any
) -> tuple[list[ClipTrace], list[TraceEvidence]]:
    settings = TracePlan(mode, settings=CPU, **plan)
    traces = [t for chunk in trace_clips(model, RecordList(clips), settings) for t in chunk.traces]
    found = measure_evidence(model, traces, settings)  # type: ignore[arg-type] # all of them are traces, none a failure
    return traces, found  # type: ignore[return-value] # likewise


def matrix_of(found: TraceEvidence, column: str = "influence") -> np.ndarray:
    wide = found.table.pivot(index="output_frame", columns="input_frame", values=column)
    return wide.to_numpy(dtype=float)


def differentiate(
    model: LoadedModel, clip: Tensor, frames: list[int], row: int | None, number: int
) -> np.ndarray:
    """Norms of one logit's gradient by one backward pass of the plain network over some frames."""
    pixels = clip[:, frames].clone().requires_grad_()
    logits = model.module.eval()(pixels)[0]
    logit = (logits.mean(dim=0) if row is None else logits[row])[number]
    (gradient,) = torch.autograd.grad(logit, pixels)
    return gradient[0].flatten(1).norm(dim=1).numpy()


def test_every_row_is_a_plain_gradient_of_the_class_that_leads_it(
    small: LoadedModel, film: ClipRecord
) -> None:
    clip, _ = load_views(film, ReadingPlan(small.clip_spec))
    for mode in ("frame", "prefix", "leave-one-out"):
        (trace,), (found,) = look(small, film, mode=mode)
        check(found.table, TRACE_INFLUENCE)
        expected = np.zeros((T, T))
        for t in range(T):
            leader = int(trace.video.argmax() if mode == "leave-one-out" else trace.logits[t].argmax())
            frames = list(range(t + 1 if mode == "prefix" else T))
            row = None if mode == "prefix" else t
            expected[t, : len(frames)] = differentiate(small, clip, frames, row, leader)
            assert set(found.table[found.table["output_frame"] == t]["class_id"]) == {leader}
        np.testing.assert_allclose(matrix_of(found), expected, rtol=2e-3, atol=1e-6)
        shares = expected / expected.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(matrix_of(found, "share"), shares, rtol=2e-3, atol=1e-6)
        own = np.diag(shares)[1:] if mode == "prefix" else np.diag(shares)
        assert found.own_share == pytest.approx(own.mean(), rel=2e-3)


def test_it_is_what_influence_measures_where_one_class_leads(small: LoadedModel, film: ClipRecord) -> None:
    (trace,), (found,) = look(small, film, mode="leave-one-out")
    own = int(trace.video.argmax())
    other = measure_influence(small, [film], class_id=own, blocks=False, settings=CPU).table
    gradient = other[other["method"] == "gradient"]["influence"].to_numpy()
    np.testing.assert_allclose(matrix_of(found).ravel(), gradient, rtol=2e-3)


def test_windows_are_averaged(small: LoadedModel, film: ClipRecord) -> None:
    (trace,), (found,) = look(small, film, mode="window", window=12, step=6)
    number, parts = int(trace.video.argmax()), []
    for window in plan_windows(film, small.clip_spec, window=12, step=6):
        clip, _ = load_views(window, ReadingPlan(small.clip_spec))
        norms = np.stack([differentiate(small, clip, list(range(T)), t, number) for t in range(T)])
        parts.append(norms / norms.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(matrix_of(found, "share"), np.mean(parts, axis=0), rtol=2e-3, atol=1e-6)


class Running(nn.Module):
    """Logit k of frame i: k + 1 times the mean grey of frames 0..i, so frames weigh 1 / (i + 1) each."""

    def forward(self, clips: Tensor) -> Tensor:
        greys = clips.mean((2, 3, 4))
        counts = torch.arange(1, greys.shape[1] + 1)
        return (greys.cumsum(1) / counts)[..., None] * torch.arange(1, 5)


def test_shares_of_a_network_worked_out_by_hand(tmp_path: Path) -> None:
    clip = record(write_greys(tmp_path / "a", [30, 60, 150]))
    _, (frame,) = look(fake_model(module=Running()), clip)
    np.testing.assert_allclose(
        matrix_of(frame, "share"), untyped([[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]]), atol=1e-6
    )
    assert frame.own_share == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    # A prefix's prediction is the mean of its frames' logits: (1 + 1/2) / 2 of frame 0, 1/4 of frame 1.
    _, (prefix,) = look(fake_model(module=Running()), clip, mode="prefix")
    last = np.array([1 + 1 / 2 + 1 / 3, 1 / 2 + 1 / 3, 1 / 3]) / 3
    shares = untyped([[1, 0, 0], [3 / 4, 1 / 4, 0], last])
    np.testing.assert_allclose(matrix_of(prefix, "share"), shares, atol=1e-6)
    assert prefix.own_share == pytest.approx((1 / 4 + 1 / 9) / 2)  # the first, all its own, says nothing


def test_frames_of_c2d_are_made_of_themselves(tmp_path: Path, film: ClipRecord) -> None:
    path = save_model(
        tmp_path / "c2d.pth", build_small("c2d-resnet26s"), clip_spec=ClipSpec(frames=T, resize=32, crop=32)
    )
    _, (found,) = look(load_model(path), film)
    np.testing.assert_array_equal(matrix_of(found, "share"), np.eye(T))
    np.testing.assert_array_equal(matrix_of(found, "reachable"), np.eye(T))
    assert say_own_share([found], mode="frame").startswith("100% of what moves a frame's logit is that frame")


def test_a_prefix_cannot_depend_on_what_it_is_not_given(small: LoadedModel, film: ClipRecord) -> None:
    _, (found,) = look(small, film, mode="prefix")
    later = np.triu_indices(T, 1)
    assert (matrix_of(found)[later] == 0).all()
    assert not matrix_of(found, "reachable")[later].any()
    assert Evidence("prefix", np.eye(1), np.eye(1) > 0).own_share == 1


def test_prefixes_leave_nothing_in_memory(small: LoadedModel) -> None:
    norms, blocks = trace_prefix_gradients(small.module.eval(), torch.randn(1, T, 3, 32, 32), [0] * T)
    assert norms.shape == (T, T)
    assert blocks == {}
    assert all(parameter.grad is None for parameter in small.module.parameters())


def test_means_over_clips_and_their_words(small: LoadedModel, film: ClipRecord, tmp_path: Path) -> None:
    write_video(tmp_path / "other.mp4", frames=16, rate=12, width=64, height=48)
    _, found = look(small, film, ClipRecord("other", tmp_path / "other.mp4"))
    table = check(average_evidence(found), INFLUENCE)
    mean = np.mean([matrix_of(one, "share") for one in found], axis=0)
    np.testing.assert_allclose(table["share"], mean.ravel())
    share = np.mean([one.own_share for one in found])
    words = say_own_share(found, mode="frame")
    assert f"{share:.0%} of what moves a frame's logit" in words
    assert "the mean over 2 clips" in words


def test_a_clip_that_has_gone_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    clips = [record(write_greys(tmp_path / name, [10, 20, 30])) for name in "ab"]
    plan = TracePlan(settings=CPU)
    seen: list[tuple[int, int, str]] = []
    chunks = trace_clips(fake_model(), RecordList(tuple(clips)), plan)
    traces: list[Any] = [t for chunk in chunks for t in chunk.traces]
    for file in (tmp_path / "a").iterdir():
        file.write_bytes(b"gone")
    found = measure_evidence(fake_model(), traces, plan, progress=lambda *at: seen.append(at))
    assert [isinstance(one, UntracedClip) for one in found] == [True, False]
    assert [done for done, _, _ in seen] == [3, 4, 5, 6]  # three frames a clip, a gradient for each
    assert {(of, name) for _, of, name in seen} == {(6, f"what {traces[1].clip} is made of")}


def test_progress_counts_the_parts_of_a_long_video(small: LoadedModel, film: ClipRecord) -> None:
    plan = TracePlan("window", window=8, step=2, settings=CPU)
    seen: list[tuple[int, int]] = []
    (trace,) = trace_clips(small, RecordList((film,)), plan, progress=lambda n, of, _: seen.append((n, of)))
    windows = len(trace.traces[0].logits)  # type: ignore[union-attr] # a trace, no failure
    assert windows > 2
    assert seen == [(number, windows) for number in range(1, windows + 1)]
    seen.clear()
    measure_evidence(small, trace.traces, plan, progress=lambda n, of, _: seen.append((n, of)))  # type: ignore[arg-type] # all of them are traces, none a failure
    frames = small.clip_spec.frames
    assert seen == [(number, frames) for number in range(1, frames + 1)]


@pytest.mark.parametrize("fold", [True, False])
def test_the_network_is_left_as_it_was(small: LoadedModel, film: ClipRecord, *, fold: bool) -> None:
    before = {name: value.clone() for name, value in small.module.state_dict().items()}
    needs = [parameter.requires_grad for parameter in small.module.parameters()]
    small.module.train()
    plan = TracePlan(settings=InferenceSettings(device="cpu", readers=1, fold=fold))
    traces = [t for chunk in trace_clips(small, RecordList((film,)), plan) for t in chunk.traces]
    measure_evidence(small, traces, plan)  # type: ignore[arg-type] # all of them are traces, none a failure
    assert small.module.training
    assert torch.is_grad_enabled()
    assert [parameter.requires_grad for parameter in small.module.parameters()] == needs
    assert all(parameter.grad is None for parameter in small.module.parameters())
    assert all((before[name] == value).all() for name, value in small.module.state_dict().items())
    small.module.eval()
