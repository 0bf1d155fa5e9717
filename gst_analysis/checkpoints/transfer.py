"""A trained network to go on training: with its head, or with a new one for other classes.

Enters the path of any checkpoint that load_model reads; leaves the network, whose provenance says which of
its weights are the file's and which are new, and what its scales were, so that drift knows its start.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import torch

from gst_analysis.checkpoints.loaded import Checkpoint, Network
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.shapes import expected_shapes
from gst_analysis.errors import SpecError, name_some
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.registry import build_model, set_dropout
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems import SystemSpec

Head = Literal["keep", "new"]
_STAYS_TRUE = ("slimmed_from", "kept_channels")
"""What stays true of a network whatever is learned next; all else tells of the run before."""
_LONGEST_HISTORY = 20


def reopen_model(
    path: str | os.PathLike[str],
    *,
    num_classes: int,
    num_frames: int,
    head: Head = "keep",
    seed: int | None = None,
    dropout: float = 0.0,
) -> Network:
    """A trained network to go on training; its provenance says where it comes from.

    Args:
        path: any checkpoint that load_model reads.
        num_classes: what its head must have, or what a new head gets.
        num_frames: of the clips it will see, which no weight shows.
        head: keep it, or begin with a new one, whatever the classes are.
        seed: makes a new head the same every time.
        dropout: before the head.

    Raises:
        SpecError: a head of other classes, where it is to be kept.
    """
    found = load_checkpoint(path, num_frames=num_frames)
    if head == "keep" and found.spec.num_classes != num_classes:
        raise SpecError(
            str(path),
            expected=f"a head of {num_classes} classes, as in the training data",
            found=str(found.spec.num_classes),
            todo="begin with a new head, --set model.head=new, or name a checkpoint of these classes",
        )
    spec = with_classes(found.spec, num_classes)
    new = list_head(spec) if head == "new" else ()
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        module = build_model(spec)
    taken = {name: tensor for name, tensor in found.state.items() if name not in new}
    module.load_state_dict(taken, strict=False)  # load_checkpoint has compared every name
    set_dropout(module, dropout)
    state = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
    kept = {key: value for key, value in found.provenance.items() if key in _STAYS_TRUE}
    provenance = {**kept, "started_from": _record_start(found, len(taken), new)}
    changed: dict[str, Any] = {} if not new else {"labels": None, "sha256": ""}
    checkpoint = dataclasses.replace(found, spec=spec, state=state, provenance=provenance, **changed)
    return Network(module.eval(), checkpoint)


def with_classes(spec: NetworkSpec, num_classes: int) -> NetworkSpec:
    """The network with a head of so many classes.

    Raises:
        SpecError: its head is not ours to make.
    """
    if isinstance(spec, ModelSpec):
        return spec.replace(num_classes=num_classes)
    if isinstance(spec, SystemSpec):
        return dataclasses.replace(spec, num_classes=num_classes)
    raise SpecError(
        spec.label,
        expected="a network that is built by name",
        found="one that was brought",
        todo="give it a head of these classes in your own code",
    )


@lru_cache(maxsize=16)
def list_head(spec: NetworkSpec) -> tuple[str, ...]:
    """The weights of a network's head: all whose shape follows the number of classes.

    So one finds the heads of every network, of TRN too, which has one a scale, whatever they are called.

    Example:
        >>> list_head(ModelSpec.from_name("gst-resnet18"))
        ('fc.weight', 'fc.bias')
    """
    one, other = (expected_shapes(with_classes(spec, spec.num_classes + more)) for more in (0, 1))
    return tuple(name for name, shape in one.items() if shape != other[name])


def _record_start(found: Checkpoint, taken: int, new: Sequence[str]) -> dict[str, Any]:
    """What a checkpoint tells of the weights it began with."""
    gone = [name for name in new if name in found.state]
    return {
        "name": found.name,
        "sha256": found.sha256,
        "network": found.spec.label,
        "num_classes": found.spec.num_classes,
        "taken": taken,
        "left": gone,
        "new": list(new),
        "gammas": _list_gammas(found),
        "inherited": _read_mapping(_read_mapping(found.provenance, "inherited"), "norms"),
        "history": _list_history(found.provenance),
    }


def _list_gammas(found: Checkpoint) -> dict[str, list[float]]:
    """The scales at the start, by layer: some thousands of numbers, without which drift had no start."""
    layers = dict.fromkeys(unit.layer for unit in found.anatomy.scaled)
    scales = {layer: found.state.get(f"{layer}.weight") for layer in layers}
    return {layer: scale.double().tolist() for layer, scale in scales.items() if scale is not None}


def _list_history(provenance: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the file itself began with, nearest first. It comes out of a file: it is told, never followed."""
    before, flat = (_read_mapping(provenance, key) for key in ("started_from", "inflated_from"))
    earlier = before.get("history")
    steps = [before, flat, *(earlier if isinstance(earlier, list) else ())]
    plain = [
        {str(k)[:40]: str(step[k])[:80] for k in ("name", "file", "weights", "sha256") if k in step}
        for step in steps[:_LONGEST_HISTORY]
        if isinstance(step, Mapping)
    ]
    return [step for step in plain if step]


def _read_mapping(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = record.get(key)
    return value if isinstance(value, Mapping) else {}


def tell_start(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    """What a run says of the weights it goes on from: taken, left and new."""
    start = _read_mapping(provenance, "started_from")
    if "taken" not in start:
        return ()
    line = f"began with {start['name']} ({start['network']}, {start['num_classes']} classes)"
    line += f": {start['taken']} of its tensors taken"
    if start["new"]:
        line += f", its head left and a new one begun: {name_some(start['new'])}"
    return (line,)
