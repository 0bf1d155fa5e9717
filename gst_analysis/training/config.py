"""What a training run is: frozen, checked settings. No torch here.

The defaults are the paper's recipe (section 4.2): SGD, lr 0.01 for 40 epochs and a tenth of it every
10 epochs after, 60 epochs in all, batches of 24, dropout 0.3. The paper does not print its momentum and
weight decay; 0.9 and 3e-4 are our reading of its lineage.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gst_analysis.errors import SpecError, legible, quote
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.spec_values import LARGEST_SIDE, MIN_SIZE, MOST_FRAMES
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems import SystemSpec, is_system
from gst_analysis.planted.worlds import WorldConfig

Precision = Literal["fp32", "bf16", "fp16"]
FREE = {"resume": "free"}
"""Marks a setting that may change when a run is resumed: it decides where and how, not what is learned."""
MOST_CHANNELS, MOST_PROCESSES = 1024, 1024
MOST_CLASSES = 1_000_000
"""Far above what anybody trains with: beyond lies a slip of the finger, and all of the memory."""


@dataclass(frozen=True)
class ModelConfig:
    """The network and what it starts from."""

    name: str = "gst-resnet50"
    alpha: str | float | None = None
    beta: str | float | None = None
    width: int | None = None
    num_classes: int | None = None
    """None takes the number of classes from the data."""
    dropout: float = 0.3
    pretrained: str | None = None
    """imagenet, or the path of a 2-D checkpoint; None starts from random weights."""
    temporal: Literal["random", "centred"] = "random"
    """How kernels over time start in an inflated network."""
    weights: str | None = None
    """A checkpoint of a video network to go on from, slimmed or not: it says family, alpha and widths, so
    name, alpha, beta and width are not looked at."""
    head: Literal["keep", "new"] = "keep"
    """Of a network to go on from: new begins with another head, of the classes of the data."""
    freeze: str | None = None
    """Keep the weights up to here: stage2, a module such as layer2 or layer2.0, or all but the head."""

    def __post_init__(self) -> None:
        both = self.weights is not None and self.pretrained is not None
        _require("model.weights", not both, "either model.weights or model.pretrained", "both")
        alone = self.head == "new" and self.weights is None
        _require("model.head", not alone, "model.weights beside it: any other start has a new head", "none")
        _require("model.dropout", 0 <= self.dropout < 1, "a number from 0 to below 1", self.dropout)
        if self.width is not None:
            _require_between("model.width", 1, MOST_CHANNELS, self.width)
        if self.num_classes is not None:
            _require_between("model.num_classes", 1, MOST_CLASSES, self.num_classes)


@dataclass(frozen=True)
class DataConfig:
    """Which clips; relative paths lie in `root`, and `root` in the working directory."""

    root: str = field(default=".", metadata=FREE)
    train: str = "train.json"
    validation: str | None = "validation.json"
    clips: str | None = field(default=None, metadata=FREE)
    """The folder that clip names are relative to; None is the annotation's own."""
    flow: str | None = field(default=None, metadata=FREE)
    """The folder with each clip's folder of flow images, for a network of flow; None: in the clip's own."""
    labels: str | None = None
    format: str | None = None
    label_order: Literal["alphabetical", "file"] = "alphabetical"
    train_subset: str | None = None
    validation_subset: str | None = None
    workers: int = field(default=4, metadata=FREE)
    """Processes that read clips, for each device, at most one a processor; 0: the training process reads."""
    cache: Literal["none", "memory", "jpeg", "raw"] = "none"
    """memory decodes every clip once and keeps its frames. raw and jpeg (quality 90) keep them on disk with
    their short side at clip.resize, from which training then cuts its crops: softer, and JPEG loses more."""
    cache_mib: int = field(default=2048, metadata=FREE)
    """Clips beyond this many MiB are decoded anew each time. On disk it bounds all that lies there."""
    cache_folder: str | None = field(default=None, metadata=FREE)
    """Where raw and jpeg keep frames, in gst-frames there; None: gst-analysis/frames in the user's cache."""
    max_skipped: float = 0.01
    """Share of unreadable clips above which the run stops."""

    def __post_init__(self) -> None:
        _require("data.workers", self.workers >= 0, "0 or more", self.workers)
        _require("data.cache_mib", self.cache_mib >= 1, "at least 1", self.cache_mib)
        _require("data.max_skipped", 0 <= self.max_skipped <= 1, "a share from 0 to 1", self.max_skipped)


