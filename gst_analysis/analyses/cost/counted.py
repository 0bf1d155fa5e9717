"""What a network costs that does not follow from arithmetic: one clip is run, and every product counted.

Enters a network and the size of its clips; leaves the rows that `counting` makes by arithmetic. A copy
without values (device meta) is run, so that the largest network takes seconds and no memory; torch's own
counter says what each product costs, and what was heard is put down to the module that was at work. Whose
cost it is, is told by the kernel: over rows and columns, over time, or over both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from gst_analysis.analyses.cost.counting import Layer, check_size
from gst_analysis.analyses.cost.table import CostGroup, Op
from gst_analysis.errors import SpecError
from gst_analysis.networks.adopted import run_once
from gst_analysis.networks.anatomy import Anatomy, Place
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.registry import anatomy_of, build_without_values
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.trial_runs import copy_shapes, untouched

aten = torch.ops.aten
_CONVOLUTIONS = (aten.convolution, aten._convolution, aten.cudnn_convolution, aten._slow_conv2d_forward)
_PLAIN_PRODUCTS = (aten.mm, aten.addmm)
_ELEMENTS: dict[Any, Op] = {
    aten.native_batch_norm: "norm",
    aten._native_batch_norm_legit_no_training: "norm",
    aten._native_batch_norm_legit: "norm",
    aten._batch_norm_no_update: "norm",
    aten.cudnn_batch_norm: "norm",
    aten.relu: "relu",
    aten.relu_: "relu",
    aten.hardtanh: "relu6",
    aten.hardtanh_: "relu6",
    aten.max_pool2d_with_indices: "pool",
    aten.max_pool3d_with_indices: "pool",
    aten.avg_pool2d: "pool",
    aten.avg_pool3d: "pool",
    aten._adaptive_avg_pool2d: "pool",
    aten._adaptive_avg_pool3d: "pool",
    aten.mean: "pool",
}
"""What conventions weigh beside multiply-adds. Layer norms, GELUs and softmaxes have no convention here."""
_BESIDE = re.compile(r"(.*?\d)[a-z]?_(?:output|relu)$")
"""The last layer of a block that has no module of its own, such as inception_3a_output: inception_3."""
ATTENTION = (
    "products of two things that the clip itself decides (attention) are shared: which places they relate, "
    "in space, in time or in both, does not show in their shapes"
)
UNWEIGHED = "layer norms, GELUs and softmaxes are in none of the counting conventions"


@dataclass
class Heard:
    """What one kind of work of one module came to."""

    module: str
    op: Op
    group: CostGroup
    stage: int
    macs: int = 0
    elements: int = 0


@dataclass
class Listener:
    """Which modules are at work, and what was counted while they were."""

    modules: dict[str, nn.Module]
    places: tuple[Place, ...]
    rows: dict[tuple[str, Op, CostGroup], Heard] = field(default_factory=dict)
    at_work: list[str] = field(default_factory=lambda: [""])
    passed: list[Place] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)
    stages: dict[int, int] = field(default_factory=dict)
    """A place's stride, or its stage where strides are unknown -> the table's stage, 1 behind the stem.

    By strides, because pathways side by side have stages of their own.
    """

    def __post_init__(self) -> None:
        by_stride = all(place.stride for place in self.places)
        self.keys = {p.name: (p.stride or 0) if by_stride else p.stage for p in self.places}
        self.stages = {key: number for number, key in enumerate(sorted(set(self.keys.values())), start=1)}

    def add(self, op: Op, group: CostGroup, *, macs: int = 0, elements: int = 0) -> None:
        """Put work down to the module that does it."""
        module = self.at_work[-1]
        fresh = Heard(module, op, group, self.stage_of(module))
        heard = self.rows.setdefault((module, op, group), fresh)
        heard.macs += macs
        heard.elements += elements

    def stage_of(self, module: str) -> int:
        """A module's stage: that of the place around it, else of the last place that was passed."""
        around = next((place for place in self.places if _lies_in(module, place.name)), None)
        if around is not None:
            return self.stages[self.keys[around.name]]
        if not self.passed:
            return 0
        head = len(set(self.passed)) == len(self.places)
        return len(self.stages) + 1 if head else self.stages[self.keys[self.passed[-1].name]]

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Know at any time which module is at work."""
        places = {place.name: place for place in self.places}

        def enter(name: str) -> Callable[..., None]:
            return lambda *_: self.at_work.append(name)

        def leave(name: str) -> Callable[..., None]:
            def hook(*_: Any) -> None:
                self.at_work.pop()
                if name in places:
                    self.passed.append(places[name])

            return hook

        handles = []
        for name, module in self.modules.items():
            handles.append(module.register_forward_pre_hook(enter(name)))
            handles.append(module.register_forward_hook(leave(name)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def count_network(
    spec: NetworkSpec, network: nn.Module | None, *, size: int
) -> tuple[list[Layer], tuple[str, ...]]:
    """What `count_by_running` says of a published system, or of a network in hand."""
    if isinstance(spec, SystemSpec):
        network = build_without_values(spec)
    if network is None:
        raise SpecError(
            f"cost of {spec.label}",
            expected="the network itself",
            found="its weights alone: nothing says how they are put together",
            todo="give what adopt or load_network returned",
        )
    return count_by_running(network, anatomy_of(spec), frames=spec.num_frames, size=size)


def count_by_running(
    network: nn.Module, anatomy: Anatomy, *, frames: int, size: int
) -> tuple[list[Layer], tuple[str, ...]]:
    """Every module that has parameters or does work, and what the count leaves open.

    Args:
        network: clips (N, T, 3, H, W) -> logits; it is left as it was found.
        anatomy: its places, which are the stages of the table.
        frames: T of one clip.
        size: H and W of one clip.

    Raises:
        SpecError: it cannot take such a clip.
    """
    check_size(size)
    try:
        listener = _run(copy_shapes(network), anatomy, frames, size)
    except SpecError:  # a module that wants values, or none that takes such clips: then this says so again
        listener = _run(network, anatomy, frames, size)
    layers = list(_with_parameters(listener))
    notes = [ATTENTION] if any(layer.op == "attention" for layer in layers) else []
    if any(isinstance(m, (nn.LayerNorm, nn.GELU, nn.SiLU, nn.Softmax)) for m in listener.modules.values()):
        notes.append(UNWEIGHED)
    return layers, tuple(notes)


def _run(network: nn.Module, anatomy: Anatomy, frames: int, size: int) -> Listener:
    """Run one clip without values."""
    inner = getattr(network, "inner", network)
    listener = Listener(dict(inner.named_modules()), anatomy.places)
    some = next(iter([*inner.parameters(), *inner.buffers()]), torch.zeros(()))
    clip = torch.zeros(1, frames, 3, size, size, device=some.device, dtype=some.dtype)
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one kernel for a whole layer, which no counter knows
    counter = FlopCounterMode(display=False, custom_mapping=dict(_list_formulas(listener)))
    try:
        with untouched(network), listener.listen(), counter:
            run_once(network, clip, asked=f"clips of {frames} frames, {size} x {size} pixels")
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return listener


def _list_formulas(listener: Listener) -> Iterator[tuple[Any, Callable[..., int]]]:
    """Torch's formulas, each of which also tells the listener; and operations that cost elements alone."""
    for operation, formula in flop_registry.items():
        yield operation, _as_raw(_tell(listener, operation, formula))
    for operation, op in _ELEMENTS.items():
        yield operation, _as_raw(_tell_elements(listener, op))


