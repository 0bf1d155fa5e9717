"""Exact gradients back to the frames that went in: a network and a clip in, norms per input frame out.

One forward pass carries them all, and one backward pass those logits that no frame reaches together. Nothing
is added to the gradients of the network's own parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gst_analysis.networks.anatomy import Place
from gst_analysis.networks.network import VideoNetwork, average_frames
from gst_analysis.networks.viewing import read_clip
from gst_analysis.probes.answers import repeat_last
from gst_analysis.probes.clip_stream import Step, no_step
from gst_analysis.probes.hooks import listening

Norms = npt.NDArray[np.float64]


def trace_gradients(
    network: Callable[[Tensor], Tensor],
    clip: Tensor,
    class_id: int | Sequence[int],
    *,
    places: Sequence[Place] = (),
    half_width: int | None = None,
    step: Step = no_step,
) -> tuple[Norms, dict[str, Norms]]:
    """How much every frame's logit, and the middle frame of every block's output, depend on each frame.

    Args:
        network: clips (N, T, 3, H, W) -> logits (N, R, K), in evaluation mode.
        clip: (1, T, 3, H, W), normalised.
        class_id: whose logit, for all frames or for each.
        places: modules inside the network, and how their outputs lie.
        half_width: frames back and forth that a frame's logit can depend on, by arithmetic; None where
            that is not known.
        step: called after every gradient.

    Returns:
        (R, T), answers by input frames: norms of the gradient; and for every block the (T,) norms
        of its middle frame's gradient, in a direction drawn at random, the same every time. Their squares
        estimate those of the whole Jacobian without bias.
    """
    pixels = clip.detach().clone().requires_grad_()
    modules = {place.name: submodule(network, place.name) for place in places}
    views = {place.name: place.view for place in places}
    with torch.enable_grad(), listening(modules) as outputs:
        logits = network(pixels)[0]  # (T, K)
        classes = [class_id] * len(logits) if isinstance(class_id, int) else class_id
        chosen = [row[number] for row, number in zip(logits, classes, strict=True)]
        rows = _trace_rows(chosen, pixels, half_width, step)
        profiles = {
            name: _norms(_project(read_clip(output, views[name])), pixels, step)
            for name, output in outputs.items()
        }
    return rows, profiles


def know_reach(network: object, half_width: int | None) -> int | None:
    """A half-width by arithmetic, of a network of ours alone: what acts like one may reach farther."""
    return half_width if isinstance(network, VideoNetwork) else None


def _trace_rows(logits: Sequence[Tensor], pixels: Tensor, half_width: int | None, step: Step) -> Norms:
    """(R, T): norms of every logit's gradient over each input frame.

    Logits whose frames lie too far apart to meet are added up: each frame's gradient is one logit's alone.
    """
    frames = pixels.shape[1]
    norms = np.zeros((len(logits), frames))
    known = half_width is not None and len(logits) == frames
    reach = half_width if known and half_width is not None else frames
    apart = min(2 * reach + 1, len(logits))
    for first in range(apart):
        rows = range(first, len(logits), apart)
        found = _norms(torch.stack([logits[row] for row in rows]).sum(), pixels, no_step)
        for row in rows:
            seen = slice(max(0, row - reach), row + reach + 1)
            norms[row, seen] = found[seen]
            step()
    return norms


def trace_prefix_gradients(
    network: Callable[[Tensor], Tensor],
    clip: Tensor,
    classes: Sequence[int],
    *,
    any_length: bool = True,
    step: Step = no_step,
) -> tuple[Norms, dict[str, Norms]]:
    """(T, T): row t is about the prediction from frames 1..t alone; frames that are not given stay 0.

    Args and returns are those of trace_gradients; there are no blocks. One prefix is in memory at a time.
    """
    norms = np.zeros((clip.shape[1], clip.shape[1]))
    for t, number in enumerate(classes):
        pixels = clip[:, : t + 1].detach().clone().requires_grad_()
        given = pixels if any_length else repeat_last(pixels, clip.shape[1])
        with torch.enable_grad():
            logit = average_frames(network(given))[0, number]
            norms[t, : t + 1] = _norms(logit, pixels, step, keep=False)
    return norms, {}


def share_rows(norms: Norms) -> Norms:
    """Every row over its sum; a row of zeros stays one, since nothing can be shared."""
    totals = norms.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(norms, totals, out=np.zeros_like(norms), where=totals > 0))


def _norms(value: Tensor, pixels: Tensor, step: Step, *, keep: bool = True) -> Norms:
    """(T,) norms of a number's gradient over each input frame; zeros where it depends on none.

    `keep` leaves what it needs in memory for another number.
    """
    (gradient,) = torch.autograd.grad(value, pixels, retain_graph=keep, materialize_grads=True)
    norms = np.asarray(torch.linalg.vector_norm(gradient, dim=(0, 2, 3, 4)).double().cpu().numpy())
    step()
    return norms


def submodule(network: object, name: str) -> nn.Module:
    """A module inside a network by its name; what only acts like a network has none."""
    assert isinstance(network, nn.Module)
    return network.get_submodule(name)


def _project(output: Tensor) -> Tensor:
    """The middle frame of (T, C, h, w), seen from a random direction."""
    middle = output[len(output) // 2]
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(middle.shape, generator=generator).to(middle)
    return (middle * direction).sum()
