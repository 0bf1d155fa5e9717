"""Values whose types the libraries' stubs leave too open, as tests read them."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def untyped(value: object) -> Any:
    """A cell of a table, or what a figure has drawn: the test that reads it knows what it must be."""
    return value


def submodule(network: nn.Module, name: str) -> Any:
    """A network's layer by its name, with the attributes of its own kind."""
    return network.get_submodule(name)


def gradient(tensor: Tensor) -> Tensor:
    """What has been passed back to a tensor; nothing is a failure."""
    assert tensor.grad is not None
    return tensor.grad
