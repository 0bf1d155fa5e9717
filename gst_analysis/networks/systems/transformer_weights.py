"""What the weights of such a transformer show of its sizes, and older names of the same weights.

Everything here reads shapes, so that a config.json can be held against a file before anything is built.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.matching import Rule, rename, shape_of
from gst_analysis.networks.systems.transformer_kinds import (
    DIVIDED,
    KINDS,
    SPACE_ONLY,
    Kind,
    check_settings,
    count_grid,
    kind_of_spec,
)

_RULES: Mapping[str, tuple[Rule, ...]] = {
    "videomae": (
        (r"attention\.q_bias$", "attention.query.bias"),
        (r"attention\.v_bias$", "attention.value.bias"),
    ),
    "vivit": (
        (r"encoder\.layer\.", "layers."),
        (r"attention\.attention\.(query|key|value)\.", lambda m: f"attention.{m[1][0]}_proj."),
        (r"attention\.output\.dense\.", "attention.o_proj."),
        (r"intermediate\.dense\.", "mlp.fc1."),
        (r"output\.dense\.", "mlp.fc2."),
    ),
}
"""Names that published files have, which the library itself turns into those of its modules."""
_EMBEDDINGS = {
    "timesformer": "timesformer.embeddings.patch_embeddings.projection.weight",
    "videomae": "videomae.embeddings.patch_embeddings.projection.weight",
    "vivit": "vivit.embeddings.patch_embeddings.projection.weight",
    "vjepa2": "vjepa2.encoder.embeddings.patch_embeddings.proj.weight",
}
_WIDENING = {
    "timesformer": "intermediate.dense.weight",
    "videomae": "intermediate.dense.weight",
    "vivit": "mlp.fc1.weight",
    "vjepa2": "mlp.fc1.weight",
}
_QUERY_BIAS = {
    "timesformer": "attention.attention.qkv.bias",
    "videomae": "attention.attention.query.bias",
    "vivit": "attention.q_proj.bias",
    "vjepa2": "attention.query.bias",
}
_PREDICTOR = "vjepa2.predictor"
_HEADS_OF_80 = 1280
"""The width of ViT-H, whose heads have 80 channels; others have 64."""


def find_kind(state: Mapping[str, Tensor]) -> Kind | None:
    """Whose weights these are, by the name of the first layer."""
    return next((KINDS[model] for model, name in _EMBEDDINGS.items() if name in state), None)


def rename_weights(kind: Kind, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under the names of the library's modules."""
    return rename(state, _RULES.get(kind.model, ()))


def read_sizes(kind: Kind, state: Mapping[str, Tensor]) -> dict[str, Any] | None:
    """What weights show, by the names of settings; None where the first layer or the head is not there."""
    patches, head = shape_of(state, _EMBEDDINGS[kind.model]), shape_of(state, "classifier.weight")
    if len(patches) not in (4, 5) or len(head) != 2:
        return None
    first = f"{kind.layers}.0."
    shown = {
        "num_classes": head[0],
        "hidden_size": patches[0],
        "patch_size": patches[-1],
        "num_hidden_layers": _count_layers(state, kind.layers),
        "intermediate_size": _rows(state, first + _WIDENING[kind.model]),
        "qkv_bias": first + _QUERY_BIAS[kind.model] in state,
    }
    return shown | _read_own(kind, state, patches)


def _read_own(kind: Kind, state: Mapping[str, Tensor], patches: tuple[int, ...]) -> dict[str, Any]:
    """What one architecture alone has."""
    if kind.model == "timesformer":
        return _read_timesformer(state)
    shown: dict[str, Any] = {"tubelet_size": patches[2] if len(patches) == 5 else 1}
    if kind.model == "videomae":
        shown["use_mean_pooling"] = "fc_norm.weight" in state
    if kind.model == "vjepa2":
        shown |= {
            "num_pooler_layers": _count_layers(state, "pooler.self_attention_layers"),
            "pred_hidden_size": _rows(state, f"{_PREDICTOR}.embeddings.predictor_embeddings.weight"),
            "pred_num_hidden_layers": _count_layers(state, f"{_PREDICTOR}.layer"),
            "pred_num_mask_tokens": _rows(state, f"{_PREDICTOR}.embeddings.mask_tokens"),
            "pred_intermediate_size": _rows(state, f"{_PREDICTOR}.layer.0.mlp.fc1.weight"),
        }
    return shown


def _read_timesformer(state: Mapping[str, Tensor]) -> dict[str, Any]:
    times = shape_of(state, "timesformer.embeddings.time_embeddings")
    if not times:
        return {"attention_type": SPACE_ONLY}
    divided = "timesformer.encoder.layer.0.temporal_dense.weight" in state
    return {"attention_type": DIVIDED if divided else "joint_space_time", "num_frames": times[1]}


