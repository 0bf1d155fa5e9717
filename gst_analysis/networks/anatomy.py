"""What an analysis needs to know of a network: its places in order, and the groups of channels there.

A *place* is a module whose output is looked at, and how to read that output as frames. A *unit* is one group
of channels (groups.py lists the words) that leaves one module: most often a norm after what mixed space or
time, whose γ scales them; else one that no γ belongs to, such as a shift or the end of a pathway. Networks
that follow from arithmetic derive both (`derive_anatomy`); any other is probed (`networks/probing.py`), and
what could not be found is said in `unknown`. No torch here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from gst_analysis.errors import NotDefinedError, SpecError
from gst_analysis.groups import Group, find_pair
from gst_analysis.networks.backbones import Block, Site
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.next_layer import BN_EPS, NextLayer, inner_norm, list_readers
from gst_analysis.networks.receptive_fields import list_reaches
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.time_kernels import TimeKernel, derive_time_kernels

Axes = Literal[
    "(NT)CHW", "(NT)HWC", "NCTHW", "NTCHW", "NTHWC", "N(THW)C", "N(HWT)C", "(NT)(HW)C", "NTC", "NCT"
]
"""How a module's output lies in memory; what stands in brackets shares an axis, the last named fastest."""


NO_SHIFT_SCALES = (
    "shifted channels have no γ of their own: they enter a block as a sum of several norms' outputs; where "
    "one norm made them, its γ scales what the shortcut reads as well; they can be ablated all the same"
)
NO_ARITHMETIC = "it does not follow from arithmetic, so its widths cannot be changed by rule"


@dataclass(frozen=True)
class View:
    """How to read a module's output as frames (N, T, C, H, W).

    Tokens lie on a grid; `extra` ones before them, such as a class token, belong to no place. `part` is which
    of several tensors the module returns.
    """

    axes: Axes
    grid: tuple[int, int, int] | None = None
    """Frames, rows and columns of tokens; None where the tensor's own shape says them."""
    extra: int = 0
    part: int = 0


@dataclass(frozen=True)
class Unit:
    """One group of channels that leaves one module: a norm after what mixes space or time, or another."""

    stage: int
    block: str
    layer: str
    """The module's name; its output is what is changed or watched."""
    group: Group
    channels: slice
    conv: str = ""
    """What the norm scales the output of; empty where it is no convolution's."""
    view: View = View("(NT)CHW")
    activation: str = "relu"
    """What stands between the norm and whatever reads it: relu, relu6 or none."""
    owners: tuple[str, str] | None = None
    """The spatial and the temporal weight of filters that own both, so that each has a share of a channel."""
    eps: float = BN_EPS
    """What the norm adds to variances."""
    scaled: bool = True
    """Whether the module is a norm, whose γ scales them; else they can only be changed and watched."""
    its_input: bool = False
    """Whether it is what the module is given that is changed, and not what leaves it."""

    @property
    def count(self) -> int:
        return int(self.channels.stop - self.channels.start)


@dataclass(frozen=True)
class Place:
    """One module along the way, and how to read what leaves it."""

    name: str
    stage: int
    view: View
    half_width: int | None = None
    """Frames back and forth that its output can depend on; None where nothing says it."""
    stride: int | None = None
    """Pixels of the clip from one cell of its map to the next; None where nothing says it."""
    frames: tuple[int, ...] = ()
    """Which of the clip's frames its own are, where it lies in a pathway that picks some; else empty."""

    @property
    def patches(self) -> bool:
        """Whether its cells are patches that stand side by side, as a transformer's do."""
        return self.view.axes not in ("(NT)CHW", "NCTHW", "NTCHW")


