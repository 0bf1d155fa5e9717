"""Nothing mixes tensors of two devices: everything that runs on a GPU, run on a pretended one.

Values are those of the CPU, so every result must be what the CPU gives. What only a GPU shows (its numbers,
memory, streams) is in the tests marked gpu.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F
from torch.optim import Optimizer

from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.analyses.evaluation.measure import measure_accuracy
from gst_analysis.analyses.importance.data_scores import measure_data_scores
from gst_analysis.analyses.importance.measure import measure_importance
from gst_analysis.analyses.influence.measure import measure_influence
from gst_analysis.analyses.order.measure import measure_order
from gst_analysis.analyses.order.table import OrderOptions
from gst_analysis.analyses.saliency.measure import measure_saliency
from gst_analysis.analyses.slimming.pruning import measure_masked
from gst_analysis.analyses.traces.clip_trace import ClipTrace, TracePlan
from gst_analysis.analyses.traces.evidence import TraceEvidence, average_evidence
from gst_analysis.analyses.traces.evidence_measure import measure_evidence
from gst_analysis.analyses.traces.measure import trace_clips
from gst_analysis.checkpoints.adopting import adopt
from gst_analysis.checkpoints.checking import PASSED, check_network
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.dataset import ClipItem, SkippedClip, collate_clips
from gst_analysis.clips.records import RecordList
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import SpecError
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.folding import fold_norms
from gst_analysis.networks.network import average_frames
from gst_analysis.networks.specs import model_names
from gst_analysis.training.conditions import training_conditions
from gst_analysis.training.config import OptimiserConfig, RunConfig
from gst_analysis.training.loop import train
from gst_analysis.training.optimiser import build_optimiser
from gst_analysis.training.scores import Totals
from tests.analyses.labelled_clips import CPU, small_model, write_clips
from tests.conftest import build_small, mark_slow
from tests.networks.brought import NETWORKS, bring
from tests.pretend_cuda import DeviceMix, PretendTensor, on_device, pretend_cuda
from tests.training.runs import assert_same, render, tiny, weights

CUDA = dataclasses.replace(CPU, device="cuda")
FAMILIES = [name for name in model_names() if name.endswith(("-resnet26s", "-resnet18", "-mobilenetv2"))]
BASIC = tuple(name for name in FAMILIES if name.endswith("-resnet18") and name != "gst-resnet18")

# c, i, s: a matrix, indices and a number on the CPU; those with a g on the device
OPERATIONS: dict[str, Callable[..., Any]] = {
    "sum of both": lambda c, g, i, gi, s, gs: c + g,
    "CPU number": lambda c, g, i, gi, s, gs: g + s,
    "GPU number": lambda c, g, i, gi, s, gs: c + gs,
    "in place from the GPU": lambda c, g, i, gi, s, gs: c.add_(g),
    "in place from the CPU": lambda c, g, i, gi, s, gs: g.add_(c),
    "CPU indices": lambda c, g, i, gi, s, gs: g[i],
    "index_select": lambda c, g, i, gi, s, gs: g.index_select(0, i),
    "gather": lambda c, g, i, gi, s, gs: g.gather(0, i[:, None]),
    "index_add": lambda c, g, i, gi, s, gs: g.index_add(0, i, g[:2]),
    "cat": lambda c, g, i, gi, s, gs: torch.cat([g, c]),
    "copy": lambda c, g, i, gi, s, gs: g.copy_(c),
    "copy back": lambda c, g, i, gi, s, gs: c.copy_(g),
    "into a slice": lambda c, g, i, gi, s, gs: g.__setitem__(slice(0, 2), c[:2]),
    "into CPU indices": lambda c, g, i, gi, s, gs: g.__setitem__(i, g[:2].clone()),
    "CPU values into indices": lambda c, g, i, gi, s, gs: g.__setitem__(i, c[:2]),
    "where": lambda c, g, i, gi, s, gs: torch.where(g > 0, g, s),
    "cross entropy": lambda c, g, i, gi, s, gs: F.cross_entropy(g[:2], i),
    "cross entropy there": lambda c, g, i, gi, s, gs: F.cross_entropy(g[:2], gi),
    "product": lambda c, g, i, gi, s, gs: g @ c.T,
    "linear": lambda c, g, i, gi, s, gs: F.linear(g, c),
    "product there": lambda c, g, i, gi, s, gs: g @ g.T,
}


PASSED_BY_OLD_TORCH = {"index_add"}
"""What a GPU refuses, and fake tensors of torch 2.11 do not."""


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_pretended_device_refuses_what_torchs_fake_one_refuses(name: str) -> None:
    def refused() -> bool:
        own = [torch.zeros(4, 4), torch.zeros(2, dtype=torch.int64), torch.zeros(())]
        c, g, i, gi, s, gs = (t for tensor in own for t in (tensor, tensor.to("cuda")))
        try:
            OPERATIONS[name](c, g, i, gi, s, gs)
        except RuntimeError:
            return True
        return False

    with FakeTensorMode():
        expected = refused() or name in PASSED_BY_OLD_TORCH
    with pretend_cuda():
        assert refused() == expected


class Mixing(nn.Module):
    """A network with a mistake that a CPU does not mind, one of several."""

    def __init__(self, mistake: str) -> None:
        super().__init__()
        self.mistake = mistake
        self.layer = nn.Linear(4, 4)
        self.forgotten = torch.ones(4)  # no buffer: `to` leaves it behind

    def forward(self, x: Tensor) -> Tensor:
        if self.mistake == "tensor left behind":
            return self.layer(x) * self.forgotten
        if self.mistake == "new tensor on the CPU":
            return self.layer(x) + torch.arange(4)
        if self.mistake == "generator of the CPU":
            return x + torch.rand(x.shape, device=x.device, generator=torch.Generator())
        if self.mistake == "autocast of the CPU":
            with torch.autocast("cpu", torch.bfloat16):
                return self.layer(x)
        if self.mistake == "numpy":
            x.detach().numpy()
        return self.layer(x)


@pytest.mark.parametrize(
    "mistake",
    ["tensor left behind", "new tensor on the CPU", "generator of the CPU", "autocast of the CPU", "numpy"],
)
def test_a_network_that_mixes_is_caught(mistake: str) -> None:
    network, clips = Mixing(mistake), torch.ones(2, 4)
    network(clips)
    with pretend_cuda(), pytest.raises((DeviceMix, TypeError)):
        on_device(network)(clips.to("cuda"))
    with pretend_cuda():
        assert on_device(Mixing("none"))(clips.to("cuda")).device.type == "cuda"


@pytest.mark.parametrize("name", mark_slow(FAMILIES, BASIC))
def test_a_step_of_every_family_is_that_of_the_cpu(name: str) -> None:
    # In double precision: a norm over the few values that such a picture leaves enlarges what is rounded.
    there, here = (build_small(name).double().train() for _ in range(2))
    clips, labels = torch.rand(2, 2, 3, 32, 32).double(), torch.tensor([0, 3])

    def step(network: nn.Module, device: str) -> Optimizer:
        optimiser = build_optimiser(network, OptimiserConfig(lr=0.1))
        logits = average_frames(network(clips.to(device)))
        F.cross_entropy(logits, labels.to(device), label_smoothing=0.1).backward()
        optimiser.step()
        return optimiser

    step(here, "cpu")
    with pretend_cuda():
        there.to("cuda")
        optimiser = step(there, "cuda")
        folded = fold_norms(there)(clips.to("cuda")).detach().cpu()
        assert all(isinstance(tensor, PretendTensor) for tensor in there.state_dict().values())
        moments = [state["momentum_buffer"] for state in optimiser.state.values()]
        assert all(isinstance(tensor, PretendTensor) for tensor in moments)
        there.to("cpu")
    torch.testing.assert_close(dict(there.state_dict()), dict(here.state_dict()))
    with torch.no_grad():
        torch.testing.assert_close(folded, fold_norms(here)(clips))


@pytest.mark.parametrize(
    "name", mark_slow(NETWORKS, ("three-d", "pooled", "pathways", "tokens", "first", "last"))
)
def test_a_network_on_the_device_is_adopted_as_on_the_cpu(name: str) -> None:
    """What is found is the same, in training too; the module stays where it is and as it is."""
    here = bring(name)
    layout, clip_spec = NETWORKS[name].layout, here.clip_spec
    with pretend_cuda():
        inner = bring(name).module.inner
        assert isinstance(inner, nn.Module)
        module = on_device(inner.train())
        before = {key: tensor.detach().cpu().clone() for key, tensor in module.state_dict().items()}
        found = adopt(module, clip_spec=clip_spec, layout=layout)
        told = check_network(found)
        with torch.no_grad():
            clips = torch.rand(1, clip_spec.frames, 3, clip_spec.crop, clip_spec.crop).to("cuda")
            change = (fold_norms(found.module)(clips) - found.module.eval()(clips)).abs().max().cpu()
        module.train()
        assert all(tensor.device.type == "cuda" for tensor in module.state_dict().values())
        assert all(torch.equal(tensor.cpu(), before[key]) for key, tensor in module.state_dict().items())
    assert found.anatomy == here.anatomy
    assert {check: line for check, line in told.items() if line != PASSED} == {}
    assert change < 1e-4
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_transforms_and_meters_stay_on_the_device() -> None:
    clips, logits, labels = (
        torch.randint(0, 256, (2, 3, 3, 8, 8)).byte(),
        torch.rand(2, 5),
        torch.tensor([1, 4]),
    )
    expected, plain = normalise_clips(clips, ClipSpec()), Totals(torch.device("cpu"))
    plain.add(torch.tensor(2.0), logits, labels)
    with pretend_cuda():
        assert torch.equal(normalise_clips(clips.to("cuda"), ClipSpec()).cpu(), expected)
        totals = Totals(torch.device("cuda"))
        totals.add(torch.tensor(2.0).to("cuda"), logits.to("cuda"), labels.to("cuda"))
        totals.restart(1)
        assert totals.sums.device.type == "cuda"
        assert torch.equal(totals.sums.cpu()[0], plain.sums[0])


def test_a_batch_keeps_its_parts_when_it_is_pinned() -> None:
    items: list[ClipItem | SkippedClip] = [
        ClipItem(torch.zeros(2), 1, 0),
        SkippedClip(1, "gone", "no such file"),
    ]
    with pretend_cuda():
        pinned = torch.utils.data._utils.pin_memory.pin_memory(collate_clips(items), "cuda")
    assert (len(pinned.labels), [clip.clip for clip in pinned.skipped]) == (1, ["gone"])


@pytest.mark.parametrize(
    "precision", ["fp32", *(pytest.param(name, marks=pytest.mark.slow) for name in ("bf16", "fp16"))]
)
def test_training_runs_stops_and_resumes_on_the_device(precision: str, tmp_path: Path) -> None:
    world = render(tmp_path / "world")
    short = {
        # For two frames, bf16 gradients of 3x3x3 kernels are wrong on some CPUs (training/short_clips.py).
        "clip.frames": "2" if precision == "fp32" else "4",
        "run.device": "cuda",
        "run.precision": precision,
        "run.deterministic": "true",
        "data.workers": "0",
        "schedule.kind": "constant",
        "schedule.epochs": "1",
    }
    with pretend_cuda():
        train(tiny(world, short), out=tmp_path / "run")
        done = train(tiny(world, {**short, "schedule.epochs": "2"}), out=tmp_path / "run", resume=True)
    assert len(done.table) == 2
    assert done.summary.top1 is not None
    if precision == "fp32":
        plain = {**short, "run.device": "cpu", "schedule.epochs": "2"}
        train(tiny(world, plain), out=tmp_path / "cpu")
        assert_same(weights(tmp_path / "cpu"), weights(tmp_path / "run"))


def test_a_run_that_cannot_repeat_itself_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("this operation is not deterministic; set CUBLAS_WORKSPACE_CONFIG=:4096:8")

    monkeypatch.setattr(torch.Tensor, "mm", refuse)
    run = RunConfig(deterministic=True)
    with (
        pytest.raises(SpecError, match="CUBLAS_WORKSPACE_CONFIG=:4096:8 before the first work"),
        training_conditions(run, torch.device("cpu"), rank=0),
    ):
        pass
    assert not torch.are_deterministic_algorithms_enabled()


def tabulate_traces(model: LoadedModel, clips: RecordList, mode: str, settings: InferenceSettings) -> Any:
    chunks = trace_clips(model, clips, TracePlan(mode, settings=settings))
    traces = [trace for chunk in chunks for trace in chunk.traces if isinstance(trace, ClipTrace)]
    return pd.DataFrame(np.concatenate([trace.logits for trace in traces]))


def explain_traces(model: LoadedModel, clips: RecordList, settings: InferenceSettings) -> pd.DataFrame:
    plan = TracePlan("frame", settings=settings)
    traced = [trace for chunk in trace_clips(model, clips, plan) for trace in chunk.traces]
    measured = measure_evidence(model, [one for one in traced if isinstance(one, ClipTrace)], plan)
    return average_evidence([one for one in measured if isinstance(one, TraceEvidence)])


def silence(model: LoadedModel, clips: RecordList, settings: InferenceSettings) -> pd.DataFrame:
    return pd.DataFrame(measure_masked(model, clips, [{}, {"layer2.0.bn2": [0, 3]}], settings=settings).loss)


MEASUREMENTS: dict[str, Callable[[LoadedModel, RecordList, InferenceSettings], Any]] = {
    "logits": lambda m, c, s: pd.DataFrame(measure_frame_logits(m, c, settings=s).clip_logits),
    "logits, not folded": lambda m, c, s: pd.DataFrame(
        measure_frame_logits(m, c, settings=dataclasses.replace(s, fold=False, crops=10, clips=2)).clip_logits
    ),
    "evaluation": lambda m, c, s: measure_accuracy(m, c, settings=s).table,
    "ablation": lambda m, c, s: (
        measure_ablation(m, c, options=AblationOptions(batch=s.batch, device=s.device)).table
    ),
    "data scores": lambda m, c, s: measure_data_scores(m, c, settings=s).table,
    "importance": lambda m, c, s: measure_importance(m, c, settings=s).table,
    "influence": lambda m, c, s: measure_influence(m, c, settings=s).table,
    "order": lambda m, c, s: measure_order(m, c, options=OrderOptions(batch=s.batch, device=s.device)).table,
    "saliency": lambda m, c, s: measure_saliency(m, c[0], settings=s).table,
    "silenced": silence,
    "trace": lambda m, c, s: tabulate_traces(m, c, "frame", s),
    "trace of prefixes": lambda m, c, s: tabulate_traces(m, c, "prefix", s),
    "what a trace is made of": explain_traces,
    "trace without each": lambda m, c, s: tabulate_traces(m, c, "leave-one-out", s),
}


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_what_is_measured_on_the_device_is_what_is_measured_on_the_cpu(name: str, tmp_path: Path) -> None:
    model, clips = small_model(frames=2), write_clips(tmp_path, [0, 3, 1], frames=2)
    expected = MEASUREMENTS[name](model, clips, CPU)
    with pretend_cuda():
        found = MEASUREMENTS[name](model, clips, CUDA)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4)  # fused steps add in another order
    assert next(model.module.parameters()).device.type == "cpu"
    assert not isinstance(next(model.module.parameters()), PretendTensor)
