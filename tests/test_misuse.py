"""Public functions called in ways that come naturally and cannot work: one sentence that says what would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses import (
    ablation,
    comparison,
    cost,
    evaluation,
    influence,
    prediction,
    saliency,
    scales,
    slimming,
    traces,
)
from gst_analysis.analyses.traces.clip_trace import TracePlan
from gst_analysis.analyses.traces.single_clips import trace_clip
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import GstError
from gst_analysis.inference.settings import InferenceSettings
from tests.analyses.labelled_clips import small_model, write_clips
from tests.conftest import SaveSmall
from tests.untyped import design


def test_a_notebook_is_told_whose_line_it_was_and_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GstError) as caught:
        gst.load_checkpoint("gone.pth")
    line, message = caught.value._render_traceback_()
    assert line.endswith(': gst.load_checkpoint("gone.pth")')
    assert message == f"UnreadableCheckpoint: {caught.value}"
    monkeypatch.setenv("GST_ANALYSIS_DEBUG", "1")
    assert any("in load_checkpoint" in frame for frame in caught.value._render_traceback_())


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> RecordList:
    return write_clips(tmp_path_factory.mktemp("clips"), [0, 1, 2, 3])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    model = small_model()
    path = tmp_path_factory.mktemp("net") / "small.pth"
    return load_model(save_model(path, model.module, clip_spec=model.clip_spec))


THREE = InferenceSettings(crops=3)
Call = Callable[[LoadedModel, RecordList], Any]
CALLS: dict[str, tuple[Call, str]] = {
    "rows of no kind": (lambda m, r: scales.bn_scales(m).plot(by="stages"), "some of block, stage"),
    "rows of no kind, compared": (
        lambda m, r: comparison.compare_scales(m, m).figures(by="layer"),
        "some of block, stage",
    ),
    "a file of no kind": (lambda m, r: cost.cost("gst-resnet50").save("x", ["xls"]), "formats"),
    "names for others": (lambda m, r: scales.bn_scales(m, m, names=["a"]), "2, one a checkpoint"),
    "logits without clips": (lambda m, r: gst.average_frames(torch.zeros(8, 5)), r"\(N, T, K\).*\[None\]"),
    "a data set by its path": (lambda m, r: evaluation.evaluate(m, "here"), "here: expected"),
    "a list of records": (lambda m, r: evaluation.evaluate(m, list(r)), "load_labelled_clips"),
    "clips that are numbers": (lambda m, r: prediction.predict(m, [1, 2]), "found int 1"),
    "a limit in words": (lambda m, r: influence.frame_influence(m, r, limit="3"), "whole number"),
    "half a limit": (lambda m, r: influence.frame_influence(m, r, limit=2.5), "whole number"),
    "a share in words": (lambda m, r: slimming.slim(m, macs="0.8"), "macs '0.8'"),
    "a bare share": (lambda m, r: slimming.slim(m, 0.8), "one of macs, params and max-drop"),
    "a share as clips": (lambda m, r: slimming.slim(m, 0.8, macs=0.8), "a path, or what load_labelled"),
    "a bare plan": (lambda m, r: traces.trace(m, r, options=TracePlan()), "options of type TraceOptions"),
    "ablation of a list": (lambda m, r: ablation.ablate(m, list(r)), "what load_labelled_clips returned"),
    "fine-tuning without a folder": (
        lambda m, r: slimming.slim(m, r, macs=0.9, fine_tune=1),
        "its training list",
    ),
    "three crops of a trace": (lambda m, r: traces.trace(m, r, crops=3), "did you mean crop"),
    "three crops of ablation": (lambda m, r: ablation.ablate(m, r, crops=3), "did you mean crop"),
    "three crops of influence": (lambda m, r: influence.frame_influence(m, r, crops=3), "did you mean crop"),
    "three crops of saliency": (lambda m, r: saliency.saliency_maps(m, r[0], crops=3), "did you mean crop"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_cannot_work_says_what_would(call: str, model: LoadedModel, records: RecordList) -> None:
    act, words = CALLS[call]
    with pytest.raises(GstError, match=words):
        act(model, records)


def test_ablation_draws_known_measures_only(model: LoadedModel, records: RecordList) -> None:
    found = ablation.ablate(model, records, interventions=("zero",))
    with pytest.raises(GstError, match="some of accuracy_drop, logit_drop, loss_rise"):
        found.plot(measure="drop")
    with pytest.raises(GstError, match="some of accuracy_drop, logit_drop, loss_rise"):
        ablation.ablate(model, records, measure="drop")


def test_records_may_be_given_as_a_list(model: LoadedModel, records: RecordList) -> None:
    few = list(records)[:2]
    assert prediction.predict(model, few).table["clip"].unique().tolist() == [clip.clip for clip in few]
    traced = trace_clip(model, few)  # type: ignore[arg-type] # a list will do
    assert set(traced.table["clip"]) == {clip.clip for clip in few}


def test_a_list_that_was_read_may_be_ablated_and_slimmed(model: LoadedModel, records: RecordList) -> None:
    zero = ablation.AblationOptions(interventions=("zero",))
    assert ablation.ablate(model, records[:3], options=zero).summary.clips == 3
    assert ablation.ablate(model, records, options=zero, limit=2).summary.clips == 2
    slimmed = slimming.slim(model, records, macs=0.9, limit=2)
    assert slimmed.summary.clips == 2
    with pytest.raises(GstError, match="beside its subset; found clips that have been read"):
        ablation.ablate(model, records, options=zero, subset="train")
    with pytest.raises(GstError, match="beside its subset; found clips that have been read"):
        slimming.slim(model, records, macs=0.9, subset="train")


def test_a_seed_needs_no_clips(model: LoadedModel) -> None:
    assert slimming.slim(model, macs=0.9, seed=3).curve is None


@pytest.mark.parametrize("frames", [0, 20_000])
def test_a_wrong_number_of_frames_is_not_the_files_fault(
    frames: int, save_small: SaveSmall, tmp_path: Path
) -> None:
    path = save_small()
    with pytest.raises(GstError, match=rf"found {frames}") as caught:
        load_model(path, num_frames=frames)
    assert "save it again" not in str(caught.value)
    bare = tmp_path / "bare.pth"
    torch.save(load_model(path).module.state_dict(), bare)
    with pytest.raises(GstError, match=rf"found {frames}"):
        load_model(bare, num_frames=frames)
    for file in (path, bare):
        with pytest.raises(GstError, match="gsx") as caught:
            load_model(file, family="gsx")
        assert "save it again" not in str(caught.value)


def test_slimming_says_which_clips_it_took(model: LoadedModel, records: RecordList) -> None:
    from gst_analysis.analyses.slimming.curve import measure_curve
    from gst_analysis.analyses.slimming.measure import score_channels, slim_model
    from gst_analysis.analyses.slimming.order import Budget, SlimmingOrder

    noted = RecordList(records.records, records.class_names, ("4 of 60 clips, drawn with seed 3",))
    channels = score_channels(model, None, "abs_gamma")
    curve = measure_curve(model, channels, noted)
    order = SlimmingOrder(design(model.spec), channels, size=model.clip_spec.crop)
    proposal = order.propose(Budget("macs", 0.9))
    assert slim_model(model, proposal, curve).notes[0] == "4 of 60 clips, drawn with seed 3"
    assert slim_model(model, proposal).notes == model.notes
