"""What `make bench` measures on a CPU: each function gives its targets, as ratios of one run."""

from __future__ import annotations

import copy
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import commands
from benchmarks.explorer import PICTURE_S, SWITCH_S, VERDICT_S, measure_waits
from benchmarks.pairing import Timings, summarise_ratio, time_interleaved
from benchmarks.serving import find_browser
from benchmarks.trace_influence import measure_mode
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.labelled import choose_clips
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.fused import fuse_network
from gst_analysis.networks.network import VideoNetwork, average_frames
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from tests.clips.planted_clips import write_video
from tests.reference import build_reference, load_product

CLASSES = 174


@dataclass(frozen=True)
class Settings:
    frames: int = 8
    size: int = 224
    rounds: int = 9
    warmup: int = 1
    threads: int = 0
    """0: as many as there are cores."""
    shared: bool = False
    """Others use the machine too: processor time, which with one thread stands still while they do."""


@dataclass(frozen=True)
class Target:
    """One promise: the ratio that was seen beside the one that was asked for."""

    name: str
    value: float | None
    """None: not measured."""
    at_most: float | None = None
    at_least: float | None = None
    spread: tuple[float, float] | None = None
    """The quartiles over rounds."""
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.value is None:
            return None
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


Calls = Mapping[str, Callable[[], object]]


def time_calls(calls: Calls, settings: Settings, *, rounds: int | None = None) -> Timings:
    """Interleaved, by the clock that the settings ask for."""
    clock = time.thread_time if settings.shared else time.perf_counter
    return time_interleaved(calls, rounds=rounds or settings.rounds, warmup=settings.warmup, clock=clock)


def build_networks() -> tuple[VideoNetwork, VideoNetwork, nn.Module]:
    """GST-ResNet-50, a 2-D ResNet-50 in our form, and torchvision's with the same weights."""
    torch.manual_seed(0)
    gst = build_model(ModelSpec.from_name("gst-resnet50", alpha="1/4")).eval()
    flat = build_model(ModelSpec.from_name("c2d-resnet50")).eval()
    theirs = torchvision.models.resnet50(num_classes=CLASSES).eval().to(memory_format=torch.channels_last)
    state = {name.replace(".conv2.spatial.", ".conv2."): one for name, one in flat.state_dict().items()}
    theirs.load_state_dict(state)
    return gst, flat, theirs


def draw_clip(settings: Settings) -> tuple[Tensor, Tensor]:
    """A clip, and its frames as a batch of images."""
    clip = torch.randn(1, settings.frames, 3, settings.size, settings.size)
    return clip, clip[0].contiguous(memory_format=torch.channels_last)


def measure_forward(settings: Settings) -> Iterator[Target]:
    """Both networks fused alike; the 3-D form as the official code has it."""
    gst, flat, theirs = build_networks()
    clip, images = draw_clip(settings)
    reference = build_reference("gst", "resnet50", alpha=gst.spec.alpha).eval()
    load_product(reference, gst.state_dict(), family="gst", backbone="resnet50")
    for kind, name, most in ((torch.float32, "fp32", 0.90), (torch.bfloat16, "bf16", 1.0)):
        fast, fast_flat = (fuse_network(one, kind) for one in (gst, flat))
        assert fast is not None
        assert fast_flat is not None
        plain, rough = copy.deepcopy(theirs).to(kind), images.to(kind)
        calls: dict[str, Callable[[], object]] = {
            "GST": partial(fast, clip),
            "2-D": partial(fast_flat, clip),
            "torchvision": partial(plain, rough),
        }
        if kind is torch.float32:
            calls["3-D"] = partial(reference, clip)
        with torch.inference_mode():
            timings = time_calls(calls, settings)
            apart = float((theirs(images) - fast_flat(clip)[0]).norm() / theirs(images).norm())
        note = f"2-D fused alike, logits {apart:.0e} from torchvision's"
        yield _share(timings, "GST", "2-D", f"GST-R50 over a 2-D ResNet-50, {name}", most, note)
        yield _share(timings, "GST", "torchvision", f"the same over torchvision's as it is, {name}", most)
        if kind is torch.float32:
            yield _times(timings, "GST", "3-D", "GST-R50, times faster than its 3-D form, fp32", 3.2)


