"""What can be chosen, said once: every option with its default, help and flag, and command lines out of them.

The options of an analysis are one frozen, flat dataclass in the room's `table.py`. The command line takes its
flags from it, the explorer and the report their defaults, and `write_command` the line that does it again.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from gst_analysis.errors import SpecError, name_some
from gst_analysis.files import IMAGE_FORMATS, check_place, require_epoch
from gst_analysis.outputs import check_free
from gst_analysis.tables.schema import check_choices

Outcome = TypeVar("Outcome")


def option(
    default: Any,
    help: str,
    *,
    flag: str = "",
    metavar: str = "",
    repeated: bool = False,
    last: bool = False,
    also: tuple[str, ...] = (),
) -> Any:
    """A field of an options class.

    Args:
        default: what it is if nothing is said; a tuple is written as words between commas.
        help: what `--help` says of it.
        flag: how the command line calls it; `--` and the field's name if empty. What is on by itself needs
            one that takes it away, such as `--no-header`, or `--no-header/--header`.
        metavar: what stands for its value in `--help`.
        repeated: each word of a tuple has the flag before it, since words may hold commas.
        last: `--help` lists it after what a command is about.
        also: other flags for it, as those of earlier versions.
    """
    told = {"help": help, "flag": flag, "metavar": metavar, "repeated": repeated, "last": last, "also": also}
    return dataclasses.field(default=default, metadata=told)


def list_options(kind: type[Any] | Any) -> list[dataclasses.Field[Any]]:
    """The fields of an options class that the command line takes, in the order of `--help`."""
    taken = [field for field in dataclasses.fields(kind) if "help" in field.metadata]
    return sorted(taken, key=lambda field: bool(field.metadata["last"]))


def flag_of(field: dataclasses.Field[Any]) -> str:
    """How the command line calls a field; of two flags, such as `--no-x/--x`, the first."""
    return str(field.metadata["flag"]).partition("/")[0] or "--" + field.name.replace("_", "-")


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """What no weight shows: on every command that takes a checkpoint, and in Python.

    `gst-analyze adopt` writes a file that carries it.
    """

    family: str | None = option(None, "Say c2d or tsm where the weights cannot tell.", last=True)
    frames: int | None = option(None, "Frames in a clip, which no weight shows.", last=True)
    labels: str | os.PathLike[str] | tuple[str, ...] | None = option(
        None, "A file with the names of the network's classes, a line each.", metavar="FILE", last=True
    )
    resize: int | None = option(None, "Pixels of a frame's short side before it is cropped.", last=True)
    crop: int | None = option(None, "Pixels of the square that is cut out of it.", last=True)
    mean: tuple[str | float, ...] = option(
        (), "Mean of colours from 0 to 1, such as 0.485,0.456,0.406.", metavar="R,G,B", last=True
    )
    std: tuple[str | float, ...] = option(
        (), "Their standard deviation, such as 0.229,0.224,0.225.", metavar="R,G,B", last=True
    )

    @property
    def is_told(self) -> bool:
        """Whether anything of it was said."""
        return any(getattr(self, f.name) != f.default for f in dataclasses.fields(NetworkOptions))


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """Where the clips of a data set lie, and how they are listed."""

    root: Path | None = option(None, "The folder the data set's clips lie in.")
    format: str | None = option(None, "The annotations' format; detected if not given.")
    subset: str | None = option(None, "Of those in the annotations; validation, else test, if not given.")


@dataclass(frozen=True, kw_only=True)
class DeviceOptions:
    """Where a network is run."""

    device: str = option("auto", "auto, cpu, cuda or mps.")


@dataclass(frozen=True, kw_only=True)
class SharingOptions(DeviceOptions):
    """Where a network is run, on how many devices at once."""

    devices: int = option(1, "Devices to share the clips among.")


@dataclass(frozen=True, kw_only=True)
class InferenceOptions(SharingOptions):
    """Which views of a clip are averaged, and where and how the network is run over them."""

    samplings: int = option(1, "Samplings of each clip's frames, averaged.", also=("--clips",))
    crops: int = option(1, "Crops of each frame, averaged: 1, 3, 5 or 10.")
    batch: int = option(8, "Views at once.")
    precision: str = option("fp32", "fp32 or bf16.")


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """A second network, of optical flow, whose scores are averaged with the first one's."""

    flow: str | os.PathLike[str] | None = option(
        None,
        "A network of optical flow beside the first: two streams, whose scores are averaged.",
        metavar="CKPT",
    )
    flow_root: Path | None = option(
        None, "The folder with each clip's folder of flow images; the clip's own if not given.", metavar="DIR"
    )
    stream_weights: tuple[str | float, ...] = option(("1", "1"), "How much each of the two streams counts.")
    fusion: str = option("softmax", "What is averaged over streams: softmax or logits.")


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where results are written, as what, and on which background they are drawn."""

    out: Path | None = option(Path("results"), "Folder for the files it writes.", metavar="DIR")
    formats: tuple[str, ...] = option((), "Which files.")
    dark: bool = option(False, "Draw for a dark background.")
    overwrite: bool = option(False, "Replace files that are there and are not its own of the same inputs.")
    allowed: tuple[str, ...] = ()
    """What `formats` may name."""
    stems: tuple[str, ...] = ()
    """What its files are called; the first is the question's own."""

    def check(self) -> None:
        """Refuse what cannot be written, before any work is done.

        Raises:
            SpecError: a format that there is not.
            OutputError: a folder that nothing can be written to, or an environment that figures cannot.
        """
        check_choices("formats", self.formats, self.allowed)
        if self.out is not None:
            check_place(self.out)
            if set(self.formats) & set(IMAGE_FORMATS):
                require_epoch()

    def check_free(self, words: Mapping[str, Sequence[str]]) -> None:
        """Refuse a folder in which something would be in the way, before any work is done.

        Args:
            words: what the command is run on, by the names of its arguments.

        Raises:
            OutputError: such a folder.
        """
        if self.out is not None and self.stems and not self.overwrite:
            names = [f"{stem}.{kind}" for stem in self.stems for kind in self.formats]
            check_free(self.out, self.stems[0], names, words)


