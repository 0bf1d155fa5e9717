"""What of two networks can be compared, and why not the rest.

Enters specs, no weights; leaves a NOT_COMPARED table. Layers are compared by name. A layer of the same name
is the same place only in blocks of the same kind (the second batch norm of a basic block stands before
a sum, that of a bottleneck before a convolution), and only groups of the same name hold the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gst_analysis.analyses.comparison.table import NOT_COMPARED
from gst_analysis.errors import SpecError
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.registry import anatomy_of, kind_of
from gst_analysis.tables.columns import Columns
from gst_analysis.tables.schema import check


def name_uncompared(
    name: str, spec: NetworkSpec, reference: NetworkSpec
) -> tuple[bool, list[dict[str, str]]]:
    """Whether two networks have anything to compare, and NOT_COMPARED rows for what they do not share."""
    if kind_of(spec) != kind_of(reference):
        why = f"its {kind_of(spec)} blocks are not the {kind_of(reference)} ones of {reference.label}"
        return False, [_uncompared(name, "every layer", why)]
    if _shares(spec) != _shares(reference):
        with_, without = (spec, reference) if _shares(spec) else (reference, spec)
        why = f"{with_.label} shares each scale between space and time, {without.label} does not"
        return False, [_uncompared(name, "every layer", why)]
    groups, others = (_group_names(s) for s in (spec, reference))
    if groups != others:
        why = f"{spec.label} has {' and '.join(groups)} channels, {reference.label} {' and '.join(others)}"
        return False, [_uncompared(name, "every layer", why)]
    blocks, there = (list(dict.fromkeys(u.block for u in anatomy_of(s).scaled)) for s in (spec, reference))
    lacks = [
        _uncompared(name, block, f"{who.label} has no such block")
        for found, other, who in ((blocks, there, reference), (there, blocks, spec))
        for block in found
        if block not in other
    ]
    return True, lacks


def tabulate_uncompared(rows: Sequence[Mapping[str, str]]) -> Columns:
    """What was left out of a comparison: a NOT_COMPARED table, empty if nothing was."""
    return check(Columns.from_rows(rows, list(NOT_COMPARED.columns)), NOT_COMPARED)


def require_reference(names: Sequence[str], wanted: str | None) -> str:
    """The checkpoint that others are compared with: the one named, or the first."""
    if wanted is not None and wanted not in names:
        raise SpecError(
            "reference",
            expected=f"one of {', '.join(names)}",
            found=repr(wanted)[:60],
            todo="name one of those",
        )
    return wanted if wanted is not None else names[0]


def _group_names(spec: NetworkSpec) -> tuple[str, ...]:
    if _shares(spec):
        return ("spatial", "temporal")
    return tuple(dict.fromkeys(unit.group for unit in anatomy_of(spec).scaled))


def _shares(spec: NetworkSpec) -> bool:
    """Whether every channel belongs to both groups."""
    return any(unit.owners for unit in anatomy_of(spec).units)


def _uncompared(name: str, what: str, why: str) -> dict[str, str]:
    return {"checkpoint": name, "what": what, "why": why}
