"""A network that a user brings: any module over clips, given the shape that analyses run.

Enters normalised clips (N, T, 3, H, W), whatever the module itself wants; leaves logits (N, T, K) where it
answers for every frame, else (N, 1, K). The module is held, not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from gst_analysis.errors import SpecError, name_some, one_line
from gst_analysis.networks.described import NetworkSpec, Output

Layout: TypeAlias = "Literal['NTCHW', 'NCTHW'] | tuple[Pathway, ...]"
LAYOUTS = ("NTCHW", "NCTHW")


@dataclass(frozen=True)
class Pathway:
    """One of several inputs of a module, made from one clip: every `step`-th frame, as (N, C, T, H, W)."""

    step: int = 1
    even: bool = False
    """Frames spread evenly from first to last, as PySlowFast picks them, not every step-th."""

    def pick(self, clips: Tensor) -> Tensor:
        """(N, T, 3, H, W) -> (N, 3, T / step, H, W)"""
        frames = clips.shape[1]
        if self.even:
            places = torch.linspace(0, frames - 1, max(1, frames // self.step)).long()
            return clips[:, places.to(clips.device)].transpose(1, 2)
        return clips[:, :: self.step].transpose(1, 2)


class ClipNetwork(nn.Module):
    """A module over clips in any layout, seen as (N, T, 3, H, W) -> (N, R, K)."""

    def __init__(self, inner: nn.Module, layout: Layout, spec: NetworkSpec) -> None:
        super().__init__()
        self.inner = inner
        self.layout = layout
        self.spec = spec
        self.norm_pairs: tuple[tuple[str, str], ...] | None = None
        """Batch norms and the convolutions before them, by name, once they were looked for."""

    def get_submodule(self, target: str) -> nn.Module:
        """A module by the name that it has inside: nobody needs to know of this one around it."""
        return self.inner.get_submodule(target)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The weights under the names that they have inside."""
        return self.inner.state_dict(*args, **kwargs)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        return self.inner.load_state_dict(state_dict, strict, assign)

    def forward(self, clips: Tensor) -> Tensor:
        logits = take_logits(self.inner(arrange_clips(clips, self.layout)))
        if self.spec.output == "clip":
            return logits[:, None] if logits.ndim == 2 else logits
        frames = clips.shape[1]
        return logits if logits.ndim == 3 else torch.unflatten(logits, 0, (-1, frames))


def arrange_clips(clips: Tensor, layout: Layout) -> Any:
    """Clips (N, T, 3, H, W) as a module wants them."""
    if layout == "NTCHW":
        return clips
    if layout == "NCTHW":
        return clips.transpose(1, 2)
    return [pathway.pick(clips) for pathway in layout]


def take_logits(output: Any) -> Tensor:
    """The logits of what a module returned: itself, or what transformers' outputs call `logits`.

    Raises:
        SpecError: it is no tensor.
    """
    if isinstance(output, Tensor):
        return output
    if isinstance(getattr(output, "logits", None), Tensor):
        logits: Tensor = output.logits
        return logits
    found = f"a dictionary of {name_some(list(map(str, output)))}" if isinstance(output, Mapping) else ""
    raise SpecError(
        "the network's output",
        expected="one tensor of logits, (clips, classes) or (clips, frames, classes)",
        found=found or f"a {type(output).__name__}",
        todo="wrap it in a module that returns the logits alone",
    )


def run_once(network: Callable[[Tensor], Any], clips: Tensor, *, asked: str) -> Any:
    """Run a module that nobody has vouched for; what it raises becomes one line.

    Raises:
        SpecError: it cannot take such clips.
    """
    try:
        with torch.no_grad():
            return network(clips)
    except SpecError:
        raise
    except Exception as error:  # whatever somebody's module raises
        raise SpecError(
            "the network",
            expected=f"a module that takes {asked}",
            found=f"{type(error).__name__}: {one_line(str(error))[:160]}",
            todo="give the layout, clip_spec and output that it was written for, or wrap it",
        ) from error


def check_logits(logits: Tensor, clips: int, frames: int, output: Output | None) -> Output:
    """Whether logits (N, R, K) or (N, K) are by frame or by clip.

    Raises:
        SpecError: they are neither, or not what was said.
    """
    shape = tuple(logits.shape)
    by_clip = logits.ndim == 2 and shape[0] == clips
    by_frame = (logits.ndim == 3 and shape[:2] == (clips, frames)) or (
        logits.ndim == 2 and shape[0] == clips * frames and frames > 1
    )
    if output == "clip" and by_clip:
        return "clip"
    if output == "frames" and by_frame:
        return "frames"
    if output is None and (by_clip or by_frame):
        return "clip" if by_clip else "frames"
    if output not in (None, "clip", "frames"):
        raise SpecError(
            "output", expected="clip or frames", found=repr(output)[:80], todo="leave it out: it is seen"
        )
    raise SpecError(
        "the network's output",
        expected=f"logits ({clips}, classes) or ({clips}, {frames}, classes)"
        + (f", as output={output!r} says" if output else ""),
        found=str(shape),
        todo="is it a network over clips? give output='clip' or 'frames', or wrap it",
    )


def list_classes(labels: Sequence[str] | None, logits: Tensor) -> int:
    """How many classes there are, which labels must agree with.

    Raises:
        SpecError: there are not as many labels as classes.
    """
    classes = int(logits.shape[-1])
    if labels is not None and len(labels) != classes:
        raise SpecError(
            "labels",
            expected=f"{classes}, one a class",
            found=str(len(labels)),
            todo="give a label for every class, or none",
        )
    return classes
