"""`doctor`: what is here, what is missing and how to get it: all that a report of an error needs."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gst_analysis.console.crashes import find_traces
from gst_analysis.console.options import Json
from gst_analysis.console.output import print_document, print_pairs
from gst_analysis.documents import Part, describe, fields_of
from gst_analysis.errors import GstError, legible, one_line, shorten
from gst_analysis.files import check_place, find_current_folder
from gst_analysis.results import find_version
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import torch
    from av import codec as codecs
else:
    torch = Door("torch")
    codecs = Door("av.codec")

commands = typer.Typer()

_DECODERS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "flv", "wmv2", "gif")
_ENCODERS = ("libx264", "libvpx-vp9")
_OPTIONAL = {
    "transformers": (
        "networks in folders of Hugging Face's form",
        "pip install 'gst-analysis[transformers]'",
    ),
    "pytorchvideo": (
        "networks of PyTorchVideo as they are published",
        "pip install 'gst-analysis[pytorchvideo]'",
    ),
    "tensorboard": ("curves of a training in TensorBoard", "pip install tensorboard"),
}
"""Packages that nothing needs by itself: what for, and how to get them."""
_VARIABLES = ("GST_ANALYSIS_", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "SLURM_JOB_ID", "WORLD_SIZE")


@dataclass(frozen=True)
class Missing:
    """Something that is not here."""

    what: str
    """What is not here, such as a package or a codec."""
    needed_for: str
    """What cannot be done without it."""
    how: str
    """How to get it."""
    required: bool = False
    """Whether the program cannot do without it."""


@dataclass(frozen=True)
class Checkup:
    """What the program finds around it."""

    program: Mapping[str, str]
    """Its version, and the folder it lies in."""
    machine: Mapping[str, str]
    """System, processor, memory and Python."""
    packages: Mapping[str, str]
    """The version of each package that is needed or can be used."""
    devices: Mapping[str, str]
    """What networks can be run on: the processor's threads, and each graphics card."""
    codecs: Mapping[str, str]
    """Which of those looked for can be decoded, and which encoded."""
    folders: Mapping[str, str]
    """Where files are put, whether that can be written, and how much is free there."""
    environment: Mapping[str, str]
    """Variables of the environment that matter to it."""
    missing: tuple[Missing, ...]
    """What is not here, and how to get it."""


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [describe("doctor", fields_of(Checkup))]


@commands.command(epilog="Example: gst-analyze doctor --json > for-the-report.json")
def doctor(json: Json = False) -> None:
    """Look for what is missing here.

    Machine, versions, devices, codecs and folders, what is missing and how to get it; --json is what a report
    of an error needs. Exits with 1 if something is missing that the program cannot do without.
    """
    found = check_up()
    if json:
        print_document("doctor", found)
    else:
        print_checkup(found)
    if any(one.required for one in found.missing):
        raise typer.Exit(1)


def check_up() -> Checkup:
    """Look around; nothing is changed."""
    packages, missing = _check_packages()
    known, more = _check_codecs()
    folders, rest = _check_folders()
    return Checkup(
        program={"gst-analysis": find_version(), "at": str(Path(__file__).parents[1])},
        machine={
            "system": platform.platform(),
            "processor": f"{platform.machine()}, {_count_processors()} cores for us",
            "memory": _say_memory(),
            "python": f"{platform.python_version()} at {sys.executable}",
        },
        packages=packages,
        devices=_list_devices(),
        codecs=known,
        folders=folders,
        environment={k: v for k, v in sorted(os.environ.items()) if k.startswith(_VARIABLES)},
        missing=(*missing, *more, *rest),
    )


def print_checkup(found: Checkup) -> None:
    """A table for each kind of thing, then what is missing."""
    for title in ("program", "machine", "packages", "devices", "codecs", "folders", "environment"):
        pairs = getattr(found, title)
        if pairs:
            print_pairs(title, pairs)
    for one in found.missing:
        print(f"{'missing' if one.required else 'not here'}: {one.what}, for {one.needed_for}: {one.how}")
    if not any(one.required for one in found.missing):
        print("nothing is missing that the program needs")


def _check_packages() -> tuple[dict[str, str], list[Missing]]:
    """Versions of what the package says it needs, and of what is optional."""
    found, missing = {}, []
    try:
        lines = metadata.requires("gst-analysis") or []
    except metadata.PackageNotFoundError:
        lines = []
    for line in lines:
        name = re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0]
        if ";" not in line:  # what an extra asks for
            version = _find_package(name)
            found[name] = f"{version or 'missing'} (asked for: {line.removeprefix(name)})"
            if version is None:
                missing.append(Missing(name, "everything", f"pip install '{line}'", required=True))
    for name, (reason, how) in _OPTIONAL.items():
        version = _find_package(name)
        found[name] = version or "not installed"
        missing += [] if version else [Missing(name, reason, how)]
    return found, missing


def _find_package(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _check_codecs() -> tuple[dict[str, str], list[Missing]]:
    ways = {"decoders": (_DECODERS, "r", "reading clips"), "encoders": (_ENCODERS, "w", "writing films")}
    found, missing = {}, []
    for title, (names, mode, purpose) in ways.items():
        here = [name for name in names if _has_codec(name, mode)]
        found[title] = ", ".join(here)
        missing += [
            Missing(f"codec {name}", purpose, "pip install --force-reinstall av")
            for name in names
            if name not in here
        ]
    return found, missing


def _has_codec(name: str, mode: str) -> bool:
    try:
        codecs.Codec(name, "w" if mode == "w" else "r")
    except ValueError:  # what PyAV's own error is
        return False
    return True


def _list_devices() -> dict[str, str]:
    threads = torch.get_num_threads()
    found = {"cpu": f"{threads} thread{'s' * (threads > 1)}"}
    for number in range(torch.cuda.device_count()):
        told = torch.cuda.get_device_properties(number)
        found[f"cuda:{number}"] = f"{told.name}, {told.total_memory / 2**30:.0f} GiB"
    if torch.backends.mps.is_available():
        found["mps"] = "here"
    return found


def _check_folders() -> tuple[dict[str, str], list[Missing]]:
    places: dict[str, Callable[[], object]] = {
        "current": find_current_folder,
        "temporary": tempfile.gettempdir,
        "traces": find_traces,
    }
    found, missing = {}, []
    for title, find in places.items():
        try:
            path = Path(str(find()))
            found[title] = f"{legible(path)}: {_say_room(path)}"
            check_place(path)
        except (GstError, OSError) as error:
            found.setdefault(title, "none")
            found[title] += ", not writable"
            why = error.found if isinstance(error, GstError) else error.strerror or "none"
            what = f"the right to write into the {title} folder ({shorten(one_line(why))})"
            missing.append(Missing(what, "what is put there", "change its rights, or name another"))
    with suppress(GstError, OSError):
        found["traces"] += f", {len(list(find_traces().glob('crash-*.txt')))} kept"
    return found, missing


def _say_room(path: Path) -> str:
    nearest = next((place for place in (path, *path.parents) if os.path.exists(place)), Path("/"))
    return f"{shutil.disk_usage(nearest).free / 2**30:.1f} GiB free"


def _count_processors() -> int:
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _say_memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (ValueError, OSError, AttributeError):  # a system that does not say
        return "unknown"
