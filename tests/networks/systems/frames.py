"""What tests of the 2-D ResNet-50 systems share: counts, drawn weights, and a plain network over whole clips.

The plain network keeps clips as (N, C, T, H, W) and knows no module: weights by their official names, torch's
functions, 3-D convolutions. Only the numbers and names of ResNet-50's blocks are written down again here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.agreement import draw_weights, relative

State = dict[str, Tensor]
DEPTHS = (3, 4, 6, 3)


def count_again(system: ModuleType, spec: SystemSpec) -> tuple[int, float]:
    """Parameters, and 10^9 multiply-adds of one clip at the record's size, without a number in memory."""
    with shapes_alone():
        network = system.build(spec).eval()
        clips = torch.zeros(1, spec.num_frames, 3, spec.record.size, spec.record.size)
    with FlopCounterMode(display=False) as counter:
        network(clips)
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() / 2e9


def build_drawn(system: ModuleType, spec: SystemSpec) -> nn.Module:
    """The network in eval mode and double precision, with weights none of which is special."""
    with shapes_alone():
        network = system.build(spec)
    network = network.to_empty(device="cpu").double().eval()
    draw_weights(network)
    return network


def draw_clips(frames: int, *, clips: int = 1, size: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(clips, frames, 3, size, size, generator=generator, dtype=torch.float64)


def check_agreement(
    network: nn.Module, plain: Callable[[State, Tensor], Tensor], clips: Tensor, *, ordered: bool = True
) -> None:
    """The network and its plain twin agree on a clip forwards and backwards, which differ if `ordered`."""
    both = torch.cat([clips, clips.flip(1)])
    with torch.no_grad():
        own = network(both)
        assert relative(own, plain(dict(network.state_dict()), both)) < 1e-9
    assert relative(own[:, 0], own[:, -1]) > 1e-2  # not deaf to its input
    forwards, backwards = own.mean(1).chunk(2)
    apart = relative(backwards, forwards)
    assert (apart > 1e-2) if ordered else (apart < 1e-9)


def check_renaming(system: ModuleType, network: nn.Module, theirs: State) -> None:
    """What others saved is known and comes out under the network's own names, each tensor in its place."""
    own = network.state_dict()
    for prefix in ("", "module."):
        found = system.recognise({prefix + name: tensor for name, tensor in theirs.items()})
        assert found is not None
        assert set(found.state) == set(own)
        assert all(torch.equal(found.state[name], tensor) for name, tensor in own.items())


def check_known(system: ModuleType, network: nn.Module, theirs: State, spec: SystemSpec) -> Recognised:
    """What others saved is renamed, and taken for what it is."""
    check_renaming(system, network, theirs)
    found: Recognised | None = system.recognise(theirs)
    assert found is not None
    assert found.spec == spec
    return found


def check_names(system: ModuleType, name: str, shapes: Mapping[str, tuple[int, ...]]) -> State:
    """Some names and shapes of a release are those of the network, whose own are returned."""
    with shapes_alone():
        own = dict(system.build(SystemSpec.from_name(name)).state_dict())
    official = as_official(own)
    assert {key: tuple(official[key].shape) for key in shapes} == shapes
    return own


def as_official(state: State) -> State:
    """Names as repositories that grew out of TSN save them."""
    return {
        f"base_model.{name}" if not name.startswith("fc.") else f"new_{name}": t for name, t in state.items()
    }


def walk(prefix: str = "layer") -> Iterator[tuple[str, int]]:
    """Every block's name with the stride of its 3x3."""
    for stage, depth in enumerate(DEPTHS, start=1):
        for index in range(depth):
            yield f"{prefix}{stage}.{index}", 2 if stage > 1 and index == 0 else 1


def convolve(
    state: State, name: str, x: Tensor, *, stride: int = 1, groups: int = 1, time: bool = False
) -> Tensor:
    """A convolution within the frame, or along the frames alone, as a 3-D one that keeps the size."""
    weight = state[f"{name}.weight"]
    bias = state.get(f"{name}.bias")
    if time:
        return F.conv3d(x, weight[..., None, None], bias, 1, (weight.shape[-1] // 2, 0, 0), 1, groups)
    pad = weight.shape[-1] // 2
    return F.conv3d(x, weight.unsqueeze(2), bias, (1, stride, stride), (0, pad, pad), 1, groups)


def normalise(state: State, name: str, x: Tensor) -> Tensor:
    """Batch norm in eval mode, from its own formula."""
    shape = (1, -1, *[1] * (x.ndim - 2))
    mean, var, weight, bias = (
        state[f"{name}.{part}"].view(shape) for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias


def run_bottleneck(
    state: State, name: str, x: Tensor, stride: int, between: Callable[[Tensor], Tensor] = lambda y: y
) -> Tensor:
    """1x1, whatever comes between, 3x3, 1x1, shortcut; conv1 may be none where `between` starts from x."""
    y = normalise(state, f"{name}.bn1", convolve(state, f"{name}.conv1", x)).relu()
    return run_rest(state, name, between(y), x, stride)


def run_rest(state: State, name: str, y: Tensor, x: Tensor, stride: int) -> Tensor:
    """From the 3x3 to the end of a bottleneck."""
    y = normalise(state, f"{name}.bn2", convolve(state, f"{name}.conv2", y, stride=stride)).relu()
    y = normalise(state, f"{name}.bn3", convolve(state, f"{name}.conv3", y))
    return (y + run_shortcut(state, name, x, stride)).relu()


def run_shortcut(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    if f"{name}.downsample.0.weight" not in state:
        return x
    return normalise(state, f"{name}.downsample.1", convolve(state, f"{name}.downsample.0", x, stride=stride))


def run_plain(state: State, clips: Tensor, run_block: Callable[[State, str, Tensor, int], Tensor]) -> Tensor:
    """(N, T, 3, H, W) -> (N, T, K), a block at a time."""
    x = clips.transpose(1, 2)  # (N, 3, T, H, W)
    x = normalise(state, "bn1", convolve(state, "conv1", x, stride=2)).relu()
    x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
    for name, stride in walk():
        x = run_block(state, name, x, stride)
    return x.mean((3, 4)).transpose(1, 2) @ state["fc.weight"].T + state["fc.bias"]
