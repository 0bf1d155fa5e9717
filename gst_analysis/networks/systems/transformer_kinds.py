"""The four transformers that a folder of Hugging Face's form may hold: names, settings, bounds. No torch.

A config.json comes from anybody. What is built is decided by this table alone, out of settings that are
known by name and lie within bounds; nothing else in it is read, and code that it names is never run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gst_analysis.errors import SpecError, name_some
from gst_analysis.networks.spec_values import MOST_FRAMES
from gst_analysis.networks.systems import SYSTEMS, SystemSpec


@dataclass(frozen=True)
class Kind:
    """One architecture as the library names it."""

    model: str
    """Its model_type, which is also its package."""
    network: str
    """The class with a head of classes."""
    config: str
    layers: str
    """The list of its encoder's layers."""
    frames: str
    """What config.json calls the frames of a clip."""
    usual_frames: int
    """What the library takes if it does not say so."""
    theirs: Mapping[str, str] = field(default_factory=dict)
    """Our name of a setting -> config.json's, where they differ."""


KINDS: Mapping[str, Kind] = {
    kind.model: kind
    for kind in (
        Kind(
            "timesformer",
            "TimesformerForVideoClassification",
            "TimesformerConfig",
            "timesformer.encoder.layer",
            "num_frames",
            8,
            {"size": "image_size"},
        ),
        Kind(
            "videomae",
            "VideoMAEForVideoClassification",
            "VideoMAEConfig",
            "videomae.encoder.layer",
            "num_frames",
            16,
            {"size": "image_size", "qkv_bias": "qv_bias"},
        ),
        Kind(
            "vivit",
            "VivitForVideoClassification",
            "VivitConfig",
            "vivit.layers",
            "num_frames",
            32,
            {"size": "image_size"},
        ),
        Kind(
            "vjepa2",
            "VJEPA2ForVideoClassification",
            "VJEPA2Config",
            "vjepa2.encoder.layer",
            "frames_per_clip",
            64,
            {"size": "crop_size"},
        ),
    )
}
SPACE_ONLY, DIVIDED = "space_only", "divided_space_time"
_MOST: Mapping[str, int] = {
    "size": 4096,
    "patch_size": 256,
    "tubelet_size": 64,
    "hidden_size": 8192,
    "num_hidden_layers": 64,
    "num_attention_heads": 256,
    "intermediate_size": 65_536,
    "num_pooler_layers": 64,
    "pred_hidden_size": 8192,
    "pred_num_attention_heads": 256,
    "pred_num_hidden_layers": 64,
    "pred_num_mask_tokens": 10_000,
}
"""Counts, and the most of each: several times the largest published network."""
_MOST_TOKENS, _MOST_CLASSES = 65_536, 1_000_000
_REALS: Mapping[str, float] = {"layer_norm_eps": 1.0, "mlp_ratio": 64.0, "pred_mlp_ratio": 64.0}
"""Numbers above 0, and the largest of each."""
_CHOICES: Mapping[str, tuple[object, ...]] = {
    "hidden_act": ("gelu", "gelu_fast", "gelu_new", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu"),
    "attention_type": (DIVIDED, "joint_space_time", SPACE_ONLY),
    "qkv_bias": (True, False),
    "use_mean_pooling": (True, False),
}
_SHARED_AMONG = {"num_attention_heads": "hidden_size", "pred_num_attention_heads": "pred_hidden_size"}
"""Heads, and the channels that they share."""
_ZERO_ALLOWED = ("num_pooler_layers", "pred_num_hidden_layers")


def kind_of_spec(spec: SystemSpec) -> Kind:
    """Which architecture a spec is of."""
    return KINDS[spec.family]


def count_grid(spec: SystemSpec) -> tuple[int, int, int]:
    """Frames, rows and columns of its patches."""
    chosen = spec.chosen
    side = chosen["size"] // chosen["patch_size"]
    return spec.num_frames // chosen.get("tubelet_size", 1), side, side


def check_settings(spec: SystemSpec) -> None:
    """Refuse settings that no network of this architecture has, before anything is built.

    Raises:
        SpecError: one that is unknown, no number, or too large.
    """
    known, chosen = spec.record.settings, spec.chosen
    if extra := sorted(set(chosen) - set(known)):
        raise _refuse(spec, f"the settings {name_some(sorted(known), limit=20)}", f"also {name_some(extra)}")
    for name, count, most in (
        ("frames", spec.num_frames, MOST_FRAMES),
        ("classes", spec.num_classes, _MOST_CLASSES),
    ):
        if not (_is_count(count) and count <= most):
            raise _refuse(spec, f"{name} as a whole number up to {most:,}", repr(count)[:60])
    for name, value in chosen.items():
        _check_setting(spec, name, value)
    for heads, width in _SHARED_AMONG.items():
        if heads in chosen and chosen[width] % chosen[heads]:
            raise _refuse(spec, f"{width} as a multiple of {heads}", f"{chosen[width]} and {chosen[heads]}")
    grid = count_grid(spec)
    if not 0 < math.prod(grid) <= _MOST_TOKENS:
        raise _refuse(spec, f"from 1 to {_MOST_TOKENS:,} patches a clip", " × ".join(map(str, grid)))


def _check_setting(spec: SystemSpec, name: str, value: Any) -> None:
    if name in _CHOICES:
        if value not in _CHOICES[name] or type(value) is not type(_CHOICES[name][0]):  # 1 is equal to True
            choices = ", ".join(map(str, _CHOICES[name]))
            raise _refuse(spec, f"{name} as one of {choices}", repr(value)[:60])
        return
    whole = name in _MOST
    least, most = (0 if name in _ZERO_ALLOWED else 1, _MOST[name]) if whole else (0.0, _REALS[name])
    number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not (number and (least <= value if whole else least < value) and value <= most):
        raise _refuse(spec, f"{name} as a {'whole ' if whole else ''}number up to {most:,}", repr(value)[:60])


def _refuse(spec: SystemSpec, expected: str, found: str) -> SpecError:
    return SpecError(spec.label, expected=expected, found=found, todo="correct its settings")


def read_config(config: Mapping[str, Any]) -> SystemSpec | None:
    """The network that a config.json describes; None for one that is none of the four.

    Raises:
        SpecError: one of them, with settings that it cannot have.
    """
    kind = KINDS.get(str(config.get("model_type")))
    if kind is None:
        return None
    space = config.get("attention_type") == SPACE_ONLY
    record = SYSTEMS[f"{kind.model}-space" if space else kind.model]
    told = _flatten_patches(kind, config)
    settings = {ours: told.get(kind.theirs.get(ours, ours), usual) for ours, usual in record.settings.items()}
    differing = {name: value for name, value in settings.items() if value != record.settings[name]}
    frames: Any = told.get(kind.frames, kind.usual_frames)
    spec = SystemSpec(record.name, frames, count_labels(config) or 1, tuple(sorted(differing.items())))
    check_settings(spec)
    return spec


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _flatten_patches(kind: Kind, config: Mapping[str, Any]) -> dict[str, Any]:
    """Values under the names of now, one where all sides are alike; ViViT keeps patches in its tubelets."""
    told = {key: _alike(value) for key, value in config.items()}
    if kind.model == "videomae":
        told.setdefault("qv_bias", told.get("qkv_bias", True))  # as older files call it
    tubelet = config.get("tubelet_size", [2, 16, 16])
    if kind.model == "vivit" and isinstance(tubelet, list) and len(tubelet) == 3:
        told["tubelet_size"], told["patch_size"] = tubelet[0], _alike(tubelet[1:])
    return told


def _alike(value: object) -> object:
    return value[0] if isinstance(value, list) and len(value) == 2 and value[0] == value[1] else value


def count_labels(config: Mapping[str, Any]) -> int | None:
    """How many classes a config.json speaks of; None where it does not."""
    names, count = config.get("id2label"), config.get("num_labels")
    if isinstance(names, Mapping):
        return len(names)
    return count if _is_count(count) else None


def write_config(spec: SystemSpec) -> dict[str, Any]:
    """What the library's configuration is made of: the inverse of `read_config`."""
    kind, chosen = kind_of_spec(spec), spec.chosen
    # A whole number is no real one to the library.
    plain = {name: float(value) if name in _REALS else value for name, value in chosen.items()}
    told = {kind.theirs.get(name, name): value for name, value in plain.items()}
    if kind.model == "vivit":
        patch = told.pop("patch_size")
        told["tubelet_size"] = [told["tubelet_size"], patch, patch]
    return {**told, kind.frames: spec.num_frames, "num_labels": spec.num_classes}
