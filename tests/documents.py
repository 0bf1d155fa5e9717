"""Documents against their schemas: what a command prints with --json, in any test, is what it says it prints.

A validator of our own for the few words that our schemas use: those of libraries take longer than the tests
that they would watch. `test_documents.py` says that it refuses what jsonschema refuses.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from gst_analysis.cli.commands import Commands
from gst_analysis.documents import Part
from gst_analysis.files import to_plain

KNOWN = {
    *("title", "description", "deprecated", "type", "enum", "const", "anyOf", "items", "minItems"),
    *("properties", "required", "additionalProperties"),
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}
_described: dict[str, Part] = {}


def check_printed(value: Any) -> None:
    """Refuse a document that says which schema it keeps and does not keep it, or says none.

    Raises:
        AssertionError: such a document, with the first thing that is wrong in it.
    """
    told = to_plain(value)
    assert isinstance(told, dict), "a document is an object"
    if "$schema" in told:  # a schema itself
        return
    name = str(told.get("schema")).split("/")[1]
    fault = find_fault(told, find_schema(name), name)
    assert fault is None, f"{fault}; describe it where the command does"


def find_schema(name: str) -> Part:
    """A document's schema, out of the module of the command that prints it."""
    if name not in _described:
        module = Commands()._modules[{"recipes": "train"}.get(name, name)]
        parts = importlib.import_module(module).describe_documents()
        _described.update({part["title"]: part for part in parts})
    return _described[name]


def find_fault(value: Any, part: Part, where: str) -> str | None:
    """The first place where a value is not what a schema says, and why; None if it is."""
    assert set(part) <= KNOWN, f"{where}: {set(part) - KNOWN}"
    if "const" in part and value != part["const"]:
        return f"{where}: {value!r} is not {part['const']!r}"
    if "enum" in part and value not in part["enum"]:
        return f"{where}: {value!r} is none of {part['enum']}"
    if "anyOf" in part:
        faults = [find_fault(value, one, where) for one in part["anyOf"]]
        return None if None in faults else str(faults[0])
    kinds = part.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is_a(value, kind) for kind in kinds):
        return f"{where}: {str(value)[:60]!r} is no {' or '.join(kinds)}"
    if isinstance(value, dict):
        return _find_in_object(value, part, where)
    if isinstance(value, list):
        if len(value) < part.get("minItems", 0):
            return f"{where}: {len(value)} values"
        found = (find_fault(one, part.get("items", {}), f"{where}[{n}]") for n, one in enumerate(value))
        return next((fault for fault in found if fault), None)
    return None


def _is_a(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _find_in_object(value: dict[str, Any], part: Part, where: str) -> str | None:
    missing = [name for name in part.get("required", ()) if name not in value]
    if missing:
        return f"{where}: without {missing}"
    fields, others = part.get("properties", {}), part.get("additionalProperties", {})
    for name, one in value.items():
        if name not in fields and others is False:
            return f"{where}: unknown field {name}"
        fault = find_fault(one, fields.get(name, others), f"{where}.{name}")
        if fault:
            return fault
    return None


def read_json(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The one document that a command has printed, and nothing else."""
    printed = capsys.readouterr()
    assert printed.err == ""
    document = json.loads(printed.out)
    assert isinstance(document, dict)
    return document
