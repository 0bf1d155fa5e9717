"""A network -> a file of our own: weights, spec, clip spec, labels and provenance, all plain values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.loaded import Network
from gst_analysis.checkpoints.reading import SAFETENSORS_KEY
from gst_analysis.checkpoints.records import VERSION
from gst_analysis.checkpoints.unbuilt import FORMAT
from gst_analysis.errors import SpecError
from gst_analysis.files import Writer, to_json, write_whole
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.results import find_version
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import torch
    from safetensors import torch as safetensors

    from gst_analysis.checkpoints import own_weights
    from gst_analysis.networks import adopted, network
    from gst_analysis.networks.adopted import ClipNetwork
    from gst_analysis.networks.network import VideoNetwork
else:  # a file is recognised without torch, which takes longer to import than most files to read
    safetensors = Door("safetensors.torch")
    torch = Door("torch")
    adopted = Door("gst_analysis.networks.adopted")
    network = Door("gst_analysis.networks.network")
    own_weights = Door("gst_analysis.checkpoints.own_weights")


def save_model(
    path: str | os.PathLike[str],
    model: Network | VideoNetwork | ClipNetwork,
    *,
    clip_spec: ClipSpec | None = None,
    labels: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write weights, spec, clip spec, labels and provenance in one file, whole or not at all.

    The ending chooses the kind: .safetensors, or a PyTorch file for anything else. What is not given is
    taken over from a Network.

    Args:
        path: where to.
        model: a network, or what load_model returned.
        clip_spec: the clips that it takes.
        labels: its classes' names.
        provenance: plain values to keep with it.
        overwrite: take the place of another file of that name.

    Raises:
        SpecError: labels for another number of classes, or a module that is no network of its spec.
        OutputError: the place cannot be written, or another file is there.
    """
    where = Path(path)
    write = model_writer(
        model, clip_spec=clip_spec, labels=labels, provenance=provenance, safe=where.suffix == ".safetensors"
    )
    return write_whole(where, write, replace=overwrite)


def model_writer(
    model: Network | VideoNetwork | ClipNetwork,
    *,
    clip_spec: ClipSpec | None = None,
    labels: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    safe: bool = False,
) -> Writer:
    """What writes a network as `save_model` does: as safetensors, or as a PyTorch file."""
    if not isinstance(model, (Network, network.VideoNetwork, adopted.ClipNetwork)):
        raise SpecError(
            "save_model",
            expected="what load_model, create_model or adopt returned",
            found=type(model).__name__,
            todo="adopt a module of your own first; a state dict is saved by torch.save",
        )
    if isinstance(model, Network):
        labels = labels if labels is not None else model.labels
        clip_spec = clip_spec or model.clip_spec
        provenance = {**model.current_checkpoint().provenance, **(provenance or {})}
    module = model.module if isinstance(model, Network) else model
    spec = model.spec
    state = own_weights.require_own(module, spec)
    if labels is not None and len(labels) != spec.num_classes:
        raise SpecError(
            "labels",
            expected=f"{spec.num_classes}, one a class",
            found=str(len(labels)),
            todo="give a label for every class, or none",
        )
    # safetensors takes no others, and the stem's kernel lies with channels last.
    state = {name: tensor.contiguous() for name, tensor in state.items()}
    record = {
        "format": FORMAT,
        "version": VERSION,
        "spec": spec.to_json(),
        "clip_spec": (clip_spec or ClipSpec(frames=spec.num_frames)).to_json(),
        "labels": list(labels) if labels is not None else None,
        "provenance": {"gst_analysis": find_version(), **(provenance or {})},
    }
    if safe:
        payload = safetensors.save(state, {SAFETENSORS_KEY: to_json(record)})
        return lambda file: file.write(payload)
    return lambda file: torch.save({**record, "state_dict": state}, file)
