"""What is read of numbers without torch: whether all are finite, by the bits of each type."""

from __future__ import annotations

import pytest
import torch

from gst_analysis.checkpoints.stored import Storage, see_finite


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_number_that_is_not_finite_is_seen(dtype: str) -> None:
    numbers = torch.tensor([1.0, -2.5, 0.0, 60000.0, 1e-5]).to(getattr(torch, dtype))
    storage = Storage(0, numbers.nbytes, dtype)
    assert see_finite(memoryview(numbers.view(torch.uint8).numpy().tobytes()), storage, 0)
    for bad in (float("inf"), -float("inf"), float("nan")):
        numbers[3] = bad
        assert not see_finite(memoryview(numbers.view(torch.uint8).numpy().tobytes()), storage, 0)


def test_what_cannot_be_told_quickly_is_not_called_finite() -> None:
    piece = memoryview(bytes(8))
    assert see_finite(piece, Storage(0, 8, "float32"), 4)
    assert not see_finite(piece, Storage(0, 8, "float32"), 2), "a number is cut"
    assert not see_finite(piece[:6], Storage(0, 8, "float32"), 0)
    assert not see_finite(piece, Storage(0, 8, "float64"), 0)
    assert not see_finite(piece, Storage(0, 8, "float32", big=True), 0)
    assert see_finite(piece, Storage(0, 8, "int64"), 3), "whole numbers always are"