@dataclass(frozen=True)
class ClipConfig:
    """What the network sees of a clip, and how training clips vary (TSN's ways)."""

    frames: int = 8
    sampling: str = "segments"
    resize: int = 256
    crop: int = 224
    mean: tuple[float, ...] = ClipSpec.mean
    std: tuple[float, ...] = ClipSpec.std
    colours: str = ClipSpec.colours
    scales: tuple[float, ...] = (1.0, 0.875, 0.75, 0.66)
    max_distortion: int = 1
    flip: float = 0.5
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self) -> None:
        _require_between("clip.frames", 1, MOST_FRAMES, self.frames)
        _require_between("clip.resize", MIN_SIZE, LARGEST_SIDE, self.resize)
        _require_between("clip.crop", MIN_SIZE, LARGEST_SIDE, self.crop)
        _require("clip.max_distortion", self.max_distortion >= 0, "0 or more", self.max_distortion)
        _require("clip.mean", all(map(math.isfinite, self.mean)), "finite numbers", list(self.mean))
        positive = all(0 < value < math.inf for value in self.std)
        _require("clip.std", positive, "numbers above 0", list(self.std))

    def spec(self) -> ClipSpec:
        """The part that travels with the weights."""
        return ClipSpec(**{f.name: getattr(self, f.name) for f in dataclasses.fields(ClipSpec)})


@dataclass(frozen=True)
class OptimiserConfig:
    """How weights are moved. Batch norm's scales and offsets and all biases are never decayed."""

    kind: Literal["sgd", "adamw"] = "sgd"
    """adamw finds motion in small networks from random weights sooner; `momentum` is its first beta."""
    lr: float = 0.01
    head_lr: float | None = None
    """Of the head; None takes lr."""
    rates: str | None = None
    """Of modules by name, as in layer1=0.001,layer4.0=0.02; the longest name that fits counts."""
    layer_decay: float | None = None
    """Every place learns at this part of the rate of the place behind it; the head learns at lr."""
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 3e-4
    batch_size: int = 24
    """Clips in one step, over all devices and pieces together."""
    accumulate: int = field(default=1, metadata=FREE)
    """Pieces that a batch is worked off in, to save memory; batch norm sees one piece at a time."""
    clip_norm: float | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        _require("optimiser.lr", self.lr > 0, "a positive number", self.lr)
        for name in ("head_lr", "layer_decay"):
            value = getattr(self, name)
            _require(f"optimiser.{name}", value is None or value > 0, "a positive number, or none", value)
        decay = self.layer_decay
        _require("optimiser.layer_decay", decay is None or decay <= 1, "above 0 and at most 1", decay)
        self.rate_of()
        _require("optimiser.momentum", 0 <= self.momentum < 1, "from 0 to below 1", self.momentum)
        _require("optimiser.nesterov", not self.nesterov or self.momentum > 0, "momentum with it", "none")
        _require("optimiser.nesterov", not self.nesterov or self.kind == "sgd", "sgd with it", self.kind)
        _require("optimiser.weight_decay", self.weight_decay >= 0, "0 or more", self.weight_decay)
        _require("optimiser.batch_size", self.batch_size >= 1, "at least 1", self.batch_size)
        _require("optimiser.accumulate", self.accumulate >= 1, "at least 1", self.accumulate)
        smoothing = self.label_smoothing
        _require("optimiser.label_smoothing", 0 <= smoothing < 1, "from 0 to below 1", smoothing)
        norm = self.clip_norm
        _require("optimiser.clip_norm", norm is None or norm > 0, "a positive number, or none", norm)

    def rate_of(self) -> dict[str, float]:
        """The rates of modules by name, as `rates` says them.

        Raises:
            SpecError: it says something else.
        """
        rates: dict[str, float] = {}
        for word in (self.rates or "").split(","):
            name, _, text = (part.strip() for part in word.rpartition("="))
            try:
                rates[name] = float(text or "nan")
            except ValueError:
                rates[name] = math.nan
        if self.rates is None:
            return {}
        good = all(name and 0 < rate < math.inf for name, rate in rates.items())
        _require("optimiser.rates", good, "MODULE=RATE, separated by commas", self.rates[:80])
        return rates


