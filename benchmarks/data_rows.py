"""What `make bench` measures of data sets: the loader beside training, analyses beside their slower stage.

The clips are of a planted world: 40 frames of 240x240 pixels with noise, H.264 in mp4, 0.3 MB each.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
from torch.nn import functional as F

from benchmarks.bench_rows import Settings, Target
from benchmarks.settings import using_threads
from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.analyses.ablation.run import AblationRun
from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.analyses.evaluation.measure import measure_accuracy
from gst_analysis.analyses.order.measure import measure_order, settings_of
from gst_analysis.analyses.order.showing import Showing
from gst_analysis.analyses.order.table import OrderOptions
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.dataset import ReadingPlan
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.clips.records import RecordList
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.inference.conditions import fusing_pays, running_conditions
from gst_analysis.inference.reading import read_ahead
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.fused import fuse_network
from gst_analysis.networks.network import average_frames
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted.making import WorldConfig, make_world
from gst_analysis.probes.clip_stream import Batch, ClipStream
from gst_analysis.probes.hooks import list_units
from gst_analysis.training.batches import BatchPlan, TrainSampler
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.loaders import Loader, build_dataset, build_loader, end_workers
from gst_analysis.training.recipes import load_config

CLIPS, FRAMES, SIZE = 36, 40, 240
BATCH, EPOCHS = 8, 3
REPEATS = {"evaluate": 9, "order": 3, "ablate": 3}
"""How often an analysis meets each clip, so that what it does once weighs little: most often the fastest one,
which had done with three of each in 0.6 s, a tenth of it threads that begin, tables, and the last batch."""
CASES = (("evaluate", 8, 64), ("evaluate", 16, 112), ("order", 8, 64), ("ablate", 8, 64))
"""An analysis, the width of its GST-ResNet26s, and pixels of a side; clips of 8 frames."""
ENOUGH = 0.9
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Spent:
    """Seconds on the clock, and of processors: in this thread, and in all others of this process."""

    wall: float
    here: float
    elsewhere: float

    @property
    def processor(self) -> float:
        return self.here + self.elsewhere

    def last(self, settings: Settings) -> float:
        """How long it takes: on a shared machine the busier of the two sides, each alone on a processor."""
        return max(self.here, self.elsewhere) if settings.shared else self.wall


def spend(call: Callable[[], object]) -> Spent:
    """What a call takes."""
    wall, here, all_threads = time.perf_counter(), time.thread_time(), time.process_time()
    call()
    here, all_threads = time.thread_time() - here, time.process_time() - all_threads
    return Spent(time.perf_counter() - wall, here, max(0.0, all_threads - here))


@contextmanager
def planted_world() -> Iterator[Path]:
    """A folder with the clips, two thirds for training; few, as rendering takes as long as measuring."""
    with tempfile.TemporaryDirectory() as folder:
        config = WorldConfig(world="temporal", clips=CLIPS, frames=FRAMES, size=SIZE, train_fraction=0.67)
        make_world(Path(folder, "world"), config)
        yield Path(folder, "world")


def measure_loader(settings: Settings) -> Iterator[Target]:
    """Clips a second of the loader over those of a step of the smallest network that a recipe trains.

    Workers and threads of the network are equally many, each measured without the other. On a shared machine
    the step's clips a second are taken to grow with its threads: the most that there can be.
    """
    with planted_world() as world:
        config = load_config("planted-temporal", overrides={"data.root": str(world), "data.cache": "none"})
        for workers in (1, 2):
            found = [_compare_loader(config, workers, settings) for _ in range(max(3, settings.rounds // 3))]
            name = f"the loader over training, clips a second, {workers} of each"
            middle, spread = statistics.median(found), (min(found), max(found))
            note = (
                f"{config.model.name} of width {config.model.width}, 8x64x64; clips of {FRAMES}x{SIZE}x{SIZE}"
            )
            yield Target(name, middle, at_least=1.0, spread=spread, note=note)


def _compare_loader(config: TrainConfig, workers: int, settings: Settings) -> float:
    """A step's seconds a clip over the loader's."""
    records = load_labelled_clips(Path(config.data.root) / "train.json")
    config = replace(config, data=replace(config.data, workers=workers))
    plan = BatchPlan(len(records), BATCH, 1, seed=0)
    loader = build_loader(build_dataset(records, config, train=True), TrainSampler(plan), config, CPU)
    try:
        for _ in loader:  # processes begin, and files get into memory
            pass
        used, wall = _read_workers(loader), time.perf_counter()
        clips = sum(len(batch.labels) for _ in range(EPOCHS) for batch in loader)
        wall, used = time.perf_counter() - wall, _read_workers(loader) - used
    finally:
        end_workers(loader)
    reading = (used / workers if settings.shared else wall) / clips
    with using_threads(1 if settings.shared else workers):
        training = _time_step(config, settings)
    return (training / workers if settings.shared else training) / reading


def _read_workers(loader: Loader) -> float:
    """Processor seconds that the loader's processes have used."""
    processes = getattr(loader._iterator, "_workers", ())
    ticks = [Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()[11:13] for one in processes]
    return sum(int(tick) for pair in ticks for tick in pair) / os.sysconf("SC_CLK_TCK")


