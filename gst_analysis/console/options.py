"""What commands take: shared arguments and flags, and one flag for every field of an options class."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer

from gst_analysis.checkpoints.naming import OwnCode
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, check_place
from gst_analysis.options import Files, flag_of, list_options

Command = TypeVar("Command", bound=Callable[..., None])

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
CheckpointFile = Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")]
CheckpointFiles = Annotated[list[str], typer.Argument(metavar="CKPT...", help="Checkpoint files.")]
SpecOrCheckpoint = Annotated[
    str,
    typer.Argument(metavar="SPEC|CKPT", help="FAMILY-BACKBONE, a published system, or a checkpoint file."),
]
ClipFiles = Annotated[
    list[str], typer.Argument(metavar="CLIP...", help="Videos, frame folders, folders of either, or globs.")
]
Dataset = Annotated[
    str, typer.Argument(metavar="ROOT|FILE", help="A folder with a validation list, or an annotation file.")
]


def check_out(folder: Path | None) -> Path | None:
    """Find out that nothing can be written before the work is done, not after."""
    if folder is not None:
        check_place(folder)
    return folder


Root = Annotated[Path | None, typer.Option(help="The folder the data set's clips lie in.")]
Format = Annotated[str | None, typer.Option(help="The annotations' format; detected if not given.")]
Subset = Annotated[
    str | None, typer.Option(help="Of those in the annotations; validation, else test, if not given.")
]
Family = Annotated[str | None, typer.Option(help="Say c2d or tsm where the weights cannot tell.")]
Frames = Annotated[int | None, typer.Option(help="Frames in a clip, which no weight shows.")]
Out = Annotated[
    Path, typer.Option("--out", help="Folder for the files it writes.", metavar="DIR", callback=check_out)
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace files that are there and are not its own of the same inputs."),
]


def takes_options(command: Command) -> Command:
    """Give a command a flag for each field of every parameter that is an options class.

    Such a parameter's own default says what the flags are by themselves. The command is called with
    instances.
    """
    hints = get_type_hints(command, include_extras=True)
    given = inspect.signature(command).parameters
    groups = {name: one.default for name, one in given.items() if is_dataclass(one.default)}
    stood_in_for = (CheckpointFile, CheckpointFiles, SpecOrCheckpoint)
    source = next((name for name in given if hints.get(name) in stood_in_for), None)

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, standard in groups.items():
            values[name] = _build(standard, values)
        for files in [value for value in values.values() if isinstance(value, Files)]:
            files.check_free(list_words(values))
        if source is not None:
            _put_own_code(source, values)
        command(**values)

    parameters = [
        flag
        for name, one in given.items()
        for flag in (
            _list_flags(groups[name])
            if name in groups
            else [one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])]
        )
    ]
    if source is not None:
        parameters += _OWN_CODE
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what Typer reads
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run  # type: ignore[return-value] # called by Typer alone, with what the signature says


_OWN_CODE = [
    inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, taken]
    )
    for name, taken in {
        "network": typer.Option(
            help="Your own network in place of CKPT: the function that returns it. Its code is run.",
            metavar="MODULE:FUNCTION",
        ),
        "weights": typer.Option(help="A file with the weights of --network.", metavar="FILE"),
    }.items()
]


def put_weights_first(words: list[str]) -> list[str]:
    """Words of a command line in which a network of the user's own stands where the checkpoint would.

    Its weights, or a dash for none, become the first argument.
    """
    if not any(word == "--network" or word.startswith("--network=") for word in words):
        return words
    rest, weights = list(words), "-"
    for place, word in enumerate(words):
        if word.startswith("--weights="):
            weights = word.partition("=")[2]
            del rest[place]
            break
        if word == "--weights" and place + 1 < len(words):
            weights = words[place + 1]
            del rest[place : place + 2]
            break
    return [weights, *rest]


def _put_own_code(source: str, values: dict[str, Any]) -> None:
    """Put the user's own network in the place of the checkpoint."""
    network, weights = values.pop("network"), values.pop("weights")
    if network is None:
        if weights is not None:
            raise SpecError(
                "--weights",
                expected="--network beside it",
                found="none",
                todo="name the file as CKPT instead",
            )
        return
    given = values[source]
    first = given[0] if isinstance(given, list) else given
    own = OwnCode.of(network, None if first == "-" else first)
    values[source] = [own, *given[1:]] if isinstance(given, list) else own


def list_words(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a command is run on, by the names of its arguments; of CKPT=ROOT each half by itself.

    A reference file is left out: the hash that results tell is that of the checkpoint it speaks for.
    """
    words: dict[str, list[str]] = {}
    for name, value in values.items():
        given = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        split = [(word, "") if os.path.exists(word) else word.partition("=")[::2] for word in given]
        stands_for_another = ".json" if name.startswith("checkpoint") else None
        words[name] = [word for word, _ in split if os.path.splitext(word)[1] != stands_for_another]
        words[f"{name}, after ="] = [word for _, word in split if word]
    return words


def _list_fields(standard: Any) -> list[Field[Any]]:
    """Fields that are flags: where nothing is drawn, nobody asks on which background."""
    fields = list_options(standard)
    if isinstance(standard, Files) and not {*IMAGE_FORMATS, "html"} & set(standard.allowed):
        return [field for field in fields if field.name != "dark"]
    return fields


def _list_flags(standard: Any) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(type(standard))
    for field in _list_fields(standard):
        default, kind = getattr(standard, field.name), _simplify(hints[field.name])
        if field.metadata["repeated"]:
            default, kind = None, list[str] | None
        elif isinstance(default, tuple):
            default, kind = ",".join(map(str, default)) or None, str | None
        elif isinstance(default, bool):
            default = False
        taken = typer.Option(
            field.metadata["flag"] or flag_of(field),
            *field.metadata["also"],
            help=_help(field, standard),
            metavar=field.metadata["metavar"] or None,
            callback=check_out if isinstance(standard, Files) and field.name == "out" else None,
        )
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, taken]
        )


def _simplify(kind: Any) -> Any:
    """The type that a flag is read as: text, where Python also takes something else, such as a number."""
    if get_origin(kind) is Literal:
        return str  # what may be said is checked, and told, by the options themselves
    kinds = [one for one in get_args(kind) if one is not type(None)]
    return str | None if len(kinds) > 1 and str in kinds else kind


def _help(field: Field[Any], standard: Any) -> str:
    text = str(field.metadata["help"])
    if field.metadata["also"]:
        text += f" Its old name is {', '.join(field.metadata['also'])}."
    if isinstance(standard, Files) and field.name == "formats":
        return f"{text.removesuffix('.')}: {', '.join(standard.allowed)}."
    return text


def _read_words(flag: str, text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise SpecError(flag, expected="words with commas between them", found="nothing", todo="leave it out")
    return words


def _build(standard: Any, values: dict[str, Any]) -> Any:
    """An instance out of flags, which are taken away from the values."""
    chosen = {}
    for field in _list_fields(standard):
        default, value = getattr(standard, field.name), values.pop(field.name)
        if field.metadata["repeated"]:
            value = tuple(value or default)
        elif isinstance(default, tuple):
            value = default if value is None else _read_words(flag_of(field), value)
        elif isinstance(default, bool):
            value = default != value  # a flag turns round what is so by itself
        chosen[field.name] = value
    built = replace(standard, **chosen)
    if isinstance(built, Files):
        built.check()
    return built
