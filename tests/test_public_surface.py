"""The public names are pinned: adding or dropping one is a decision, not an accident."""

from __future__ import annotations

import pytest

import gst_analysis as gst


def test_the_public_names() -> None:
    assert gst.__all__ == [
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


@pytest.mark.parametrize("name", [*gst.__all__, "__version__"])
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(gst, name)
    assert name in dir(gst)
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gst.nothing
