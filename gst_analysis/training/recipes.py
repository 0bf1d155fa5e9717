"""Recipes: a TOML file, or the name of a packaged one, and overrides in; a TrainConfig out. No torch here."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import os
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from gst_analysis.errors import SpecError, legible, name_some, shorten
from gst_analysis.networks.specs import refuse_alpha
from gst_analysis.planted.worlds import WorldConfig
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.table import DEFAULT_RECIPE
from gst_analysis.untrusted import read_bounded

LARGEST_RECIPE = 200_000
"""Bytes: a hundred times the longest packaged one."""
_MOST_DOTS = 200
"""In a line: the parser's memory grows with the square of the parts of a key."""


def list_recipes() -> list[str]:
    """The packaged recipes, in alphabetical order."""
    files = resources.files("gst_analysis.recipes").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load_config(
    source: str | os.PathLike[str] = DEFAULT_RECIPE, overrides: Mapping[str, object] | None = None
) -> TrainConfig:
    """Read a training configuration.

    Args:
        source: the path of a TOML file, or the name of a packaged recipe.
        overrides: dotted keys and their values, such as {"optimiser.lr": 0.02}. A value may be text, as on a
            command line: there `none` stands for no value (in a file, too), and commas separate the parts
            of a list.

    Raises:
        SpecError: an unknown recipe or key (with the nearest one), or a value of the wrong type.

    Example:
        >>> load_config("something-v2-gst-r50-8f", {"optimiser.lr": 0.02}).optimiser.lr
        0.02
    """
    return parse_config(_load_toml(os.fspath(source)), overrides)


def parse_config(record: Mapping[str, Any], overrides: Mapping[str, object] | None = None) -> TrainConfig:
    """A configuration from sections of plain values, as TOML has them or `TrainConfig.to_json` gives them.

    Raises:
        SpecError: an unknown key, or a value of the wrong type.
    """
    values = {key: _convert(key, value) for key, value in _flatten(record).items()}
    told = {key: _convert_override(key, value) for key, value in (overrides or {}).items()}
    values |= told
    # A recipe's own alpha may well stand beside another network that is set in its place.
    refuse_alpha(str(values.get("model.name", "")), told.get("model.alpha"))
    return _build(values)


def format_config(config: TrainConfig) -> str:
    """The configuration as TOML that load_config reads back to the same."""
    lines: list[str] = []
    for section, values in config.to_json().items():
        lines += [f"[{section}]", *(f"{key} = {_format_value(value)}" for key, value in values.items())]
        lines.append("")
    return "\n".join(lines)


def _format_value(value: Any) -> str:
    """A value as TOML writes it; it has no null, and wants the sign DEL escaped, which JSON does not."""
    text = json.dumps("none" if value is None else value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")


def parse_overrides(settings: Mapping[str, object] | Sequence[str]) -> dict[str, object]:
    """Changes of a recipe as a mapping; they may be words such as `optimiser.lr=0.02`, as one types them.

    Raises:
        SpecError: a word that is no key=value.
    """
    if isinstance(settings, Mapping):
        return dict(settings)
    words = [settings] if isinstance(settings, str) else list(settings)
    odd = [word for word in words if not word.partition("=")[0].strip() or "=" not in word]
    if odd:
        raise SpecError(
            "overrides",
            expected="key=value, such as optimiser.lr=0.02",
            found=name_some(odd),
            todo="write them in that way",
        )
    return {key.strip(): text.strip() for key, _, text in (word.partition("=") for word in words)}


@functools.cache
def setting_types() -> Mapping[str, Any]:
    """The type of every setting, by dotted key."""
    sections = typing.get_type_hints(TrainConfig)
    return {
        f"{name}.{entry}": hint
        for name, section in sections.items()
        for entry, hint in typing.get_type_hints(_section_class(section)).items()
    }


def _section_class(hint: Any) -> Any:
    return WorldConfig if hint == WorldConfig | None else hint


def _load_toml(source: str) -> dict[str, Any]:
    if source.endswith(".toml") or os.sep in source:
        return _parse(_read(Path(source)), source)
    if source not in list_recipes():
        close = difflib.get_close_matches(source, list_recipes(), n=1, cutoff=0.5)
        raise SpecError(
            "recipe",
            expected="a TOML file or a packaged recipe",
            found=repr(source)[:60],
            todo=f"did you mean {close[0]}?" if close else f"recipes: {', '.join(list_recipes())}",
        )
    return _parse((resources.files("gst_analysis.recipes") / f"{source}.toml").read_bytes(), source)


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, most=LARGEST_RECIPE)
    except (OSError, ValueError) as error:
        found = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise SpecError(
            legible(path), expected="a recipe in TOML", found=found, todo="check the path"
        ) from error


