"""The processes of one run: how they start, the few things they tell each other, and what they must share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision, Precision
from torch import Tensor, distributed

from gst_analysis.clips.dataset import SkippedClip, SkippedClips
from gst_analysis.errors import DataError, GstError, SpecError, name_some
from gst_analysis.networks.devices import choose_device
from gst_analysis.processes import read_count
from gst_analysis.training.config import RunConfig, TrainConfig, name_frames
from gst_analysis.training.sources import Sources

Value = TypeVar("Value")

_LAUNCHERS = (
    "TORCHELASTIC_RUN_ID",
    "SLURM_PROCID",
    "LSB_JOBID",
    "OMPI_COMM_WORLD_SIZE",
    "PMI_SIZE",
    "MASTER_ADDR",
    "NODE_RANK",
    "GROUP_RANK",
)
"""What torchrun, SLURM, LSF, MPI, Kubeflow, or a person by hand, set in the environment."""
_OWN = (
    "data.root",
    "data.clips",
    "data.workers",
    "data.cache",  # but for what it makes of frames
    "data.cache_mib",
    "data.cache_folder",
    "run.threads",
)
"""Settings that a machine may have of its own: where its copy of the clips lies, and how it is read."""
_PATIENCE = timedelta(hours=6)  # the first rank may decode or render for long while the others wait


def build_fabric(run: RunConfig) -> Fabric:
    """Lightning Fabric for the wanted devices; nothing is launched yet.

    Under torchrun the number of devices and nodes is torchrun's, under `fabric run` everything is.
    """
    device = choose_device(run.device, setting="run.device").type
    plugin = _precision(run.precision, device)
    if int(os.environ.get("LT_CLI_USED", "0")):
        return Fabric(plugins=plugin)
    devices, nodes = _count_devices(run)
    _check_launched(nodes)
    strategy = run.strategy if devices * nodes > 1 or run.strategy != "auto" else "auto"
    return Fabric(accelerator=device, devices=devices, num_nodes=nodes, strategy=strategy, plugins=plugin)


def _precision(name: str, device: str) -> Precision:
    if name == "fp32":
        return Precision()
    return MixedPrecision("bf16-mixed" if name == "bf16" else "16-mixed", device)


def _count_devices(run: RunConfig) -> tuple[int, int]:
    local, world = os.environ.get("LOCAL_WORLD_SIZE"), os.environ.get("WORLD_SIZE")
    if local is not None and world is not None and distributed.is_torchelastic_launched():
        each = read_count("LOCAL_WORLD_SIZE")
        return each, read_count("WORLD_SIZE") // each
    if run.devices is None and "SLURM_NTASKS" in os.environ and "SLURM_JOB_NAME" in os.environ:
        tasks, nodes = read_count("SLURM_NTASKS"), read_count("SLURM_NNODES")
        # A shell that srun opened on a reserved node has started one process, whatever it reserved.
        return (tasks // nodes, nodes) if os.environ["SLURM_JOB_NAME"] != "bash" else (1, 1)
    return run.devices or 1, run.nodes


def _check_launched(nodes: int) -> None:
    """Refuse to wait for other nodes on which nobody has started anything."""
    if nodes > 1 and not any(name in os.environ for name in _LAUNCHERS):
        raise SpecError(
            "run.nodes",
            expected="1, or processes that a launcher started on every node",
            found=f"{nodes}, and no sign of a launcher",
            todo="start it on every node by torchrun --nnodes or srun, or set MASTER_ADDR, MASTER_PORT and "
            "NODE_RANK on each",
        )


class Ranks:
    """This process among the others. What they tell each other goes by gloo, so that no GPU waits for it."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.rank, self.size = fabric.global_rank, fabric.world_size
        self.device = fabric.device
        self._group: Any = None
        if self.size > 1:
            self._group = distributed.new_group(backend="gloo", timeout=_PATIENCE)

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def gather(self, numbers: Sequence[int]) -> list[list[int]]:
        """Every rank's whole numbers; all ranks give equally many."""
        own = torch.tensor(numbers, dtype=torch.int64)
        if self.size == 1:
            return [own.tolist()]
        every = [torch.empty_like(own) for _ in range(self.size)]
        distributed.all_gather(every, own, group=self._group)
        return [tensor.tolist() for tensor in every]

    def gather_objects(self, value: Any) -> list[Any]:
        """Every rank's plain value."""
        if self.size == 1:
            return [value]
        every: list[Any] = [None] * self.size
        distributed.all_gather_object(every, value, group=self._group)
        return every

    def give(self, value: Any) -> Any:
        """The first rank's plain value on every rank."""
        if self.size == 1:
            return value
        given = [value if self.leads else None]
        distributed.broadcast_object_list(given, 0, group=self._group)
        return given[0]

    def add(self, totals: Tensor) -> Tensor:
        """The sum of every rank's tensor, on the CPU."""
        total = totals.detach().cpu().to(torch.float64, copy=True)
        if self.size > 1:
            distributed.all_reduce(total, group=self._group)
        return total

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Give every rank the first one's tensors, such as a network's running statistics."""
        if self.size > 1:
            for tensor in tensors:
                # Among the devices themselves: that is where these tensors lie.
                distributed.broadcast(tensor, 0)

    def agree(self, prepare: Callable[[], Value]) -> Value:
        """What `prepare` returns here; if it fails on any rank, its error on every rank."""
        error: GstError | None = None
        try:
            value = prepare()
        except GstError as raised:
            error = raised
        parts = None if error is None else (error.subject, error.expected, error.found, error.todo)
        failures = [failure for failure in self.gather_objects(parts) if failure is not None]
        if error is not None:
            raise error
        if failures:
            subject, expected, found, todo = failures[0]
            raise GstError(subject, expected=expected, found=found, todo=todo)
        return value


@contextmanager
def explain_lost_ranks(ranks: int) -> Iterator[None]:
    """Where another process has ended, its error is the one to read, not the broken connection to it."""
    try:
        yield
    except RuntimeError as error:
        text = str(error).lower()
        if ranks < 2 or not any(sign in text for sign in ("gloo", "connection", "nccl")):
            raise
        raise GstError(
            "training in several processes",
            expected="all of them to keep running",
            found="one that ended",
            todo="read its own error, then go on with resume",
        ) from error


def count_skipped(ranks: Ranks, tally: SkippedClips, own: Sequence[SkippedClip], stop: bool) -> bool:
    """Count what any rank skipped; returns whether any rank wants to stop.

    Raises:
        DataError: too large a share of the clips could not be read.
    """
    told = ranks.gather([len(own), int(stop)])
    count_all(ranks, tally, own, any(row[0] for row in told))
    return any(row[1] for row in told)


def count_all(ranks: Ranks, tally: SkippedClips, own: Sequence[SkippedClip], some: bool) -> None:
    """Exchange and count skipped clips, if any rank has some."""
    if some:
        tally.count([clip for clips in ranks.gather_objects(list(own)) for clip in clips])


def check_settings(ranks: Ranks, config: TrainConfig) -> None:
    """Refuse processes that were started with other settings than the first one.

    Raises:
        SpecError: on every rank alike; it names the settings.
    """
    record = {
        f"{section}.{key}": value
        for section, values in config.to_json().items()
        for key, value in values.items()
        if f"{section}.{key}" not in _OWN
    }
    record["data.cache"] = name_frames(config.data.cache)
    rank, odd = _find_other(ranks.gather_objects(record))
    if odd:
        raise SpecError(
            "training in several processes",
            expected="the same settings in all of them",
            found=f"others in process {rank}: {name_some(odd)}",
            todo="give every node the same command",
        )


def check_sources(ranks: Ranks, sources: Sources, config: TrainConfig) -> None:
    """Refuse lists or classes other than those of the first process: the ranks would deal out other clips.

    Raises:
        DataError: on every rank alike; it names the lists.
    """
    rank, odd = _find_other(ranks.gather_objects(sources.fingerprint))
    names = {"train": f"data.train ({config.data.train})", "classes": "the class names"}
    names["validation"] = f"data.validation ({config.data.validation})"
    if odd:
        raise DataError(
            "training in several processes",
            expected="the same clip lists and classes in all of them",
            found=f"other contents in process {rank}: {name_some([names[key] for key in odd])}",
            todo="give every node the same annotations",
        )


def _find_other(records: list[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """The first process whose record is not that of the first one, and in which entries."""
    first = records[0]
    for rank, record in enumerate(records):
        if odd := [k for k in dict.fromkeys([*first, *record]) if first.get(k) != record.get(k)]:
            return rank, odd
    return 0, []
