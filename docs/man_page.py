"""The command line as a page of the manual: every command, from the program itself.

    python -m docs.man_page               # writes docs/gst-analyze.1
    man docs/gst-analyze.1

A wheel brings it to share/man/man1, where `man gst-analyze` looks in an environment that is activated. A test
fails when the page and the program differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.cli_reference import Parameter, list_parameters, unfold

PAGE = Path(__file__).with_name("gst-analyze.1")

_HEAD = r""".\" Written by python -m docs.man_page from the program itself; do not edit.
.TH GST\-ANALYZE 1 "" "gst\-analysis" "User Commands"
.SH NAME
gst\-analyze \- show where a video network keeps space and time, and whether what one sees is true
.SH SYNOPSIS
.B gst\-analyze
.I COMMAND
.RI [ OPTIONS ]
.RI [ ARGUMENTS ]
.br
.B gst\-analyze
.I CKPT
.SH DESCRIPTION
Each command answers one question about a checkpoint, and saves its figures and its table.
A checkpoint alone, without a command, prints what it is and where it keeps time.
With
.B \-\-json
stdout carries one JSON document and nothing else.
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
A problem was found that the command was asked to find, or a part of a batch failed.
.TP
.B 2
Bad input: one line on stderr says what was expected, what was found, and what to do.
.TP
.B 70
An error that nobody foresaw: one line names the file that its trace was kept in.
.TP
.B 130
Interrupted.
.SH COMMANDS
"""


def build_page() -> str:
    """The whole page in roff, the same wherever and however wide the terminal is."""
    from gst_analysis.cli import app

    commands = app.commands.import_all()
    return _HEAD + "\n".join(line for name, info in commands for line in _describe(name, info)) + "\n"


def _describe(name: str, info: Any) -> Iterator[str]:
    parameters = list(list_parameters(info.callback))
    arguments = [one for one in parameters if one.positional]
    options = [one for one in parameters if not one.positional]
    yield f".SS {_say(name)}"
    words = ["gst-analyze", name, *(["[OPTIONS]"] if options else []), *(one.kind for one in arguments)]
    yield f".B {_say(' '.join(words))}"
    for paragraph in unfold(info.callback.__doc__).split("\n\n"):
        yield from (".PP", _say(_plain(paragraph)))
    for one in (*arguments, *options):
        yield from _list_parameter(one)
    if example := (info.epilog or "").removeprefix("Example: "):
        yield from (".PP", ".EX", _say(example), ".EE")


def _list_parameter(one: Parameter) -> Iterator[str]:
    named = one.kind if one.positional else f"{', '.join(one.names)} {one.kind}".strip()
    usual = _plain(one.default)
    default = f" (default: {usual})" if usual else ""
    yield from (".TP", f".B {_say(_plain(named))}", _say(_plain(one.meaning) + default) or r"\&")


def _plain(text: str) -> str:
    """Words without the marks of markdown."""
    return re.sub(r"`([^`]*)`", r"\1", " ".join(text.split()))


def _say(text: str) -> str:
    """Text that roff prints as it stands."""
    shown = text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")
    return rf"\&{shown}" if shown.startswith((".", "'")) else shown


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
