"""Recipes of training that are hostile: read, and refused or trained for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from gst_analysis.training.recipes import load_config, setting_types
from tests.hostile.cases import Case, Kind
from tests.hostile.parts import write

_VALUES: Mapping[str, str] = {
    "ten million": "10000000",
    "10^400": "1" + "0" * 400,
    "5,000 digits": "1" * 5_000,
    "minus one": "-1",
    "infinity": "inf",
    "NaN": "nan",
    "text": '"x"',
    "a long text": '"' + "x" * 100_000 + '"',
    "control characters": '"\\u001b[31m\\n"',
    "a long list": "[" + "1," * 20_000 + "]",
    "a list of lists": "[[1], [2]]",
    "a record": "{a = 1}",
    "a date": "1979-05-27",
    "a way out": '"../../../../etc/passwd"',
    "1e1000000000": '"1e1000000000"',
    "a number of 1e1000000000": "1e1000000000",
}
_TEXTS: Mapping[str, bytes] = {
    "empty": b"",
    "no TOML": b"epoch 3, loss 0.1",
    "lists 2,000 deep": b"[a]\nb = " + b"[" * 2_000 + b"]" * 2_000,
    "lists 90,000 deep": b"[a]\nb = " + b"[" * 90_000 + b"]" * 90_000,
    "records 2,000 deep": b"a = " + b"{a = " * 2_000 + b"1" + b"}" * 2_000,
    "a dotted key of 50,000 parts": b"a" + b".a" * 50_000 + b" = 1",
    "10,000 sections": b"".join(b"[s%d]\na = 1\n" % i for i in range(10_000)),
    "10,000 keys": b"[model]\n" + b"".join(b"k%d = 1\n" % i for i in range(10_000)),
    "a key of 100,000 signs": b"[model]\n" + b"a" * 100_000 + b" = 1",
    "a section of 100,000 signs": b"[" + b"a" * 100_000 + b"]\nb = 1",
    "a number of 100,000 digits": b"[model]\nwidth = " + b"1" * 100_000,
    "bytes that are no text": b'[model]\nname = "\xff"',
    "a null": b"[model]\nname = \0",
    "a mebibyte": b"#" * 2**20,
    "two keys of one name": b"[model]\nwidth = 1\nwidth = 2",
    "quotes without end": b'[model]\nname = """' + b'"' * 2 + b"a" * 50_000,
    "a comment of 100,000 signs": b"#" + b"a" * 100_000,
    "arrays of tables": b"[[model]]\nname = 1\n" * 2_000,
}


def _setting(folder: Path, *, key: str, value: str) -> Path:
    section, _, name = key.partition(".")
    return write(folder, f"[{section}]\n{name} = {value}\n".encode(), "recipe.toml")


def _read(path: Path, out: Path) -> None:
    load_config(path)


def generate(seed: int) -> Iterator[Case]:
    """Texts that are no recipes, and every setting with what it does not take."""
    for title, content in _TEXTS.items():
        yield Case(title, partial(write, content=content, name="recipe.toml"), act=_read)
    for number, key in enumerate(sorted(setting_types())):
        for turn, (title, value) in enumerate(_VALUES.items()):
            if (number + turn) % 4 == 0:
                yield Case(f"{key}: {title}", partial(_setting, key=key, value=value), act=_read)


RECIPES = Kind("recipes: settings", generate, modules=("gst_analysis.training.recipes",))
