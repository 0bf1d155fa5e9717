"""Run cases, a few at a time, and keep every verdict, so that a run that was cut off goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import gst_analysis
from tests.hostile.cases import Case, Kind
from tests.hostile.children import Child, Verdict, start_child, to_record, wait_for

REPOSITORY = Path(__file__).parents[2]
RESULTS = REPOSITORY / "build" / "hostile"

Heard = Callable[[Verdict], None]


def run_cases(
    cases: Sequence[tuple[Kind, Case]], *, jobs: int = 1, quiet: bool = True, heard: Heard = lambda _: None
) -> list[Verdict]:
    """Run cases in forked children; `heard` is told every verdict as it comes."""
    waiting, running, verdicts = list(reversed(cases)), list[Child](), list[Verdict]()
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(start_child(*waiting.pop(), quiet=quiet))
        for child in list(running):
            verdict = child.poll()
            if verdict is not None:
                running.remove(child)
                verdicts.append(verdict)
                heard(verdict)
        if running:
            wait_for(running)
    return verdicts


class Notes:
    """Verdicts on the disk, one a line, of one seed and one state of the sources."""

    def __init__(self, seed: int, *, fresh: bool, folder: Path = RESULTS) -> None:
        self.path = folder / f"seed{seed}-{_hash_sources()[:12]}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        if fresh:
            self.path.unlink(missing_ok=True)

    def read(self) -> list[Verdict]:
        """What an earlier run has found."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        found = []
        for line in lines:
            try:
                told = json.loads(line)
            except ValueError:
                continue  # the line at which it was cut off
            found.append(Verdict(**{**told, "codes": tuple(told["codes"])}))
        return found

    def add(self, verdict: Verdict) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(to_record(verdict)) + "\n")


def _hash_sources() -> str:
    """What the verdicts depend on: the package and the attacks."""
    known = hashlib.sha256()
    package = Path(gst_analysis.__file__).parent
    for path in sorted((*package.rglob("*.py"), *Path(__file__).parent.glob("*.py"))):
        known.update(path.read_bytes())
    return known.hexdigest()


def count_faults(verdicts: Iterable[Verdict]) -> dict[str, dict[str, int]]:
    """For each kind, how many were tried, and how many did each thing."""
    counts: dict[str, dict[str, int]] = {}
    for verdict in verdicts:
        row = counts.setdefault(verdict.kind, {"tried": 0})
        row["tried"] += 1
        row[verdict.fault] = row.get(verdict.fault, 0) + 1
    return counts
