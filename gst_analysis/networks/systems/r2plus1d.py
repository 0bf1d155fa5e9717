"""R(2+1)D: every 3-D convolution as one over space and one over time (Tran et al., CVPR 2018).

Names are those of VMZ's release, which are torchvision's. Unlike in torchvision's r2plus1d_18 the width
between space and time is every convolution's own, as published. MMAction2's R(2+1)D-34 has another stem,
pools after it, and splits its shortcuts too.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.matching import Rule, match, rename, shape_of, unwrap
from gst_analysis.networks.systems.recognised import Recognised

DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
EPS = 1e-3
"""Caffe2's and MMAction2's, a hundred times PyTorch's own."""


def middle(width: int, out: int, *, time: int = 3, space: int = 3) -> int:
    """The width between space and time at which both hold as many weights as one 3-D kernel."""
    return (time * space**2 * width * out) // (space**2 * width + time * out)


class Split(nn.Sequential):
    """A convolution over space, its norm and a ReLU, then a convolution over time."""

    def __init__(self, width: int, mid: int, out: int, *, stride: int, kernel: int, eps: float) -> None:
        pad = kernel // 2
        super().__init__(
            nn.Conv3d(width, mid, (1, kernel, kernel), (1, stride, stride), (0, pad, pad), bias=False),
            nn.BatchNorm3d(mid, eps=eps),
            nn.ReLU(),
            nn.Conv3d(mid, out, (kernel, 1, 1), (stride, 1, 1), (pad, 0, 0), bias=False),
        )


class Block(nn.Module):
    """Two split convolutions and the path around them."""

    def __init__(self, width: int, out: int, stride: int, *, split_shortcut: bool, inner_eps: float) -> None:
        super().__init__()
        first = Split(width, middle(width, out), out, stride=stride, kernel=3, eps=inner_eps)
        second = Split(out, middle(out, out), out, stride=1, kernel=3, eps=inner_eps)
        self.conv1 = nn.Sequential(first, nn.BatchNorm3d(out, eps=EPS), nn.ReLU())
        self.conv2 = nn.Sequential(second, nn.BatchNorm3d(out, eps=EPS))
        self.downsample: nn.Module | None = None
        if stride != 1 or width != out:
            shortcut: nn.Module = nn.Conv3d(width, out, 1, stride, bias=False)
            if split_shortcut:
                mid = middle(width, out, time=3, space=1)
                shortcut = Split(width, mid, out, stride=stride, kernel=1, eps=inner_eps)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm3d(out, eps=EPS))

    def forward(self, x: Tensor) -> Tensor:
        around = x if self.downsample is None else self.downsample(x)
        return F.relu(around + self.conv2(self.conv1(x)))


class R2Plus1D(nn.Module):
    """(N, T, 3, H, W) to (N, K)."""

    def __init__(
        self, classes: int, *, depth: int, stem: int, pool: bool, split_shortcut: bool, inner_eps: float
    ) -> None:
        super().__init__()
        self.pool = pool
        self.stem = nn.Sequential(
            nn.Conv3d(3, stem, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
            nn.BatchNorm3d(stem, eps=inner_eps),
            nn.ReLU(),
            nn.Conv3d(stem, 64, (3, 1, 1), padding=(1, 0, 0), bias=False),
            nn.BatchNorm3d(64, eps=EPS),
            nn.ReLU(),
        )
        width = 64
        for i, blocks in enumerate(DEPTHS[depth]):
            layer, out = nn.Sequential(), 64 << i
            for block in range(blocks):
                stride = 2 if i > 0 and block == 0 else 1
                layer.append(Block(width, out, stride, split_shortcut=split_shortcut, inner_eps=inner_eps))
                width = out
            self.add_module(f"layer{i + 1}", layer)
        self.fc = nn.Linear(width, classes)
        _initialise(self)

    def forward(self, clips: Tensor) -> Tensor:
        x = self.stem(clips.transpose(1, 2))  # (N, 64, T, H/2, W/2)
        if self.pool:
            x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))  # (N, 64, T, H/4, W/4)
        for i in range(4):
            x = self.get_submodule(f"layer{i + 1}")(x)  # each but the first halves time, height and width
        logits: Tensor = self.fc(x.mean((2, 3, 4)))  # (N, K)
        return logits


def _initialise(network: nn.Module) -> None:
    """He's initialisation."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


def build(spec: SystemSpec) -> nn.Module:
    """R(2+1)D as the spec says."""
    return R2Plus1D(spec.num_classes, **spec.chosen)


PARTS = {"conv_s": "0", "bn_s": "1", "conv_t": "3"}
MMACTION: tuple[Rule, ...] = (
    (r"^backbone\.conv1\.conv\.(conv_s|bn_s|conv_t)\.", lambda m: f"stem.{PARTS[m[1]]}."),
    (r"^backbone\.conv1\.bn\.", "stem.4."),
    (r"^backbone\.layer", "layer"),
    (r"\.(conv[12]|downsample)\.conv\.(conv_s|bn_s|conv_t)\.", lambda m: f".{m[1]}.0.{PARTS[m[2]]}."),
    (r"\.(conv[12]|downsample)\.bn\.", r".\1.1."),
    (r"^cls_head\.fc_cls\.", "fc."),
)


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Whose R(2+1)D this is: VMZ's (18 or 34 layers) or MMAction2's (34)."""
    state = unwrap(state)
    if "backbone.conv1.conv.conv_s.weight" in state:
        weights, layout, name = rename(state, MMACTION), "MMAction2", "r2plus1d-34-pool"
        notes: tuple[str, ...] = ()
    elif shape_of(state, "stem.0.weight") == (45, 3, 1, 7, 7):
        deep = "layer1.2.conv1.0.0.weight" in state
        weights, layout, name = dict(state), "VMZ", "r2plus1d-34" if deep else "r2plus1d-18-vmz"
        notes = ("no pooling after the stem: assumed, no weight tells",)
    elif shape_of(state, "stem.0.weight") == (83, 3, 1, 7, 7):  # MMAction2's network under our own names
        weights, layout, name, notes = dict(state), "torchvision", "r2plus1d-34-pool", ()
    else:
        return None
    head = shape_of(weights, "fc.weight")
    if len(head) != 2:
        return None
    spec = SystemSpec.from_name(name, num_classes=head[0])
    return match(spec, build, weights, layout=layout, notes=notes)
