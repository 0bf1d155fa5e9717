"""Parts of `forward_gpu` beside the forward pass itself: other forms, training, torch.compile, a profile."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from unittest import mock

import torch
from torch import Tensor, nn
from torch._C._autograd import DeviceType
from torch.nn import functional as F

from benchmarks.forward import convolve_neighbours
from benchmarks.gpu_forms import FORMS, TRAINED, fuse, replace_operators
from benchmarks.gpu_networks import TYPES, Setting, as_input, has_triton
from benchmarks.gpu_rows import Bench
from benchmarks.gpu_timing import Run
from gst_analysis.networks import folding
from gst_analysis.networks import operators as temporal
from gst_analysis.networks.folding import fold_norms
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec

Replacement = Callable[..., Tensor]
OVER_TIME: dict[str, Replacement] = {
    "taps summed": temporal.convolve_taps,
    "3-D convolution": temporal.convolve_clips,
}


def measure_forms(bench: Bench, setting: Setting, *, graphs: bool) -> None:
    """Every form of GST's operator in the fused network, beside the product's and the 2-D network."""
    kinds = bench.kinds(setting)
    kept = {name: kinds[name] for name in ("2-D fused", "GST folded", "GST fused")}
    for word, form in FORMS.items():
        try:
            kept[f"GST fused, {word}"] = fuse(kinds["GST folded"], form, compiled=has_triton() and graphs)
        except (ValueError, ImportError) as error:  # an alpha that does not allow the form, or no Triton
            bench.note_failure(f"forms, {setting}, {word}", error)
    runs = bench.prepare(kept, setting)
    runs["GST folded, neighbours"] = in_another_form(runs["GST folded"], convolve_neighbours)
    bench.measure("forms", setting, runs, graphs=graphs, mode="graph" if graphs else "eager")


def in_another_form(run: Run, convolve: Replacement) -> Run:
    """The call with another form of the product's `convolve_over_time`."""

    def replaced() -> Tensor:
        with (
            mock.patch.object(temporal, "convolve_over_time", convolve),
            mock.patch.object(folding, "convolve_over_time", convolve),
        ):
            return run()

    return replaced


def measure_families(bench: Bench, setting: Setting, families: str) -> None:
    """Two forms of a kernel over time in other families, whose kernels have other shapes."""
    for family in families.split(","):
        torch.manual_seed(0)
        with bench.device:
            network = build_model(ModelSpec.from_name(f"{family}-resnet50")).eval()
        network = fold_norms(network).to(TYPES[setting.precision])
        x = bench.clips(setting).to(next(network.parameters()).dtype)
        runs: dict[str, Run] = {f"GST-like {family}": partial(network, x)}
        for word, form in OVER_TIME.items():
            runs[f"GST-like {family}, {word}"] = in_another_form(runs[f"GST-like {family}"], form)
        del runs[f"GST-like {family}"]
        with torch.no_grad():
            first, second = (run().float() for run in runs.values())
            far = float((first - second).norm() / first.norm())
            timings = bench.time(runs)
        bench.keep("families", "eager", setting, timings, {list(runs)[1]: far}, rated=False)


def measure_training(bench: Bench, setting: Setting) -> None:
    """A step: forward under autocast, backward, SGD. cuDNN tunes its algorithms, as in the training loop."""
    plain, deep = bench.networks.reference, torch.channels_last_3d
    kinds = {
        "3-D": plain,
        "3-D, channels last": copy.deepcopy(plain).to(memory_format=deep),
        "2-D": bench.networks.flat,
        "GST": bench.networks.product,
        **{f"GST, {word}": replace_operators(bench.networks.product, form) for word, form in TRAINED.items()},
    }
    steps = {name: build_step(bench, name, network, setting) for name, network in kinds.items()}
    before, peaks = torch.backends.cudnn.benchmark, {}
    torch.backends.cudnn.benchmark = True
    try:
        for name, step in list(steps.items()):
            try:
                peaks[name] = _measure_peak(step, bench.device)
            except Exception as error:
                bench.note_failure(f"training, {setting}, {name}", error)
                del steps[name]
        bench.keep("training", "eager", setting, bench.time(steps), {}, peaks, rated=False)
    finally:
        torch.backends.cudnn.benchmark = before


def build_step(bench: Bench, name: str, network: nn.Module, setting: Setting) -> Run:
    """A call that trains a copy of a network for one step, always on the same clips."""
    network = copy.deepcopy(network).train().requires_grad_(True)
    x = as_input(name, bench.clips(setting))
    labels = torch.arange(setting.batch, device=bench.device) % 12
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)

    def step() -> Tensor:
        with torch.autocast(bench.device.type, torch.bfloat16, enabled=setting.precision == "bf16"):
            logits = network(x)
        loss = F.cross_entropy(logits.float().reshape(setting.batch, setting.frames, -1).mean(1), labels)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return loss

    return step


def _measure_peak(step: Run, device: torch.device) -> float:
    step()
    if device.type != "cuda":
        return 0.0
    torch.cuda.reset_peak_memory_stats(device)
    held = torch.cuda.memory_allocated(device)
    step()
    torch.cuda.synchronize(device)
    return (torch.cuda.max_memory_allocated(device) - held) / 2**20


def measure_compiled(bench: Bench, setting: Setting, names: str, *, graphs: bool = True) -> None:
    """torch.compile in its default mode, eagerly launched and as a CUDA graph."""
    kinds = bench.kinds(setting)
    runs = {}
    for name, run in bench.prepare({name: kinds[name] for name in names.split("|")}, setting).items():
        runs[name] = torch.compile(run, dynamic=False)
    torch._dynamo.reset()
    bench.measure("compiled", setting, runs, mode="compiled")
    if graphs:
        bench.measure("compiled", setting, runs, graphs=True, mode="compiled, graph")


def profile(bench: Bench, setting: Setting, *, top: int = 15) -> dict[str, list[dict[str, object]]]:
    """Of some networks the kernels that take the most time on the device, in milliseconds a pass."""
    found = {}
    for name, run in _profiled(bench, setting).items():
        with torch.no_grad():
            run()
            activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
            with torch.profiler.profile(activities=activities) as traced:
                for _ in range(3):
                    run()
                if bench.device.type == "cuda":
                    torch.cuda.synchronize(bench.device)
        found[name] = list(_list_kernels(traced, top))
    return found


def _profiled(bench: Bench, setting: Setting) -> dict[str, Run]:
    kinds = bench.kinds(setting)
    names = ("GST folded", "GST fused", "GST fused, nothing compiled", "2-D folded", "2-D fused", "3-D fused")
    return bench.prepare({name: kinds[name] for name in names if name in kinds}, setting)


def _list_kernels(traced: torch.profiler.profile, top: int) -> Iterator[dict[str, object]]:
    kernels = [event for event in traced.key_averages() if event.device_type != DeviceType.CPU]
    kernels.sort(key=lambda event: -event.self_device_time_total)
    total = sum(event.self_device_time_total for event in kernels)
    for event in kernels[:top]:
        ms = event.self_device_time_total / 3000
        share = event.self_device_time_total / total
        yield {"kernel": event.key[:120], "calls": event.count // 3, "ms": ms, "share": share}
