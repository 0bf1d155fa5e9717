"""Results as the visitor should see them: with the names they know, not with paths on the server."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

Named = TypeVar("Named")


def rename_result(result: Named, names: Mapping[str, str]) -> Named:
    """The same result whose tables, sources and settings call things by other names."""
    found: Any = result
    changed = {"provenance": _rename_fields(found.provenance, names)}
    for field in dataclasses.fields(found):
        value = getattr(found, field.name)
        if hasattr(value, "columns") and "checkpoint" in value.columns:
            changed[field.name] = value.assign(checkpoint=value["checkpoint"].replace(dict(names)))
    renamed: Named = dataclasses.replace(found, **changed)
    return renamed


def _rename_fields(origin: Any, names: Mapping[str, str]) -> Any:
    fields = ("sources", "specs", "settings")
    return dataclasses.replace(origin, **{name: _rename(getattr(origin, name), names) for name in fields})


def _rename(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Mapping):
        return {names.get(key, key): _rename(inner, names) for key, inner in value.items()}
    return value
