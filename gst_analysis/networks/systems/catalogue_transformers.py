"""The transformers that Hugging Face's library builds, at the sizes that it takes if nothing is said.

Other sizes come out of a folder's config.json and stand in a spec's settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from gst_analysis.networks.systems.catalogue_3d import GREY
from gst_analysis.networks.systems.record import System

HUGGING_FACE = "Hugging Face"
_BASE: Mapping[str, Any] = {
    "size": 224,
    "patch_size": 16,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
    "qkv_bias": True,
}
"""ViT-B: how large it is, and what stands in its layers; all but `size` are named as in config.json."""
_DIVIDED = {**_BASE, "attention_type": "divided_space_time"}
_TUBELETS = {**_BASE, "tubelet_size": 2}
_LARGE: Mapping[str, Any] = {
    "size": 256,
    "patch_size": 16,
    "tubelet_size": 2,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "mlp_ratio": 4.0,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
    "qkv_bias": True,
    "num_pooler_layers": 3,
    "pred_hidden_size": 384,
    "pred_num_attention_heads": 12,
    "pred_num_hidden_layers": 12,
    "pred_num_mask_tokens": 10,
    "pred_mlp_ratio": 4.0,
}
"""ViT-L with V-JEPA's predictor, which a file holds and no answer goes through."""
_TWICE_HALF: Mapping[str, Any] = {"mean": (0.75,) * 3, "std": (0.25,) * 3}
"""ViViT's clips are moved to -1 … 1 and then, again, by a mean and a std of a half."""

_TRANSFORMER = partial(
    System,
    module="video_transformers",
    backbone="vit",
    size=224,
    classes=400,
    output="clip",
    reads=(HUGGING_FACE,),
    lengths="fixed",
)
_TIMESFORMER = partial(
    _TRANSFORMER,
    family="timesformer",
    paper="Bertasius et al., ICML 2021",
    frames=8,
    clip={"sampling": "dense-32", **GREY},
)

RECORDS: tuple[System, ...] = (
    _TIMESFORMER(
        name="timesformer",
        title="TimeSformer",
        params=121_566_352,
        gmacs=195.83,
        space_and_time="divided attention: in every layer first over time, then over space",
        settings=_DIVIDED,
    ),
    _TIMESFORMER(
        name="timesformer-space",
        title="TimeSformer, space alone",
        params=86_106_256,
        gmacs=140.51,
        output="frames",
        space_and_time="attention over space alone; frames meet in the mean of the answers",
        settings={**_DIVIDED, "attention_type": "space_only"},
        lengths="any",
    ),
    _TRANSFORMER(
        name="videomae",
        title="VideoMAE",
        family="videomae",
        paper="Tong et al., NeurIPS 2022",
        frames=16,
        params=86_534_800,
        gmacs=180.34,
        space_and_time="attention over all patches of space and time, of two frames each",
        settings={**_TUBELETS, "layer_norm_eps": 1e-12, "use_mean_pooling": True},
        clip={"sampling": "dense-4", "resize": 224},
    ),
    _TRANSFORMER(
        name="vivit",
        title="ViViT",
        family="vivit",
        paper="Arnab et al., ICCV 2021",
        frames=32,
        params=88_954_000,
        gmacs=451.52,
        space_and_time="attention over all patches of space and time, of two frames each",
        settings={**_TUBELETS, "hidden_act": "gelu_fast"},
        clip={"sampling": "dense-2", **_TWICE_HALF},
    ),
    _TRANSFORMER(
        name="vjepa2",
        title="V-JEPA 2",
        family="vjepa2",
        paper="Assran et al., 2025",
        frames=16,
        size=256,
        classes=174,
        params=375_485_998,
        gmacs=935.24,
        space_and_time="attention over all patches of space and time, of two frames each",
        settings=_LARGE,
        clip={"resize": 292},
    ),
)
