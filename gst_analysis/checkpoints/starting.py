"""A spec -> a network to start training from: random, or inflated from 2-D weights.

2-D weights come from torchvision's ImageNet weights or from a local file of the same backbone. What was
inherited is kept in the provenance, which `save_model` writes into the file.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gst_analysis.checkpoints.layouts import OURS, canonicalise
from gst_analysis.checkpoints.loaded import Checkpoint, LoadedModel
from gst_analysis.checkpoints.loading import load_weights
from gst_analysis.errors import SpecError
from gst_analysis.networks.anatomy import require_arithmetic
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.inflation import TemporalStart, inflate
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.registry import build_model, spec_from_name, usual_clip
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from torchvision import models as torchvision_models
else:
    torchvision_models = Door("torchvision.models")  # it takes long to import, and few need it

IMAGENET = "imagenet"


def create_model(
    model: str | NetworkSpec,
    *,
    pretrained: str | os.PathLike[str] | None = None,
    temporal: TemporalStart = "random",
    seed: int | None = None,
    dropout: float = 0.0,
) -> LoadedModel:
    """A network ready to be trained, in eval mode until you say `.module.train()`.

    Args:
        model: FAMILY-BACKBONE, a system that `gst-analyze models` lists, or a spec.
        pretrained: "imagenet" for torchvision's weights, or the path of a 2-D checkpoint.
        temporal: how kernels over time start: random, or centred (the 2-D weights in the middle frame).
        seed: makes the random part the same every time.
        dropout: before the head.

    Example:
        >>> create_model("gst-resnet18", seed=0).spec.alpha
        Fraction(1, 4)
    """
    spec = spec_from_name(model) if isinstance(model, str) else model
    if not isinstance(spec, NetworkSpec):
        raise SpecError(
            "create_model",
            expected="FAMILY-BACKBONE, such as gst-resnet50, or a spec",
            found=type(spec).__name__,
            todo="name the network that is to be built",
        )
    # No devices: weights are drawn on the CPU.
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        module = build_model(spec, dropout=dropout).eval()
    note = "untrained: freshly initialised weights, so every scale is 1 and predictions mean nothing"
    provenance: dict[str, Any] = {"seed": seed}
    if pretrained is not None:
        plain = require_arithmetic(spec, "2-D weights to start from")
        assert isinstance(module, VideoNetwork)  # what such a spec builds
        flat, source = load_flat_weights(plain, pretrained)
        inherited = inflate(module, flat, temporal=temporal)
        provenance |= {
            "inflated_from": source,
            "temporal": temporal,
            "inherited": dataclasses.asdict(inherited),
        }
        note = f"not trained on video: inflated from 2-D weights ({source})"
    state = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
    checkpoint = Checkpoint(
        Path(f"untrained-{spec.name}"), "", spec, usual_clip(spec), None, OURS, (note,), state, provenance
    )
    return LoadedModel(module, checkpoint)


def load_flat_weights(
    spec: ModelSpec, source: str | os.PathLike[str], *, fetch: bool = True
) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
    """2-D weights under our names, and where they came from.

    Args:
        spec: the network that they are for.
        source: "imagenet" for torchvision's, or the path of a file.
        fetch: torchvision's may be downloaded; else they are taken from the disk or not at all.

    Raises:
        SpecError: there are none.
    """
    if source == IMAGENET:
        return _load_imagenet(spec, fetch=fetch)
    raw = load_weights(source)
    return canonicalise(raw.state, source=str(raw.path)).state, {"file": raw.path.name, "sha256": raw.sha256}


def _load_imagenet(spec: ModelSpec, *, fetch: bool) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
    if spec.plan.torchvision is None or spec.width != spec.plan.width:
        raise SpecError(
            f"ImageNet weights for {spec.name}",
            expected="a backbone and width that torchvision has",
            found=f"{spec.backbone} of width {spec.width}",
            todo="leave pretrained out, or name a 2-D file",
        )
    # V1: what there was when these families were published. V2 came of another recipe in 2021.
    weights = torchvision_models.get_model_weights(spec.plan.torchvision)["IMAGENET1K_V1"]
    if not fetch and not (Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name).is_file():
        raise SpecError(
            f"ImageNet weights for {spec.name}",
            expected="torchvision's weights on this disk, since nobody asked to fetch them",
            found="none",
            todo=f"fetch {weights.url} and name the file",
        )
    try:
        state = weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except OSError as error:
        raise SpecError(
            f"ImageNet weights for {spec.name}",
            expected="torchvision's weights, cached or downloaded",
            found=str(error),
            todo="connect to the network once, or name a local 2-D file",
        ) from error
    return canonicalise(state).state, {"weights": f"{spec.plan.torchvision}.IMAGENET1K_V1"}
