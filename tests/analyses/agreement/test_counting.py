"""How far γ could differ from counting: fresh networks cannot, and γ that has moved far can."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from gst_analysis.analyses.agreement.counting import compare_with_counting, say_how_forced
from gst_analysis.analyses.agreement.table import GammaSpread
from gst_analysis.analyses.importance.measure import infer_importance
from gst_analysis.checkpoints.loaded import Checkpoint
from tests.analyses.labelled_clips import small_model


def look(change: Callable[[str, torch.Tensor], torch.Tensor], *, seeded: bool = True) -> GammaSpread:
    """A network that began with random weights, with its scales changed since."""
    model = small_model()
    state = {
        name: change(name, value) if name.endswith("bn2.weight") else value
        for name, value in model.checkpoint.state.items()
    }
    provenance = {"seed": 0} if seeded else {}
    checkpoint: Checkpoint = dataclasses.replace(model.checkpoint, state=state, provenance=provenance)
    channels: pd.DataFrame = infer_importance(checkpoint).assign(channels=1.0)
    return compare_with_counting(checkpoint, channels)


def test_scales_that_have_not_moved_count_channels() -> None:
    found = look(lambda name, gamma: torch.full_like(gamma, 1.1))
    assert found.size_correlation == pytest.approx(1)
    assert found.moved == pytest.approx(0.1)
    said = say_how_forced({"a": found})
    assert "Spearman 1.00" in said
    assert "moved by 10%" in said
    assert "nearly forced" in said


def test_scales_that_have_moved_far_can_say_something_else() -> None:
    """Each network's scales divided by its width: sums of groups no longer follow their sizes."""
    found = look(lambda name, gamma: torch.full_like(gamma, 1 / len(gamma) ** 2))
    assert found.size_correlation is not None
    assert found.size_correlation < 0.5
    assert found.moved is not None
    assert found.moved > 0.9
    assert "nearly forced" not in say_how_forced({"a": found})


def test_an_unknown_start_is_said_nothing_of() -> None:
    found = look(lambda name, gamma: gamma, seeded=False)
    assert found.moved is None
    assert "moved" not in say_how_forced({"a": found})
    assert say_how_forced({"a": GammaSpread(None, 0.5)}) == ""
    assert np.isfinite(found.size_correlation or np.nan)
