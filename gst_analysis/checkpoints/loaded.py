"""What was loaded: a checkpoint with everything known about it, and a network that runs."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.naming import name_path
from gst_analysis.errors import GstError, SpecError, legible
from gst_analysis.networks.anatomy import Anatomy
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.registry import anatomy_of
from gst_analysis.networks.systems.catalogue_transformers import HUGGING_FACE
from gst_analysis.numbers import how_many
from gst_analysis.results import Result
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from gst_analysis.checkpoints import own_weights
    from gst_analysis.networks import folding, fused
    from gst_analysis.networks.adopted import ClipNetwork
    from gst_analysis.networks.network import VideoNetwork
else:  # a file is recognised without torch, which takes longer to import than most files to read
    torch = Door("torch")
    folding = Door("gst_analysis.networks.folding")
    fused = Door("gst_analysis.networks.fused")
    own_weights = Door("gst_analysis.checkpoints.own_weights")

_KINDS = {"fp32": "float32", "bf16": "bfloat16"}
profile_room: Any = Door("gst_analysis.analyses.profile")
"""The one look upwards: in a notebook people ask the network itself. Nothing here needs it."""
CHANGED = "weights were changed after they were loaded or made: these are the network's as it is now"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read, recognised and checked; no network was built."""

    path: Path
    sha256: str
    spec: NetworkSpec
    clip_spec: ClipSpec
    labels: tuple[str, ...] | None
    layout: str
    notes: tuple[str, ...]
    state: dict[str, Tensor] = field(repr=False)
    provenance: Mapping[str, Any] = field(repr=False, default_factory=dict)

    def __repr__(self) -> str:
        """One line."""
        return f"Checkpoint({_say_what(self)})"

    @property
    def name(self) -> str:
        """The file's name without its ending, or the folder's whose weights they are."""
        return name_path(self.path, inside=self.layout == HUGGING_FACE)

    @property
    def anatomy(self) -> Anatomy:
        """Places and groups of channels of its network."""
        return anatomy_of(self.spec)

    @property
    def params(self) -> int:
        """Learned numbers: everything but batch norm's running statistics."""
        return sum(t.numel() for n, t in self.state.items() if not _is_statistic(n))


@dataclass(frozen=True)
class Network:
    """A network with its weights, and everything known about it.

    `.module` takes normalised clips (N, T, 3, H, W) and returns logits: one row a frame, (N, T, K), or one a
    clip, (N, 1, K), as `.spec.output` says. Its weights may be changed, by training for instance: every
    analysis is of the module as it is, and its notes say so. What is no longer a network of `.spec` is
    refused.
    """

    module: VideoNetwork | ClipNetwork
    checkpoint: Checkpoint

    def __repr__(self) -> str:
        """One line; `.module` prints every layer."""
        return f"Network({_say_what(self.checkpoint)})"

    @property
    def spec(self) -> NetworkSpec:
        return self.checkpoint.spec

    @property
    def anatomy(self) -> Anatomy:
        """Places and groups of channels: what analyses go by."""
        return self.checkpoint.anatomy

    @property
    def clip_spec(self) -> ClipSpec:
        return self.checkpoint.clip_spec

    @property
    def labels(self) -> tuple[str, ...] | None:
        return self.checkpoint.labels

    @property
    def sha256(self) -> str:
        """The file's hash; empty where there is none, or where the weights are no longer the file's."""
        return self.current_checkpoint().sha256

    @property
    def layout(self) -> str:
        return self.checkpoint.layout

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed because the file does not say it."""
        return self.current_checkpoint().notes

    def profile(self, dataset: str | os.PathLike[str] | None = None, **options: Any) -> Result[Any]:
        """Its depth profile: what `gst.profile` returns of it.

        Args:
            dataset: labelled clips, for the lines that need some.
            options: fields of ProfileOptions.
        """
        found: Result[Any] = profile_room.profile(self, dataset, **options)
        return found

    def _repr_html_(self) -> str:
        """What it is, and its profile."""
        line = f"<p><code>{html.escape(repr(self))}</code></p>"
        if not self.checkpoint.state:  # as with_module leaves it: there are no weights to read
            return line
        try:
            return line + self.profile()._repr_html_()
        except GstError:
            return line

    def current_checkpoint(self) -> Checkpoint:
        """The checkpoint with the weights that the module has now: itself unless somebody changed them.

        Raises:
            SpecError: the module is another network: wrapped, pruned, with another head, or of other numbers.
        """
        known = self.checkpoint.state
        # As with_module leaves it: there is nothing to compare with.
        if not known:
            return self.checkpoint
        now = own_weights.require_own(self.module, self.spec)
        own_weights.require_floats(now)
        if all(torch.equal(now[name], tensor.to(now[name].dtype)) for name, tensor in known.items()):
            return self.checkpoint
        provenance = {
            **own_weights.forget_scores(self.checkpoint.provenance),
            "changed_from": self._name_file(),
        }
        notes = (*self.checkpoint.notes, CHANGED)
        return replace(self.checkpoint, sha256="", notes=notes, state=now, provenance=provenance)

    def with_module(self, module: Any) -> Network:
        """This model with a module of another kind, such as one around it, and without weights to compare."""
        return Network(module, replace(self.current_checkpoint(), state={}))

    def fast(self, precision: str = "fp32") -> Network:
        """A form for inference alone that says the same sooner on a CPU; it holds the weights of this moment.

        Networks of ours are fused (networks/fused.py); of others, and where that cannot be, batch norms are
        folded. `predict`, `evaluate` and `trace` do so by themselves where it pays.

        Args:
            precision: fp32 or bf16.

        Example:
            >>> fast = gst.load_network("ckpt.pth").fast()  # doctest: +SKIP
        """
        if precision not in _KINDS:
            raise SpecError(
                "precision",
                expected=" or ".join(_KINDS),
                found=repr(precision)[:40],
                todo="choose one of them",
            )
        kind: torch.dtype = getattr(torch, _KINDS[precision])
        return self.with_module(fused.fuse_network(self.module, kind) or folding.fold_norms(self.module))

    def _name_file(self) -> dict[str, str]:
        return {"name": self.checkpoint.name, "sha256": self.checkpoint.sha256}


LoadedModel = Network
"""What a network was called while all of them were loaded from files."""


def _say_what(checkpoint: Checkpoint) -> str:
    spec, clip = checkpoint.spec, checkpoint.clip_spec
    named = "named" if checkpoint.labels else "unnamed"
    size = f"{how_many(clip.frames, 'frame')} of {clip.crop} px"
    return f"{spec.label}, {spec.num_classes} {named} classes, {size}, {legible(checkpoint.path.name)!r}"


def _is_statistic(name: str) -> bool:
    return name.endswith(("running_mean", "running_var", "num_batches_tracked"))