def measure_training(settings: Settings) -> Iterator[Target]:
    """A step of training: forward, loss, backward, SGD; batch 1."""
    gst, _, theirs = build_networks()
    clip, images = draw_clip(settings)
    truth = torch.zeros(1, dtype=torch.long)
    calls = {
        "GST": _build_step(gst, lambda: average_frames(gst(clip)), truth),
        "2-D": _build_step(theirs, lambda: theirs(images).mean(0, keepdim=True), truth),
    }
    timings = time_calls(calls, settings, rounds=max(3, settings.rounds // 2))
    yield _share(timings, "GST", "2-D", "a step of training GST-R50 over a 2-D ResNet-50, fp32", 1.0)


def _build_step(network: nn.Module, run: Callable[[], Tensor], truth: Tensor) -> Callable[[], object]:
    network.train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)

    def step() -> None:
        optimiser.zero_grad()
        F.cross_entropy(run(), truth).backward()
        optimiser.step()

    return step


def measure_influence(settings: Settings) -> Iterator[Target]:
    """A trace with the matrix of influence beside it, over one without."""
    gst, _, _ = build_networks()
    with tempfile.TemporaryDirectory() as folder:
        spec = ClipSpec(frames=settings.frames, resize=settings.size, crop=settings.size)
        path = save_model(Path(folder, "net.pth"), gst, clip_spec=spec)
        clip = write_video(Path(folder, "a.mp4"), frames=24)
        model, clips = load_model(path), choose_clips([str(clip)])
        found = measure_mode(model, clips, "frame", repeats=max(1, settings.rounds // 4))
    yield Target("a trace with influence over one without", found["ratio"], at_most=3.0)


def measure_commands(settings: Settings) -> Iterator[Target]:
    """Commands that only look at a checkpoint, as whole processes, over importing torch."""
    with tempfile.TemporaryDirectory() as folder:
        size, costs = commands.measure_costs(Path(folder), max(2, settings.rounds // 3))
    for name, ratios in commands.find_ratios(costs, processor=settings.shared).items():
        peak = max(cost.peak_mb for cost in costs[name])
        yield Target(
            f"{name}, {size:.0f} MB, over `import torch`",
            statistics.median(ratios),
            at_most=commands.WANTED_SHARE,
            spread=(min(ratios), max(ratios)),
            note=f"{peak:.0f} MB at most",
        )
    most = max(cost.peak_mb for name in costs if name != commands.IMPORT for cost in costs[name])
    yield Target("the largest memory of these commands, MB", most, at_most=commands.WANTED_MB)


def measure_explorer(settings: Settings) -> Iterator[Target]:
    """What a visitor waits for, in seconds; not measured where there is no browser."""
    names = (
        "the explorer's first picture, seconds",
        "from starting it to the verdict about a shipped network, seconds",
        "a change of its page, the middle one of five, seconds",
    )
    if find_browser() is None:
        yield from (Target(name, None, note="no Chromium with playwright") for name in names)
        return
    waits = measure_waits()
    busy = "others use the machine; " if settings.shared else ""
    note = f"{busy}the server worked {waits.worked:.1f} s; a second visitor {waits.again:.1f} s"
    yield Target(names[0], waits.picture, at_most=PICTURE_S, note=note)
    yield Target(names[1], waits.verdict, at_most=VERDICT_S, note=f"{busy}no click; the browser is open")
    ends = min(waits.switches.values()), max(waits.switches.values())
    first = f"when first opened {statistics.median(waits.first.values()):.2f}"
    yield Target(names[2], waits.switch, at_most=SWITCH_S, spread=ends, note=f"{busy}{first}")


def _share(timings: Timings, own: str, other: str, name: str, at_most: float, note: str = "") -> Target:
    ratio = summarise_ratio(timings, other, against=own)  # the other is so many times faster
    return Target(name, ratio.median, at_most=at_most, spread=(ratio.low, ratio.high), note=note)


def _times(timings: Timings, own: str, other: str, name: str, at_least: float) -> Target:
    ratio = summarise_ratio(timings, own, against=other)
    return Target(name, ratio.median, at_least=at_least, spread=(ratio.low, ratio.high))
