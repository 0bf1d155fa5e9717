"""`schema`: what the documents hold that commands print with --json."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

from gst_analysis.console.options import Json
from gst_analysis.console.output import print_document, print_json
from gst_analysis.documents import DIALECT, VERSION, Part, describe, say
from gst_analysis.errors import SpecError
from gst_analysis.rooms import Door

program = Door("gst_analysis.cli.commands")
commands = typer.Typer()


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [describe("schema", {"json_schema": say({"type": "object"}, "the JSON Schema (draft 7)")})]


@commands.command(epilog="Example: gst-analyze schema ablate")
def schema(
    document: Annotated[
        str | None, typer.Argument(metavar="DOCUMENT", help="A command, or recipes; all if not given.")
    ] = None,
    json: Json = False,
) -> None:
    """Print the JSON Schema of what commands print with --json.

    Every document names the schema that describes it in its field "schema", such as gst-analysis/ablate/1,
    and has no field that is not described there, with what it means. The one of look,
    gst-analysis/look/1, holds what inspect tells of the file and profile's whole document. An old name of a
    field is marked as deprecated.
    """
    found = describe_all()
    if document is not None and document not in found:
        raise SpecError(
            "document", expected=f"one of {', '.join(found)}", found=repr(document)[:60], todo="name one"
        )
    told = join_schemas(found) if document is None else {"$schema": DIALECT, **found[document]}
    if json:
        print_document("schema", {"json_schema": told})
    else:
        print_json(told)


def describe_all() -> dict[str, Part]:
    """Every document's JSON Schema by the document's name."""
    modules = map(importlib.import_module, program.Commands().list_modules())
    return {str(part["title"]): part for module in modules for part in module.describe_documents()}


def join_schemas(documents: dict[str, Part]) -> dict[str, Any]:
    """One JSON Schema that any document keeps."""
    return {
        "$schema": DIALECT,
        "title": "gst-analysis",
        "description": f"What commands print with --json, version {VERSION}.",
        "oneOf": [{"$ref": f"#/definitions/{name}"} for name in documents],
        "definitions": documents,
    }
