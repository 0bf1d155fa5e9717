"""Would the tests notice? Small changes of the code, one at a time, and whether its quick tests fail.

    python -m benchmarks.mutation [--sample 60] [--seed 0] [--only sampling,families] [--jobs 1] [--json FILE]

`make mutation` runs all of it. Each changed module runs in a process of its own, forked from one that has
loaded the libraries, and stops at the first test that fails; no file is changed. A change that no test
notices survives: either a test is missing, or the change means the same, and then `equivalent_mutants.toml`
says why. The exit status is 1 if a survivor is not explained there.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import datetime
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import hypothesis
import hypothesis.strategies
import pytest

from benchmarks.machine import describe_machine
from benchmarks.mutants import Mutant, list_mutants
from gst_analysis.files import to_json, write_whole

ROOT = Path(__file__).parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")
RESULTS = Path(__file__).with_name("results") / "mutation.json"

# What is changed, and the quick tests that should notice, those that find most first.
TESTS: dict[str, tuple[str, ...]] = {
    "gst_analysis.networks.families": ("tests/networks/test_families.py",),
    "gst_analysis.analyses.traces.state_changes": ("tests/analyses/traces/test_state_changes.py",),
    "gst_analysis.analyses.scales.samples": ("tests/analyses/scales/test_samples.py",),
    "gst_analysis.analyses.scales.gaps": ("tests/analyses/scales/test_gaps.py",),
    "gst_analysis.analyses.comparison.differences": ("tests/analyses/comparison/test_differences.py",),
    "gst_analysis.probes.resampling": ("tests/probes/test_resampling.py",),
    "gst_analysis.probes.shares": ("tests/probes/test_shares.py",),
    "gst_analysis.clips.sampling": ("tests/clips/test_sampling.py",),
    "gst_analysis.analyses.order.tabulate": ("tests/analyses/order/test_tabulate.py",),
    "gst_analysis.analyses.temporal_use.shares": ("tests/analyses/temporal_use/test_measure.py",),
    "gst_analysis.analyses.profile.verdict": ("tests/analyses/profile/test_verdict.py",),
    "gst_analysis.analyses.roles.variance": ("tests/analyses/roles/test_variance.py",),
    "gst_analysis.checkpoints.stored": (
        "tests/checkpoints/test_stored.py",
        "tests/checkpoints/test_unbuilt.py",
    ),
}
TOO_LONG = (  # tests of chance, that draw thousands of worlds
    "tests/analyses/scales/test_samples.py::test_a_random_split_of_one_group_is_rejected_in_a_twentieth",
    "tests/analyses/scales/test_samples.py::test_over_sixteen_blocks_one_false_alarm_is_as_rare",
    "tests/analyses/scales/test_samples.py::test_the_interval_covers_a_planted_gap",
)
LIBRARIES = ("torch", "torchvision", "pandas", "scipy.stats", "scipy.ndimage", "safetensors.torch")
SLACK_S = 20.0
GROWTH_BYTES = 2 * 2**30
COUNTS = ("mutants", "killed", "timed_out", "survived")

Reasons = dict[tuple[str, str, str], str]
"""Why a change means the same, by module, function and change."""


class Changed(importlib.machinery.SourceFileLoader, importlib.abc.MetaPathFinder):  # type: ignore[misc] # its bases disagree in their stubs
    """Imports one module from code that is not what its file says; all others as ever."""

    def __init__(self, name: str, file: Path, code: CodeType) -> None:
        super().__init__(name, str(file))
        self.code = code

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class Hasty:
    """For pytest: an example that fails is enough, a smaller one is not looked for."""

    def pytest_configure(self) -> None:
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile("hasty", derandomize=True, database=None, phases=phases)
        hypothesis.settings.load_profile("hasty")


def main(arguments: Sequence[str] | None = None) -> int:
    args = _read_arguments(arguments)
    chosen = [name for name in TESTS if not args.only or name.rpartition(".")[2] in args.only.split(",")]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none is needed, and each costs time in every process
    _load_libraries()
    known = _read_equivalent(EQUIVALENT)
    modules = {name: check_module(name, args, known) for name in chosen}
    document = {
        **describe_machine(),
        "versions": {name: version(name) for name in ("pytest", "hypothesis", "numpy", "scipy", "pandas")},
        **_sum(_read_others(args.json, modules) | modules),
    }
    if args.json:
        write_whole(args.json, lambda file: file.write(to_json(document).encode()))
    unexplained = sum(one["why"] is None for module in modules.values() for one in module["survivors"])
    print(f"all: {_say(_sum(modules))}; {unexplained} of the survivors are not explained")
    return 1 if unexplained else 0


def _read_others(path: Path | None, modules: Mapping[str, Any]) -> dict[str, Any]:
    """What a document says of modules that were not run this time; each has its own date and commit."""
    if path is None or not path.is_file():
        return {}
    told = json.loads(path.read_text(encoding="utf-8"))["modules"]
    return {name: one for name, one in told.items() if name in TESTS and name not in modules}


def _sum(modules: Mapping[str, Any]) -> dict[str, Any]:
    return {"modules": modules, **{name: sum(one[name] for one in modules.values()) for name in COUNTS}}


def _find_commit() -> str | None:
    """The commit that is checked out; None outside a repository."""
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or None


def check_module(name: str, args: argparse.Namespace, known: Reasons) -> dict[str, Any]:
    """Change one module in every way, or in a sample of them, and count what its tests notice."""
    file = ROOT / Path(*name.split(".")).with_suffix(".py")
    tree = ast.parse(file.read_text())
    mutants = list_mutants(tree)
    if args.sample and args.sample < len(mutants):
        kept = sorted(random.Random(args.seed).sample(range(len(mutants)), args.sample))
        chosen = [mutants[at] for at in kept]
    else:
        chosen = mutants
    started = _children_cpu()
    if _run_all([compile(tree, str(file), "exec")], name, file, limit=600, jobs=1)[0] != 0:
        raise SystemExit(f"{name}: its tests fail as it is")
    clean = _children_cpu() - started
    print(f"{name}: {len(chosen)} of {len(mutants)} changes, tests take {clean:.1f} s", flush=True)
    codes = (mutant.compile(tree, str(file)) for mutant in chosen)
    ends = _run_all(codes, name, file, limit=SLACK_S + 5 * clean, jobs=args.jobs)
    survivors = [mutant for at, mutant in enumerate(chosen) if ends[at] == 0]
    found: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "commit": _find_commit(),
        "sample": args.sample or None,
        "seed": args.seed,
        "tests": list(TESTS[name]),
        "possible": len(mutants),
        "mutants": len(chosen),
        "killed": sum(end not in (0, -signal.SIGXCPU) for end in ends.values()),
        "timed_out": sum(end == -signal.SIGXCPU for end in ends.values()),
        "survived": len(survivors),
        "survivors": [_tell(mutant, name, known) for mutant in survivors],
    }
    print(f"  {_say(found)}")
    for one in found["survivors"]:
        print(f"  line {one['line']}, {one['function']}: {one['change']}")
        print(f"    {one['why'] or 'NOT EXPLAINED'}")
    return found


def _run_all(codes: Iterable[CodeType], name: str, file: Path, *, limit: float, jobs: int) -> dict[int, int]:
    """The exit status of the tests under each code, by its number; that of a signal is below 0."""
    ends: dict[int, int] = {}
    running: dict[int, int] = {}
    try:
        for at, code in enumerate(codes):
            if len(running) >= jobs:
                _await_one(running, ends)
            running[_start(name, file, code, limit)] = at
        while running:
            _await_one(running, ends)
    finally:
        for pid in running:
            os.killpg(pid, signal.SIGKILL)
    return ends


def _await_one(running: dict[int, int], ends: dict[int, int]) -> None:
    pid, status = os.wait()
    if pid in running:
        ends[running.pop(pid)] = os.waitstatus_to_exitcode(status)


def _start(name: str, file: Path, code: CodeType, limit: float) -> int:
    """Fork a process that runs the module's tests with this code in its place, for so many CPU seconds."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)
        return pid
    status = 99
    try:
        os.setpgid(0, 0)
        _limit(limit)
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        for loaded in [one for one in sys.modules if one.split(".")[0] in ("gst_analysis", "tests")]:
            del sys.modules[loaded]
        sys.meta_path.insert(0, Changed(name, file, code))
        status = _run_tests(TESTS[name])
    finally:
        os._exit(status)


