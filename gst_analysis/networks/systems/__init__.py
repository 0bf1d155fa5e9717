"""Published video networks that are no operator in a 2-D backbone: one file a system, and this list of them.

A line in SYSTEMS says what a system is without torch. Its file, named by `module`, is read top-down: the
architecture as plain modules, whose parameters bear the names of the official code, then three functions:

    build(spec)         -> nn.Module: normalised clips (N, T, 3, H, W) -> logits (N, K), or (N, T, K) by frame
    recognise(state)    -> Recognised | None: whose checkpoint this is, told by its keys and shapes alone
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gst_analysis.errors import SpecError, name_some
from gst_analysis.networks.described import NetworkSpec, Output
from gst_analysis.networks.spec_values import MOST_CLASSES, MOST_FRAMES
from gst_analysis.networks.systems.catalogue_2d import RECORDS as FRAMES_2D
from gst_analysis.networks.systems.catalogue_3d import RECORDS as THREE_D
from gst_analysis.networks.systems.catalogue_inception import RECORDS as INCEPTION
from gst_analysis.networks.systems.catalogue_torchvision import RECORDS as TORCHVISION
from gst_analysis.networks.systems.catalogue_transformers import RECORDS as TRANSFORMERS
from gst_analysis.networks.systems.record import System

SYSTEMS: dict[str, System] = {
    record.name: record
    for records in (TORCHVISION, INCEPTION, FRAMES_2D, THREE_D, TRANSFORMERS)
    for record in records
}

_MOST = {"num_frames": MOST_FRAMES, "num_classes": MOST_CLASSES}
_LARGEST_SETTING = 65_536
"""Networks are built of them, without values: more than any has, and little enough to be built at once."""

ALIASES: dict[str, tuple[str, dict[str, Any]]] = {
    "slowfast_r50": ("slowfast-r50-8x8", {}),
    "slow_r50": ("slow-r50-8x8", {}),
    "c2d_r50": ("c2d-r50", {"pool": 2}),
    "i3d_r50": ("i3d-r50-8x8", {}),
    "x3d_s": ("x3d-s", {"first_shortcut_norm": False}),
    "x3d_m": ("x3d-m", {"first_shortcut_norm": False}),
    "csn_r101": ("csn-r101", {}),
    "r2plus1d_r50": ("r2plus1d-r50", {}),
}
"""What PyTorchVideo's hub calls them, and where its networks differ from the record's settings."""


@dataclass(frozen=True)
class SystemSpec(NetworkSpec):
    """One published system, with its frames and classes.

    Example:
        >>> SystemSpec.from_name("r2plus1d-34", num_classes=5).rows
        1
    """

    system: str
    num_frames: int
    num_classes: int
    settings: tuple[tuple[str, Any], ...] = ()
    """What differs from the system's own settings."""

    @classmethod
    def from_name(cls, name: str, **settings: Any) -> SystemSpec:
        """Build from a name of SYSTEMS; frames and classes are the system's own if not given."""
        name, differs = ALIASES.get(name, (name, {}))
        system, settings = find_system(name), {**differs, **settings}
        frames = settings.pop("num_frames", None) or system.frames
        classes = settings.pop("num_classes", None) or system.classes
        return cls(name, frames, classes, tuple(sorted(settings.items())))

    @property
    def record(self) -> System:
        """The system's line."""
        return SYSTEMS[self.system]

    @property
    def chosen(self) -> dict[str, Any]:
        """The system's settings with what differs."""
        return {**self.record.settings, **dict(self.settings)}

    @property
    def size(self) -> int:
        """Pixels of a frame's side: its own where settings say it, else the system's."""
        return int(self.chosen.get("size", self.record.size))

    @property
    def name(self) -> str:
        return self.system

    @property
    def label(self) -> str:
        return self.record.title

    @property
    def family(self) -> str:  # type: ignore[override] # read-only, as a frozen field is
        return self.record.family

    @property
    def backbone(self) -> str:  # type: ignore[override] # likewise
        return self.record.backbone

    @property
    def output(self) -> Output:
        return self.record.output

    @property
    def flow(self) -> int:  # type: ignore[override] # likewise
        return int(self.chosen.get("flow", 0))

    def count_answers(self, frames: int) -> int:
        return super().count_answers(frames) // (self.record.frames_a_row if self.output == "frames" else 1)

    def to_json(self) -> dict[str, Any]:
        record = {"system": self.system, "num_frames": self.num_frames, "num_classes": self.num_classes}
        return {**record, "settings": dict(self.settings)} if self.settings else record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> SystemSpec:
        """The inverse of `to_json`; unknown keys are an error."""
        extra = sorted(set(map(str, record)) - {"system", "num_frames", "num_classes", "settings"})
        if extra:
            raise SpecError(
                "model spec",
                expected="the fields of SystemSpec",
                found=f"also {name_some(extra)}",
                todo="remove them, or update gst-analysis",
            )
        numbers = {name: _read_count(record, name) for name in ("num_frames", "num_classes")}
        settings = record.get("settings") or {}
        if not isinstance(settings, Mapping) or not all(map(_is_setting, settings.values())):
            raise SpecError(
                "model spec",
                expected="settings as plain values by name",
                found=repr(settings)[:60],
                todo="write it with SystemSpec.to_json",
            )
        return cls.from_name(str(record.get("system")), **numbers, **settings)


def _is_setting(value: object) -> bool:
    """Whether it is a plain value of a size that some network could have."""
    if isinstance(value, str):
        return len(value) <= 100
    return isinstance(value, (int, float)) and abs(value) <= _LARGEST_SETTING


def _read_count(record: Mapping[str, Any], name: str) -> int | None:
    """A count out of anybody's file; None where it says none."""
    value = record.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST[name]):
        return value
    raise SpecError(
        "model spec",
        expected=f"{name} as a whole number up to {_MOST[name]:,}",
        found=repr(value)[:60],
        todo="write it with SystemSpec.to_json",
    )


def is_system(name: str) -> bool:
    """Whether a published system has that name, here or in PyTorchVideo's hub."""
    return name in SYSTEMS or name in ALIASES


def find_system(name: str) -> System:
    """The line of a system.

    Raises:
        SpecError: there is none of that name.
    """
    if name in SYSTEMS:
        return SYSTEMS[name]
    close = difflib.get_close_matches(name, list(SYSTEMS), n=1, cutoff=0.5)
    raise SpecError(
        "model name",
        expected="a system that gst-analyze models lists",
        found=repr(name)[:60],
        todo=f"did you mean {close[0]}?" if close else "see gst-analyze models",
    )
