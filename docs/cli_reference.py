"""The command line as a page: every command, from the program itself.

    python -m docs.cli_reference          # writes docs/cli.md

A test fails when the page and the program differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from typer.models import ArgumentInfo, ParameterInfo

PAGE = Path(__file__).with_name("cli.md")

_HEAD = """\
# The command line

<!-- Written by python -m docs.cli_reference from the program itself; do not edit. -->

`gst-analyze COMMAND …`. With `--json` stdout carries one JSON document and nothing else. Exit code 0: done;
1: a problem was found that the command was asked to find, or a part of a batch failed; 2: bad input, with one
line on stderr that says what was expected, what was found and what to do; 70: an error that nobody foresaw,
with one line that names the file its trace was kept in (`--debug`, or GST_ANALYSIS_DEBUG=1, shows traces);
130: interrupted.

"""


@dataclass(frozen=True)
class Parameter:
    """An argument or option as the command's function declares it."""

    names: tuple[str, ...]
    kind: str
    """What a value is; empty for a flag."""
    default: str
    meaning: str
    positional: bool


def build_page() -> str:
    """The whole page as text, the same wherever and however wide the terminal is."""
    from gst_analysis.cli import app

    commands = app.commands.import_all()
    index = "\n".join(
        f"- [`{name}`](#{name}): {unfold(info.callback.__doc__).splitlines()[0]}" for name, info in commands
    )
    return "\n".join(
        [_HEAD + index, "", *(part for name, info in commands for part in _describe(name, info))]
    )


def _describe(name: str, info: Any) -> Iterator[str]:
    parameters = list(list_parameters(info.callback))
    arguments = [p for p in parameters if p.positional]
    options = [p for p in parameters if not p.positional]
    usage = " ".join(
        [f"gst-analyze {name}", *(["[OPTIONS]"] if options else []), *(p.kind for p in arguments)]
    )
    yield f"## {name}\n\n```text\n{usage}\n```\n"
    yield f"{unfold(info.callback.__doc__)}\n"
    if example := (info.epilog or "").removeprefix("Example: "):
        yield f"```sh\n{example}\n```\n"
    if arguments:
        yield "| argument | meaning |\n|---|---|"
        yield from (f"| `{_cell(p.kind)}` | {_cell(p.meaning)} |" for p in arguments)
        yield ""
    if options:
        yield "| option | default | meaning |\n|---|---|---|"
        yield from (f"| {_name(p)} | {_cell(p.default)} | {_cell(p.meaning)} |" for p in options)
        yield ""


def list_parameters(callback: Callable[..., object]) -> Iterator[Parameter]:
    """Arguments and options of a command, as its function declares them."""
    hints = get_type_hints(callback, include_extras=True)
    for name, parameter in inspect.signature(callback).parameters.items():
        kind, *rest = get_args(hints[name])
        info = next(extra for extra in rest if isinstance(extra, ParameterInfo))
        default = parameter.default
        absent = default is inspect.Parameter.empty
        shown = "" if absent or default is None or isinstance(default, bool) else f"`{default}`"
        if isinstance(info, ArgumentInfo):
            word = info.metavar or name.upper()
            word = word if absent or word.startswith("[") else f"[{word}]"
            yield Parameter((name,), word, shown, info.help or "", True)
            continue
        names = _list_names(name, info)
        word = info.metavar or _name_type(kind)
        yield Parameter(names, word, shown or ("required" if absent else ""), info.help or "", False)


def _list_names(name: str, info: ParameterInfo) -> tuple[str, ...]:
    """What the option is called, a way to leave it out included; Typer keeps the first in its default."""
    declared = [word for word in (info.default, *(info.param_decls or ())) if str(word).startswith("-")]
    words = declared or [f"--{name.replace('_', '-')}"]
    return tuple(part for word in words for part in str(word).split("/"))


def _name_type(kind: Any) -> str:
    """What to write for a value of a type; nothing for a flag."""
    words = {bool: "", int: "N", float: "X", str: "TEXT", Path: "PATH"}
    return next((word for known, word in words.items() if kind is known or known in get_args(kind)), "TEXT")


def _name(option: Parameter) -> str:
    return ", ".join(f"`{_cell(f'{name} {option.kind}'.strip())}`" for name in option.names)


def unfold(text: str | None) -> str:
    """Paragraphs as single lines, so that nothing depends on where the source breaks them."""
    parts = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
