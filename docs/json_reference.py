"""Every field of every document as a page, from the schemas that `gst-analyze schema` prints.

    python -m docs.json_reference         # writes docs/json.md

A test fails when the page and the schemas differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gst_analysis.cli import app
from gst_analysis.cli.schema import describe_all
from gst_analysis.documents import VERSION, Part

PAGE = Path(__file__).with_name("json.md")
KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "null": "null",
    "array": "list",
    "object": "object",
}
_HEAD = f"""\
# What `--json` prints

<!-- Written by python -m docs.json_reference from the schemas of the documents; do not edit. -->

With `--json` a command prints one document on stdout and nothing else. Its field `schema` names what
describes it: `gst-analysis/ablate/{VERSION}` is the document of `ablate`, version {VERSION}. The version
goes up when a field leaves a document or means something else, not for new fields. `gst-analyze schema`
prints all of this page as one JSON Schema (draft 7), `gst-analyze schema ablate` one document's; in Python
every result has `.to_document()`. No document has a field that its schema does not know; every document
that a test makes is held against its schema.

One word, one meaning: `checkpoint` is a checkpoint's name, at the head of a document as in every row of a
table; `source` is where that name comes from, `name`, `path` and `sha256`. Numbers that are not defined are
null. **Old name** marks a field that is kept for those who read it; the new one holds the same.

In the tables below `a.b` is the field `b` of the object `a`, `a[].b` that of each object in a list, and
`a.*.b` that of each one that goes by a name.
"""


def build_page() -> str:
    """The whole page as text."""
    documents = describe_all()
    index = ", ".join(f"[`{name}`](#{name})" for name in documents)
    return "\n\n".join([_HEAD.rstrip(), index, *(_describe(*one) for one in documents.items())]) + "\n"


def _describe(name: str, document: Part) -> str:
    link = f"Printed by [`gst-analyze {name}`](cli.md#{name})." if name in app.commands else ""
    link = link or "Printed by [`gst-analyze train --recipes`](cli.md#train)."
    rows = "\n".join(
        f"| `{path}` | {kind} | {meaning} |" for path, kind, meaning in _list_fields(document, "")
    )
    return f"## {name}\n\n{link}\n\n| field | type | meaning |\n|---|---|---|\n{rows}"


def _list_fields(part: Part, path: str) -> Iterator[tuple[str, str, str]]:
    """Every field below a part: its path, type and meaning; rows of tables in one line."""
    for name, one in part.get("properties", {}).items():
        yield from _list_part(one, f"{path}.{name}".strip("."), name not in part.get("required", ()))


def _list_part(part: Part, path: str, rare: bool = False) -> Iterator[tuple[str, str, str]]:
    told = [part.get("description", ""), _say_values(part), "not always there" if rare else ""]
    told += ["**old name**"] if part.get("deprecated") else []
    meaning = "; ".join(text for text in told if text)
    yield path, _say_kind(part), meaning.replace("|", "\\|")
    for inner, place in _list_inner(part, path):
        yield from _list_fields(inner, place)


def _list_inner(part: Part, path: str) -> Iterator[tuple[Part, str]]:
    """Objects in a part, with the way to them."""
    if part.get("title", "").isupper():  # a row of a table, which has a page of its own
        return
    if "properties" in part:
        yield part, path
    for one in part.get("anyOf", ()):
        yield from _list_inner(one, path)
    if isinstance(part.get("items"), dict):
        yield from _list_inner(part["items"], f"{path}[]")
    if isinstance(part.get("additionalProperties"), dict):
        yield from _list_inner(part["additionalProperties"], f"{path}.*")


def _say_kind(part: Part) -> str:
    """A part's type in words."""
    if part.get("title", "").isupper():
        name = part["title"]
        return f"a row of [{name}](tables.md#{name.lower()})"
    if "anyOf" in part:
        return " or ".join(_say_kind(one) for one in part["anyOf"])
    if "items" in part:
        return f"list of {_say_kind(part['items'])}" if part["items"] else "list"
    if "const" in part:
        return f'"{part["const"]}"'
    kinds = part.get("type", "string" if "enum" in part else "anything")
    return " or ".join(KINDS.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _say_values(part: Part) -> str:
    words = ", ".join(f"`{word}`" if word else "empty" for word in part.get("enum", ()) if word is not None)
    return f"one of {words}" if words else ""


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