def _as_raw(formula: Callable[..., int]) -> Callable[..., int]:
    """Mark a formula as one that takes tensors, not their shapes."""
    formula._get_raw = True  # type: ignore[attr-defined] # what FlopCounterMode asks for
    return formula


def _tell(listener: Listener, operation: Any, formula: Callable[..., int]) -> Callable[..., int]:
    def count(*args: Any, out_val: Any = None, **kwargs: Any) -> int:
        flops = int(formula(*args, out_val=out_val, **kwargs))
        module = listener.modules[listener.at_work[-1]]
        if operation in _CONVOLUTIONS:
            listener.add("conv", _group_of(module, args[0], args[1]), macs=flops // 2)
            return flops
        plain = operation in _PLAIN_PRODUCTS or isinstance(module, nn.Linear)
        listener.add("linear" if plain else "attention", "shared", macs=flops // 2)
        if plain and getattr(module, "bias", None) is not None and isinstance(out_val, Tensor):
            listener.add("linear", "shared", elements=out_val.numel())
        return flops

    return count


def _tell_elements(listener: Listener, op: Op) -> Callable[..., int]:
    def count(x: Tensor, *args: Any, out_val: Any = None, **kwargs: Any) -> int:
        listener.add(op, "shared", elements=x.numel())
        return 0

    return count


def _group_of(module: nn.Module, x: Tensor, weight: Tensor) -> CostGroup:
    """Whose cost a convolution is, by what its kernel reaches over.

    A module's own weight says it better than what is run: a kernel over time may be computed as several
    within the frame. A map that is no square is no frame: one of its axes is time, as in adaptive kernels.
    """
    own = getattr(module, "weight", None)
    kernel = own.shape[2:] if isinstance(own, Tensor) and own.ndim > weight.ndim else weight.shape[2:]
    if len(kernel) == 3:
        time, space = kernel[0] > 1, max(kernel[1:]) > 1
    else:
        framed = len(kernel) == 2 and x.shape[2] == x.shape[3]
        time, space = not framed and max(kernel) > 1, framed and max(kernel) > 1
    if time:
        return "both" if space else "temporal"
    return "spatial" if space else "shared"


def _with_parameters(listener: Listener) -> Iterator[Layer]:
    """Rows in the order of the run; learned numbers stand in a module's first row, or in one of their own."""
    owned = {id(p): (name, p.numel()) for name, m in listener.modules.items() for p in _own(m)}
    params: dict[str, int] = {}
    for name, count in owned.values():
        params[name] = params.get(name, 0) + count
    for row in sorted(listener.rows.values(), key=lambda row: row.stage):
        macs = row.macs
        yield Layer(row.module, row.stage, row.op, row.group, params.pop(row.module, 0), macs, row.elements)
    for name, count in params.items():  # embeddings, layer norms, and what was not run
        yield Layer(name, listener.stage_of(name), "other", "shared", count)


def _own(module: nn.Module) -> Iterable[nn.Parameter]:
    return module.parameters(recurse=False)


def _lies_in(module: str, place: str) -> bool:
    """Whether a module belongs to a place; layers that lie side by side share the place's first words."""
    if module == place or module.startswith(f"{place}."):
        return True
    beside = _BESIDE.match(place.rpartition(".")[2])
    return beside is not None and beside[1] in module