@dataclass(frozen=True)
class Anatomy:
    """Places and units of a network in the order in which clips pass them."""

    places: tuple[Place, ...]
    units: tuple[Unit, ...]
    readers: tuple[tuple[str, NextLayer | str], ...] = field(default=(), repr=False)
    """For each norm of `units`, what reads it next, or why nothing that is known does."""
    unknown: tuple[str, ...] = ()
    """What was looked for and not found."""
    any_length: bool = True
    """Whether clips of other lengths can be given."""
    time_kernels: tuple[TimeKernel, ...] = field(default=(), repr=False)
    """Where it reaches over frames."""
    left_out: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Modules that reach over frames, or may, without a kernel that could be read: the name of each, and what
    it is in a word or a few, such as recurrent."""

    @property
    def half_width(self) -> int | None:
        """Frames back and forth that the network's answer can depend on; None for all of them."""
        return self.places[-1].half_width if self.places else None

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that there are."""
        return tuple(dict.fromkeys(unit.group for unit in self.units))

    @property
    def scaled(self) -> tuple[Unit, ...]:
        """The units that a norm's γ scales: those of Figure 4."""
        return tuple(unit for unit in self.units if unit.scaled)

    @property
    def tells_apart(self) -> bool:
        """Whether space and time, or two pathways, can be told apart."""
        return find_pair(self.groups) is not None or any(unit.owners for unit in self.units)

    def find_place(self, name: str, network: str) -> Place:
        """The place of that name.

        Raises:
            SpecError: there is none.
        """
        for place in self.places:
            if place.name == name:
                return place
        ends = f"one from {self.places[0].name} to {self.places[-1].name}" if self.places else "a place"
        raise SpecError(
            f"block of {network}", expected=ends, found=repr(name)[:60], todo="choose one of them"
        )

    def units_of(self, place: str) -> tuple[Unit, ...]:
        """The units that lie in a place."""
        return tuple(unit for unit in self.units if unit.block == place)


@lru_cache(maxsize=64)
def derive_anatomy(spec: ModelSpec) -> Anatomy:
    """Places and units of a network that follows from arithmetic."""
    units: list[Unit] = []
    for block in spec.blocks():
        share = spec.shift_share(block)
        units += list_shifted(block.stage, block.name, f"{block.name}.shift", block.c_in, share)
        units += [unit for site in block.sites for unit in _list_units(spec, block, site)]
    unknown = (NO_SHIFT_SCALES,) if any(not unit.scaled for unit in units) else ()
    sites = [(block, site) for block in spec.blocks() for site in block.sites]
    readers = tuple(reader for block, site in sites for reader in list_readers(spec, block, site))
    kernels, places = tuple(derive_time_kernels(spec)), tuple(_list_places(spec))
    return Anatomy(places, tuple(units), readers, unknown, any_length=not spec.flow, time_kernels=kernels)


def _list_places(spec: ModelSpec) -> Iterator[Place]:
    """One place a residual block."""
    # A reach is counted in frames; a stack of flow is several.
    unknown = spec.operator.unbuildable or spec.flow
    reaches = {} if unknown else {one.block: one.half_width for one in list_reaches(spec)}
    stride = 2 if spec.plan.kind == "inverted" else 4  # of the stem
    for block in spec.blocks():
        stride *= block.stride
        yield Place(block.name, block.stage, View("(NT)CHW"), reaches.get(block.name), stride)


def _list_units(spec: ModelSpec, block: Block, site: Site) -> Iterator[Unit]:
    conv = f"{block.name}.{site.conv}"
    owned = spec.operator.owns_both and not site.depthwise
    owners = (f"{conv}.spatial.weight", f"{conv}.temporal.weight") if owned else None
    layer, activation = f"{block.name}.{site.norm}", _activation(block, site)
    if inner_norm(spec, site):  # space and time have a norm each
        first, second = spec.kernels(site)
        for one, norm, then in ((first, f"{conv}.norm", "relu"), (second, layer, activation)):
            where, channels = (block.stage, block.name, norm, one.group), slice(0, one.filters)
            yield Unit(*where, channels, f"{conv}.{one.name}", activation=then)
        return
    for group, channels in spec.groups_at(site):
        yield Unit(
            block.stage, block.name, layer, group, channels, conv, activation=activation, owners=owners
        )


def list_shifted(stage: int, block: str, layer: str, width: int, share: int) -> list[Unit]:
    """The channels that TSM's shift hands on: those of the next frame, of the previous, and of the same."""
    fold = width // share if share else 0
    bounds: tuple[tuple[Group, int, int], ...] = (
        ("from-next", 0, fold),
        ("from-previous", fold, 2 * fold),
        ("unshifted", 2 * fold, width),
    )
    return [
        Unit(stage, block, layer, group, slice(start, stop), activation="none", scaled=False)
        for group, start, stop in bounds
        if fold
    ]


def _activation(block: Block, site: Site) -> str:
    if block.kind == "inverted":
        return "relu6"
    return "none" if block.kind == "basic" and site is block.sites[-1] else "relu"


def require_arithmetic(spec: NetworkSpec, what: str) -> ModelSpec:
    """The spec of a network that follows from arithmetic.

    Raises:
        NotDefinedError: it is another kind of network.
    """
    if isinstance(spec, ModelSpec):
        return spec
    raise NotDefinedError(
        f"{what} of {spec.label}",
        expected="an operator in a 2-D backbone, such as gst-resnet50",
        found=f"not defined for this network, because {NO_ARITHMETIC}",
        todo="see docs/networks.md for what can be asked of it",
    )
