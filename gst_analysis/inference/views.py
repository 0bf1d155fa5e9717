"""Views of a clip to one prediction: mirrored ones have their classes swapped back, then all are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gst_analysis.clips.mirroring import infer_mirror
from gst_analysis.clips.transforms import EvalTransform
from gst_analysis.errors import name_some
from gst_analysis.inference.logits import Floats
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec


@dataclass(frozen=True)
class ViewPlan:
    """Which views are mirror images, and what a mirror image makes of each class."""

    mirrored: npt.NDArray[np.bool_]
    """(views,)"""
    partners: npt.NDArray[np.int64]
    """(K,) the class that a mirror image of each class shows."""
    stuck: npt.NDArray[np.bool_]
    """(K,) classes that name a side and have no partner: mirror images say nothing of them."""
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def of(
        cls, settings: InferenceSettings, spec: ClipSpec, class_names: Sequence[str], classes: int
    ) -> ViewPlan:
        """The plan of a network whose class names may be unknown."""
        crops = EvalTransform(spec, settings.crops).mirrored
        mirrored = np.array(crops * settings.clips)
        partners, stuck = np.arange(classes), np.zeros(classes, dtype=bool)
        if not mirrored.any():
            return cls(mirrored, partners, stuck)
        if not class_names:
            note = "class names are unknown, so mirrored views are averaged as if no class had a side"
            return cls(mirrored, partners, stuck, (note,))
        mirror = infer_mirror(class_names)
        for one, other in mirror.pairs.items():
            partners[one] = other
        stuck[sorted(mirror.stuck)] = True
        names = name_some([class_names[number] for number in sorted(mirror.stuck)])
        note = f"mirrored views left out for classes that name a side and have no partner: {names}"
        return cls(mirrored, partners, stuck, (note,) if mirror.stuck else ())

    def average(self, views: Floats) -> Floats:
        """(V, T, K) -> (T, K)"""
        upright = np.where(self.mirrored[:, None, None], views[..., self.partners], views)
        mean = upright.mean(axis=0, dtype=np.float64)
        if self.stuck.any():
            mean[:, self.stuck] = views[~self.mirrored][..., self.stuck].mean(axis=0, dtype=np.float64)
        return np.asarray(mean, dtype=np.float32)
