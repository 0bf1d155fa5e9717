"""What is read of numbers without torch: whether all are finite, and tensors whose values are in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gst_analysis.checkpoints.stored import Storage, StoredTensor, see_finite


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


@pytest.fixture
def stored(tmp_path: Path) -> tuple[StoredTensor, torch.Tensor]:
    """Numbers in a file from the 16th byte on, turned round, from the second on; and as torch has them."""
    numbers = torch.arange(25, dtype=torch.float32)
    path = tmp_path / "numbers"
    path.write_bytes(bytes(16) + numbers.numpy().tobytes())
    shape, strides = (2, 3, 1, 4), (1, 8, 24, 2)
    tensor = StoredTensor(path, Storage(16, 100, "float32"), 1, shape, strides)
    return tensor, numbers.as_strided(shape, strides, 1)


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_an_axis_of_one_is_left_out_and_no_other(
    stored: tuple[StoredTensor, torch.Tensor], axis: int
) -> None:
    tensor, expected = stored
    found, expected = tensor.squeeze(axis), expected.squeeze(axis)
    assert found.shape == tuple(expected.shape)
    assert found.strides == expected.stride()
    np.testing.assert_array_equal(found.read(), expected.numpy())


@pytest.mark.parametrize(("axis", "first", "count"), [(0, 1, 1), (1, 0, 2), (1, 1, 2), (3, 1, 3), (3, 2, 0)])
def test_some_values_along_an_axis_are_those_of_torch(
    stored: tuple[StoredTensor, torch.Tensor], axis: int, first: int, count: int
) -> None:
    tensor, expected = stored
    np.testing.assert_array_equal(
        tensor.narrow(axis, first, count).read(), expected.narrow(axis, first, count).numpy()
    )
