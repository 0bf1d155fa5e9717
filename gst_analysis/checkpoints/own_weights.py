"""A module in somebody's hands -> its weights, if it still is the network that its spec describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gst_analysis.checkpoints.shapes import expected_shapes, list_shapes
from gst_analysis.errors import SpecError, name_some
from gst_analysis.networks.adopted import ClipNetwork
from gst_analysis.networks.brought import AdoptedSpec
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.specs import ModelSpec

_OF_ONE_MOMENT = ("epoch", "batch", "step", "scores")


def forget_scores(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What is still true of weights that were changed: when they were saved and how well they did is not."""
    return {name: value for name, value in provenance.items() if name not in _OF_ONE_MOMENT}


def require_own(module: nn.Module, spec: NetworkSpec) -> dict[str, Tensor]:
    """The weights of a network, on the CPU.

    Raises:
        SpecError: they are not those of the spec, without values, or not finite.
    """
    kind = VideoNetwork if isinstance(spec, ModelSpec) else ClipNetwork
    if not isinstance(module, kind):
        raise _refuse(f"a network as load_model builds it: {spec.label}", type(module).__name__)
    state = {name: tensor.detach() for name, tensor in module.state_dict().items()}
    _check_names(state, spec)
    if any(tensor.is_meta for tensor in state.values()):
        raise _refuse(
            "weights with values", "those of the device meta", "load it on a device that holds values"
        )
    _check_finite({name: tensor for name, tensor in state.items() if tensor.is_floating_point()})
    return {name: tensor.cpu() for name, tensor in state.items()}


def require_floats(state: Mapping[str, Tensor]) -> None:
    """Refuse weights that clips of 32-bit floats cannot be run through.

    Raises:
        SpecError: they are of another precision.
    """
    kinds = {str(tensor.dtype) for tensor in state.values() if tensor.is_floating_point()}
    if odd := sorted(kinds - {str(torch.float32)}):
        raise _refuse(
            "weights in floats of 32 bits", name_some(odd), "use .float(); InferenceSettings has a precision"
        )


def _check_names(state: Mapping[str, Tensor], spec: NetworkSpec) -> None:
    given = list_shapes(state)
    # A network that was brought holds whatever it holds.
    wanted = given if isinstance(spec, AdoptedSpec) else expected_shapes(spec)
    odd = [name for name in {**wanted, **given} if given.get(name) != wanted.get(name)]
    if odd:
        raise _refuse(
            f"the weights of {spec.label} with {spec.num_classes} classes, under their own names",
            f"missing, surplus or misshapen ones: {name_some(odd)}",
        )


def _check_finite(floats: Mapping[str, Tensor]) -> None:
    # A sum is finite unless something in it is not, or it overflows: the quick way for almost all.
    doubtful = {name: tensor for name, tensor in floats.items() if not torch.isfinite(tensor.sum())}
    bad = [name for name, tensor in doubtful.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise _refuse(
            "finite weights",
            f"NaN or infinity in {name_some(bad)}",
            "its training diverged: go back to earlier ones",
        )


def _refuse(expected: str, found: str, todo: str = "") -> SpecError:
    usual = "unwrap it, make pruning or parametrizations permanent, or build a network of that kind"
    return SpecError("the network", expected=expected, found=found, todo=todo or usual)
