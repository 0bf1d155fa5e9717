"""A CUDA device that is only pretended, to find without a GPU what would fail on one.

Tensors "on" it hold ordinary CPU tensors and say that they are on cuda:0. What goes wrong on a GPU goes wrong
here: an operation that mixes them with CPU tensors, `.numpy()` without `.cpu()`, a CPU generator for a tensor
on the device, autocast of the wrong device. Values are those of the CPU, so code that reads numbers runs to
its end, which torch's own fake tensors do not allow; their rules are what `tests/test_devices.py` compares
these with. What only a real GPU shows stays unseen: its numbers, its memory, its speed, its streams.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any
from unittest import mock

import torch
import torch._dynamo  # an optimiser imports it, and it would look at what is replaced below
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

CUDA = torch.device("cuda", 0)
aten = torch.ops.aten
_autocast_of: ContextVar[str] = ContextVar("autocast_of", default="")
"""The kind of device whose autocast is on."""
_CROSSING = {aten.copy_.default, aten._copy_from_and_resize.default}
_INDEXING = {
    aten.index.Tensor: 1,
    aten.index_put.default: 1,
    aten.index_put_.default: 1,
    aten._index_put_impl_.default: 1,
    aten.index_fill_.int_Scalar: 2,  # what x[:, indices] = 0 comes to
}
"""The place of the indices."""


class DeviceMix(RuntimeError):
    """What torch says where tensors of two devices meet."""


class PretendTensor(Tensor):
    """A CPU tensor that says it is on a GPU."""

    elem: Tensor

    @staticmethod
    def __new__(cls, elem: Tensor) -> PretendTensor:
        tensor: PretendTensor = Tensor._make_wrapper_subclass(
            cls,
            elem.size(),
            strides=elem.stride(),
            storage_offset=elem.storage_offset(),
            dtype=elem.dtype,
            device=elem.device,
            requires_grad=False,
        )
        tensor.elem = elem
        return tensor

    __torch_function__: Any = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override] # torch's stub forgets func
        kwargs = kwargs or {}
        check_devices(func, args, kwargs)
        out = func(*tree_map(_unwrap, args), **tree_map(_unwrap, kwargs))
        if func in _CROSSING and not isinstance(args[0], PretendTensor):
            return args[0]
        wrapped = tree_map(lambda x: PretendTensor(x) if isinstance(x, Tensor) else x, out)
        return return_and_correct_aliasing(func, args, kwargs, wrapped)

    @property
    def device(self) -> torch.device:  # type: ignore[override] # torch's is an attribute
        return CUDA

    @property
    def is_cuda(self) -> bool:  # type: ignore[override] # torch's is an attribute
        return True

    @property
    def is_cpu(self) -> bool:  # type: ignore[override] # torch's is an attribute
        return False

    def numpy(self, *, force: bool = False) -> Any:
        if force:
            return self.elem.detach().numpy()
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")

    def __array__(self, dtype: Any = None) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        return self.elem.tolist()

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self.detach().clone().requires_grad_(self.requires_grad)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.elem.detach().__reduce_ex__(protocol)

    def __repr__(self, **kwargs: Any) -> str:  # type: ignore[override] # torch's may name its one keyword
        return f"PretendTensor({self.elem!r})"


def check_devices(func: Any, args: Any, kwargs: Any) -> None:
    """Raise what a GPU would: tensors of both kinds meet, other than where torch lets them."""
    if (
        func in _CROSSING or torch._C._current_graph_task_id() != -1
    ):  # on the way back torch makes zeros itself
        return
    if _autocast_of.get() == "cpu":
        raise DeviceMix(f"{func}: autocast of the CPU does nothing to tensors on cuda:0")
    if func in _INDEXING:  # indices may lie on the CPU; the tensor itself and new values may not be elsewhere
        if not isinstance(args[0], PretendTensor):
            raise DeviceMix(f"{func}: indices on cuda:0 for a tensor on cpu")
        args = [leaf for place, leaf in enumerate(args) if place != _INDEXING[func]]
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    # A number in a CPU tensor of no dimensions goes along with tensors of any device.
    stray = [t for t in tensors if not isinstance(t, PretendTensor) and t.ndim > 0]
    lone = all(t.ndim == 0 for t in tensors if isinstance(t, PretendTensor))
    if stray and any(isinstance(t, PretendTensor) for t in tensors):
        shapes = [tuple(t.shape) for t in stray]
        kind = "a number on cuda:0" if lone else "cuda:0"
        raise DeviceMix(f"{func}: expected all tensors on one device; found {kind} and cpu {shapes}")


def _unwrap(value: Any) -> Any:
    return value.elem if isinstance(value, PretendTensor) else value


class _Arrive(torch.autograd.Function):
    """A CPU tensor to the device, and its gradient back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return PretendTensor(x.detach().clone())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return _unwrap(grad)


