"""What whole commands cost that only look at a checkpoint, in units of importing torch.

    python -m benchmarks.commands [--rounds 3] [--only whole,growth] [--profile] [--quiet] [--json FILE]

Each round runs `python -c "import torch"` and every command once, one after the other, in processes of their
own; a ratio is the median over rounds of two numbers of the same round. Files are made for it: a ResNet-50 of
186 MB, and many small ones. What is run has been run once before, so that Python has its bytecode in a cache,
as any installed package has. `compare` compares the large file with itself: both are read and hashed, each by
itself. `--profile` also prints where each command's processor time goes (benchmarks/command_profile.py).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.command_profile import Round, part_rounds, run_profiled, write_table
from benchmarks.machine import describe_machine
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.files import to_json, write_whole
from gst_analysis.networks.specs import ModelSpec

IMPORT = "import torch"
WANTED_SHARE, WANTED_MB, WANTED_GROWTH = 0.35, 250.0, 1.1
"""Of importing torch; of memory at its highest; of a file's cost among many over its cost among few."""
FEW, MANY = 10, 100
PARTS = ("whole", "growth")
DRAWN = "bn-hist, with its figures"
"""As it is when no formats are asked for: matplotlib draws them, and pyarrow writes a table."""
_TABLES = ("--formats", "csv")
_LAUNCH = """
import json, os, sys, time
shut = [(os.POSIX_SPAWN_OPEN, place, os.devnull, os.O_WRONLY, 0) for place in (1, 2)]
begun = time.perf_counter()
child = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ, file_actions=shut)
_, status, used = os.wait4(child, 0)
if status:
    sys.exit(1)
print(json.dumps([used.ru_utime + used.ru_stime, time.perf_counter() - begun, used.ru_maxrss / 1e3]))
"""
"""A small process starts each: memory at its highest counts what a process was before it became another."""


@dataclass(frozen=True)
class Row:
    """One target, what was found, and whether that is enough."""

    target: str
    found: float
    wanted: float
    met: bool


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    processor_s: float
    wall_s: float
    peak_mb: float


@dataclass(frozen=True)
class Growth:
    """What one process took that looked at so many files."""

    files: int
    processor_s: float
    peak_mb: float


def make_large(folder: Path) -> Path:
    """A ResNet-50 of 186 MB, every kernel of which reaches over time."""
    path = folder / "large.pth"
    if not path.exists():
        save_model(path, create_model(ModelSpec.from_name("c3d-resnet50", num_classes=174)))
    return path


def measure_costs(folder: Path, rounds: int) -> tuple[float, dict[str, list[Cost]]]:
    """The size of one file in MB, and what every command on it cost, round by round; importing torch, too."""
    large = make_large(folder)
    calls = list_calls(large)
    costs: dict[str, list[Cost]] = {name: [] for name in calls}
    for call in calls.values():
        run_once(call, folder)
    for _ in range(rounds):
        for name, call in calls.items():
            costs[name].append(run_once(call, folder))
    return large.stat().st_size / 1e6, costs


def find_ratios(costs: Mapping[str, Sequence[Cost]], *, processor: bool) -> dict[str, list[float]]:
    """What each command took over what importing torch took in the same round."""
    clock = (lambda cost: cost.processor_s) if processor else (lambda cost: cost.wall_s)
    base = list(map(clock, costs[IMPORT]))
    return {
        name: [clock(one) / other for one, other in zip(found, base, strict=True)]
        for name, found in costs.items()
        if name != IMPORT
    }


def measure_whole(folder: Path, rounds: int) -> Iterator[Row]:
    """Every command on one file, over importing torch."""
    size, costs = measure_costs(folder, rounds)
    processor, wall = (find_ratios(costs, processor=chosen) for chosen in (True, False))
    for name in processor:
        for what, ratios in (("processor time", processor[name]), ("wall time", wall[name])):
            yield judge(f"{name}: {what} / {IMPORT}", statistics.median(ratios), WANTED_SHARE)
        peak = max(cost.peak_mb for cost in costs[name])
        yield judge(f"{name}: MB at most, file of {size:.0f} MB", peak, WANTED_MB)


