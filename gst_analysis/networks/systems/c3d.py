"""C3D: eight 3×3×3 convolutions and two wide layers over all that is left (Tran et al., ICCV 2015).

Names are those of the official layers (conv1a, …, fc8); MMAction2's and the common port's are renamed.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.matching import Rule, match, rename, shape_of, unwrap
from gst_analysis.networks.systems.recognised import Recognised

STAGES = (
    (("conv1a", 3, 64),),
    (("conv2a", 64, 128),),
    (("conv3a", 128, 256), ("conv3b", 256, 256)),
    (("conv4a", 256, 512), ("conv4b", 512, 512)),
    (("conv5a", 512, 512), ("conv5b", 512, 512)),
)
"""Convolutions between one pooling and the next: name, channels in, channels out."""
FLAT = 8192
"""512 channels of one frame of 4×4: what 16 frames of 112×112 leave. The wide layers take nothing else."""


class C3D(nn.Module):
    """(N, 16, 3, 112, 112) to (N, K)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        for convs in STAGES:
            for name, width, out in convs:
                self.add_module(name, nn.Conv3d(width, out, 3, padding=1))
        self.fc6 = nn.Linear(FLAT, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, classes)
        self.dropout = nn.Dropout(0.5)
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None  # every layer here has one
                nn.init.zeros_(module.bias)

    def forward(self, clips: Tensor) -> Tensor:
        x = clips.transpose(1, 2)  # (N, 3, 16, 112, 112)
        for i, convs in enumerate(STAGES):
            for name, _, _ in convs:
                x = F.relu(self.get_submodule(name)(x))
            # the first pooling leaves time alone; the last is padded, or it would lose an edge of 7×7
            time, pad = (1 if i == 0 else 2), (1 if i == len(STAGES) - 1 else 0)
            x = F.max_pool3d(x, (time, 2, 2), (time, 2, 2), (0, pad, pad))
        x = self.dropout(F.relu(self.fc6(x.flatten(1))))  # (N, 512, 1, 4, 4) to (N, 4096)
        logits: Tensor = self.fc8(self.dropout(F.relu(self.fc7(x))))  # (N, K)
        return logits


def build(spec: SystemSpec) -> nn.Module:
    """C3D with as many classes as the spec says."""
    return C3D(spec.num_classes)


MMACTION: tuple[Rule, ...] = (
    (r"^backbone\.(conv\d[ab])\.conv\.", r"\1."),
    (r"^backbone\.(fc[67])\.", r"\1."),
    (r"^cls_head\.fc_cls\.", "fc8."),
)
PORT: tuple[Rule, ...] = ((r"^conv([12])\.", r"conv\1a."),)
"""The PyTorch port that most repositories copied calls the first two conv1 and conv2."""


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Whose C3D this is: under the official names, MMAction2's, or the common port's."""
    weights, layout = unwrap(state), "C3D"
    if "backbone.conv1a.conv.weight" in weights:
        weights, layout = rename(weights, MMACTION), "MMAction2"
    elif shape_of(weights, "conv1.weight") == (64, 3, 3, 3, 3):
        weights, layout = rename(weights, PORT), "c3d-pytorch"
    head = shape_of(weights, "fc8.weight")
    if len(head) != 2 or "conv5b.weight" not in weights:
        return None
    notes = ("colours as MMAction2 gives them: RGB of 0 to 255 less 104, 117 and 128",)
    return match(SystemSpec.from_name("c3d", num_classes=head[0]), build, weights, layout=layout, notes=notes)
