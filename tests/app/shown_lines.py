"""Whether lines that the explorer shows can be typed: they are parsed and bound, and nothing is run."""

from __future__ import annotations

import ast
import shlex
from inspect import signature
from typing import Any

import gst_analysis as gst
from app.commands import Lines
from gst_analysis.analyses import list_analyses
from gst_analysis.cli import program


def check_lines(lines: Lines) -> None:
    """Every command is one of the program's; every Python line takes public names of the package alone."""
    for line in lines.shell.splitlines():
        hear(line)
    check_python(lines.python)


def hear(line: str) -> dict[str, Any]:
    """What a command understands of a line, by its parameters' names; exits where it understands none."""
    called, name, *words = shlex.split(line)
    assert called == "gst-analyze"
    found: dict[str, Any] = program.app.commands[name].make_context(name, words).params
    return found


def check_python(text: str) -> None:
    """It imports `gst` alone, and calls what is public with keywords that are taken."""
    tree = ast.parse(text)
    known = {"gst"}
    for node in tree.body:
        if isinstance(node, ast.Import):
            assert [(name.name, name.asname) for name in node.names] == [("gst_analysis", "gst")]
        else:
            assert isinstance(node, (ast.Assign, ast.Expr)), ast.unparse(node)
            _check_names(node, known)
            known |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
            for call in (one for one in ast.walk(node) if isinstance(one, ast.Call)):
                _check_call(call)


def _check_names(node: ast.stmt, known: set[str]) -> None:
    read = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}
    assert read <= known, f"{read - known} are not known at: {ast.unparse(node)}"


def _check_call(call: ast.Call) -> None:
    name = ast.unparse(call.func)
    if not name.startswith("gst."):
        return  # a method of what an earlier line made
    public, *parts = name.removeprefix("gst.").split(".")
    rooms = {about.run.__name__: about.run for about in list_analyses()}
    assert public in gst.__all__ or public in rooms, f"{name} is not public"
    function: Any = rooms.get(public) or getattr(gst, public)
    for part in parts:
        function = getattr(function, part)
    signature(function).bind(*call.args, **{word.arg: word.value for word in call.keywords if word.arg})
