"""Train and measure what docs/findings.md answers from, by the plan in benchmarks/findings_questions.toml.

    python -m benchmarks.findings_runs [--runs runs/findings] [--questions FILE]

Seed by seed, both worlds in turn. What is finished is not done again, and what was interrupted goes on: give
the same command once more. A run is measured as soon as it is trained, and then all that is measured is
written to benchmarks/results/. Weights stay in the folder of runs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.findings_plan import LONGER, QUESTIONS, Plan, Run, load_plan
from benchmarks.findings_scores import measure_run
from benchmarks.machine import describe_machine
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.errors import GstError, SpecError
from gst_analysis.files import to_json, write_whole
from gst_analysis.planted.making import make_world
from gst_analysis.training import can_resume, train
from gst_analysis.training.recipes import load_config

TARGET = Path("benchmarks/results/findings.json")
TARGETS = {QUESTIONS.stem: TARGET, LONGER.stem: Path("benchmarks/results/findings-longer.json")}


def recipe_of(run: Run) -> str:
    """The packaged recipe of its world, which is that of the shipped networks."""
    return f"planted-{run.world}"


def find_measured(runs: Path, plan: Plan, run: Run) -> dict[str, Any] | None:
    """What was measured of a run; None where it is not finished.

    Raises:
        SpecError: it was measured by another plan.
    """
    path = runs / run.name / "measured.json"
    if not path.is_file():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if record["plan"] != plan.sha256:
        raise SpecError(
            str(path),
            expected="a run by the questions file as it is",
            found="one by another",
            todo="name another --runs: a plan does not change after its runs",
        )
    return record


def do_run(runs: Path, plan: Plan, run: Run) -> None:
    """Train and measure one network, or go on with it; what is measured already stays."""
    if find_measured(runs, plan, run) is not None:
        return
    folder = runs / run.name
    _say(f"{run.name}: {plan.epochs} epochs")
    recipe = recipe_of(run)
    done = train(recipe, plan.settings(run, runs / recipe), out=folder, resume=can_resume(folder))
    records = load_labelled_clips(prepare_clips(runs, plan, run.world))
    measured = measure_run(load_model(folder / "last.pth"), records)
    record = {
        "name": run.name,
        "world": run.world,
        "seed": run.seed,
        "epochs": plan.epochs,
        "seconds": round(done.summary.seconds),
        "plan": plan.sha256,
        **asdict(measured),
    }
    save_record(folder / "measured.json", record)
    _say(f"{run.name}: accuracy {measured.accuracy:.1%}")


def prepare_clips(runs: Path, plan: Plan, world: str) -> Path:
    """Clips to be measured on, of a seed of their own; rendered where they are not there."""
    folder = runs / f"measured-{world}"
    if not folder.exists():
        own = load_config(f"planted-{world}", {}).world
        assert own is not None  # every planted recipe has one
        make_world(
            folder, replace(own, clips=plan.measured_clips, seed=plan.measured_seed, train_fraction=0.0)
        )
    return folder


def gather(runs: Path, plan: Plan) -> dict[str, Any]:
    """Everything that is measured, and the names of runs that are not."""
    found = {run.name: find_measured(runs, plan, run) for run in plan.runs()}
    return {
        "machine": describe_machine(),
        "plan": plan.sha256,
        "missing": [name for name, record in found.items() if record is None],
        "runs": [record for record in found.values() if record is not None],
    }


def save_record(path: Path, record: dict[str, Any]) -> None:
    """Write what is measured."""
    write_whole(path, lambda file: file.write(to_json(record).encode()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the runs that are missing, and write what is measured after each."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.findings_runs", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--questions", type=Path, default=QUESTIONS, metavar="FILE", help="the plan; default: %(default)s"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/findings"), help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: that of the plan")
    asked = parser.parse_args(arguments)
    plan = load_plan(asked.questions)
    target = asked.json or TARGETS.get(asked.questions.stem, TARGET)
    try:
        for run in plan.runs():
            do_run(asked.runs, plan, run)
            save_record(target, gather(asked.runs, plan))
    except GstError as error:
        print(f"benchmarks.findings_runs: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
