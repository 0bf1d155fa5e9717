"""What an attack is: a function that writes an input, and the command lines that are given it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gst_analysis.networks.systems import SYSTEMS

MARKER = "ran"
"""What a payload makes, beside the input, if anybody runs it."""

_SYSTEMS = sorted({f"gst_analysis.networks.systems.{system.module}" for system in SYSTEMS.values()})
RECOGNISING = ("gst_analysis.checkpoints.folders", *_SYSTEMS)
"""What is imported once a file is asked whose weights it holds: more than all else together."""
DRAWING = (
    "gst_analysis.analyses.scales.spoken",
    "gst_analysis.style.files",
    "matplotlib.backends.backend_svg",
)
LISTING = ("gst_analysis.analyses.dataset_check.command", "gst_analysis.analyses.dataset_check.measure")

Commands = Callable[[Path, Path], list[list[str]]]
"""The input and a folder for results -> command lines of gst-analyze."""


def inspect_and_tabulate(path: Path, out: Path) -> list[list[str]]:
    """The two commands that read a checkpoint and run no network, without figures, which take a second."""
    return [["inspect", str(path)], ["bn-hist", str(path), "--out", str(out), "--json", "--formats", "csv"]]


def inspect_and_plot(path: Path, out: Path) -> list[list[str]]:
    """Both, with figures: for names and labels, which are drawn."""
    return [["inspect", str(path)], ["bn-hist", str(path), "--out", str(out), "--json"]]


@dataclass(frozen=True)
class Case:
    """One attack.

    Attributes:
        name: says what is wrong with the input; one of its kind.
        make: writes the input into an empty folder and returns the path that commands are given. It runs in
            the child, under the same limits: it must be cheap, and depend on nothing but its seed.
        commands: the command lines. They are run one after the other in one process.
        check: looks at the folder afterwards and says what was lost; empty if nothing was. Input files that
            are gone or changed are counted without it.
        act: what is done instead of running commands, for what is no command line. It gets the input and a
            folder for results; an exception that is no GstError counts as a traceback.
    """

    name: str
    make: Callable[[Path], Path]
    commands: Commands = inspect_and_tabulate
    check: Callable[[Path], str] | None = None
    act: Callable[[Path, Path], Any] | None = None


@dataclass(frozen=True)
class Kind:
    """One row of the table: a kind of input and all attacks of it.

    Attributes:
        name: the row's.
        generate: a seed -> cases, the same for the same seed.
        seconds: what a case may take, on the wall.
        gigabytes: what a case may take of memory, beyond what the program takes by itself.
        modules: what the commands import when they run; the parent imports it once for all children, which
            spares each of them up to two seconds.
    """

    name: str
    generate: Callable[[int], Iterable[Case]]
    seconds: float = 20.0
    gigabytes: float = 2.0
    modules: tuple[str, ...] = ()


def seed_of(text: str, seed: int = 0) -> int:
    """A case's own seed, from its name: adding a case moves no other."""
    return zlib.crc32(text.encode()) ^ seed


def sample(kinds: Iterable[Kind], count: int, seed: int = 0) -> list[tuple[Kind, Case]]:
    """Some cases of every kind, spread over all of them; the same for the same seed."""
    by_kind = [(kind, list(kind.generate(seed))) for kind in kinds]
    total = sum(len(cases) for _, cases in by_kind)
    step = max(1, total // max(1, count))
    return [(kind, case) for kind, cases in by_kind for case in cases[::step]]
