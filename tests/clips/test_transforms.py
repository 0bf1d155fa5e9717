"""Pixels to tensors: geometry against planted marks, one draw a clip, labels that turn with a flip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from gst_analysis.clips.mirroring import infer_mirror
from gst_analysis.clips.transforms import (
    Augmentation,
    EvalTransform,
    TrainTransform,
    crop_places,
    draw_crop,
    normalise_clips,
)
from gst_analysis.errors import SpecError
from gst_analysis.networks.clip_specs import ClipSpec

SPEC = ClipSpec(frames=4, resize=64, crop=56)
MIRROR = infer_mirror(["go left", "go right", "stay", "only left"])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Clips this small only lose by waiting for other threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def ramp(frames: int = 4, height: int = 60, width: int = 90) -> np.ndarray:
    """Red grows to the right, green downwards, blue is constant: the same in every frame."""
    pixels = np.zeros((frames, height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width)
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    pixels[..., 2] = 100
    return pixels


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("height", "width"), [(60, 90), (90, 60), (240, 427), (33, 300), (10, 10), (1, 1)])
@pytest.mark.parametrize("crops", [1, 3, 5, 10])
def test_views_of_any_size_of_video(height: int, width: int, crops: int) -> None:
    views = EvalTransform(SPEC, crops)(ramp(4, height, width))
    assert views.shape == (crops, 4, 3, 56, 56)
    assert views.dtype == torch.float32
    assert views.isfinite().all()
    assert (views == views[:, :1]).all(), "frames treated differently"


def test_normalised_as_the_spec_says() -> None:
    views = EvalTransform(SPEC)(ramp())
    blue = (100 / 255 - SPEC.mean[2]) / SPEC.std[2]
    torch.testing.assert_close(views[:, :, 2], torch.full_like(views[:, :, 2], blue))
    raw = EvalTransform(SPEC, normalise=False)(ramp())
    assert raw.dtype == torch.uint8
    expected = (raw.double() / 255 - torch.tensor(SPEC.mean).view(3, 1, 1)) / torch.tensor(SPEC.std).view(
        3, 1, 1
    )
    torch.testing.assert_close(views, expected.float())
    torch.testing.assert_close(normalise_clips(raw, SPEC), views)


def test_the_centre_crop_is_centred() -> None:
    view = EvalTransform(SPEC)(ramp())[0, 0]
    for channel, dim in ((0, 1), (1, 0)):
        middle = view[channel].mean(1 - dim)
        centre = (0.5 - SPEC.mean[channel]) / SPEC.std[channel]
        assert middle[27:29].mean() == pytest.approx(centre, abs=0.03)
        assert (middle.diff() >= 0).all()


def test_where_crops_lie() -> None:
    assert crop_places(10, 10, 10, 1) == [(0, 0)]
    assert crop_places(10, 30, 10, 3) == [(0, 0), (0, 10), (0, 20)]
    assert crop_places(30, 10, 10, 3) == [(0, 0), (10, 0), (20, 0)]
    assert crop_places(20, 30, 10, 5) == [(0, 0), (0, 20), (10, 0), (10, 20), (5, 10)]
    reds = EvalTransform(SPEC, 3)(ramp())[:, :, 0].mean((1, 2, 3))
    assert reds[0] < reds[1] < reds[2]


def test_ten_crops_are_five_and_their_mirror_images() -> None:
    transform = EvalTransform(SPEC, 10)
    views = transform(ramp())
    torch.testing.assert_close(views[5:], views[:5].flip(-1))
    assert transform.mirrored == (False,) * 5 + (True,) * 5
    assert EvalTransform(SPEC, 3).mirrored == (False,) * 3


@pytest.mark.parametrize("crops", [0, 2, 11])
def test_other_numbers_of_crops(crops: int) -> None:
    with pytest.raises(SpecError, match="one of 1, 3, 5, 10"):
        EvalTransform(SPEC, crops)


def test_a_crop_larger_than_the_resize_is_not_padded() -> None:
    view = EvalTransform(ClipSpec(frames=4, resize=40, crop=56), normalise=False)(ramp())
    assert view.shape[-2:] == (56, 56)
    assert (view[:, :, 2] == 100).all()


def test_training_crops_are_those_of_tsn() -> None:
    augmentation = Augmentation()
    seen = set()
    for seed in range(600):
        top, left, height, width = draw_crop(240, 320, ClipSpec(), augmentation, rng(seed))
        assert 0 <= top <= top + height <= 240
        assert 0 <= left <= left + width <= 320
        seen.add((height, width))
    sizes = [240, 210, 180, 158]
    assert seen == {(a, b) for i, a in enumerate(sizes) for j, b in enumerate(sizes) if abs(i - j) <= 1}
    places = {draw_crop(240, 320, ClipSpec(), Augmentation(scales=(0.5,)), rng(s))[:2] for s in range(600)}
    assert len(places) == 13
    assert {(0, 0), (0, 200), (120, 0), (120, 200), (60, 100)} <= places


@pytest.mark.parametrize(("height", "width"), [(60, 90), (90, 60), (5, 7), (1, 1), (33, 500)])
def test_training_clips_of_any_size(height: int, width: int) -> None:
    for seed in range(8):
        clip, label = TrainTransform(SPEC, MIRROR)(ramp(4, height, width), 2, rng(seed))
        assert clip.shape == (4, 3, 56, 56)
        assert clip.dtype == torch.float32
        assert clip.is_contiguous()
        assert label == 2


def test_one_draw_for_the_whole_clip() -> None:
    jitter = Augmentation(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.2)
    transform = TrainTransform(SPEC, MIRROR, jitter)
    clips = []
    for seed in range(10):
        clip, _ = transform(ramp(), 0, rng(seed))
        assert (clip == clip[:1]).all(), "frames treated differently"
        again, _ = transform(ramp(), 0, rng(seed))
        torch.testing.assert_close(again, clip, rtol=0, atol=0)
        clips.append(clip)
    assert len({float(clip.mean()) for clip in clips}) == 10


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_each_jitter_changes_colour(name: str) -> None:
    still = Augmentation(scales=(1.0,), flip=0)
    plain, _ = TrainTransform(SPEC, MIRROR, still)(ramp(), 0, rng(1))
    jitter: dict[str, Any] = {name: 0.5}
    jittering = Augmentation(scales=(1.0,), flip=0, **jitter)
    jittered, _ = TrainTransform(SPEC, MIRROR, jittering)(ramp(), 0, rng(1))
    assert (plain - jittered).abs().mean() > 0.01


def test_a_flip_turns_the_label() -> None:
    always = Augmentation(scales=(1.0,), flip=1)
    never = Augmentation(scales=(1.0,), flip=0)
    for label, flipped in ((0, 1), (1, 0), (2, 2)):
        clip, new = TrainTransform(SPEC, MIRROR, always)(ramp(), label, rng())
        plain, old = TrainTransform(SPEC, MIRROR, never)(ramp(), label, rng())
        assert (old, new) == (label, flipped)
        torch.testing.assert_close(clip, plain.flip(-1), rtol=0, atol=0)


@pytest.mark.parametrize("label", [3, -1, 4])
def test_a_class_without_a_mirror_image_is_never_flipped(label: int) -> None:
    for mirror in (MIRROR, infer_mirror([])):
        for seed in range(20):
            transform = TrainTransform(SPEC, mirror, Augmentation(scales=(1.0,), flip=1))
            clip, new = transform(ramp(), label, rng(seed))
            assert new == label
            assert (clip[0, 0, 0].diff() >= 0).all(), "flipped"


def test_half_of_the_clips_are_flipped() -> None:
    transform = TrainTransform(SPEC, MIRROR)
    flips = sum(transform(ramp(1, 8, 12), 0, rng(seed))[1] for seed in range(400))
    assert 160 < flips < 240


def test_uint8_for_the_device_is_the_same_clip() -> None:
    clip, _ = TrainTransform(SPEC, MIRROR)(ramp(), 0, rng(3))
    raw, _ = TrainTransform(SPEC, MIRROR, normalise=False)(ramp(), 0, rng(3))
    assert raw.dtype == torch.uint8
    torch.testing.assert_close(normalise_clips(raw[None], SPEC)[0], clip)


@pytest.mark.parametrize(
    "wrong", [{"flip": 1.5}, {"hue": 0.7}, {"brightness": -1}, {"scales": ()}, {"scales": (1.2,)}]
)
def test_settings_outside_their_range(wrong: dict[str, float]) -> None:
    with pytest.raises(SpecError, match="augmentation"):
        Augmentation(**wrong)  # type: ignore[arg-type] # wrong on purpose


def test_blue_comes_first_where_the_network_takes_it_so() -> None:
    """Mean and std are in the order that the network takes: 10 of blue, 20 of green, 30 of red."""
    spec = ClipSpec(mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.2), colours="BGR")
    clip = torch.tensor([30, 20, 10], dtype=torch.uint8).view(1, 3, 1, 1)
    expected = [(10 / 255 - 0.1) / 0.5, (20 / 255 - 0.2) / 0.25, (30 / 255 - 0.3) / 0.2]
    torch.testing.assert_close(normalise_clips(clip, spec).flatten(), torch.tensor(expected))
    assert ClipSpec.from_json(spec.to_json()) == spec
    assert "colours" not in ClipSpec().to_json()