class _Leave(torch.autograd.Function):
    """A tensor of the device to the CPU, and its gradient there."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _unwrap(x).clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return PretendTensor(grad)


def move(x: Tensor, device: torch.device) -> Tensor:
    """What `x.to(device)` is: the same tensor where it is there already."""
    if device.type == "cuda":
        return x if isinstance(x, PretendTensor) else _Arrive.apply(x)
    return _Leave.apply(x) if isinstance(x, PretendTensor) else x


class _Redirect(TorchFunctionMode):
    """Every call that names a device: the pretended one is made of the CPU's."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is Tensor.to:
            return _to(*args, **kwargs)
        if func is Tensor.cuda:
            return move(args[0], CUDA)
        if func is Tensor.cpu:
            return move(args[0], torch.device("cpu"))
        if kwargs.get("device") is None or torch.device(kwargs["device"]).type != "cuda":
            return func(*args, **kwargs)
        if kwargs.get("generator") is not None:
            raise DeviceMix(f"{func}: expected a generator on cuda, found one on cpu")
        wanted = kwargs.pop("requires_grad", False)
        with torch._C.DisableTorchFunction():
            made = func(*tree_map(_unwrap, args), **{**kwargs, "device": "cpu"})
        return PretendTensor(made).requires_grad_(wanted)


def _to(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Tensor.to in all its forms."""
    options = {name: kwargs[name] for name in ("memory_format",) if name in kwargs}
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    if isinstance(kwargs.get("other"), Tensor):
        args = (kwargs["other"],)
    for arg in args:
        if isinstance(arg, Tensor):
            device, dtype = arg.device, arg.dtype
        elif isinstance(arg, torch.dtype):
            dtype = arg
        elif isinstance(arg, (str, torch.device)):
            device = arg
    moved = x if device is None else move(x, torch.device(device))
    with torch._C.DisableTorchFunction():
        out = moved.to(dtype=dtype or x.dtype, **options)
    return out.clone() if kwargs.get("copy") and out is x else out


class _Autocast(torch.autocast):
    """Autocast of the device, done as the CPU does it; the CPU's own must not be meant for the device."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        self.meant = device_type
        super().__init__("cpu", *args, **kwargs)

    def __enter__(self) -> Any:
        self.before = _autocast_of.set(self.meant if self._enabled else "")
        return super().__enter__()

    def __exit__(self, *details: Any) -> Any:
        _autocast_of.reset(self.before)
        return super().__exit__(*details)


def _nothing(*args: Any, **kwargs: Any) -> None:
    """What a call for effect does here."""


_CALLS: dict[str, Callable[..., Any]] = {
    "is_available": lambda: True,
    "device_count": lambda: 1,
    "current_device": lambda: 0,
    "get_device_name": lambda *_: "a pretended GPU",
    "get_device_capability": lambda *_: (9, 0),
    "is_bf16_supported": lambda *_: True,
    "get_rng_state": lambda *_: torch.get_rng_state(),
    "memory_allocated": lambda *_: 0,
    "max_memory_allocated": lambda *_: 0,
    "memory_reserved": lambda *_: 0,
    **dict.fromkeys(
        ("set_device", "synchronize", "empty_cache", "set_rng_state", "reset_peak_memory_stats"), _nothing
    ),
}


def _refuse_gradient(*tensors: Tensor) -> None:
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        raise RuntimeError("derivative for aten::cudnn_convolution_relu is not implemented")


def _convolve_relu(x: Tensor, weight: Tensor, bias: Tensor, *how: Any) -> Tensor:
    _refuse_gradient(x, weight, bias)
    return torch.relu(torch.conv2d(x, weight, bias, *how))


def _convolve_add_relu(x: Tensor, weight: Tensor, z: Tensor, alpha: float, bias: Tensor, *how: Any) -> Tensor:
    _refuse_gradient(x, weight, z, bias)
    return torch.relu(torch.conv2d(x, weight, bias, *how) + alpha * z)


_FUSED = {"cudnn_convolution_relu": _convolve_relu, "cudnn_convolution_add_relu": _convolve_add_relu}
"""What cuDNN does in one step."""
_LOADING: dict[str, Callable[..., Any]] = {
    "is_available": lambda: True,
    "current_accelerator": lambda: CUDA,
    "current_device_index": lambda: 0,
    "set_device_index": _nothing,
}


@contextlib.contextmanager
def pretend_cuda() -> Iterator[None]:
    """A CUDA device is there for as long as the block runs."""
    swap = torch.__future__.get_swap_module_params_on_conversion()
    with contextlib.ExitStack() as stack:
        for place, calls in ((torch.cuda, _CALLS), (torch.accelerator, _LOADING)):
            for name, call in calls.items():
                stack.enter_context(mock.patch.object(place, name, call))
        # A loader pins in a thread of its own, where no redirection holds.
        stack.enter_context(mock.patch.object(Tensor, "pin_memory", lambda tensor, *_: tensor))
        stack.enter_context(mock.patch.object(torch, "autocast", _Autocast))
        for name, step in _FUSED.items():
            stack.enter_context(mock.patch.object(torch, name, step))
        # A parameter that moves must become one of the other kind and stay the same object.
        stack.callback(torch.__future__.set_swap_module_params_on_conversion, swap)
        torch.__future__.set_swap_module_params_on_conversion(True)
        stack.enter_context(_Redirect())
        yield


def on_device(module: torch.nn.Module) -> torch.nn.Module:
    """A copy of a module on the pretended device."""
    return copy.deepcopy(module).to("cuda")