def list_calls(checkpoint: Path) -> Mapping[str, Sequence[str]]:
    """What is run, by its name: Python's arguments."""
    path = str(checkpoint)
    calls = {
        "inspect": ("inspect", path),
        "bn-hist, tables": ("bn-hist", path, *_TABLES),
        "compare, tables": ("compare", path, path, *_TABLES),
        "temporal-use, tables": ("temporal-use", path, "--start", "none", *_TABLES),
        DRAWN: ("bn-hist", path),
    }
    run = {name: ("-m", "gst_analysis.cli", *words, "--overwrite") for name, words in calls.items()}
    run["inspect"] = run["inspect"][:-1]  # it writes nothing
    return {IMPORT: ("-c", IMPORT), **run}


def measure_profiles(folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Where each command's processor time goes, as shares of importing torch."""
    calls = list_calls(make_large(folder))
    words = {name: call[2:] for name, call in calls.items() if name != IMPORT}
    base: list[float] = []
    found: dict[str, list[Round]] = {name: [] for name in words}
    for _ in range(rounds + 1):  # the first fills caches
        base.append(run_once(calls[IMPORT], folder).processor_s)
        for name, given in words.items():
            found[name].append(run_profiled(given, folder, build_environment()))
    return {name: part_rounds(runs[1:], statistics.median(base[1:])) for name, runs in found.items()}


def measure_growth(folder: Path) -> list[Growth]:
    """One command that looks at one file, at few and at many; the files are alike, and not the same."""
    small = save_model(folder / "small.pth", create_model(ModelSpec.from_name("gst-resnet18", num_classes=5)))
    copies = folder / "copies"
    copies.mkdir()
    paths = [copies / f"{number}.pth" for number in range(MANY)]
    for path in paths:
        os.link(small, path)
    found = []
    for count in (1, 1, FEW, MANY):  # the first run fills caches
        files = map(str, paths[:count])
        words = ("temporal-use", *files, "--start", "none", *_TABLES, "--overwrite", "--quiet")
        cost = run_once(("-m", "gst_analysis.cli", *words), folder)
        found.append(Growth(count, cost.processor_s, cost.peak_mb))
    return found[1:]


def judge_growth(found: Sequence[Growth]) -> Iterator[Row]:
    """Do many files cost as much each as few, and no more memory?"""
    one, few, many = found
    each = [(more.processor_s - one.processor_s) / (more.files - 1) for more in (few, many)]
    named = f"a file among {many.files} / among {few.files}"
    yield judge(f"{named}: processor time", each[1] / each[0], WANTED_GROWTH)
    yield judge(f"{many.files} files / {few.files}: MB at most", many.peak_mb / few.peak_mb, WANTED_GROWTH)


def judge(target: str, found: float, wanted: float) -> Row:
    """A number beside what it may be at most."""
    return Row(target, round(found, 3), wanted, found <= wanted)


def run_once(arguments: Sequence[str], folder: Path) -> Cost:
    """Run Python with these arguments on one thread, its output thrown away.

    Raises:
        CalledProcessError: it failed.
    """
    told = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCH, *arguments],
        cwd=folder,
        env=build_environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Cost(*json.loads(told.stdout))


def build_environment() -> dict[str, str]:
    """What processes run in: one thread, this checkout, bytecode kept."""
    own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd(), "PYTHONDONTWRITEBYTECODE": ""}
    return {**os.environ, **own}


def main() -> None:
    """Print each target, met or missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS), help="default: %(default)s")
    parser.add_argument("--profile", action="store_true", help="also print where the time goes")
    parser.add_argument("--quiet", action="store_true", help="print only what is missed")
    parser.add_argument("--json", type=Path, help="also write the rows, and what they are made of, here")
    given = parser.parse_args()
    rows: list[Row] = []
    grown: list[Growth] = []
    profiles: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        if "whole" in given.only:
            rows += measure_whole(Path(folder), given.rounds)
        if "growth" in given.only:
            grown = measure_growth(Path(folder))
            rows += judge_growth(grown)
        if given.profile:
            profiles = measure_profiles(Path(folder), given.rounds)
    for row in rows:
        if not (given.quiet and row.met):
            verdict = "met" if row.met else "missed"
            print(f"{verdict:6}  {row.found:8.3f}  (at most {row.wanted:g})  {row.target}")
    if profiles:
        print(write_table(profiles))
    if given.json:
        torch.set_num_threads(1)
        told = {"machine": describe_machine(), "rows": rows, "by_files": grown, "profiles": profiles}
        content = to_json(told).encode()
        write_whole(given.json, lambda file: file.write(content), replace=True)


if __name__ == "__main__":
    main()
