"""Values whose types are wider than what a test knows of them, as it reads them."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.specs import ModelSpec


def untyped(value: object) -> Any:
    """A cell of a table, or what a figure has drawn: the test that reads it knows what it must be."""
    return value


def design(spec: NetworkSpec) -> ModelSpec:
    """The spec of a network that follows from arithmetic; any other kind is a failure."""
    assert isinstance(spec, ModelSpec)
    return spec


def submodule(network: nn.Module, name: str) -> Any:
    """A network's layer by its name, with the attributes of its own kind."""
    return network.get_submodule(name)


def gradient(tensor: Tensor) -> Tensor:
    """What has been passed back to a tensor; nothing is a failure."""
    assert tensor.grad is not None
    return tensor.grad
