"""Which groups of channels are changed and in which ways: what options ask for and such clips allow."""

from __future__ import annotations

from collections.abc import Sequence

from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.errors import SpecError, name_some
from gst_analysis.groups import order_groups
from gst_analysis.networks.anatomy import Unit


def choose_units(units: Sequence[Unit], options: AblationOptions) -> list[Unit]:
    """The units of the groups and modules that options name; all where they name none.

    Raises:
        SpecError: there are none such.
    """
    inside = tuple(f"{layer.strip().rstrip('.')}." for layer in options.layers)
    chosen = [
        unit
        for unit in units
        if (not options.groups or unit.group in options.groups)
        and (not inside or f"{unit.layer}.".startswith(inside))
    ]
    if chosen:
        return chosen
    asked = name_some([*options.groups, *options.layers])
    raise SpecError(
        "ablation",
        expected=f"some of the groups {', '.join(order_groups(unit.group for unit in units))}",
        found=f"none of {asked}",
        todo="choose other groups or layers",
    )


def drop_undefined(
    interventions: Sequence[str], frames: int, clips: int, batch: int
) -> tuple[tuple[str, ...], list[str]]:
    """Leave out what such clips cannot undergo, and say so."""
    reasons = {}
    if frames < 2:
        reasons["shuffle-time"] = "clips of one frame have no order"
    if min(clips, batch) < 2:
        reasons["shuffle-batch"] = "a batch of one clip has no other to take channels from"
    if clips < 2:
        reasons["mean"] = "the mean of one clip is the clip itself"
    left = tuple(name for name in interventions if name not in reasons)
    dropped = {name: why for name, why in reasons.items() if name in interventions}
    if not left:
        raise SpecError(
            "interventions",
            expected="some that such clips can undergo",
            found="; ".join(f"{name}: {why}" for name, why in dropped.items()),
            todo="choose zero",
        )
    return left, [f"{name} is not defined: {why}" for name, why in dropped.items()]
