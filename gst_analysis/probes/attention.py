"""How much of a network's attention lies on other frames than the one that asks, by layer and head.

Enters a network and clips (N, T, 3, H, W); leaves, for every attention layer, clip and head, how attention
is shared out over distances in time, and what it would be if every key were read alike. The weights are those
that the network itself makes: a softmax is watched where it is taken, and where torch takes it inside a
product it is made again from the same queries and keys, some queries at a time.

It says where is looked, not what is done with what is seen: a frame that is looked at may change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from gst_analysis.probes.attention_tokens import Layer, Tokens, find_layers

_SOFTMAXES = (torch.softmax, F.softmax, Tensor.softmax)
_MOST_AT_ONCE = 2**24
"""Weights of one layer that are held at once where they are made again: 64 MB."""
NO_ATTENTION = "no layer of it is known to attend to other frames"


@dataclass(frozen=True)
class FrameAttention:
    """How one layer's attention is shared out over time.

    A query is a token of some frame; its attention is what its softmax gives to keys. Frames are those inside
    the network, such as pairs of the clip's. Queries that are of no frame, such as a class token, are left
    out; what is given to keys of no frame is in no distance.
    """

    layer: str
    """The module in which the weights are made."""
    shares: Tensor
    """(N, heads, frames): the part of the mean query's attention that lies so many frames away, own first."""
    uniform: Tensor
    """(frames,) likewise, if every key that may be read were read alike."""

    @property
    def frames(self) -> int:
        return len(self.uniform)

    @property
    def other(self) -> Tensor:
        """(N, heads): the part of attention that lies on other frames."""
        return self.shares[..., 1:].sum(-1)

    @property
    def other_if_uniform(self) -> float:
        """That part if every key were read alike: (T - 1) / T without a class token."""
        return float(self.uniform[1:].sum())

    @property
    def own(self) -> Tensor:
        """(N, heads): the part that lies on the query's own frame."""
        return self.shares[..., 0]

    @property
    def nowhere(self) -> Tensor:
        """(N, heads): the part that lies on tokens of no frame."""
        return 1 - self.shares.sum(-1)


def list_attention(network: nn.Module) -> list[str]:
    """The names of layers whose attention can be measured, in the network's order; none if there are none."""
    return [layer.name for layer in find_layers(getattr(network, "inner", network))]


@contextmanager
def watched_attention(network: nn.Module) -> Iterator[Mapping[str, FrameAttention]]:
    """What every attention layer did in the latest forward pass inside the block, by its name.

    Layers that were not run are not there. Nothing is changed, and logits are what they are without.
    """
    layers = list(find_layers(getattr(network, "inner", network)))
    watch = _Watch()

    def start(_: nn.Module, given: tuple[Any, ...]) -> None:
        watch.clips = len(given[0])
        watch.seen.clear()

    with ExitStack() as stack:
        stack.callback(network.register_forward_pre_hook(start).remove)
        for layer in layers:
            stack.callback(layer.module.register_forward_pre_hook(watch.enter(layer)).remove)
            stack.callback(layer.module.register_forward_hook(watch.leave).remove)
        stack.enter_context(watch)
        yield watch.seen


def measure_attention(network: nn.Module, clips: Tensor) -> dict[str, FrameAttention]:
    """Run clips once and say how each layer's attention was shared out over time.

    Args:
        network: `.module` of a network, in evaluation mode.
        clips: (N, T, 3, H, W), normalised, on its device.
    """
    with torch.no_grad(), watched_attention(network) as seen:
        network(clips)
        return dict(seen)


@dataclass
class _AtWork:
    layer: Layer
    given: tuple[Any, ...]


class _Watch(TorchFunctionMode):
    """Sees every softmax that is taken while an attention layer is at work."""

    def __init__(self) -> None:
        super().__init__()
        self.clips = 0
        self.seen: dict[str, FrameAttention] = {}
        self.at_work: list[_AtWork] = []

    def enter(self, layer: Layer) -> Any:
        return lambda _, given: self.at_work.append(_AtWork(layer, given))

    def leave(self, *_: Any) -> None:
        self.at_work.pop()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self.at_work and func in _SOFTMAXES:
            self._take(_Weights(result.detach()))
        elif self.at_work and func is F.scaled_dot_product_attention:
            self._take(_Products.of(*args, **kwargs))
        return result

    def _take(self, weights: _Weights | _Products) -> None:
        work = self.at_work[-1]
        tokens = work.layer.read(work.given, *weights.shape[-2:])
        shares = _share_out(weights, tokens, self.clips)
        name = work.layer.name
        self.seen[name] = FrameAttention(name, shares.cpu(), _share_evenly(tokens))