def _run_tests(files: Sequence[str]) -> int:
    os.chdir(ROOT)
    options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-m", "not slow and not gpu"]
    left_out = [f"--deselect={name}" for name in TOO_LONG]
    return int(pytest.main([*options, *left_out, *files], plugins=[Hasty()]))


def _limit(cpu_s: float) -> None:
    """A change may never end, or fill a list for ever: bound this process's time and its growth."""
    resource.setrlimit(resource.RLIMIT_CPU, (round(cpu_s), round(cpu_s) + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        most = pages * resource.getpagesize() + GROWTH_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _load_libraries() -> list[ModuleType]:
    return [importlib.import_module(name) for name in LIBRARIES]


def _read_equivalent(file: Path) -> Reasons:
    listed = tomllib.loads(file.read_text()).get("mutant", []) if file.exists() else []
    return {
        (one["module"], one["function"], change): one["why"] for one in listed for change in one["changes"]
    }


def _tell(mutant: Mutant, name: str, known: Reasons) -> dict[str, Any]:
    why = known.get((name.removeprefix("gst_analysis."), mutant.function, mutant.change))
    return {"line": mutant.line, "function": mutant.function, "change": mutant.change, "why": why}


def _say(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in COUNTS)


def _read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=0, help="changes of each module; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample; default: %(default)s")
    parser.add_argument(
        "--only", default="", help="last names of modules, such as sampling,gaps; default: all"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes at once; default: %(default)s")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
