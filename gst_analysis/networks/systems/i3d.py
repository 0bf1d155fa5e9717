"""I3D on a ResNet-50, with or without non-local blocks, and its plainer kin Slow and C2D.

One pathway, told apart by the kernels in time. Names are PySlowFast's; MMAction2's and PyTorchVideo's are
renamed. MMAction2 halves time in the stem already, twice, and takes 32 frames; PySlowFast takes 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.matching import match, shape_of
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.networks.systems.resnet3d import (
    DEPTHS,
    Attention,
    Head,
    Pathway,
    Stem,
    build_stage,
    initialise,
    read_layout,
    run_pathway,
)

STEM_TIMES = {"i3d": 5, "slow": 1, "c2d": 1}
STAGE_TIMES = {
    "i3d": ((3, 3, 3), (3, 1, 3, 1), (3, 1, 3, 1, 3, 1), (1, 3, 1)),
    "slow": tuple((time,) * depth for time, depth in zip((1, 1, 3, 3), DEPTHS, strict=True)),
    "c2d": tuple((1,) * depth for depth in DEPTHS),
}
"""Kernel sizes in time of every block."""
NON_LOCAL = ((), (1, 3), (1, 3, 5), ())
"""Blocks that a non-local block follows: five, in the second and the third stage."""
WIDTH = 64
ASSUMED = {
    "MMAction2": "strides in time as in MMAction2's own configuration: no weight shows them",
    "PySlowFast": "8 frames, and time halved after the first stage for I3D alone: no weight shows them",
    "PyTorchVideo": "8 frames: no weight shows them",
}
"""What is taken for granted in each layout."""


class ResNet3D(nn.Module):
    """(N, T, 3, H, W) to (N, K)."""

    def __init__(
        self,
        classes: int,
        *,
        kernels: str,
        strides: tuple[int, int] = (1, 1),
        pool: int = 1,
        attention: Attention | None = None,
    ) -> None:
        super().__init__()
        self.pool = pool
        self.s1 = nn.ModuleDict({"pathway0_stem": Stem(WIDTH, STEM_TIMES[kernels], strides)})
        width = WIDTH
        for i, times in enumerate(STAGE_TIMES[kernels]):
            pathway = Pathway(width, WIDTH << i, times, 1 if i == 0 else 2, NON_LOCAL[i])
            self.add_module(f"s{i + 2}", build_stage([pathway], attention))
            width = (WIDTH << i) * 4
        self.head = Head(width, classes)
        initialise(self)

    def forward(self, clips: Tensor) -> Tensor:
        x = self.s1["pathway0_stem"](clips.transpose(1, 2))  # (N, 64, T / strides, H/4, W/4)
        for i in range(len(DEPTHS)):
            x = run_pathway(getattr(self, f"s{i + 2}"), 0, x)  # (N, 256·2^i, T', H/(4·2^i), W/(4·2^i))
            if i == 0 and self.pool > 1:
                x = F.max_pool3d(x, (self.pool, 1, 1))  # (N, 256, T' / pool, H/4, W/4)
        logits: Tensor = self.head(x)
        return logits


def build(spec: SystemSpec) -> nn.Module:
    """I3D, NL-I3D, Slow or C2D, as the spec's settings say."""
    chosen = spec.chosen
    attention = None
    if "attention" in chosen:
        kinds = (chosen["attention"], chosen["scaled"], chosen["pool_first"], chosen["out_bias"])
        attention = Attention(*kinds)
    return ResNet3D(
        spec.num_classes,
        kernels=chosen["kernels"],
        strides=(chosen["stem_stride"], chosen["stem_pool_stride"]),
        pool=chosen["pool"],
        attention=attention,
    )


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Whose I3D, NL-I3D, Slow or C2D on a ResNet-50 this is."""
    read = read_layout(state)
    if read is None or "s1.pathway1_stem.conv.weight" in read[1]:
        return None
    layout, weights = read
    head, name = shape_of(weights, "head.projection.weight"), _name(weights, layout)
    if name is None or len(head) != 2:
        return None
    different: dict[str, Any] = {}
    notes = [ASSUMED["MMAction2" if name.endswith("i3d-r50") else layout]]
    if layout == "PyTorchVideo":
        # its pooling between the first two stages is a block with a number, so the numbers tell
        different["pool"] = 2 if any(key.endswith("blocks.6.proj.weight") for key in state) else 1
    if layout == "MMAction2" and name.startswith("slow"):
        notes.append("MMAction2 normalises by ImageNet's mean and standard deviation")
    if name.startswith("nl-"):
        if "s3.pathway0_nonlocal1.conv_phi.weight" not in weights:
            different["attention"] = "gaussian"
        else:
            notes.append(
                f"non-local blocks by {SYSTEMS[name].settings['attention']}: assumed, no weight tells"
            )
    record = SYSTEMS[name].settings
    different = {key: value for key, value in different.items() if value != record[key]}
    spec = SystemSpec.from_name(name, num_classes=head[0], **different)
    return match(spec, build, weights, layout=layout, notes=tuple(notes))


def _name(weights: Mapping[str, Tensor], layout: str) -> str | None:
    """The system, told by the kernels in time of the stem and of the first and the third stage."""
    keys = ("s1.pathway0_stem.conv.weight", *(f"s{stage}.pathway0_res0.branch2.a.weight" for stage in (2, 4)))
    times = tuple(time for key in keys for time in shape_of(weights, key)[2:3])
    if times == (5, 3, 3):
        if "s3.pathway0_nonlocal1.conv_g.weight" in weights:
            # MMAction2 has no bias there; its files may also come under our own names
            return "nl-i3d-r50-8x8" if "s3.pathway0_nonlocal1.conv_out.bias" in weights else "nl-i3d-r50"
        return "i3d-r50" if layout == "MMAction2" else "i3d-r50-8x8"
    plainer: dict[tuple[int, ...], str] = {(1, 1, 3): "slow-r50-8x8", (1, 1, 1): "c2d-r50"}
    return plainer.get(times)