@dataclass(frozen=True)
class _Weights:
    """Weights that the network holds: (groups, heads, queries, keys), or without heads."""

    weights: Tensor

    @cached_property
    def shape(self) -> tuple[int, ...]:
        shape = tuple(self.weights.shape)
        return shape if len(shape) == 4 else (shape[0], 1, *shape[1:])

    def walk(self) -> Iterator[tuple[slice, Tensor]]:
        yield slice(0, self.shape[2]), self.weights.reshape(self.shape)


@dataclass(frozen=True)
class _Products:
    """Queries and keys whose weights the network never holds: they are made again, some queries at a time."""

    query: Tensor
    key: Tensor
    mask: Tensor | None = None
    scale: float | None = None
    shape: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", (*self.query.shape[:-1], self.key.shape[-2]))

    @classmethod
    def of(
        cls,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        *,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> _Products:
        """What torch's attention was given."""
        return cls(query.detach(), key.detach(), attn_mask, scale)

    def walk(self) -> Iterator[tuple[slice, Tensor]]:
        scale = self.query.shape[-1] ** -0.5 if self.scale is None else self.scale
        groups, heads, queries, keys = self.shape
        step = max(1, _MOST_AT_ONCE // (groups * heads * keys))
        for start in range(0, queries, step):
            part = slice(start, min(start + step, queries))
            alike = (self.query[:, :, part] * scale) @ self.key.mT
            if self.mask is not None:
                mask = self.mask if self.mask.shape[-2] == 1 else self.mask[..., part, :]
                alike = alike.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else alike + mask
            yield part, alike.softmax(-1)


def _share_out(weights: _Weights | _Products, tokens: Tokens, clips: int) -> Tensor:
    """(N, heads, frames): the mean over queries of what lies so many frames away."""
    total: Tensor | float = 0.0
    keys = _mark_frames(tokens.keys, tokens.frames)
    for part, given in weights.walk():
        grouped = torch.unflatten(given.float(), 0, (clips, -1))  # (N, G, heads, q, K)
        by_frame = grouped @ keys.to(grouped)[None, :, None]  # (N, G, heads, q, frames)
        queries = tokens.queries[:, part].to(given.device)
        total = total + _add_by_distance(by_frame, queries[:, None], tokens.frames).sum((1, 3))
    counted = int((tokens.queries >= 0).sum())
    groups = weights.shape[0] // clips // len(tokens.queries)  # alike ones are listed once
    assert isinstance(total, Tensor)  # there are queries
    return total / (counted * groups)


def _share_evenly(tokens: Tokens) -> Tensor:
    """(frames,) likewise where all keys that may be read are read alike."""
    marks = _mark_frames(tokens.keys, tokens.frames)  # (G, K, frames)
    if tokens.allowed is None:
        by_frame = marks.mean(1, keepdim=True).expand(-1, tokens.queries.shape[1], -1)
    else:
        may = tokens.allowed.float()
        by_frame = may / may.sum(-1, keepdim=True) @ marks
    added = _add_by_distance(by_frame, tokens.queries, tokens.frames)
    return added.sum((0, 1)) / int((tokens.queries >= 0).sum())


def _mark_frames(tokens: Tensor, frames: int) -> Tensor:
    """(G, K, frames): 1 where a token is of a frame; nothing for one of no frame."""
    return (tokens[..., None] == torch.arange(frames)).float()


def _add_by_distance(by_frame: Tensor, queries: Tensor, frames: int) -> Tensor:
    """(…, q, frames) by the keys' frame -> by distance from the query's; one of no frame gives nothing."""
    distance = (torch.arange(frames, device=queries.device) - queries[..., None]).abs().clamp_max(frames - 1)
    kept = by_frame * (queries >= 0)[..., None]
    return torch.zeros_like(by_frame).scatter_add_(-1, distance.expand_as(by_frame), kept)
