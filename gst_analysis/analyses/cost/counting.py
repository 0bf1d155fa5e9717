"""What a network costs, by arithmetic: parameters and multiply-adds of every module.

Enters a ModelSpec and a frame size; leaves the cost of every module and the totals. No network is built, and
neither torch nor pandas is imported: the totals are wanted in a hurry. Section 3.3 of the paper counts
parameters in the same way.

One multiply-add (MAC) is one multiplication and one addition, so two floating-point operations
(FLOPs). The paper prints MACs and calls them FLOPs. Convolutions and linear layers have multiply-adds;
what a batch norm, an activation or a pooling does is counted in elements, and counters differ in what
they make of those: see CONVENTIONS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from gst_analysis.analyses.cost.table import CostGroup, CostSummary, GroupCost, Op
from gst_analysis.errors import SpecError
from gst_analysis.groups import Group
from gst_analysis.networks.backbones import Block, Site
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.spec_values import LARGEST_SIDE, MIN_SIZE
from gst_analysis.networks.specs import ModelSpec


@dataclass(frozen=True)
class Convention:
    """How a well-known counter weighs elements beside multiply-adds; `weights` is by op."""

    name: str
    counter: str
    weights: Mapping[Op, int]


CONVENTIONS: tuple[Convention, ...] = (
    Convention("conv+linear", "torch's FlopCounterMode, whose FLOPs are twice as many", {}),
    Convention("conv+linear+bn", "fvcore: a scale and an offset per normalised element", {"norm": 2}),
    Convention(
        "conv+linear+5bn", "fvcore in training mode: five operations per normalised element", {"norm": 5}
    ),
    Convention(
        "conv+linear+bn+relu+pool",
        # ptflops counts a ReLU or pooling module in its hook and again in the function that it patches,
        # and a ReLU6 once, because that module calls another function.
        "ptflops: also the head's biases, one per ReLU6, two per element that a ReLU or a pooling reads",
        {"linear": 1, "norm": 2, "relu": 2, "relu6": 1, "pool": 2},
    ),
)


@dataclass(frozen=True)
class Layer:
    """One row of the table: what one module does for one clip.

    `elements` is what a norm, an activation or a pooling reads; for the linear head, its biases' additions.
    """

    module: str
    stage: int
    op: Op
    group: CostGroup
    params: int = 0
    macs: int = 0
    elements: int = 0


def summarise_cost(spec: ModelSpec, *, size: int = 224) -> CostSummary:
    """Total up one clip of spec.num_frames frames, size by size pixels.

    Example:
        >>> summarise_cost(ModelSpec.from_name("gst-resnet50")).macs
        29000564736
    """
    return summarise_layers(count_layers(spec, size=size), spec, size)


def count_layers(spec: ModelSpec, *, size: int = 224) -> list[Layer]:
    """Every module that has parameters or works on elements, in the order of the forward pass."""
    _check(spec, size)
    features = _Features(spec.rows, size).reduce(2)
    layers = list(_count_stem(spec, features))
    if spec.plan.kind != "inverted":
        features = features.reduce(2)
    for block in spec.blocks():
        layers += _count_block(spec, block, features)
        features = features.reduce(block.stride)
    return [*layers, *_count_head(spec, features)]


def summarise_layers(
    layers: list[Layer], spec: NetworkSpec, size: int, *, flow: NetworkSpec | None = None
) -> CostSummary:
    """Add up what `count_layers` returned; `flow` is the network of the other stream, if there are two."""
    total = _add_up(layers)
    groups: dict[CostGroup, GroupCost] = {
        group: _add_up(layer for layer in layers if layer.group == group)
        for group in get_args(CostGroup)
        if group != "both" or any(layer.group == group for layer in layers)
    }
    conventions = {c.name: _count_by(c, layers) for c in CONVENTIONS}
    flops = 2 * total.macs
    label = spec.label if flow is None else f"{spec.label} + {flow.label}"
    told = spec.to_json() if flow is None else {**spec.to_json(), "flow_stream": flow.to_json()}
    return CostSummary(told, size, total.params, total.macs, flops, groups, conventions, label)


@dataclass(frozen=True)
class _Features:
    """The frames and the side of a feature map."""

    frames: int
    side: int

    @property
    def positions(self) -> int:
        return self.frames * self.side**2

    def reduce(self, stride: int) -> _Features:
        """After a 7x7, 3x3 or 1x1 window with the padding we use, all of which round up."""
        return _Features(self.frames, -(-self.side // stride))


def _count_stem(spec: ModelSpec, out: _Features) -> Iterator[Layer]:
    kernel = 3 if spec.plan.kind == "inverted" else 7
    yield _convolve("conv1", 0, spec.input_width * spec.stem_width * kernel**2, out)
    yield from _normalise("bn1", 0, spec.stem_width, out, then=_activation(spec))
    if spec.plan.kind != "inverted":
        yield Layer("bn1", 0, "pool", "shared", elements=spec.stem_width * out.positions)


def _count_block(spec: ModelSpec, block: Block, before: _Features) -> Iterator[Layer]:
    name, stage, after = block.name, block.stage, before.reduce(block.stride)
    if block.expands:
        yield _convolve(f"{name}.conv1", stage, block.c_in * block.hidden, before)
        yield from _normalise(f"{name}.bn1", stage, block.hidden, before, then=_activation(spec))
    for site in block.sites:
        yield from _count_operator(spec, block, site, after)
        joins = block.kind == "basic" and site is block.sites[-1]
        then = None if joins else _activation(spec)
        yield from _normalise(f"{name}.{site.norm}", stage, site.c_out, after, then=then)
    if block.kind != "basic":
        yield _convolve(f"{name}.conv3", stage, block.sites[-1].c_out * block.c_out, after)
        yield from _normalise(f"{name}.bn3", stage, block.c_out, after)
    if block.projects:
        yield _convolve(f"{name}.downsample.0", stage, block.c_in * block.c_out, after)
        yield from _normalise(f"{name}.downsample.1", stage, block.c_out, after)
    if block.kind != "inverted":
        yield Layer(name, stage, "relu", "shared", elements=block.c_out * after.positions)


def _count_operator(spec: ModelSpec, block: Block, site: Site, after: _Features) -> Iterator[Layer]:
    """The kernels where a 3x3 stood; all write at the operator's output resolution."""
    operator = f"{block.name}.{site.conv}"
    for position, kernel in enumerate(spec.kernels(site)):
        if position and spec.operator.norm_between:
            yield from _normalise(f"{operator}.norm", block.stage, site.c_out, after, then="relu")
        module = f"{operator}.{kernel.name}"
        yield _convolve(module, block.stage, kernel.params, after, group=_owner(kernel.group))


