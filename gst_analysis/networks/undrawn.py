"""Networks in shapes alone: as large as nothing, and nothing is drawn for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_DRAW = frozenset(
    (
        Tensor.normal_,
        Tensor.uniform_,
        Tensor.fill_,
        Tensor.zero_,
        Tensor.erfinv_,
        Tensor.mul_,
        Tensor.add_,
        Tensor.clamp_,
    )
)
"""What beginnings are drawn with: each changes values and no shape."""


@contextmanager
def shapes_alone() -> Iterator[None]:
    """While this lasts, what is built has no values (device meta)."""
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Draws nothing where there are no values.

    torch goes through each drawing on meta in Python, which took two thirds of the time of building.
    """

    def __torch_function__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if func in _DRAW or getattr(func, "__module__", "") == "torch.nn.init":
            drawn = args[0] if args else given["tensor"]
            if drawn.is_meta:
                return drawn
        return func(*args, **given)
