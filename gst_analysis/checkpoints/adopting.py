"""A user's own network -> one that every analysis takes: a module in hand, or code that the user names.

The module is run for one clip to see what it gives, without values where that can be done, and probed for
its places. It is held, never changed: its modes, weights, device and every source of random numbers are as
they were.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from gst_analysis.checkpoints.detective import check_finite, require_fit
from gst_analysis.checkpoints.loaded import Checkpoint, Network
from gst_analysis.checkpoints.loading import load_weights
from gst_analysis.checkpoints.misfits import explain_misfit, look_at_shapes, require_float32, require_made
from gst_analysis.checkpoints.naming import OwnCode
from gst_analysis.checkpoints.shapes import list_shapes
from gst_analysis.checkpoints.telling import tell_checkpoint, tell_clip
from gst_analysis.checkpoints.told_places import Groups, as_told
from gst_analysis.errors import SpecError, one_line
from gst_analysis.networks.adopted import (
    LAYOUTS,
    ClipNetwork,
    Layout,
    Pathway,
    arrange_clips,
    check_logits,
    list_classes,
    run_once,
    take_logits,
)
from gst_analysis.networks.anatomy import View
from gst_analysis.networks.brought import AdoptedSpec
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.described import Output
from gst_analysis.networks.probing import probe_network
from gst_analysis.networks.trial_runs import MOST_SECONDS, TooSlowError, limited_time, untouched
from gst_analysis.options import NetworkOptions

ADOPTED = "adopted"


def adopt(
    module: nn.Module,
    *,
    clip_spec: ClipSpec | None = None,
    labels: Sequence[str] | None = None,
    layout: Layout = "NTCHW",
    output: Output | None = None,
    places: Sequence[str] | Mapping[str, View] | None = None,
    groups: Groups | None = None,
    name: str | None = None,
) -> Network:
    """Make a network of your own one that every analysis takes.

    Args:
        module: any module over clips; it is held, not changed. Of a compiled one, what was compiled.
        clip_spec: frames, size and colours of its clips; 8 frames of 224 pixels if not given.
        labels: names of its classes.
        layout: how it wants a clip: "NTCHW" or "NCTHW", or a `Pathway` for each of several inputs.
        output: "frames" if it gives logits for every frame, "clip" for one row a clip; seen if not given.
        places: names of the modules to look at, or how to read each one's output; found if not given.
        groups: for norms by name, which channels are spatial and which temporal, or of which pathway; found
            if not given. Groups of other modules can be ablated too, though no γ is theirs.
        name: what tables call it; its class's name if not given.

    Raises:
        SpecError: it is no module over clips, or what is said of it does not hold.

    Example:
        >>> import torchvision
        >>> video = torchvision.models.video.r3d_18(num_classes=5)
        >>> adopt(video, clip_spec=ClipSpec(frames=4, crop=32), layout="NCTHW").spec.rows
        1
    """
    clip_spec = clip_spec or ClipSpec()
    _require_module(module)
    module = _uncompiled(module)
    require_made(module)
    require_float32(module)
    layout = _read_layout(layout)
    title = name or type(module).__name__
    rows = _look_once(module, clip_spec, layout)
    kind = check_logits(rows, 1, clip_spec.frames, output)
    spec = AdoptedSpec(title, clip_spec.frames, list_classes(labels, rows), kind, clip_spec.crop)
    wrapped = ClipNetwork(module, layout, spec)
    anatomy = probe_network(wrapped, frames=clip_spec.frames, size=clip_spec.crop)
    spec = replace(spec, anatomy=as_told(anatomy, places, groups, wrapped, clip_spec))
    wrapped.spec = spec
    state = {key: tensor.detach().cpu().clone() for key, tensor in module.state_dict().items()}
    names = tuple(labels) if labels is not None else None
    checkpoint = Checkpoint(Path(title), "", spec, clip_spec, names, ADOPTED, (), state)
    return Network(wrapped, checkpoint)


def load_network(
    code: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    clip_spec: ClipSpec | None = None,
    labels: Sequence[str] | None = None,
    **options: Any,
) -> Network:
    """Call a function of yours that builds a network, fill in its weights, and adopt it.

    Args:
        code: "package.module:function", found as Python finds it, in the current folder too. It is code that
            you name, and it runs; nothing that is named in a file ever does.
        weights: a checkpoint with its weights, read without trust.
        clip_spec: what `adopt` takes.
        labels: what `adopt` takes.
        options: what else `adopt` takes. What the function returns may be a `Network`, adopted by itself.

    Raises:
        SpecError: there is no such function, or what it returns is no network over clips.
        BrokenCheckpoint: the weights are not those of the network.

    Example:
        >>> load_network("my_project.models:build", weights="best.pth")  # doctest: +SKIP
    """
    built = _call(code)
    if not isinstance(built, Network):
        options.setdefault("name", OwnCode(code).short)
        built = adopt(built, clip_spec=clip_spec, labels=labels, **options)
    return built if weights is None else _fill(built, weights)


def load_told(code: str, weights: str | None, told: NetworkOptions) -> Network:
    """`load_network` with what a command was told of the network's clips and classes.

    Raises:
        SpecError: as `load_network`, or a family, which is for networks that are known.
    """
    if not told.is_told:
        return load_network(code, weights=weights)
    if told.family is not None:
        raise SpecError(
            f"network {code}",
            expected="a network of your own, of no family that is known",
            found=f"family {told.family}",
            todo="leave family out",
        )
    built = _call(code)
    if not isinstance(built, Network):
        clip = tell_clip(ClipSpec(), told)
        built = adopt(built, clip_spec=clip, name=OwnCode(code).short)
    network = built if weights is None else _fill(built, weights)
    return replace(network, checkpoint=tell_checkpoint(network.checkpoint, told))


def _call(code: str) -> Any:
    match = re.fullmatch(r"([\w.]+):(\w+)", code)
    if match is None:
        raise SpecError(
            "network",
            expected="package.module:function",
            found=repr(code)[:80],
            todo="name a function of yours that returns the module",
        )
    module, function = match.groups()
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)  # as `python -m` does: the user's own code lies here
    try:
        found = getattr(importlib.import_module(module), function)
        return found()
    except SpecError:
        raise
    except Exception as error:  # whatever somebody's code raises
        raise SpecError(
            f"network {code}",
            expected="a function that can be imported and called without arguments",
            found=f"{type(error).__name__}: {one_line(str(error))[:160]}",
            todo="check the name, and call it yourself in Python",
        ) from error


def _fill(network: Network, weights: str | os.PathLike[str]) -> Network:
    """The network with the weights of a file, whose names it must have, with or without usual prefixes."""
    raw = load_weights(weights)
    wanted = network.module.state_dict()
    state = _match_names(raw.state, wanted)
    require_fit(list_shapes(state), list_shapes(wanted), network.spec.label, raw.path)
    check_finite(state, raw.path)
    network.module.load_state_dict(state, strict=False)
    now = {key: tensor.detach().cpu().clone() for key, tensor in network.module.state_dict().items()}
    checkpoint = replace(network.checkpoint, path=raw.path, sha256=raw.sha256, state=now)
    return replace(network, checkpoint=checkpoint)


def _match_names(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names without the prefixes that wrappers put before all of them."""
    names = dict(state)
    while names and not set(names) & set(wanted):
        heads = {name.partition(".")[0] for name in names}
        if len(heads) != 1 or not all("." in name for name in names):
            break
        names = {name.partition(".")[2]: tensor for name, tensor in names.items()}
    return names


