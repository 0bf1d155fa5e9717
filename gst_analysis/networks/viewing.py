"""A module's output as frames (N, T, C, H, W), and such frames put back as the module's output lies."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gst_analysis.errors import SpecError
from gst_analysis.networks.anatomy import View


def pick_tensor(output: Any, view: View) -> Tensor:
    """The tensor that a view is about, of what a module returned."""
    if isinstance(output, Tensor):
        return output
    if (
        isinstance(output, (tuple, list))
        and len(output) > view.part
        and isinstance(output[view.part], Tensor)
    ):
        part: Tensor = output[view.part]
        return part
    raise SpecError(
        "module output",
        expected="a tensor, or some in a tuple",
        found=type(output).__name__,
        todo="name other places, see adopt(places=…)",
    )


def replace_tensor(output: Any, view: View, tensor: Tensor) -> Any:
    """What a module returned with another tensor in it."""
    if isinstance(output, Tensor):
        return tensor
    parts = list(output)
    parts[view.part] = tensor
    return type(output)(parts) if isinstance(output, list) else tuple(parts)


def view_frames(tensor: Tensor, view: View, clips: int) -> Tensor:
    """A module's output as frames.

    Args:
        tensor: what left the module.
        view: how it lies.
        clips: N, which a folded axis does not show.

    Returns:
        (N, T, C, H, W); H and W are 1 where there are none. Extra tokens are left out.
    """
    axes = view.axes
    if axes == "(NT)CHW":
        return torch.unflatten(tensor, 0, (clips, -1))
    if axes == "(NT)HWC":
        return torch.unflatten(tensor, 0, (clips, -1)).permute(0, 1, 4, 2, 3)
    if axes == "NTCHW":
        return tensor
    if axes == "NCTHW":
        return tensor.transpose(1, 2)
    if axes == "NTHWC":
        return tensor.permute(0, 1, 4, 2, 3)
    if axes == "NTC":
        return tensor[..., None, None]
    if axes == "NCT":
        return tensor.transpose(1, 2)[..., None, None]
    return _view_tokens(tensor[:, view.extra :], view, clips)


def _view_tokens(tokens: Tensor, view: View, clips: int) -> Tensor:
    _, rows, columns = _grid_of(view)  # a longer clip has more frames than the grid, of the same cells
    if view.axes == "N(HWT)C":
        return tokens.reshape(clips, rows, columns, -1, tokens.shape[-1]).permute(0, 3, 4, 1, 2)
    return tokens.reshape(clips, -1, rows, columns, tokens.shape[-1]).permute(0, 1, 4, 2, 3)


def unview_frames(frames: Tensor, view: View, like: Tensor) -> Tensor:
    """The inverse of `view_frames`; extra tokens are those of `like`, the module's own output."""
    axes = view.axes
    if axes == "(NT)CHW":
        return frames.flatten(0, 1)
    if axes == "(NT)HWC":
        return frames.permute(0, 1, 3, 4, 2).flatten(0, 1)
    if axes == "NTCHW":
        return frames
    if axes == "NCTHW":
        return frames.transpose(1, 2)
    if axes == "NTHWC":
        return frames.permute(0, 1, 3, 4, 2)
    if axes == "NTC":
        return frames[..., 0, 0]
    if axes == "NCT":
        return frames[..., 0, 0].transpose(1, 2)
    if axes == "(NT)(HW)C":
        tokens = frames.permute(0, 1, 3, 4, 2).flatten(2, 3).flatten(0, 1)
    elif axes == "N(HWT)C":
        tokens = frames.permute(0, 3, 4, 1, 2).flatten(1, 3)
    else:
        tokens = frames.permute(0, 1, 3, 4, 2).flatten(1, 3)
    return torch.cat([like[:, : view.extra], tokens], 1) if view.extra else tokens


def read_clip(output: Any, view: View) -> Tensor:
    """What left a module for a single clip, as frames (T, C, H, W)."""
    return view_frames(pick_tensor(output, view), view, 1)[0]


def fold_frames(output: Tensor, view: View) -> Tensor:
    """A module's output as folded frames (N*T, C, H, W), as a view says how it lies."""
    if view.axes == "(NT)CHW":
        return output
    if view.axes == "(NT)HWC":
        return output.permute(0, 3, 1, 2)
    if view.axes == "(NT)(HW)C":
        # One row of cells: extra tokens are the frame's own here, and go where it goes.
        return output.transpose(1, 2)[:, :, None]
    return view_frames(output, view, len(output)).flatten(0, 1)


def unfold_frames(folded: Tensor, view: View, like: Tensor) -> Tensor:
    """The inverse of `fold_frames`; `like` is the module's own output."""
    if view.axes == "(NT)CHW":
        return folded
    if view.axes == "(NT)HWC":
        return folded.permute(0, 2, 3, 1)
    if view.axes == "(NT)(HW)C":
        return folded[:, :, 0].transpose(1, 2)
    return unview_frames(torch.unflatten(folded, 0, (len(like), -1)), view, like)


def _grid_of(view: View) -> tuple[int, int, int]:
    if view.grid is None:
        raise SpecError(
            "view of tokens", expected="their grid: frames, rows, columns", found="none", todo="give it"
        )
    return view.grid
