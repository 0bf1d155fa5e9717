"""From a spec to a network.

A file of its own: it alone knows both kinds of backbone, so that neither of them knows the other.
"""

from __future__ import annotations

from gst_analysis.errors import SpecError
from gst_analysis.networks.mobilenet import VideoMobileNetV2
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.resnet import VideoResNet
from gst_analysis.networks.specs import ModelSpec


def build_model(spec: ModelSpec, *, dropout: float = 0.0) -> VideoNetwork:
    """Build the network a spec describes, freshly initialised, in training mode.

    Example:
        >>> build_model(ModelSpec.from_name("gst-resnet18", num_classes=5)).fc.out_features
        5
    """
    if spec.operator.unbuildable:
        raise SpecError(
            spec.name,
            expected="a family that can be run",
            found=spec.operator.unbuildable,
            todo="use bn-hist or inspect, which only read the weights",
        )
    network = VideoMobileNetV2 if spec.plan.kind == "inverted" else VideoResNet
    return network(spec, dropout=dropout)
