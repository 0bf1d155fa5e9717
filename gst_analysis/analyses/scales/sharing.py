"""A checkpoint's scales in a small file, to be sent where the checkpoint itself is too large.

Enters BN_SCALES of one checkpoint; leaves a JSON file of some 100 kB, and reads it back to the same table.
Such a file may come from anybody: its size is bounded, its keys are exactly those of the format, its numbers
are finite, and its groups must be those of the network that it names.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from gst_analysis.analyses.scales.table import BN_SCALES
from gst_analysis.checkpoints.reading import REFERENCE
from gst_analysis.errors import BrokenCheckpoint, GstError, legible, one_line
from gst_analysis.files import write_whole
from gst_analysis.networks.anatomy import Unit
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.registry import anatomy_of, spec_from_json
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.results import find_version
from gst_analysis.tables import check
from gst_analysis.tables.columns import Array, Columns
from gst_analysis.tables.held import held_columns, holds_tables
from gst_analysis.untrusted import parse_json, read_bounded

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1
LARGEST = 8_000_000
"""Bytes: ten times what the deepest of our networks takes."""
_KEYS = {"format", "version", "gst_analysis", "checkpoint", "sha256", "network", "spec", "scales"}
_NUMBERS = ("gamma", "beta", "running_mean", "running_var", "share")
_MOST_FRAMES, _MOST_CLASSES, _LARGEST_SETTING = 256, 1_000_000, 1000
"""Bounds for a system's settings: its network is built, without values, to see what its groups are."""


