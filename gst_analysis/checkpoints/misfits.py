"""What a module that took no clip takes instead, so that one line can say what to do about it.

Only what was tried and worked is said: the other layout, a picture, several inputs in a list. What a module
asks for beyond one input is read off its `forward`.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from gst_analysis.errors import SpecError
from gst_analysis.networks.adopted import Layout, arrange_clips, take_logits

_RETURN = "a function that --network names may return what adopt returns"


def explain_misfit(module: nn.Module, clips: Tensor, layout: Layout, error: SpecError) -> SpecError:
    """The error that says best why a module took no clip.

    Args:
        module: what failed, in evaluation mode.
        clips: what it was given, (N, T, 3, H, W).
        layout: how they were arranged.
        error: what is known so far.
    """
    inputs = _list_inputs(module)
    if len(inputs) > 1:
        found = f"one of {len(inputs)} inputs: {', '.join(inputs)[:80]}"
        return _say(error, found, "wrap it in a module of one clip")
    others: tuple[Layout, ...] = ("NCTHW", "NTCHW")
    for other in others:
        if other != layout and _takes(module, arrange_clips(clips, other)):
            return _say(
                error, f"one that takes them as {other}", f"adopt(module, layout={other!r}); {_RETURN}"
            )
    if clips.shape[1] > 1 and _takes(module, clips[0]):
        todo = "wrap it: give it clips.flatten(0, 1), and return its logits by frame"
        return _say(error, "one that takes pictures, (N, 3, H, W)", todo)
    for count in (2, 3):
        if isinstance(layout, str) and _takes(module, [clips.transpose(1, 2)] * count):
            todo = f"adopt(module, layout=[Pathway(…), …]); {_RETURN}"
            return _say(error, f"one that takes a list of {count} inputs", todo)
    return error


def require_made(module: nn.Module) -> None:
    """Refuse a module whose weights are made when it is first run: running it would change it.

    Raises:
        SpecError: it is one.
    """
    for name, parameter in module.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise SpecError(
                "adopt",
                expected="a module whose weights are there",
                found=f"{name}, which is made when it is first run",
                todo="run the module once yourself",
            )


def _list_inputs(module: nn.Module) -> list[str]:
    """The names of what its forward must be given."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):  # a compiled one
        return []
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.kind in plain and one.default is inspect.Parameter.empty]


def _takes(module: nn.Module, given: Any) -> bool:
    """Whether a module can be run so, and gives what may be logits."""
    try:
        with torch.no_grad():
            return take_logits(module(given)).ndim in (2, 3)
    except Exception:  # whatever somebody's module raises
        return False


def _say(error: SpecError, found: str, todo: str) -> SpecError:
    return SpecError(error.subject, expected=error.expected, found=found, todo=todo)
