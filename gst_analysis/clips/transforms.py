"""Pixels to tensors: frames (T, H, W, 3) uint8 in, (T, 3, S, S) float32 out, as a ClipSpec says.

Whatever is drawn at random is drawn once a clip, so that all its frames are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from gst_analysis.clips.media import Pixels
from gst_analysis.clips.mirroring import Mirror
from gst_analysis.errors import SpecError
from gst_analysis.networks.clip_specs import ClipSpec

_GRID = (
    (0, 0),
    (0, 4),
    (4, 0),
    (4, 4),
    (2, 2),
    (0, 2),
    (4, 2),
    (2, 0),
    (2, 4),
    (1, 1),
    (1, 3),
    (3, 1),
    (3, 3),
)
"""Where TSN puts a crop: quarters of the free height and width."""
CROPS = (1, 3, 5, 10)


@dataclass(frozen=True)
class Augmentation:
    """How training clips vary; the defaults are TSN's. Jitters are the largest relative change."""

    scales: tuple[float, ...] = (1.0, 0.875, 0.75, 0.66)
    max_distortion: int = 1
    """How many places in `scales` a crop's height and width may lie apart."""
    flip: float = 0.5
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self) -> None:
        jitters = (self.flip, self.brightness, self.contrast, self.saturation)
        good = all(0 <= value <= 1 for value in jitters) and 0 <= self.hue <= 0.5
        if not good or not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise SpecError(
                "augmentation",
                expected="flip, jitters and scales from 0 to 1, hue to 0.5",
                found=str(self),
                todo="correct the one outside",
            )


@dataclass(frozen=True)
class TrainTransform:
    """Multi-scale crop, flip with its label, colour jitter: one draw for the whole clip."""

    spec: ClipSpec
    mirror: Mirror = field(default_factory=lambda: Mirror(0, {}, frozenset()))
    augmentation: Augmentation = field(default_factory=Augmentation)
    normalise: bool = True
    """False leaves uint8, for `normalise_clips` to finish on the device: a quarter of the bytes."""

    def __call__(self, pixels: Pixels, label: int, rng: np.random.Generator) -> tuple[Tensor, int]:
        clip = _to_tensor(pixels)
        top, left, height, width = draw_crop(
            clip.shape[-2], clip.shape[-1], self.spec, self.augmentation, rng
        )
        size = [self.spec.crop, self.spec.crop]
        clip = F.resized_crop(clip, top, left, height, width, size, antialias=True)
        flipped = self.mirror.flipped(label)
        if rng.random() < self.augmentation.flip and flipped is not None:
            clip, label = mirror_clips(clip, self.spec), flipped
        clip = _jitter(clip, self.augmentation, rng).contiguous()
        return (normalise_clips(clip, self.spec) if self.normalise else clip), label


@dataclass(frozen=True)
class EvalTransform:
    """Short side to `resize`, then 1 centre crop, 3 along the long side, 5, or 10 with mirror images."""

    spec: ClipSpec
    crops: int = 1
    normalise: bool = True

    def __post_init__(self) -> None:
        if self.crops not in CROPS:
            raise SpecError(
                "crops",
                expected=f"one of {', '.join(map(str, CROPS))}",
                found=str(self.crops),
                todo="choose one of them",
            )

    @property
    def mirrored(self) -> tuple[bool, ...]:
        """Which views are flipped: their classes must be swapped back before views are averaged."""
        return tuple(view >= 5 for view in range(self.crops))

    def __call__(self, pixels: Pixels) -> Tensor:
        """Views (crops, T, 3, S, S)."""
        size = self.spec.crop
        clip = F.resize(_to_tensor(pixels), [max(self.spec.resize, size)], antialias=True)
        places = crop_places(clip.shape[-2], clip.shape[-1], size, min(self.crops, 5))
        views = [clip[..., top : top + size, left : left + size] for top, left in places]
        if self.crops == 10:
            views += [mirror_clips(view, self.spec) for view in views]
        stacked = torch.stack(views).contiguous()
        return normalise_clips(stacked, self.spec) if self.normalise else stacked


def mirror_clips(clips: Tensor, spec: ClipSpec) -> Tensor:
    """Left and right exchanged; in a mirror what moves to the right moves to the left."""
    mirrored: Tensor = F.horizontal_flip(clips)
    if spec.flow:
        mirrored = torch.cat([255 - mirrored[..., :1, :, :], mirrored[..., 1:, :, :]], dim=-3)
    return mirrored


def normalise_clips(clips: Tensor, spec: ClipSpec) -> Tensor:
    """uint8 (…, 3, H, W) to normalised float32, on whatever device the clips are."""
    mean, std = (torch.tensor(values).view(3, 1, 1) * 255 for values in (spec.mean, spec.std))
    if spec.colours == "BGR":
        clips = clips.flip(-3)
    # Without waiting: to make a tensor of numbers on a GPU would first let it finish all that it has to do.
    go = clips.is_cuda
    # Converted first: a subtraction from bytes makes such a copy by itself, and takes half as long again.
    pixels = clips.to(torch.float32, copy=True).sub_(mean.to(clips.device, non_blocking=go))
    return pixels.mul_((1 / std).to(clips.device, non_blocking=go))


def draw_crop(
    height: int, width: int, spec: ClipSpec, augmentation: Augmentation, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """TSN's multi-scale crop: top, left, height and width, in the pixels of the frame.

    Sizes are fractions of the short side, so resizing to a short side first would change nothing but
    the sharpness; the crop is cut from the original and resized once.
    """
    sizes = [max(1, int(min(height, width) * scale)) for scale in augmentation.scales]
    # TSN's rule: what is nearly as large as the network's input is cut at just that size, and not resized.
    sizes = [
        spec.crop if abs(size - spec.crop) < 3 and spec.crop <= min(height, width) else size for size in sizes
    ]
    pairs = [
        (tall, wide)
        for i, tall in enumerate(sizes)
        for j, wide in enumerate(sizes)
        if abs(i - j) <= augmentation.max_distortion
    ]
    tall, wide = pairs[int(rng.integers(len(pairs)))]
    down, across = _GRID[int(rng.integers(len(_GRID)))]
    return (height - tall) // 4 * down, (width - wide) // 4 * across, tall, wide


def crop_places(height: int, width: int, size: int, crops: int) -> list[tuple[int, int]]:
    """Top and left of 1 (centre), 3 (along the long side) or 5 (corners and centre) square crops."""
    down, across = height - size, width - size
    centre = (down // 2, across // 2)
    if crops == 1:
        return [centre]
    if crops == 3:
        if width >= height:
            return [(centre[0], 0), centre, (centre[0], across)]
        return [(0, centre[1]), centre, (down, centre[1])]
    return [(0, 0), (0, across), (down, 0), (down, across), centre]


def _to_tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def _jitter(clip: Tensor, augmentation: Augmentation, rng: np.random.Generator) -> Tensor:
    """Brightness, contrast, saturation and hue, in this order; all four are always drawn."""
    # So that setting one of them changes nothing of what is drawn for the others.
    b, c, s, h = rng.uniform(-1, 1, size=4).tolist()
    if augmentation.brightness:
        clip = F.adjust_brightness(clip, 1 + b * augmentation.brightness)
    if augmentation.contrast:
        clip = F.adjust_contrast(clip, 1 + c * augmentation.contrast)
    if augmentation.saturation:
        clip = F.adjust_saturation(clip, 1 + s * augmentation.saturation)
    if augmentation.hue:
        clip = F.adjust_hue(clip, h * augmentation.hue)
    return clip