def _time_step(config: TrainConfig, settings: Settings) -> float:
    """Seconds a clip of a step of training on clips in memory: forward, loss, backward, SGD."""
    clip, clock = config.clip.spec(), time.thread_time if settings.shared else time.perf_counter
    network = build_model(config.model_spec(config.model.num_classes or 1)).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)
    pixels = torch.randint(0, 256, (BATCH, clip.frames, 3, clip.crop, clip.crop), dtype=torch.uint8)
    truth, times = torch.zeros(BATCH, dtype=torch.long), []
    for _ in range(6):
        begun = clock()
        optimiser.zero_grad()
        F.cross_entropy(average_frames(network(normalise_clips(pixels, clip))), truth).backward()
        optimiser.step()
        times.append(clock() - begun)
    return statistics.median(times[1:]) / BATCH


@dataclass(frozen=True)
class Stages:
    """An analysis of a data set as a whole, and each of its stages without the other."""

    whole: Callable[[], object]
    decode: Callable[[], object]
    network: Callable[[], object]

    def side_by_side(self) -> None:
        """Both without each other, at the same time: what two cores allow that share caches and memory."""
        with ThreadPoolExecutor(1) as pool:
            decoding = pool.submit(self.decode)
            self.network()
            decoding.result()


@contextmanager
def one_reader() -> Iterator[None]:
    """A single thread reads, whatever an analysis takes by itself: as many as there are cores.

    On two cores those would be three threads, and the network would have to share its core with one of them:
    then it is the scheduler that is measured, and not whether stages wait for each other.
    """
    with patch("gst_analysis.inference.settings._MOST_READERS", 1):
        yield


@contextmanager
def open_cases() -> Iterator[Iterator[tuple[str, Stages]]]:
    """Every case by its name, with its stages."""
    with planted_world() as world, using_threads(1), one_reader():
        records = load_labelled_clips(world / "train.json")
        again = {name: replace(records, records=records.records * REPEATS[name]) for name in STAGES}
        yield (
            (f"{name}, {size} pixels", STAGES[name](save_network(world, width, size), again[name]))
            for name, width, size in CASES
        )


