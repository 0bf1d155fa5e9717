"""What holds while a network is run, and is put back as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from gst_analysis.errors import SpecError
from gst_analysis.inference.fusing import fuse_network_on_gpu
from gst_analysis.inference.gpu_trial import compiling_pays, try_compiled
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.devices import exact_convolutions, is_out_of_memory
from gst_analysis.networks.folding import fold_norms, has_hooks
from gst_analysis.networks.fused import FusedNetwork, fuse_network

FUSING_PAYS = 8_000
"""Frames times the squares of 16x16 pixels in one, over all clips, from which fusing is worth its time: six
clips of 8x224x224, or 63 of 8x64x64. Measured, it is even at one, or at eight (docs/performance.md)."""


@contextmanager
def running_conditions(
    network: nn.Module,
    settings: InferenceSettings,
    device: torch.device,
    *,
    fuse: bool = False,
    clip: ClipSpec | None = None,
    views: int = 0,
) -> Iterator[nn.Module]:
    """The network ready to run on the device, in evaluation mode: a folded copy, or itself for a while.

    Itself also where somebody has put hooks into it, which shall hear of this, and where it cannot be copied.
    `fuse` allows a copy without gradients: on a CPU a network of ours is then fused. So many `views` of clips
    may be worth compiling kernels for a GPU.
    """
    with exact_convolutions(device):
        if isinstance(network, FusedNetwork):
            yield network
            return
        if fuse and settings.fold and device.type == "cpu":
            kind = torch.bfloat16 if settings.precision == "bf16" else torch.float32
            fused = fuse_network(network, kind)
            if fused is not None:
                yield fused
                return
        folded = _try_fold(network) if settings.fold and not has_hooks(network) else None
        if folded is not None:
            folded = folded.to(device)
            kind = torch.bfloat16 if settings.precision == "bf16" else torch.float32
            yield _fuse_on_gpu(folded, kind, settings.batch, clip, views) if device.type == "cuda" else folded
            return
        # Of every module: somebody may train a network whose norms are kept in evaluation mode.
        modes = {module: module.training for module in network.modules()}
        home = next((tensor.device for tensor in network.state_dict().values()), device)
        try:
            yield network.eval().to(device)
        finally:
            network.to(home)
            for module, mode in modes.items():
                module.training = mode


def _fuse_on_gpu(
    folded: nn.Module, kind: torch.dtype, batch: int, clip: ClipSpec | None, views: int
) -> nn.Module:
    """With compiled kernels where they are worth it, tried with as many views as will come at once."""
    if clip is not None and kind != torch.float32:
        shape = (min(batch, views), clip.frames, 3, clip.crop, clip.crop)
        squares = views * clip.frames * (clip.crop / 16) ** 2
        compiled = try_compiled(folded, kind, shape, pays=compiling_pays(squares))
        if compiled is not None:
            return compiled
    return fuse_network_on_gpu(folded, kind)


def fusing_pays(clip: ClipSpec, views: int) -> bool:
    """Whether so many views take longer than making a fused network that saves a quarter of their time."""
    return views * clip.frames * (clip.crop / 16) ** 2 >= FUSING_PAYS


def _try_fold(network: nn.Module) -> nn.Module | None:
    try:
        return fold_norms(network)
    except Exception:  # somebody's module that cannot be copied
        return None


@contextmanager
def explain_out_of_memory(views: int, device: torch.device) -> Iterator[None]:
    """Turn an out-of-memory error inside the block into one that says which batch to try.

    Raises:
        SpecError: memory ran out.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        advice = f"try a batch of {views // 2}" if views > 1 else "use precision bf16, or fewer frames"
        raise SpecError(
            "inference",
            expected=f"{views} views at once to fit into the memory of {device.type}",
            found="out of memory",
            todo=advice,
        ) from error
