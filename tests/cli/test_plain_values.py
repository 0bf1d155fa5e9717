"""Values that pass without Typer's conversion: what conversion would have made of them, and no others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from gst_analysis.cli.program import app
from gst_analysis.console.plain_values import PlainValues, pass_plain_values

FILE = Path(__file__)


def declare(
    word: Annotated[str, typer.Option()] = "a",
    maybe: Annotated[str | None, typer.Option()] = None,
    words: Annotated[list[str] | None, typer.Option()] = None,
    count: Annotated[int, typer.Option()] = 3,
    bounded: Annotated[int, typer.Option(min=5)] = 7,
    share: Annotated[float, typer.Option()] = 0.5,
    folder: Annotated[Path, typer.Option()] = Path("out"),
    there: Annotated[Path | None, typer.Option(exists=True)] = None,
    files: Annotated[list[Path] | None, typer.Option()] = None,
    spelt: Annotated[str, typer.Option(parser=str.upper)] = "b",
) -> None:
    """A command with parameters of every kind."""


def top() -> typer.Typer:
    program = typer.Typer(add_completion=False)
    program.command()(declare)
    return program


def list_parameters() -> dict[str, Any]:
    return {one.name: one for one in typer.main.get_command(top()).params}


def convert(parameter: Any, value: Any) -> tuple[Any, ...]:
    """What becomes of a value: it and its type, or what is said of it."""
    context = typer.Context(typer.main.get_command(top()))
    try:
        found = parameter.process_value(context, value)
    except typer.BadParameter as error:
        return "refused", error.format_message()
    return type(found), found


VALUES: dict[str, list[Any]] = {
    "word": ["", "a", "ä", "\udcff", "nul\0", None, 3],
    "maybe": ["x", None],
    "words": [None, (), ("a", "b"), ["ä"], ("\udcff",)],
    "count": [3, "16", "x", "1.5", None, True],
    "bounded": [7, 4, "4", "9"],
    "share": [0.5, "0.25", float("inf"), 1, "nan", "x"],
    "folder": [Path("out"), "no/such", str(FILE), FILE.parent, "", "ä", "\udcff", "nul\0", None],
    "there": [None, "no/such", str(FILE)],
    "files": [None, ("a", "b")],
    "spelt": ["b"],
}


@pytest.mark.parametrize("name", list(VALUES))
def test_a_value_becomes_what_conversion_makes_of_it(name: str) -> None:
    plain, converted = list_parameters()[name], list_parameters()[name]
    assert pass_plain_values([plain]) == [plain]
    known = [repr(convert(converted, value)) for value in VALUES[name]]
    assert [repr(convert(plain, value)) for value in VALUES[name]] == known


def test_only_what_needs_it_is_converted() -> None:
    asked: list[str] = []
    for name, one in list_parameters().items():
        build = one.get_runtime_param

        def note(name: str = name, build: Any = build) -> Any:
            asked.append(name)
            return build()

        for value in [one.default, None] if name != "word" else ["a", "ä", "\udcff"]:
            PlainValues(one, note).coerce(value, param=one, ctx=typer.Context(typer.main.get_command(top())))
    assert asked == ["word", "bounded", "spelt"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything may be read here")
def test_a_path_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    (shut := tmp_path / "shut").touch(mode=0)
    (plain,) = pass_plain_values([list_parameters()["folder"]])
    assert convert(plain, str(shut)) == convert(list_parameters()["folder"], str(shut))


def test_passing_twice_is_passing_once() -> None:
    (once,) = pass_plain_values([list_parameters()["word"]])
    first = once.get_runtime_param
    pass_plain_values([once])
    assert once.get_runtime_param is first
    assert app.commands["inspect"].get_params(typer.Context(app))
