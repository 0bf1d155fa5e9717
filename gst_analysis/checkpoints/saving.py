"""A network -> a file of our own: weights, spec, clip spec, labels and provenance, all plain values."""

from __future__ import annotations

import json
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
from gst_analysis.untrusted import LARGEST_JSON, to_plain_record

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
        SpecError: labels for another number of classes, a module that is no network of its spec, or labels
            and provenance that no reader would take back.
        OutputError: the place cannot be written, or another file is there.
    """
    where = Path(path)
    safe = where.name.endswith(".safetensors")
    write = model_writer(model, clip_spec=clip_spec, labels=labels, provenance=provenance, safe=safe)
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
    if provenance is not None and not isinstance(provenance, Mapping):
        raise SpecError(
            "provenance",
            expected="a record",
            found=type(provenance).__name__,
            todo="give a dict of names and values",
        )
    if isinstance(model, Network):
        labels = labels if labels is not None else model.labels
        clip_spec = clip_spec or model.clip_spec
        provenance = {**model.current_checkpoint().provenance, **(provenance or {})}
    module = model.module if isinstance(model, Network) else model
    spec = model.spec
    state = own_weights.require_own(module, spec)
    if labels is not None:
        _require_names(labels, spec.num_classes)
    # safetensors takes no others, and the stem's kernel lies with channels last.
    state = {name: tensor.contiguous() for name, tensor in state.items()}
    told = {
        "spec": spec.to_json(),
        "clip_spec": (clip_spec or ClipSpec(frames=spec.num_frames)).to_json(),
        "labels": list(labels) if labels is not None else None,
        "provenance": {"gst_analysis": find_version(), **(provenance or {})},
    }
    record = {"format": FORMAT, "version": VERSION, **_require_plain(told)}
    if safe:
        payload = safetensors.save(state, {SAFETENSORS_KEY: to_json(record)})
        _require_short(int.from_bytes(payload[:8], "little"))
        return lambda file: file.write(payload)
    return lambda file: torch.save({**record, "state_dict": state}, file)


def _require_names(labels: Sequence[str], count: int) -> None:
    """Check that there is a name for every class: a text alone would be taken for as many letters."""
    odd = [type(label).__name__ for label in labels if not isinstance(label, (str, int, float))]
    if len(labels) == count and not odd and not isinstance(labels, str):
        return
    raise SpecError(
        "labels",
        expected=f"{count}, one a class",
        found=f"a {odd[0]} among them" if odd else "a text" if isinstance(labels, str) else str(len(labels)),
        todo="give a label for every class, or none",
    )


def _require_plain(told: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside the weights, as it is read back: a file that cannot be would lose its network."""
    try:
        text = to_json(to_plain_record(told))
    except ValueError as error:
        raise _refuse(str(error)) from error
    _require_short(len(text.encode()))
    plain: dict[str, Any] = json.loads(text)  # in a pickle a number or text of another's type would be a call
    return plain


def _require_short(length: int) -> None:
    """Check that no reader refuses a header or a text for its length."""
    if length > LARGEST_JSON:
        raise _refuse(f"{length:,} bytes")


def _refuse(found: str) -> SpecError:
    return SpecError(
        "labels and provenance",
        expected="plain values: texts, numbers, lists and records",
        found=found,
        todo="write them as short texts, or leave them out",
    )