@dataclass(frozen=True)
class ScheduleConfig:
    """How long, and the learning rate over that time."""

    epochs: int = 60
    kind: Literal["steps", "cosine", "constant"] = "steps"
    milestones: tuple[float, ...] = (40.0, 50.0)
    """Epochs after which `steps` multiplies the rate by `factor`."""
    factor: float = 0.1
    update: Literal["epoch", "step"] = "epoch"
    """Whether the rate changes between epochs only, or before every step."""
    warmup_epochs: float = 0.0
    """The rate rises linearly over this time, step by step."""

    def __post_init__(self) -> None:
        _require("schedule.epochs", self.epochs >= 1, "at least 1", self.epochs)
        _require("schedule.factor", 0 < self.factor <= 1, "above 0 and at most 1", self.factor)
        stones = self.milestones
        ordered = all(s > 0 for s in stones) and list(stones) == sorted(set(stones))
        _require("schedule.milestones", ordered, "rising positive epochs", list(stones))
        warm = self.warmup_epochs
        _require("schedule.warmup_epochs", 0 <= warm <= self.epochs, "from 0 to schedule.epochs", warm)


@dataclass(frozen=True)
class RunConfig:
    """Where and how it runs, and what it leaves behind."""

    seed: int = 0
    device: Literal["auto", "cpu", "cuda", "mps"] = field(default="auto", metadata=FREE)
    devices: int | None = field(default=None, metadata=FREE)
    """Processes a node, one a device; None takes what torchrun, SLURM or `fabric run` set up, else 1."""
    nodes: int = field(default=1, metadata=FREE)
    strategy: Literal["auto", "ddp", "ddp_spawn"] = field(default="auto", metadata=FREE)
    precision: Precision = "fp32"
    sync_bn: bool = False
    compile: bool = field(default=False, metadata=FREE)
    deterministic: bool = field(default=False, metadata=FREE)
    """Only exactly repeatable kernels; on a CPU training repeats exactly in any case."""
    threads: int | None = field(default=None, metadata=FREE)
    """Threads of the training process on the CPU; None leaves torch's choice."""
    validate_every: int = 1
    save_every_epochs: int = field(default=0, metadata=FREE)
    """Keep a checkpoint every so many epochs; 0 keeps only the last and the best."""
    save_every_steps: int = field(default=0, metadata=FREE)
    """Make the run resumable every so many steps, not only after each epoch."""
    save_every_minutes: float = field(default=10.0, metadata=FREE)
    """Make it resumable within an epoch, too, if it was not saved for so long; 0 for never."""
    log_every_steps: int = 10
    tensorboard: bool = field(default=True, metadata=FREE)
    """Write TensorBoard's files, if it is installed (extra `tensorboard`)."""
    wandb: str | None = field(default=None, metadata=FREE)
    """The project of Weights & Biases to tell the run to (extra `wandb`); None tells it nothing."""
    mlflow: str | None = field(default=None, metadata=FREE)
    """The experiment of MLflow to tell the run to (extra `mlflow`)."""

    def __post_init__(self) -> None:
        _require("run.seed", 0 <= self.seed < 2**32, "from 0 to 2**32 - 1", self.seed)
        for name in ("save_every_epochs", "save_every_steps", "save_every_minutes"):
            _require(f"run.{name}", getattr(self, name) >= 0, "0 or more", getattr(self, name))
        for name in ("devices", "nodes", "threads"):
            if (value := getattr(self, name)) is not None:
                _require_between(f"run.{name}", 1, MOST_PROCESSES, value)
        for name in ("validate_every", "log_every_steps"):
            _require(f"run.{name}", getattr(self, name) >= 1, "at least 1", getattr(self, name))


