"""Where a command's time goes: importing which library, reading the file through, and its own work.

    python -m benchmarks.commands --profile

Each part is a share of importing torch in the same run. A module's import counts for the library it is of,
without what it imports itself, and as the shortest of all rounds; so does the time in which a file is hashed,
its checksums are taken and its numbers are looked at, by all threads. The rest of the processor time is the
command's own work: recognising the network, reading tensors, statistics, printing and writing.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OWN, DIGEST, REST = "our own modules", "hash, checksums, finite numbers", "the command's own work"
PYTHON, OTHERS = "Python's own modules", "other libraries"
LIBRARIES = (
    "numpy",
    "typer",
    "pydantic",
    "rich",
    "matplotlib",
    "seaborn",
    "pandas",
    "pyarrow",
    "scipy",
    "PIL",
)
_LEAST = 0.004
"""Parts that are smaller everywhere are told together."""
_RUN = """
import json, os, sys, time
os.cpu_count = lambda: 1  # files one after the other: what is read at once would be counted twice
from gst_analysis.checkpoints import unbuilt
from gst_analysis.cli.program import run
digest, spent = unbuilt.digest, []
def timed(*given, **words):
    begun = time.process_time()
    found = digest(*given, **words)
    spent.append(time.process_time() - begun)
    return found
unbuilt.digest = timed
code = run(sys.argv[1:])
print(json.dumps([sum(spent), time.process_time()]), file=sys.stderr)
sys.exit(code)
"""
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


@dataclass(frozen=True)
class Round:
    """One run of a command: seconds to import each module, to read the file through, and in all."""

    imports: Mapping[str, float]
    digest: float
    whole: float


def run_profiled(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Round:
    """Run a command once.

    Raises:
        CalledProcessError: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", _RUN, *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = (_IMPORT.match(line) for line in done.stderr.splitlines())
    imports = {match[2]: int(match[1]) / 1e6 for match in found if match}
    digest, whole = json.loads(done.stderr.splitlines()[-1])
    return Round(imports, digest, whole)


def part_rounds(rounds: Sequence[Round], torch_s: float) -> dict[str, float]:
    """A command's parts as shares of importing torch; together they are its processor time."""
    parts: dict[str, float] = defaultdict(float)
    for module in {name for one in rounds for name in one.imports}:
        parts[_name_part(module)] += min(one.imports[module] for one in rounds if module in one.imports)
    parts[DIGEST] = min(one.digest for one in rounds)
    whole = statistics.median(one.whole for one in rounds)
    parts[REST] = max(0.0, whole - sum(parts.values()))
    return {name: seconds / torch_s for name, seconds in parts.items()}


def _name_part(module: str) -> str:
    library = module.partition(".")[0]
    if library in LIBRARIES:
        return library
    if library == "gst_analysis":
        return OWN
    return PYTHON if library in sys.stdlib_module_names else OTHERS


def write_table(profiles: Mapping[str, Mapping[str, float]]) -> str:
    """A row for every part, the largest first, a column for every command; what docs/performance.md shows."""
    names = sorted({name for parts in profiles.values() for name in parts})
    names.sort(key=lambda name: -max(parts.get(name, 0.0) for parts in profiles.values()))
    shown = [name for name in names if any(parts.get(name, 0.0) >= _LEAST for parts in profiles.values())]
    small = {
        command: sum(parts.get(n, 0.0) for n in names if n not in shown)
        for command, parts in profiles.items()
    }
    lines = [f"| over `import torch` | {' | '.join(profiles)} |", "|---" * (len(profiles) + 1) + "|"]
    for name in shown:
        cells = (f"{parts.get(name, 0.0):.3f}" if name in parts else "" for parts in profiles.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    if any(small.values()):
        lines.append(f"| smaller parts | {' | '.join(f'{share:.3f}' for share in small.values())} |")
    lines.append(f"| all | {' | '.join(f'{sum(parts.values()):.3f}' for parts in profiles.values())} |")
    return "\n".join(lines)
