"""What a module that took no clip takes instead, so that one line can say what to do about it.

Only what was tried and worked is said: the other layout, a picture, several inputs in a list. It is tried
without values where that can be done, and not for long where it cannot. What a module asks for beyond one
input is read off its `forward`.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from gst_analysis.errors import SpecError
from gst_analysis.networks.adopted import Layout, arrange_clips, take_logits
from gst_analysis.networks.trial_runs import MOST_SECONDS, copy_shapes, limited_time

_USUAL_SIZE = 224
"""Of pictures that a classifier takes, where it takes those of one size alone."""
_NOT_RUN = object()
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
    for size in dict.fromkeys((clips.shape[-1], _USUAL_SIZE)):
        pictures = clips.new_zeros(clips.shape[1], 3, size, size)
        if clips.shape[1] > 1 and _takes(module, pictures):
            todo = "wrap it: give it clips.flatten(0, 1), and return its logits by frame"
            of = "" if size == clips.shape[-1] else f" of {size} pixels"
            return _say(error, f"one that takes pictures{of}, (N, 3, H, W)", todo)
    for count in (2, 3):
        if isinstance(layout, str) and _takes(module, [clips.transpose(1, 2)] * count):
            todo = f"adopt(module, layout=[Pathway(…), …]); {_RETURN}"
            return _say(error, f"one that takes a list of {count} inputs", todo)
    return error


def look_at_shapes(module: nn.Module, given: Any) -> Tensor | None:
    """What a module gives, as a shape alone; None where it cannot be run without values, or not so.

    Without values nothing minds that weights of several precisions meet, so such a module is left out.
    """
    given = _run_shapes(module, given)
    return None if given is _NOT_RUN else take_logits(given)


def _run_shapes(module: nn.Module, given: Any) -> Any:
    """Whatever a module returns without values; _NOT_RUN where it cannot be run so."""
    if len({one.dtype for one in module.parameters() if one.is_floating_point()}) > 1:
        return _NOT_RUN
    try:
        with torch.no_grad():
            return copy_shapes(module)(_without_values(given))
    except Exception:  # whatever somebody's module raises
        return _NOT_RUN


def _without_values(given: Any) -> Any:
    return [one.to("meta") for one in given] if isinstance(given, list) else given.to("meta")


def require_float32(module: nn.Module) -> None:
    """Refuse weights that no clip can be multiplied by; on a CPU half precision takes minutes.

    Raises:
        SpecError: not one of them is in single precision.
    """
    kinds = {one.dtype for one in module.parameters() if one.is_floating_point()}
    if kinds and torch.float32 not in kinds:
        raise SpecError(
            "adopt",
            expected="weights in float32, as clips are",
            found=" and ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds)),
            todo="adopt(module.float(), …)",
        )


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
        found = _run_shapes(module, given)
        if found is _NOT_RUN:
            with torch.no_grad(), limited_time(module, MOST_SECONDS):
                found = module(given)
        return take_logits(found).ndim in (2, 3)
    except Exception:  # whatever somebody's module raises
        return False


def _say(error: SpecError, found: str, todo: str) -> SpecError:
    return SpecError(error.subject, expected=error.expected, found=found, todo=todo)
