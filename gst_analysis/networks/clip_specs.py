"""What a network expects of its clips: a frozen value, no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gst_analysis.errors import SpecError
from gst_analysis.networks.flow import FLOW
from gst_analysis.networks.spec_values import (
    LARGEST_SIDE,
    MOST_FRAMES,
    check_count,
    check_fields,
    check_known,
)


@dataclass(frozen=True)
class ClipSpec:
    """What the network expects of its input; it is not in the weights, so it travels beside them."""

    frames: int = 8
    sampling: str = "segments"
    resize: int = 256
    crop: int = 224
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    colours: str = "RGB"
    """The order of the channels, RGB or BGR, mean and std in that order too; or flow, whose three are the
    motion across, the motion down and a blank that no network reads."""

    def __post_init__(self) -> None:
        for count, most in (("frames", MOST_FRAMES), ("resize", LARGEST_SIDE), ("crop", LARGEST_SIDE)):
            check_count(getattr(self, count), count, most=most)
        check_known(self.colours, {"RGB": 0, "BGR": 0, FLOW: 0}, "clip colours")
        if not isinstance(self.sampling, str):
            raise SpecError(
                "clip sampling",
                expected="segments, dense-N or segments-of-N",
                found=repr(self.sampling)[:60],
                todo="give one of them",
            )
        for field in ("mean", "std"):
            values = _read_three(getattr(self, field), field)
            if len(values) != 3:
                raise SpecError(
                    f"clip {field}",
                    expected="three numbers, one a colour",
                    found=str(len(values)),
                    todo="give red, green and blue",
                )
            if not all(map(math.isfinite, values)) or (field == "std" and min(values) <= 0):
                raise SpecError(
                    f"clip {field}",
                    expected="numbers above 0" if field == "std" else "finite numbers",
                    found=", ".join(map(str, values))[:80],
                    todo="give those it was trained with",
                )
            object.__setattr__(self, field, values)

    @property
    def flow(self) -> bool:
        """Whether it takes optical flow, not colour frames."""
        return self.colours == FLOW

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ClipSpec:
        """The inverse of `to_json`."""
        check_fields("clip spec", record, cls)
        return cls(**record)

    def to_json(self) -> dict[str, Any]:
        record = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        if self.colours == "RGB":
            record.pop("colours")  # what almost every network takes goes without saying
        return record


def _read_three(given: object, field: str) -> tuple[float, ...]:
    """Numbers out of whatever was given, no more than are looked at."""
    try:
        return tuple(float(value) for value in list(given)[:4])  # type: ignore[call-overload] # refused below
    except (TypeError, ValueError, OverflowError) as error:
        raise SpecError(
            f"clip {field}",
            expected="three numbers, one a colour",
            found=repr(given)[:60],
            todo="give red, green and blue",
        ) from error
