"""How far the product is from its 3-D reference: outputs and every gradient, in relative norms."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from tests.reference import as_product, build_reference, load_product
from tests.reference.names import reference_name
from tests.untyped import gradient


@dataclass(frozen=True)
class Pass:
    """One forward and backward pass: the output and the gradient of everything, in the product's shapes."""

    output: Tensor
    gradients: dict[str, Tensor]

    def distance(self, other: Pass) -> dict[str, float]:
        """Relative differences by name; `other` is taken for the truth.

        A gradient that is zero but for rounding (a bias before batch statistics) has no relative
        difference of its own; it is held against a ten-thousandth of the largest one.
        """
        assert self.gradients.keys() == other.gradients.keys()
        floor = 1e-4 * max(float(gradient.norm()) for gradient in other.gradients.values())
        apart = {
            name: relative(own, other.gradients[name], floor=floor) for name, own in self.gradients.items()
        }
        return apart | {"output": relative(self.output, other.output)}


def relative(found: Tensor, truth: Tensor, *, floor: float = 0.0) -> float:
    """The norm of the difference over the norm of the truth, both in double."""
    assert found.shape == truth.shape
    found, truth = found.detach().double(), truth.detach().double()
    return float((found - truth).norm() / truth.norm().clamp(min=floor))


def draw_weights(network: nn.Module, *, seed: int = 0) -> None:
    """Weights and statistics none of which is special: no ones, no zeros, no tiny head."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if tensor.ndim > 1:
            scale = tensor[0].numel() ** -0.5
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * scale)
        elif name.endswith(("running_var", "weight")):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        elif tensor.is_floating_point():
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.2)


def build_pair(spec: ModelSpec, *, train: bool = False, seed: int = 0) -> tuple[VideoNetwork, nn.Module]:
    """The product and the reference with the same weights."""
    product = build_model(spec).train(train)
    draw_weights(product, seed=seed)
    reference = build_reference(
        spec.family, spec.backbone, alpha=spec.alpha, width=spec.stem_width, classes=spec.num_classes
    ).train(train)
    load_product(reference, product.state_dict(), family=spec.family, backbone=spec.backbone)
    return product, reference


def measure_distance(spec: ModelSpec, clips: Tensor, *, tolerance: float) -> dict[str, float]:
    """Relative differences of outputs and gradients with fixed statistics, in the clips' dtype.

    A ReLU has no derivative at zero: where rounding puts one activation on the other side, gradients
    jump by 1e-4 in either form. So up to four draws of weights are tried; a wrong form fails them all.
    """
    for seed in range(4):
        product, reference = build_pair(spec, seed=seed)
        distance = pass_product(product, clips).distance(pass_reference(reference, clips, product))
        if distance["output"] >= tolerance or max(distance.values()) < tolerance:
            break
    return distance


def pass_product(network: VideoNetwork, clips: Tensor) -> Pass:
    output, gradients = _pass(network, clips)
    return Pass(output, gradients)


def pass_reference(network: nn.Module, clips: Tensor, like: VideoNetwork) -> Pass:
    """The same for the reference, with names and shapes of the product."""
    output, gradients = _pass(network, clips)
    family, backbone = like.spec.family, like.spec.backbone
    named = {"clips": gradients["clips"]}
    for name, parameter in like.named_parameters():
        named[name] = as_product(gradients[reference_name(name, family, backbone)], parameter)
    assert len(named) == len(gradients)
    return Pass(output, named)


def _pass(network: nn.Module, clips: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Back from a fixed random direction, so that no gradient cancels by symmetry."""
    clips = clips.detach().clone().requires_grad_()
    network.zero_grad()
    output = network(clips)
    direction = torch.randn(output.shape, generator=torch.Generator().manual_seed(1)).to(output)
    (output * direction).sum().backward()
    gradients = {name: gradient(parameter) for name, parameter in network.named_parameters()}
    return output.detach(), gradients | {"clips": gradient(clips)}


def draw_clips(clips: int, frames: int, height: int, width: int | None = None) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(clips, frames, 3, height, width or height, generator=generator)