def files_of(result: type[Any], out: str | None) -> Files:
    """What a command that makes such results writes if nothing is said.

    Args:
        result: the class of its results.
        out: its folder; None where it writes only into one that is named.
    """
    formats = result.saved or tuple(kind for kind in result.kinds if kind != "html")
    stems = tuple(dict.fromkeys([result.stem, *result.schemas]))
    return Files(out=None if out is None else Path(out), formats=formats, allowed=result.kinds, stems=stems)


def keyword_options(kind: type[Any]) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Let a public function's options be given one by one, as keywords, or together as `options`.

    The function itself always receives an instance.

    Args:
        kind: the class of its options.

    Example:
        >>> @keyword_options(DeviceOptions)
        ... def where(*, options: DeviceOptions) -> str:
        ...     return options.device
        >>> where(), where(device="cpu"), where(options=DeviceOptions(device="cuda"))
        ('auto', 'cpu', 'cuda')
    """
    names = [field.name for field in dataclasses.fields(kind)]
    flags = {
        flag[2:].replace("-", "_"): field.name
        for field in list_options(kind)
        for flag in (flag_of(field), *field.metadata["also"])
    }

    def decorate(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
        signature = inspect.signature(function)
        # What the command line calls otherwise, such as clips for limit, is understood here, too.
        also = {flag: name for flag, name in flags.items() if flag not in (*names, *signature.parameters)}

        @functools.wraps(function)
        def call(*given: Any, options: Any = None, **words: Any) -> Outcome:
            own = {also.get(name, name): words.pop(name) for name in (*names, *also) if name in words}
            chosen = _check_options(function.__name__, kind, options)
            _check_words(function.__name__, words, [*signature.parameters, *names])
            return function(*given, options=replace(chosen, **own) if own else chosen, **words)

        call.__signature__ = _spell_out(signature, kind)  # type: ignore[attr-defined] # what help() reads
        return call

    return decorate


def _check_options(function: str, kind: type[Any], options: Any) -> Any:
    if options is None or isinstance(options, kind):
        return options or kind()
    raise SpecError(
        function,
        expected=f"options of type {kind.__name__}",
        found=type(options).__name__,
        todo=f"write options={kind.__name__}(…), or give its fields as keywords",
    )


def _check_words(function: str, words: Mapping[str, Any], known: Sequence[str]) -> None:
    odd = sorted(set(words) - set(known))
    if odd:
        near = difflib.get_close_matches(odd[0], known, n=1)
        raise SpecError(
            function,
            expected=f"some of {', '.join(known)}",
            found=name_some(odd),
            todo=f"did you mean {near[0]}?" if near else "check its spelling",
        )


def _spell_out(signature: inspect.Signature, kind: type[Any]) -> inspect.Signature:
    """The signature with a keyword for every option, as `help` shows it."""
    words = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type
        )
        for field in dataclasses.fields(kind)
    ]
    own = [
        one.replace(default=None, annotation=f"{kind.__name__} | None") if one.name == "options" else one
        for one in signature.parameters.values()
    ]
    return signature.replace(parameters=[*own, *words])


def write_command(
    command: str,
    arguments: Sequence[object] = (),
    *chosen: Any,
    standard: Mapping[type[Any], Any] | None = None,
) -> str:
    """The command line that does what was chosen; what is left as it is by itself is left out.

    Args:
        command: its name, such as `ablate`.
        arguments: what it is run on.
        chosen: instances of options classes.
        standard: for a class whose defaults are the command's own, such as `Files`, what they are.

    Example:
        >>> write_command("saliency", ["my net.pth", "clip.mp4"], DeviceOptions(device="cpu"))
        "gst-analyze saliency 'my net.pth' clip.mp4 --device cpu"
    """
    words = ["gst-analyze", command, *map(str, arguments)]
    for one in chosen:
        words += _list_words(one, (standard or {}).get(type(one)) or type(one)())
    return join_words(words)


def join_words(words: Iterable[str]) -> str:
    r"""A command line of words, quoted for a shell; letters that cannot be seen are spelt.

    A file's name may hold what turns the direction of writing, and a line must be what it looks like.

    Example:
        >>> print(join_words(["gst-analyze", "inspect", "my net.pth", "a\u202eb.pth"]))
        gst-analyze inspect 'my net.pth' $'a\xe2\x80\xaeb.pth'
    """
    return " ".join(shlex.quote(word) if word.isprintable() else _spell_word(word) for word in words)


def _spell_word(word: str) -> str:
    spelt = (
        letter if letter.isprintable() else _spell_letter(letter)
        for letter in re.sub(r"([\\'])", r"\\\1", word)
    )
    return f"$'{''.join(spelt)}'"


def _spell_letter(letter: str) -> str:
    """By its bytes; a byte of a name that is no text stands as half a character."""
    half = "\udc80" <= letter <= "\udcff"
    raw = bytes([ord(letter) - 0xDC00]) if half else letter.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in raw)


def _list_words(chosen: Any, standard: Any) -> Iterator[str]:
    for field in list_options(chosen):
        value = getattr(chosen, field.name)
        if value == getattr(standard, field.name):
            continue
        if value is None or value == ():
            raise SpecError(
                field.name, expected="something that a flag can say", found=repr(value), todo="leave it out"
            )
        if field.metadata["repeated"]:
            yield from (word for one in value for word in (flag_of(field), str(one)))
            continue
        yield flag_of(field)
        if not isinstance(value, bool):
            yield ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


class Variable(str):
    """What the lines before have called something: a name, which a call takes as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def write_call(function: str, arguments: Sequence[object] = (), *chosen: Any, **others: object) -> str:
    """The Python call that does what was chosen; what is left as it is by itself is left out.

    Args:
        function: a public function's name, such as `ablate`.
        arguments: what it is run on; what an earlier line made is a `Variable`.
        chosen: instances of options classes.
        others: keywords that are no options.

    Example:
        >>> write_call("saliency_maps", ["net.pth", "clip.mp4"], DeviceOptions(device="cpu"))
        "gst.saliency_maps('net.pth', 'clip.mp4', device='cpu')"
    """
    words = [_spell_value(argument) for argument in arguments]
    for one in chosen:
        standard = type(one)()
        changed = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
        words += [f"{k}={_spell_value(v)}" for k, v in changed.items() if v != getattr(standard, k)]
    words += [f"{k}={_spell_value(v)}" for k, v in others.items()]
    return f"gst.{function}({', '.join(words)})"


def _spell_value(value: object) -> str:
    """A value in Python; paths as text, which every function takes as well."""
    return repr(os.fspath(value) if isinstance(value, os.PathLike) else value)
