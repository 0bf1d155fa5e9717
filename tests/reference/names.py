"""The product's parameter names and shapes, and the reference's, side by side, written by hand.

Only the operator's inside is named differently; a kernel within the frame has no time axis in the
product (O, I, k, k) and one of length 1 here (O, I, 1, k, k).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")

INSIDE = {
    "c2d": {"spatial.weight": "conv.weight"},
    "tsm": {"spatial.weight": "conv.weight"},
    "c3d": {"joint.weight": "conv.weight"},
    "c3d-g2": {"joint.weight": "conv.weight"},
    "gst": {"spatial.weight": "conv.weight", "temporal.weight": "Tconv.weight"},
    "gst-large": {"spatial.weight": "conv.weight", "temporal.weight": "Tconv.weight"},
    "p3d": {"spatial.weight": "conv.weight", "temporal.weight": "Tconv.weight"}
    | {f"norm.{part}": f"bn.{part}" for part in _NORM},
    "sth": {"spatial.weight": "within", "temporal.weight": "across"},
}
INSIDE_DEPTHWISE = {
    "c2d": {"spatial.weight": "conv.weight"},
    "tsm": {"spatial.weight": "conv.weight"},
    "sth": {"spatial.weight": "conv.weight", "temporal.weight": "Tconv.weight"},
}
# The convolutions of a block that are operators: both of a basic block, the middle one of the others.
OPERATOR = re.compile(r"(layer\d+\.\d+\.(?:conv1|conv2))\.(.+)")


def reference_name(name: str, family: str, backbone: str) -> str:
    """The reference's name of a tensor of the product."""
    inside = INSIDE_DEPTHWISE[family] if backbone == "mobilenetv2" else INSIDE[family]
    match = OPERATOR.fullmatch(name)
    if match is None or (match[1].endswith("conv1") and backbone not in ("resnet18", "resnet34")):
        return name
    return f"{match[1]}.{inside[match[2]]}"


def load_product(reference: nn.Module, state: Mapping[str, Tensor], *, family: str, backbone: str) -> None:
    """Fill a reference network with the product's weights; every name must match."""
    named = {reference_name(name, family, backbone): tensor for name, tensor in state.items()}
    reference.load_state_dict({name: t.unsqueeze(2) if t.ndim == 4 else t for name, t in named.items()})


def as_product(tensor: Tensor, like: Tensor) -> Tensor:
    """A reference's weight or gradient in the product's shape."""
    return tensor.squeeze(2) if tensor.ndim == 5 and like.ndim == 4 else tensor
