"""Compiled kernels for a network on a GPU: whether they are worth compiling, and tried before they are used.

Triton compiles a kernel for each shape of layer, a few seconds each, and keeps it in the user's cache folder.
That pays where very many clips are run, or where it has been done: a file beside Triton's own says so.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import os
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import Tensor, nn

from gst_analysis.inference.fusing import fuse_network_on_gpu
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.progress import NOTICES

logger = logging.getLogger(NOTICES)
COMPILING_PAYS = 130_000
"""Thousands of squares of 16x16 pixels, in all frames of all clips, from which compiling saves more than its
time: 83,000 clips of 8x224x224, at 0.12 ms a clip and ten seconds of compiling (docs/gpu-checks.md)."""
_AGREE = 5e-2
_SOURCES = ("gpu_kernels.py", "gpu_plans.py", "gpu_stem.py")


def compiling_pays(squares: float) -> bool:
    """Whether so many squares of pixels take longer than compiling what saves a part of their time."""
    return squares >= 1000 * COMPILING_PAYS


@torch.no_grad()
def try_compiled(
    folded: nn.Module, kind: torch.dtype, shape: tuple[int, ...], *, pays: bool
) -> nn.Module | None:
    """A fused copy with compiled kernels, compared with the network on clips of the shape that will come.

    None where they are not worth it, not to be had, or say something else; float32 has none.
    """
    mark = _find_mark(folded, kind, shape)
    if kind == torch.float32 or mark is None or not (pays or mark.exists()):
        return None
    start, known = time.perf_counter(), mark.exists()
    try:
        clips = _draw_clips(folded, shape)
        fused = fuse_network_on_gpu(copy.deepcopy(folded), kind, compiled="tf32")
        with torch.autocast(clips.device.type, kind):
            found = fused(clips).float()
        truth = folded(clips)
        apart = float((found - truth).norm() / truth.norm())
    except Exception as error:  # of Triton, its compiler or the driver: the steps it stands for remain
        logger.info("Compiled kernels are not used: %s", str(error).strip().splitlines()[:1])
        return None
    if not apart <= _AGREE:  # nor where it is no number
        logger.info("Compiled kernels are not used: logits differ by %.2g of their size.", apart)
        return None
    if not known:
        logger.info("Compiled kernels for this network, once: %.0f s.", time.perf_counter() - start)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return fused


def _draw_clips(network: nn.Module, shape: tuple[int, ...]) -> Tensor:
    device = next(network.parameters()).device
    return torch.randn(shape, generator=torch.Generator(device).manual_seed(0), device=device)


def _find_mark(network: nn.Module, kind: torch.dtype, shape: tuple[int, ...]) -> Path | None:
    """The empty file that says that a network's kernels lie in Triton's cache; None where none can."""
    if not isinstance(network, VideoNetwork):
        return None
    try:
        words = [version("triton"), str(torch.cuda.get_device_capability(next(network.parameters()).device))]
    except (PackageNotFoundError, RuntimeError, AssertionError):
        return None
    if torch.version.hip is not None:
        return None
    sources = [Path(__file__).with_name(name).read_text() for name in _SOURCES]
    words += [*sources, str(kind), str(shape), repr(network.spec)]
    name = hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
    folder = os.environ.get("TRITON_CACHE_DIR") or str(Path.home() / ".triton" / "cache")
    return Path(folder) / "gst-analysis" / name