def _count_head(spec: ModelSpec, features: _Features) -> Iterator[Layer]:
    *_, last = spec.blocks()
    stage, width, pooled = last.stage + 1, spec.feature_width, last.name
    if spec.plan.kind == "inverted":
        yield _convolve("last", stage, last.c_out * width, features)
        yield from _normalise("last_bn", stage, width, features, then=_activation(spec))
        pooled = "last_bn"
    yield Layer(pooled, stage, "pool", "shared", elements=width * features.positions)
    weights, biases = width * spec.num_classes, spec.num_classes
    frames = spec.rows  # the head judges every frame by itself
    yield Layer("fc", stage, "linear", "shared", weights + biases, weights * frames, biases * frames)


def _convolve(module: str, stage: int, params: int, out: _Features, *, group: CostGroup = "shared") -> Layer:
    """A convolution without bias: every weight is used once per output position."""
    return Layer(module, stage, "conv", group, params, params * out.positions)


def _normalise(
    module: str, stage: int, width: int, out: _Features, *, then: Op | None = None
) -> Iterator[Layer]:
    """A batch norm, and the activation after it, which has no module of its own."""
    elements = width * out.positions
    yield Layer(module, stage, "norm", "shared", 2 * width, elements=elements)
    if then:
        yield Layer(module, stage, then, "shared", elements=elements)


def _activation(spec: ModelSpec) -> Op:
    return "relu6" if spec.plan.kind == "inverted" else "relu"


def _owner(group: Group) -> CostGroup:
    assert group in ("spatial", "temporal")  # as every kernel is; a test walks all families
    return group


def _add_up(layers: Iterable[Layer]) -> GroupCost:
    pairs = [(layer.params, layer.macs) for layer in layers]
    return GroupCost(sum(params for params, _ in pairs), sum(macs for _, macs in pairs))


def _count_by(convention: Convention, layers: list[Layer]) -> int:
    return sum(layer.macs + convention.weights.get(layer.op, 0) * layer.elements for layer in layers)


def _check(spec: ModelSpec, size: object) -> None:
    if spec.operator.unbuildable:
        raise SpecError(
            spec.name,
            expected="a family whose every part can be counted",
            found=spec.operator.unbuildable,
            todo="ask for the network without them, such as tsm or c2d",
        )
    check_size(size)


def check_size(size: object) -> None:
    """Refuse what is no side of a frame.

    Raises:
        SpecError: it is not.
    """
    if isinstance(size, bool) or not isinstance(size, int) or not MIN_SIZE <= size <= LARGEST_SIDE:
        raise SpecError(
            "size",
            expected=f"a whole number of pixels, at least {MIN_SIZE} and at most {LARGEST_SIDE:,}",
            found=repr(size)[:60],
            todo="give another, such as 224",
        )
