"""Which batch norm follows which convolution in a network that nobody described, and whether a copy agrees.

A pair is a norm that is given what one convolution made, in every call of either, while nothing else reads
it. A run on shapes alone shows that. It cannot show everything, such as weights that are used in two places:
so a `Trial` holds what the network says to a clip, for a changed copy to be held against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized

from gst_analysis.networks.adopted import ClipNetwork
from gst_analysis.networks.brought import AdoptedSpec
from gst_analysis.networks.dataflow import Flow
from gst_analysis.networks.operators import Concatenated, Interleaved, KernelWeight
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.trial_runs import untouched, watch_once

TOLERANCE = 1e-4
"""Of the largest logit: what rounding makes of another order of multiplications stays far below it."""
_SMALL = 64
"""Pixels of the clip that is tried where the network takes any: what is folded does not depend on them."""
_FOLDED_INTO = (nn.Conv1d, nn.Conv2d, nn.Conv3d, KernelWeight, Concatenated, Interleaved)


@dataclass(frozen=True)
class NormPair:
    """A batch norm and the convolution whose output it alone reads."""

    norm: nn.Module
    conv: nn.Module


def list_pairs(network: ClipNetwork) -> list[NormPair]:
    """Norms that could be folded; what was found once is remembered, in copies too."""
    if network.norm_pairs is None:
        network.norm_pairs = _find_pairs(network)
    modules = dict(network.inner.named_modules())
    return [NormPair(modules[norm], modules[conv]) for norm, conv in network.norm_pairs]


def _find_pairs(network: ClipNetwork) -> tuple[tuple[str, str], ...]:
    """The names of norms and of their convolutions; none where the network cannot be watched."""
    if not any(isinstance(module, _BatchNorm) for module in network.modules()):
        return ()
    try:
        flow = watch_once(network, frames=network.spec.num_frames, size=_size_of(network))
    except Exception:  # whatever somebody's module raises; what was not seen is not folded
        return ()
    return tuple(_read_pairs(dict(network.inner.named_modules()), flow))


def _read_pairs(modules: Mapping[str, nn.Module], flow: Flow) -> Iterator[tuple[str, str]]:
    wrote: dict[int, str] = {}  # of modules that gave the same value the innermost: it ends first
    for call in flow.calls:
        if isinstance(modules[call.module], _FOLDED_INTO):
            wrote.setdefault(call.gave, call.module)
    for name, norm in modules.items():
        calls = flow.calls_of(name)
        if not isinstance(norm, _BatchNorm) or norm.running_mean is None or not calls:
            continue
        convs = {wrote.get(call.given) for call in calls}
        conv = convs.pop()
        if convs or conv is None or is_parametrized(modules[conv]):
            continue
        given = {call.given: call.steps for call in calls}
        gave = [call.gave for call in flow.calls_of(conv)]
        if all(value in given and not flow.readers(value, beside=given[value]) for value in gave):
            yield name, conv


def _size_of(network: ClipNetwork) -> int:
    """Pixels of the clips that a network was made or tried for."""
    spec = network.spec
    return spec.size if isinstance(spec, (SystemSpec, AdoptedSpec)) else _SMALL


def draw_clip(network: ClipNetwork, size: int) -> Tensor:
    """One clip of noise of the network's own length, where its weights lie."""
    some = next(iter([*network.parameters(), *network.buffers()]), torch.zeros(()))
    shape = (1, network.spec.num_frames, 3, size, size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(some)


@dataclass(frozen=True)
class Trial:
    """A clip, and what the network said to it before anything was changed."""

    clip: Tensor
    logits: Tensor

    @classmethod
    def of(cls, network: ClipNetwork) -> Trial | None:
        """Let the network say something; None where it says nothing finite."""
        own = _size_of(network)
        for size in dict.fromkeys((min(_SMALL, own), own)):
            clip = draw_clip(network, size)
            logits = _answer(network, clip)
            if logits is not None:
                return cls(clip, logits)
        return None

    def agrees(self, network: ClipNetwork) -> bool:
        """Whether a changed network still says it."""
        logits = _answer(network, self.clip)
        if logits is None or logits.shape != self.logits.shape:
            return False
        return bool((logits - self.logits).abs().max() <= TOLERANCE * self.logits.abs().max())


def _answer(network: ClipNetwork, clip: Tensor) -> Tensor | None:
    try:
        with untouched(network):
            logits: Tensor = network(clip)
    except Exception:  # a size that it does not take, a norm that is asked for by name
        return None
    return logits if torch.isfinite(logits).all() else None
