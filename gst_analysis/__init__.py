"""gst-analysis: where a video network keeps space and where it keeps time.

    >>> import gst_analysis as gst
    >>> m = gst.load_model("ckpt.pth")  # doctest: +SKIP
    >>> gst.bn_scales(m).plot()         # doctest: +SKIP

Importing this imports neither torch nor pandas; a name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gst_analysis.checkpoints.loading import (
        Checkpoint,
        LoadedModel,
        load_checkpoint,
        load_model,
        save_model,
    )
    from gst_analysis.checkpoints.starting import create_model
    from gst_analysis.errors import GstError
    from gst_analysis.models.network import average_frames
    from gst_analysis.specs import ClipSpec, ModelSpec
    from gst_analysis.workflows import (
        ablate,
        audit_paper,
        bn_scales,
        channel_importance,
        compare_scales,
        cost,
        evaluate,
        frame_influence,
        inspect_checkpoint,
        load_labelled_clips,
        measure_drift,
        predict,
        saliency_maps,
        slim,
        trace,
        train,
    )

__all__ = [
    "Checkpoint",
    "ClipSpec",
    "GstError",
    "LoadedModel",
    "ModelSpec",
    "ablate",
    "audit_paper",
    "average_frames",
    "bn_scales",
    "channel_importance",
    "compare_scales",
    "cost",
    "create_model",
    "evaluate",
    "frame_influence",
    "inspect_checkpoint",
    "load_checkpoint",
    "load_labelled_clips",
    "load_model",
    "measure_drift",
    "predict",
    "saliency_maps",
    "save_model",
    "slim",
    "trace",
    "train",
]

_HOMES = {
    "Checkpoint": "checkpoints.loading",
    "ClipSpec": "specs",
    "GstError": "errors",
    "LoadedModel": "checkpoints.loading",
    "ModelSpec": "specs",
    "ablate": "workflows",
    "audit_paper": "workflows",
    "average_frames": "models.network",
    "bn_scales": "workflows",
    "channel_importance": "workflows",
    "compare_scales": "workflows",
    "cost": "workflows",
    "create_model": "checkpoints.starting",
    "evaluate": "workflows",
    "frame_influence": "workflows",
    "inspect_checkpoint": "workflows",
    "load_checkpoint": "checkpoints.loading",
    "load_labelled_clips": "workflows",
    "load_model": "checkpoints.loading",
    "measure_drift": "workflows",
    "predict": "workflows",
    "saliency_maps": "workflows",
    "save_model": "checkpoints.loading",
    "slim": "workflows",
    "trace": "workflows",
    "train": "workflows",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("gst_analysis.release").find_version()
    if name in _HOMES:
        return getattr(importlib.import_module(f"gst_analysis.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gst_analysis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