def _parse(content: bytes, source: str) -> dict[str, Any]:
    try:
        text = content.decode()
        number = next((n for n, line in enumerate(text.split("\n"), 1) if line.count(".") > _MOST_DOTS), None)
        if number is not None:
            raise ValueError(f"more than {_MOST_DOTS} dots in line {number}")
        return tomllib.loads(text)
    # TOML's errors, those of UTF-8, and lists in lists without end
    except (ValueError, RecursionError) as error:
        raise SpecError(
            legible(source), expected="a recipe in TOML", found=shorten(str(error)), todo="correct that line"
        ) from error


def _flatten(record: Mapping[str, Any]) -> dict[str, Any]:
    known = {key.partition(".")[0] for key in setting_types()}
    flat: dict[str, Any] = {}
    for section, values in record.items():
        if not isinstance(values, Mapping):
            raise _unknown(section)
        if section not in known:
            raise _unknown(f"{section}.{next(iter(values), '')}")
        flat |= {f"{section}.{key}": value for key, value in values.items()}
    return flat


def _build(values: Mapping[str, Any]) -> TrainConfig:
    sections: dict[str, Any] = {}
    for field in dataclasses.fields(TrainConfig):
        given = {k.partition(".")[2]: v for k, v in values.items() if k.partition(".")[0] == field.name}
        hint = typing.get_type_hints(TrainConfig)[field.name]
        if given or field.name != "world":
            sections[field.name] = _section_class(hint)(**given)
    return TrainConfig(**sections)


def _unknown(key: str) -> SpecError:
    key = shorten(key, 80)  # to look for what is near takes the square of its length
    known = list(setting_types())
    tail = key.rpartition(".")[2]
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6) or [
        k
        for name in difflib.get_close_matches(tail, [k.partition(".")[2] for k in known], n=1)
        for k in known
        if k.partition(".")[2] == name
    ]
    sections = ", ".join(dict.fromkeys(k.partition(".")[0] for k in known))
    return SpecError(
        f"setting {key}",
        expected=f"SECTION.KEY of the sections {sections}",
        found="an unknown key",
        todo=f"did you mean {close[0]}?" if close else "see gst_analysis/training/config.py for all",
    )


def _convert(key: str, value: Any) -> Any:
    """A value as TOML has it, checked against the setting's type."""
    if key not in setting_types():
        raise _unknown(key)
    hint = setting_types()[key]
    if _is_none(value) and type(None) in _kinds(hint):
        return None
    for kind in _kinds(hint):
        fits, converted = _fit(kind, value)
        if fits:
            return converted
    raise SpecError(
        f"setting {key}", expected=_describe(hint), found=repr(value)[:60], todo="write it in that way"
    )


def _convert_override(key: str, value: object) -> Any:
    """A value as Python or a command line gives it."""
    if isinstance(value, str):
        return _convert_text(key, value)
    if isinstance(value, os.PathLike):
        return _convert(key, os.fspath(value))
    return _convert(key, list(value) if isinstance(value, tuple) else value)


def _convert_text(key: str, text: str) -> Any:
    """A value as typed on a command line."""
    if key not in setting_types():
        raise _unknown(key)
    kinds = _kinds(setting_types()[key])
    if _is_none(text) and type(None) in kinds:
        return None
    if any(typing.get_origin(kind) is tuple for kind in kinds):
        return _convert(key, [_number(part) for part in text.strip("[]()").split(",") if part.strip()])
    if str in kinds or any(typing.get_origin(kind) is typing.Literal for kind in kinds):
        return _convert(key, text)
    if bool in kinds:
        return _convert(key, {"true": True, "false": False}.get(text.lower(), text))
    return _convert(key, _number(text))


def _is_none(value: Any) -> bool:
    """Whether a value stands for no value: TOML has none, so that it is a word there too."""
    return value is None or (isinstance(value, str) and value.lower() == "none")


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _kinds(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _fit(kind: Any, value: Any) -> tuple[bool, Any]:
    """Whether a value is of a type, and the value as that type; bool is no number, an int is a float."""
    if typing.get_origin(kind) is typing.Literal:
        return value in typing.get_args(kind), value
    if typing.get_origin(kind) is tuple:
        parts = [_fit(float, part) for part in value] if isinstance(value, list) else [(False, None)]
        return all(fits for fits, _ in parts), tuple(part for _, part in parts)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return value.bit_length() < 1000, float(value) if value.bit_length() < 1000 else value
    fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    # TOML has infinity and NaN, which no setting may be: less themselves they are not 0.
    return fits and (kind is not float or value - value == 0), value


def _describe(hint: Any) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "none"}
    named = []
    for kind in _kinds(hint):
        if typing.get_origin(kind) is typing.Literal:
            named.append(f"one of {', '.join(map(str, typing.get_args(kind)))}")
        else:
            named.append("a list of numbers" if typing.get_origin(kind) is tuple else words[kind])
    return ", or ".join(named)
