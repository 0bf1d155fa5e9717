"""TimeSformer, VideoMAE, ViViT and V-JEPA 2, built by Hugging Face's library, an extra of this package.

Enters (N, T, 3, H, W), leaves (N, K). Only the library's four classes are used, of sizes that are checked
before; nothing is fetched, and no code but the library's own is run. `transformer_kinds` says which, and
`transformer_weights` what a file shows of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gst_analysis.errors import SpecError, one_line
from gst_analysis.groups import Group
from gst_analysis.networks.anatomy import Anatomy, Place, Unit, View
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.catalogue_transformers import HUGGING_FACE
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.networks.systems.transformer_kinds import (
    DIVIDED,
    SPACE_ONLY,
    Kind,
    check_settings,
    count_grid,
    kind_of_spec,
    write_config,
)
from gst_analysis.networks.systems.transformer_weights import find_kind, find_lie, guess_spec, rename_weights

VALUES = {
    "timesformer": "attention.attention.qkv",
    "videomae": "attention.attention.value",
    "vivit": "attention.v_proj",
    "vjepa2": "attention.value",
}
"""What makes the values of attention that is over space and time at once."""


def build(spec: SystemSpec) -> nn.Module:
    """One of the four, with the library's own random weights.

    Raises:
        SpecError: settings out of bounds, or the library is not there.
    """
    check_settings(spec)
    kind, told = kind_of_spec(spec), write_config(spec)
    network, config = load_classes(kind, spec.label)
    if kind.model != "videomae":
        module: nn.Module = network(config(**told))
        return module
    # The library counts VideoMAE's positions one by one in Python, more than a second for the usual size: it
    # builds a network of one patch, and gets the same numbers for all patches made at once.
    one = {"image_size": told["patch_size"], "num_frames": told["tubelet_size"]}
    module = network(config(**{**told, **one}))
    _give_positions(module, spec)
    return module


def load_classes(kind: Kind, label: str) -> tuple[Any, Any]:
    """The library's class of network and of configuration.

    Raises:
        SpecError: the library is not installed, or knows no such network.
    """
    package = f"transformers.models.{kind.model}"
    try:
        modeling = importlib.import_module(f"{package}.modeling_{kind.model}")
        configuration = importlib.import_module(f"{package}.configuration_{kind.model}")
        return getattr(modeling, kind.network), getattr(configuration, kind.config)
    except (ImportError, AttributeError) as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "transformers"
        raise SpecError(
            label,
            expected="Hugging Face's transformers, which build it",
            found="none installed" if missing else one_line(str(error))[:120],
            todo="pip install 'gst-analysis[transformers]'",
        ) from error


def _give_positions(network: Any, spec: SystemSpec) -> None:
    """Give a VideoMAE of one patch all the others."""
    frames, rows, columns = count_grid(spec)
    embeddings = network.videomae.embeddings
    patches = embeddings.patch_embeddings
    count, side = frames * rows * columns, spec.chosen["size"]
    embeddings.num_patches = patches.num_patches = count
    patches.image_size = (side, side)
    network.config.image_size, network.config.num_frames = side, spec.num_frames
    embeddings.position_embeddings = encode_positions(count, spec.chosen["hidden_size"])


def encode_positions(count: int, width: int) -> Tensor:
    """Sines and cosines of every patch's number, (1, count, width)."""
    channels = np.arange(width)
    angles = np.arange(count)[:, None] / np.power(10000, 2 * (channels // 2) / width)
    return torch.from_numpy(np.where(channels % 2, np.cos(angles), np.sin(angles))[None].astype(np.float32))


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Which of the four bare weights are of; what no weight shows is taken from the published sizes."""
    kind = find_kind(state)
    if kind is None:
        return None
    weights = rename_weights(kind, state)
    try:
        guessed = guess_spec(kind, weights)
    except SpecError:  # sizes that no network has
        return None
    if guessed is None or find_lie(guessed[0], weights) is not None:
        return None
    return Recognised(guessed[0], HUGGING_FACE, weights, guessed[1])


def describe(spec: SystemSpec, network: nn.Module) -> Anatomy:
    """Its encoder's layers, whose tokens lie on a grid of patches, and the attention of each.

    No norm scales what attention writes, so its channels can be changed and watched, and have no γ.
    """
    places = tuple(_list_places(spec))
    units = tuple(unit for place in places for unit in _list_units(spec, place))
    return Anatomy(places, units, (), _say_unknown(units), spec.record.lengths == "any")


def _list_places(spec: SystemSpec) -> Iterator[Place]:
    kind, grid, chosen = kind_of_spec(spec), count_grid(spec), spec.chosen
    view, half_width = View("N(THW)C", grid, extra=int(kind.model == "vivit")), None
    if kind.model == "timesformer":
        space = chosen["attention_type"] == SPACE_ONLY
        view = View("(NT)(HW)C" if space else "N(HWT)C", grid, extra=1)
        half_width = 0 if space else None
    for number in range(chosen["num_hidden_layers"]):
        yield Place(f"{kind.layers}.{number}", 1, view, half_width, chosen["patch_size"])


def _list_units(spec: SystemSpec, place: Place) -> Iterator[Unit]:
    """What attention over time and over space writes, or, where it is over both, the values that it reads.

    Values, because a class token answers for the network: it is no place in a frame, so what it reads can be
    changed where patches say it, and nowhere else.
    """
    width, grid = spec.chosen["hidden_size"], count_grid(spec)
    every, frames = slice(0, width), View("(NT)(HW)C", grid, extra=1)
    attention = spec.chosen.get("attention_type")
    if attention == DIVIDED:
        yield _build_unit(place, "temporal_dense", "temporal", every, View("N(HWT)C", grid))
        yield _build_unit(place, "attention.output", "spatial", every, frames)
    elif attention == SPACE_ONLY:
        yield _build_unit(place, "attention.output", "all", every, frames)
    else:
        last = slice(2 * width, 3 * width) if spec.family == "timesformer" else every
        yield _build_unit(place, VALUES[spec.family], "all", last, place.view)


def _build_unit(place: Place, module: str, group: Group, channels: slice, view: View) -> Unit:
    layer = f"{place.name}.{module}"
    return Unit(place.stage, place.name, layer, group, channels, "", view, "none", scaled=False)


def _say_unknown(units: tuple[Unit, ...]) -> tuple[str, ...]:
    scales = "no batch norm scales what attention writes: there are no scales to compare"
    if len({unit.group for unit in units}) > 1:
        return (scales,)
    return scales, "attention is not divided, so its channels cannot be told apart into space and time"