def measure_analyses(settings: Settings) -> Iterator[Target]:
    """The slower stage's time over the whole's, with a thread for each stage; and what there is to reach."""
    with open_cases() as cases:
        for name, stages in cases:
            rounds = [
                {
                    part: spend(getattr(stages, part))
                    for part in ("decode", "network", "side_by_side", "whole")
                }
                for _ in range(max(2, settings.rounds // 4))
            ]
            yield from _tell_analysis(name, rounds, settings)


def _tell_analysis(name: str, rounds: list[dict[str, Spent]], settings: Settings) -> Iterator[Target]:
    """Its share of the ceiling, that of two stages that share nothing, and of its processor time theirs."""
    alone = [(one["decode"].last(settings), one["network"].last(settings)) for one in rounds]
    decode, network = (statistics.median(times) for times in zip(*alone, strict=True))
    note = f"decoding {decode:.2f} s, network {network:.2f} s"

    def share(what: str, part: str, enough: float | None = None, note: str = "") -> Target:
        found = [max(two) / one[part].last(settings) for two, one in zip(alone, rounds, strict=True)]
        return Target(
            f"{name}: {what}", statistics.median(found), None, enough, (min(found), max(found)), note
        )

    yield share("its slower stage over the whole", "whole", ENOUGH, note)
    yield share("its slower stage over both side by side, without each other", "side_by_side")
    useful = [(one["decode"].processor + one["network"].processor) / one["whole"].processor for one in rounds]
    middle, spread = statistics.median(useful), (min(useful), max(useful))
    yield Target(f"{name}: both stages' work over all work", middle, spread=spread)


def save_network(folder: Path, width: int, size: int) -> LoadedModel:
    torch.manual_seed(0)
    spec = ModelSpec.from_name("gst-resnet26s", alpha="1/4", width=width, num_classes=12)
    clips = ClipSpec(8, resize=size, crop=size)
    return load_model(save_model(folder / f"{width}-{size}.pth", build_model(spec).eval(), clip_spec=clips))


def _decode(model: LoadedModel, records: RecordList) -> None:
    """Read every clip as analyses do, on one thread, and forget it."""
    plan = ReadingPlan(model.clip_spec, normalise=False)
    with closing(read_ahead(enumerate(records), plan, threads=1)) as clips:
        for _ in clips:
            pass


def _hold(model: LoadedModel, records: RecordList) -> list[Batch]:
    return list(ClipStream(model, records, InferenceSettings(device="cpu", fold=False), CPU).batches())


def split_evaluate(model: LoadedModel, records: RecordList) -> Stages:
    """Folded, or fused, as evaluate itself decides."""
    settings, held = InferenceSettings(device="cpu", readers=1), _hold(model, records)

    def run() -> None:
        fuse = fusing_pays(model.clip_spec, len(records))
        with running_conditions(model.module, settings, CPU, fuse=fuse) as network, torch.no_grad():
            for batch in held:
                network(batch.clips)

    return Stages(
        partial(measure_accuracy, model, records, settings=settings), partial(_decode, model, records), run
    )


def split_order(model: LoadedModel, records: RecordList) -> Stages:
    """All conditions."""
    options, held = OrderOptions(device="cpu"), _hold(model, records)

    def run() -> None:
        showing = Showing(model, options.conditions, shuffles=options.shuffles, seed=options.seed)
        with running_conditions(model.module, settings_of(options), CPU), torch.no_grad():
            for batch in held:
                showing.take(batch)

    return Stages(
        partial(measure_order, model, records, options=options), partial(_decode, model, records), run
    )


def split_ablate(model: LoadedModel, records: RecordList) -> Stages:
    """Every group of channels is silenced: the one intervention that needs no first pass."""
    options, held = AblationOptions(device="cpu", interventions=("zero",)), _hold(model, records)

    def run() -> None:
        with (
            running_conditions(model.module, InferenceSettings(device="cpu", fold=False), CPU),
            torch.no_grad(),
        ):
            ablation = AblationRun(model.module, ("zero",), list_units(model.spec))
            ablation.fast = fuse_network(model.module)
            for number, batch in enumerate(held):
                ablation.take(batch, number)

    return Stages(
        partial(measure_ablation, model, records, options=options), partial(_decode, model, records), run
    )


STAGES = {"evaluate": split_evaluate, "order": split_order, "ablate": split_ablate}
