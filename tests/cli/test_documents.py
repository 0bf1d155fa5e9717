"""Documents and their schemas: every command has one, and what they refuse."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest

from docs import json_reference
from gst_analysis.cli import app, run
from gst_analysis.cli.schema import describe_all, join_schemas
from gst_analysis.documents import DIALECT, name_schema
from tests.documents import find_fault


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    return describe_all()


def test_every_command_has_a_document_with_a_version(documents: dict[str, Any]) -> None:
    assert set(documents) == {*app.commands, "recipes"}
    for name, part in documents.items():
        assert part["properties"]["schema"]["const"] == name_schema(name)
        assert "schema" in part["required"]


def test_checkpoint_is_a_name_everywhere_and_source_where_it_comes_from(documents: dict[str, Any]) -> None:
    found = [(path, part) for name, one in documents.items() for path, part in list_parts(one, name)]
    named = [part for path, part in found if path.endswith(".checkpoint")]
    sources = [part for path, part in found if path.endswith(".source") and "properties" in part]
    assert len(named) > 15
    assert all(part["type"] == "string" for part in named)
    assert len(sources) > 8
    assert all(list(part["properties"]) == ["name", "path", "sha256"] for part in sources)


def test_every_field_says_what_it_means(documents: dict[str, Any]) -> None:
    silent = [
        f"{path}.{field}"
        for name, one in documents.items()
        for path, part in list_parts(one, name)
        for field, told in part.get("properties", {}).items()
        if not told.get("description")
    ]
    assert not silent, "write what they mean below the dataclass's fields, or with say()"


def list_parts(part: Any, path: str) -> list[tuple[str, Any]]:
    """Every field of a schema, with the way to it."""
    found = [(path, part)]
    for name, one in part.get("properties", {}).items():
        found += list_parts(one, f"{path}.{name}")
    for one in (part.get("items"), part.get("additionalProperties"), *part.get("anyOf", ())):
        found += list_parts(one, path) if isinstance(one, dict) else []
    return found


def test_old_names_are_said_to_be_old(documents: dict[str, Any]) -> None:
    old = {
        path: part["description"]
        for name, one in documents.items()
        for path, part in list_parts(one, name)
        if part.get("deprecated")
    }
    assert old["evaluate.sha256"] == "old name of source.sha256"
    assert old["similarity.networks"] == "old name of checkpoints"


def test_a_schema_is_printed_whole_or_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    whole = json.loads(capsys.readouterr().out)
    few = {name: whole["definitions"][name] for name in ("trace", "saliency")}  # all would take a second
    jsonschema.Draft7Validator.check_schema({**whole, "definitions": few})
    assert run(["schema", "ablate", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert one["json_schema"] == {"$schema": DIALECT, **whole["definitions"]["ablate"]}
    assert run(["schema", "abalte"]) == 2
    assert "one of models, inspect" in capsys.readouterr().err


def spoil(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A document with one thing wrong, in every way that a schema has a word for."""
    wrong = {}
    changes: dict[str, tuple[list[Any], Any]] = {
        "an unknown field": (["more"], 1),
        "an unknown field deep within": (["summary", "more"], 1),
        "another version": (["schema"], "gst-analysis/paper-audit/0"),
        "no number": (["rows", 0, "printed"], "42.5"),
        "yes for a number": (["rows", 0, "table"], True),
        "a number that is not whole": (["rows", 0, "table"], 1.5),
        "a word that there is not": (["rows", 0, "verdict"], "perhaps"),
        "null where a value must be": (["summary", "compared"], None),
        "an object for a list": (["rows"], {}),
    }
    for name, (place, value) in changes.items():
        changed = copy.deepcopy(document)
        *way, last = place
        inner: Any = changed
        for step in way:
            inner = inner[step]
        inner[last] = value
        wrong[name] = changed
    return wrong | {"a field less": {key: value for key, value in document.items() if key != "lines"}}


def test_our_validator_refuses_what_jsonschema_refuses(
    documents: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["paper-audit", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    part = documents["paper-audit"]
    theirs = jsonschema.Draft7Validator(join_schemas({"paper-audit": part}))
    assert theirs.is_valid(printed)
    assert find_fault(printed, part, "it") is None
    for what, wrong in spoil(printed).items():
        assert find_fault(wrong, part, "it") is not None, what
        assert not theirs.is_valid(wrong), what


def test_the_page_of_documents_is_what_the_schemas_say() -> None:
    written = json_reference.PAGE.read_text(encoding="utf-8")
    assert written == json_reference.build_page(), "run python -m docs.json_reference"