def _require_module(module: object) -> None:
    if isinstance(module, nn.Module):
        return
    raise SpecError(
        "adopt",
        expected="a module (torch.nn.Module) over clips",
        found=type(module).__name__,
        todo="build the network first; for a file of a known network use load_model",
    )


def _uncompiled(module: nn.Module) -> nn.Module:
    """What `torch.compile` was given: a compiled module runs past the hooks by which analyses look inside."""
    inner = getattr(module, "_orig_mod", None)
    return inner if isinstance(inner, nn.Module) else module


def _read_layout(told: object) -> Layout:
    if told in LAYOUTS:
        return cast(Layout, told)
    pathways = tuple(told) if isinstance(told, Iterable) and not isinstance(told, str) else ()
    if pathways and all(isinstance(one, Pathway) for one in pathways):
        return pathways
    raise SpecError(
        "layout",
        expected=f"{' or '.join(LAYOUTS)}, or a Pathway for each of several inputs",
        found=repr(told)[:80],
        todo="give how your network takes a clip: layout='NCTHW' is (clips, channels, frames, height, width)",
    )


def _look_once(module: nn.Module, clip_spec: ClipSpec, layout: Layout) -> Tensor:
    """What it gives for one clip: the shape, or what comes out on the device where it lies."""
    some = next(iter([*module.parameters(), *module.buffers()]), torch.zeros(()))
    noise = torch.rand(
        1, clip_spec.frames, 3, clip_spec.crop, clip_spec.crop, generator=torch.Generator().manual_seed(0)
    )
    asked = (
        f"clips of {clip_spec.frames} frames, {clip_spec.crop} x {clip_spec.crop} pixels, as {_say(layout)}"
    )
    clips = noise.to(some.device)
    with untouched(module):
        shape = look_at_shapes(module, arrange_clips(clips, layout))
        if shape is not None:
            return shape
        try:
            with limited_time(module, MOST_SECONDS):
                given = run_once(lambda clips: module(arrange_clips(clips, layout)), clips, asked=asked)
        except TooSlowError:
            raise
        except SpecError as error:
            raise explain_misfit(module, clips, layout, error) from error
        return take_logits(given)


def _say(layout: Layout) -> str:
    return layout if isinstance(layout, str) else f"a list of {len(layout)} pathways"
