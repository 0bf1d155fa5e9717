"""`python -m tests.hostile`: run the attacks and write what came of them into docs/security.md."""

from __future__ import annotations

import argparse
import sys

from tests.hostile.cases import Case, Kind, sample
from tests.hostile.children import FAULTS, Verdict
from tests.hostile.registry import KINDS
from tests.hostile.runner import REPOSITORY, Notes, count_faults, run_cases
from tests.hostile.table import write_rows

PAGE = REPOSITORY / "docs" / "security.md"


def main() -> int:
    """Run, count, write; 1 if anything was found."""
    asked = _parse()
    kinds = [kind for kind in KINDS if not asked.kind or kind.name in asked.kind]
    chosen = _choose(kinds, asked)
    if asked.list:
        print("\n".join(f"{kind.name}: {case.name}" for kind, case in chosen))
        return 0
    notes = Notes(asked.seed, fresh=asked.fresh)
    known = {} if asked.only else {(v.kind, v.case): v for v in notes.read()}
    left = [(kind, case) for kind, case in chosen if (kind.name, case.name) not in known]
    print(f"{len(chosen)} attacks of {len(kinds)} kinds, seed {asked.seed}; {len(chosen) - len(left)} known")

    def heard(verdict: Verdict) -> None:
        if not asked.only:
            notes.add(verdict)
        if verdict.fault or asked.only:
            _print_verdict(verdict)

    fresh = run_cases(left, jobs=asked.jobs, quiet=not asked.only, heard=heard)
    names = {(kind.name, case.name) for kind, case in chosen}
    verdicts = [*(v for key, v in known.items() if key in names), *fresh]
    return _conclude(kinds, verdicts, write=not (asked.only or asked.sample))


def _print_verdict(verdict: Verdict) -> None:
    cost = f"{verdict.seconds:.1f} s, {verdict.megabytes:.0f} MB, exit {verdict.codes}"
    print(
        f"{verdict.fault or 'nothing'}: {verdict.kind}: {verdict.case} ({cost})\n    {verdict.detail}",
        flush=True,
    )


def _choose(kinds: list[Kind], asked: argparse.Namespace) -> list[tuple[Kind, Case]]:
    if asked.sample:
        return sample(kinds, asked.sample, asked.seed)
    cases = [(kind, case) for kind in kinds for case in kind.generate(asked.seed)]
    return [(kind, case) for kind, case in cases if asked.only in case.name]


def _conclude(kinds: list[Kind], verdicts: list[Verdict], *, write: bool) -> int:
    counts = count_faults(verdicts)
    for kind, row in counts.items():
        print(f"{kind}: {row['tried']} tried, {', '.join(f'{row.get(f, 0)} {f}' for f in FAULTS)}")
    slowest = max(verdicts, key=lambda v: v.seconds, default=None)
    if slowest is not None:
        print(f"the slowest took {slowest.seconds:.1f} s: {slowest.kind}: {slowest.case}")
    if write:
        write_rows(PAGE, counts, [kind.name for kind in KINDS])
    return int(any(verdict.fault for verdict in verdicts))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--kind", action="append", default=[], help="only this kind; may be repeated")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose names hold TEXT, in detail")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="about N cases of all kinds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time (default: %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run has found")
    parser.add_argument("--list", action="store_true", help="say what there is, and stop")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
