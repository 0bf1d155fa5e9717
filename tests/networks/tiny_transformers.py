"""Folders of Hugging Face's form with networks of two layers, made by the library itself."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gst_analysis.networks.systems.transformer_kinds import KINDS
from gst_analysis.networks.systems.video_transformers import load_classes
from tests.networks.agreement import draw_weights

FRAMES, SIZE, CLASSES = 4, 32, 5
_SMALL: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
_PATCHES = {**_SMALL, "intermediate_size": 64, "image_size": SIZE, "num_frames": FRAMES}
CONFIGS: dict[str, dict[str, Any]] = {
    "timesformer": _PATCHES,
    "timesformer-joint": {**_PATCHES, "attention_type": "joint_space_time"},
    "timesformer-space": {**_PATCHES, "attention_type": "space_only"},
    "videomae": _PATCHES,
    "vivit": _PATCHES,
    "vjepa2": {
        **_SMALL,
        "mlp_ratio": 2.0,
        "crop_size": SIZE,
        "frames_per_clip": FRAMES,
        "num_pooler_layers": 1,
        "pred_hidden_size": 24,
        "pred_num_attention_heads": 2,
        "pred_num_hidden_layers": 1,
    },
}
"""Names of tests -> what the library's configuration is made of."""


def build_theirs(name: str, **changes: Any) -> Any:
    """The library's network with weights of which none is special."""
    network, config = load_classes(KINDS[name.partition("-")[0]], name)
    theirs = network(config(**{**CONFIGS[name], "num_labels": CLASSES, **changes})).eval()
    draw_weights(theirs)
    return theirs


def save_theirs(name: str, folder: Path, **changes: Any) -> Path:
    """A folder as the library writes it."""
    build_theirs(name, **changes).save_pretrained(folder)
    return folder


def save_drawn(name: str, folder: Path, *, frames: int) -> Path:
    """A folder for training to go on from: weights as the library draws them, patches of 8 × 8 pixels."""
    network, config = load_classes(KINDS[name], name)
    length = "frames_per_clip" if name == "vjepa2" else "num_frames"
    patches = {"tubelet_size": [2, 8, 8]} if name == "vivit" else {"patch_size": 8}
    sizes = {"hidden_size": 48, length: frames, "num_labels": CLASSES}
    torch.manual_seed(0)
    network(config(**{**CONFIGS[name], **sizes, **patches})).save_pretrained(folder)
    return folder


def ask_theirs(name: str, folder: Path, clips: Tensor) -> Tensor:
    """Logits of the library's own way from a folder to a network."""
    network, _ = load_classes(KINDS[name.partition("-")[0]], name)
    with torch.no_grad():
        logits: Tensor = network.from_pretrained(folder, local_files_only=True).eval()(clips).logits
    return logits


@lru_cache(maxsize=4)
def draw_clips(count: int = 2) -> Tensor:
    """Clips that such networks take."""
    return torch.randn(count, FRAMES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def change_config(folder: Path, **changes: Any) -> None:
    """Write other values into a folder's config.json; None takes one away."""
    path = folder / "config.json"
    told = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({name: value for name, value in told.items() if value is not None}))