@dataclass(frozen=True)
class TrainConfig:
    """A whole run. `world`, where given, is the planted world that is rendered into an empty data root."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    clip: ClipConfig = field(default_factory=ClipConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    run: RunConfig = field(default_factory=RunConfig)
    world: WorldConfig | None = None

    def __post_init__(self) -> None:
        for section in dataclasses.fields(self):
            _check_writable(section.name, getattr(self, section.name))
        self.clip.spec()
        self._check_flow(self.model_spec(self.model.num_classes or 2))

    def model_spec(self, num_classes: int) -> ModelSpec | SystemSpec:
        """The network for this many classes."""
        model = self.model
        settings = {"alpha": model.alpha, "beta": model.beta, "width": model.width}
        frames = self.clip.frames
        if is_system(model.name):
            settings = {name: value for name, value in settings.items() if value is not None}
            _require("model.name", not settings, "no alpha, beta or width for it", list(settings))
            return SystemSpec.from_name(model.name, num_frames=frames, num_classes=num_classes)
        return ModelSpec.from_name(model.name, num_frames=frames, num_classes=num_classes, **settings)

    def _check_flow(self, spec: ModelSpec | SystemSpec) -> None:
        """A network of optical flow reads flow, and no other does; a file's network is known later."""
        clip = self.clip
        if self.model.weights is None:
            expected, todo = "RGB or BGR", "set it to RGB, or choose a network whose name ends in -flow"
            if spec.flow:
                expected = "flow"
                todo = f"set it, clip.sampling=segments-of-{spec.flow}, clip.mean and clip.std"
            fits = bool(spec.flow) == clip.spec().flow
            _require("clip.colours", fits, f"{expected}, as {spec.name} reads", clip.colours, todo)
        todo = "set clip.colours to flow, or leave it out"
        fits = self.data.flow is None or clip.spec().flow
        _require("data.flow", fits, "none, as colour frames are read", self.data.flow, todo)
        todo = "set it to raw, memory or none"
        exact = not (clip.spec().flow and self.data.cache == "jpeg")
        _require("data.cache", exact, "no JPEG, which would blur motion", self.data.cache, todo)
        jitters = (clip.brightness, clip.contrast, clip.saturation, clip.hue)
        plain = not (clip.spec().flow and any(jitters))
        _require("clip.brightness and its like", plain, "0: flow has no colours", list(jitters))

    def to_json(self) -> dict[str, Any]:
        """Plain values by section; what is None is left out where that is its default."""
        sections = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: _plain(section) for name, section in sections.items() if section is not None}


def fixed_settings(config: TrainConfig) -> dict[str, Any]:
    """The settings that a resumed run must share with the one it goes on from, by dotted key.

    More epochs are welcome where they leave the learning rate of the earlier ones alone.
    """
    fixed: dict[str, Any] = {}
    record = config.to_json()
    for section in dataclasses.fields(config):
        value = getattr(config, section.name)
        for entry in dataclasses.fields(value) if value is not None else ():
            if entry.metadata.get("resume") != "free":
                fixed[f"{section.name}.{entry.name}"] = record[section.name].get(entry.name)
    fixed["data.cache"] = name_frames(config.data.cache)
    # A cosine's rate at any epoch depends on how many there are; the others' does not.
    if config.schedule.kind != "cosine":
        del fixed["schedule.epochs"]
    return fixed


def name_frames(cache: str) -> str:
    """What a cache makes of frames, to compare runs by: none and memory leave them as they are."""
    return "none or memory" if cache in ("none", "memory") else cache


def _plain(section: Any) -> dict[str, Any]:
    values: Mapping[str, Any] = {
        f.name: getattr(section, f.name)
        for f in dataclasses.fields(section)
        if getattr(section, f.name) is not None or f.default is not None
    }
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def _check_writable(name: str, section: Any) -> None:
    """Refuse what no TOML file says, as every run leaves its settings in one."""
    for entry in dataclasses.fields(section) if section is not None else ():
        key, value = f"{name}.{entry.name}", getattr(section, entry.name)
        if isinstance(value, str):
            whole = not any("\ud800" <= letter <= "\udfff" for letter in value)
            _require(key, whole, "text or a name in UTF-8, as TOML is", legible(value), "rename it")
            named = value.lower() != "none" or "None" not in str(entry.type)
            _require(key, named, "a text, or None", repr(value), "give None, or ./none if that is its name")
        for number in value if isinstance(value, tuple) else (value,):
            finite = not isinstance(number, float) or math.isfinite(number)
            _require(key, finite, "finite numbers", value)


def _require_between(key: str, least: int, most: int, found: int) -> None:
    _require(key, least <= found <= most, f"from {least} to {most}", found)


def _require(
    key: str, holds: bool, expected: str, found: object, todo: str = "correct it in the recipe or override"
) -> None:
    if not holds:
        raise SpecError(
            key, expected=expected, found=found if isinstance(found, str) else quote(found), todo=todo
        )