@holds_tables("table")
@dataclass(frozen=True)
class Reference:
    """The scales of one checkpoint without its weights, and which file they are of."""

    checkpoint: str
    """The checkpoint's name."""
    sha256: str
    """The checkpoint's hash."""
    spec: NetworkSpec
    table: pd.DataFrame = field(repr=False)
    """BN_SCALES."""

    def to_document(self) -> dict[str, Any]:
        """What the file holds: 32-bit numbers, in the fewest digits that tell them apart."""
        scales, first, table = [], 0, held_columns(self)
        for unit, group in _list_rows(self.spec):
            rows = table.take(slice(first, first + unit.count))
            scales.append({**_locate(unit, group), **{name: _shorten(rows[name]) for name in _NUMBERS}})
            first += unit.count
        return {
            "format": REFERENCE,
            "version": VERSION,
            "gst_analysis": find_version(),
            "checkpoint": self.checkpoint,
            "sha256": self.sha256,
            "network": self.spec.label,
            "spec": self.spec.to_json(),
            "scales": scales,
        }

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write `<checkpoint>-reference.json`, whole or not at all.

        Args:
            folder: where to; made if it is not there.
            overwrite: take the place of another file of that name.

        Raises:
            OutputError: the folder cannot be written, or another file is there.
        """
        text = json.dumps(self.to_document(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        path = Path(folder) / f"{self.checkpoint}-reference.json"
        content = f"{text}\n".encode("utf-8", "backslashreplace")
        return write_whole(path, lambda file: file.write(content), replace=overwrite)


def list_groups(unit: Unit) -> tuple[str, ...]:
    """Whose scales a unit's channels are: both owners', where a filter has two."""
    return ("spatial", "temporal") if unit.owners else (unit.group,)


def _list_rows(spec: NetworkSpec) -> list[tuple[Unit, str]]:
    return [(unit, group) for unit in anatomy_of(spec).scaled for group in list_groups(unit)]


def _locate(unit: Unit, group: str) -> dict[str, Any]:
    return {"stage": unit.stage, "block": unit.block, "layer": unit.layer, "group": group}


def load_reference(path: str | os.PathLike[str]) -> Reference:
    """Read a file that `Reference.save` wrote, from whomever it comes.

    Raises:
        BrokenCheckpoint: it is too large, damaged, or says what cannot be.
    """
    where = Path(path)
    record = _load_record(where)
    spec = _read_spec(record["spec"], where)
    name, digest = record["checkpoint"], record["sha256"]
    if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
        _refuse(where, "the sha256 of a file", one_line(repr(digest))[:80])
    if not isinstance(name, str) or not 0 < len(name) <= 300:
        _refuse(where, "the checkpoint's name", one_line(repr(name))[:80])
    table = _read_scales(record["scales"], spec, where)
    return Reference(legible(one_line(name)), digest, spec, table.as_table())


def _load_record(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            _refuse(path, f"at most {LARGEST // 1_000_000} MB", f"{path.stat().st_size:,} bytes")
        record = parse_json(read_bounded(path, most=LARGEST), parse_constant=_no_number)
    except (OSError, ValueError) as error:
        _refuse(path, "a JSON file", one_line(str(error))[:80] or type(error).__name__)
    if not isinstance(record, dict) or record.get("format") != REFERENCE:
        _refuse(path, f"the format {REFERENCE}", "another")
    if record.get("version") != VERSION:
        _refuse(path, f"version {VERSION}", str(record.get("version"))[:20], "update gst-analysis")
    if odd := sorted(_KEYS ^ set(record)):
        _refuse(path, "exactly the keys of a reference", f"missing or surplus ones: {', '.join(odd)[:80]}")
    return record


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text}, which is no number")


def _read_spec(record: Any, path: Path) -> NetworkSpec:
    try:
        spec = spec_from_json(record)
    except (GstError, TypeError, ValueError, AttributeError) as error:
        _refuse(path, "a spec that describes a network", one_line(str(error))[:120])
    bounds = {"num_frames": _MOST_FRAMES, "num_classes": _MOST_CLASSES}
    numbers = {name: getattr(spec, name) for name in bounds}
    settings = dict(spec.settings) if isinstance(spec, SystemSpec) else {}
    small = all(type(number) is int and 0 < number <= bounds[name] for name, number in numbers.items())
    plain = all(isinstance(one, str) or _is_small(one) for one in settings.values())
    if not (small and plain and len(settings) <= 10):
        _refuse(path, "a spec of usual numbers", one_line(str({**numbers, **settings}))[:120])
    return spec


def _is_small(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) <= 20 and all(map(_is_small, value))
    return isinstance(value, (bool, int, float)) and abs(value) <= _LARGEST_SETTING


def _read_scales(rows: Any, spec: NetworkSpec, path: Path) -> Columns:
    """BN_SCALES, if the file has exactly the groups of its network, each with so many numbers."""
    try:
        wanted = _list_rows(spec)
    except Exception as error:  # whatever a network of odd settings raises
        _refuse(path, f"groups of {spec.label}", one_line(str(error))[:120])
    if not isinstance(rows, list) or not rows or len(rows) != len(wanted):
        found = len(rows) if isinstance(rows, list) else type(rows).__name__
        _refuse(path, f"the {len(wanted)} groups of {spec.label}", str(found))
    parts = [_read_group(row, unit, group, path) for row, (unit, group) in zip(rows, wanted, strict=True)]
    table = Columns.join(parts)
    full = table.assign(checkpoint="", importance=np.abs(table["gamma"]) * table["share"])
    return check(full.choose(list(BN_SCALES.columns)), BN_SCALES)


def _read_group(row: Any, unit: Unit, group: str, path: Path) -> Columns:
    place = _locate(unit, group)
    if not isinstance(row, dict) or set(row) != {*place, *_NUMBERS}:
        _refuse(path, f"the {group} scales of {unit.layer}", "other keys")
    if {name: row[name] for name in place} != place:
        found = one_line(", ".join(str(row[name])[:30] for name in place))
        _refuse(path, f"the {group} scales of {unit.layer}", found)
    columns = {name: _read_numbers(row[name], unit, name, path) for name in _NUMBERS}
    if not unit.owners and (columns["share"] != 1).any():
        _refuse(path, f"shares of 1 in {unit.layer}", "others")
    return Columns({**place, "channel": np.arange(unit.channels.start, unit.channels.stop), **columns})


def _read_numbers(values: Any, unit: Unit, name: str, path: Path) -> np.ndarray:
    if not isinstance(values, list) or len(values) != unit.count:
        _refuse(path, f"{unit.count} values of {name} in {unit.layer}", "another number")
    # Whole numbers of JSON have no bounds; those of 32-bit floats do.
    numbers = [one for one in values if type(one) in (int, float) and abs(one) <= 3.4e38]
    if len(numbers) != unit.count:
        _refuse(path, f"finite numbers for {name} in {unit.layer}", "others")
    column: np.ndarray = np.array(numbers, dtype=np.float32).astype(np.float64)
    return column


def _shorten(values: Array) -> list[float]:
    """32-bit numbers as the shortest decimals that read back to them."""
    return [float(str(one)) for one in values.astype(np.float32)]


def _refuse(
    path: Path, expected: str, found: str, todo: str = "write it again with gst-analyze reference CKPT"
) -> NoReturn:
    raise BrokenCheckpoint(f"reference {path}", expected=expected, found=found, todo=todo)