def _rows(state: Mapping[str, Tensor], name: str) -> int:
    return next(iter(shape_of(state, name)), 0)


def _count_layers(state: Mapping[str, Tensor], where: str) -> int:
    return len({m[1] for name in state if (m := re.match(rf"{re.escape(where)}\.(\d+)\.", name))})


def say_sizes(spec: SystemSpec) -> dict[str, Any]:
    """What weights of a spec would show: to be compared with `read_sizes`."""
    chosen = {**spec.chosen, "num_classes": spec.num_classes, "num_frames": spec.num_frames}
    for ratio, width in (("mlp_ratio", "hidden_size"), ("pred_mlp_ratio", "pred_hidden_size")):
        if ratio in chosen:
            name = width.replace("hidden", "intermediate")
            chosen[name] = int(chosen[width] * chosen[ratio])
    if not chosen.get("pred_num_hidden_layers", 1):
        chosen["pred_intermediate_size"] = 0
    return chosen


def find_lie(spec: SystemSpec, state: Mapping[str, Tensor]) -> tuple[str, str] | None:
    """The first size that a spec claims and its weights do not have: what they have, and what is claimed."""
    kind = kind_of_spec(spec)
    shown, told = read_sizes(kind, state), say_sizes(spec)
    if shown is None:
        return f"{_EMBEDDINGS[kind.model]} and classifier.weight", "weights without them"
    odd = next((name for name, value in shown.items() if told[name] != value), None)
    if odd is not None:
        return f"{odd} {shown[odd]}, as the weights have", f"{odd} {told[odd]}"
    positions = _rows_of_positions(kind, state)
    frames, rows, columns = count_grid(spec)
    wanted = rows * columns * (1 if kind.model == "timesformer" else frames)
    if positions is not None and positions != wanted:
        return f"{positions} patches with a position, as the weights have", f"sizes that make {wanted}"
    return None


def _rows_of_positions(kind: Kind, state: Mapping[str, Tensor]) -> int | None:
    """Patches that have a learned position, the class token's left out; None where positions are computed."""
    shape = shape_of(state, f"{kind.model}.embeddings.position_embeddings")
    return shape[1] - 1 if len(shape) == 3 else None


def guess_spec(kind: Kind, state: Mapping[str, Tensor]) -> tuple[SystemSpec, tuple[str, ...]] | None:
    """What bare weights are of, with what was taken for granted; None where they are of no such network."""
    shown = read_sizes(kind, state)
    if shown is None:
        return None
    space = shown.get("attention_type") == SPACE_ONLY
    record = SYSTEMS[f"{kind.model}-space" if space else kind.model]
    sizes = {**shown, "num_attention_heads": _guess_heads(shown["hidden_size"])}
    if "mlp_ratio" in record.settings:
        sizes["mlp_ratio"] = _find_ratio(shown["intermediate_size"], shown["hidden_size"])
        sizes["pred_mlp_ratio"] = _find_ratio(shown["pred_intermediate_size"], shown["pred_hidden_size"])
        sizes["pred_num_attention_heads"] = max(1, shown["pred_hidden_size"] // 32)
    frames, positions = shown.get("num_frames", record.frames), _rows_of_positions(kind, state)
    if positions is not None:
        slices, side = _guess_grid(positions, 1 if kind.model == "timesformer" else frames // 2)
        sizes["size"] = side * shown["patch_size"]
        frames = frames if kind.model == "timesformer" else slices * shown["tubelet_size"]
    settings = {n: v for n, v in sizes.items() if n in record.settings and v != record.settings[n]}
    spec = SystemSpec(record.name, frames, shown["num_classes"], tuple(sorted(settings.items())))
    check_settings(spec)
    heads = spec.chosen["num_attention_heads"]
    return spec, (
        f"without its config.json: {heads} heads, {spec.num_frames} frames and "
        f"{spec.chosen['size']} pixels are assumed where no weight shows them",
    )


def _guess_grid(positions: int, usual: int) -> tuple[int, int]:
    """Slices of time and rows of a square: so many slices as usual, else the fewest that leave a square."""
    for slices in (usual, *range(1, positions + 1)):
        side = math.isqrt(positions // slices)
        if slices * side * side == positions:
            return slices, side
    return 1, 1


def _guess_heads(width: int) -> int:
    return max(1, width // (80 if width == _HEADS_OF_80 else 64))


def _find_ratio(wide: int, width: int) -> float:
    """The ratio that makes one width out of the other, however it is rounded."""
    ratio = wide / max(1, width)
    return ratio if int(width * ratio) == wide else math.nextafter(ratio, math.inf)
