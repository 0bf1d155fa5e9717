"""Is the paper's finding true here? Answers to benchmarks/findings_questions.toml, tables and figures.

    python -m benchmarks.findings                            # prints every table
    python -m benchmarks.findings --page docs/findings.md    # puts them in their places on the page
    python -m benchmarks.findings --out docs/images/findings

Reads what `python -m benchmarks.findings_runs` measured; Figure 4 is of the shipped networks.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.findings_answers import (
    BY_CHANNEL,
    SCORES,
    WORLDS,
    Answer,
    Run,
    answer_all,
    find_parts,
    foretell,
)
from benchmarks.findings_figures import SCORE_NAMES, draw_answers, draw_blocks, draw_halves
from benchmarks.findings_plan import LONGER, Plan, load_plan
from benchmarks.findings_runs import TARGET, TARGETS
from benchmarks.findings_statistics import Number, find_mean
from gst_analysis.analyses.scales import bn_scales
from gst_analysis.errors import GstError, SpecError
from gst_analysis.files import write_whole
from gst_analysis.style.files import render_figure

FIGURE_4 = tuple(Path("trained_models") / f"{world}-gst-quarter.pth" for world in WORLDS)
_PLACE = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(\n<!-- end of table -->)", re.DOTALL)


def load_record(path: Path, plan: Plan) -> dict[str, Any]:
    """What was measured.

    Raises:
        SpecError: it was measured by another plan than the questions file has.
    """
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if record["plan"] != plan.sha256:
        raise SpecError(
            str(path),
            expected="runs by the questions file as it is",
            found="runs by another",
            todo="take the questions file back to what it was before the runs",
        )
    return record


def build_longer(plan: Plan) -> dict[str, str]:
    """Tables after longer training; one that says what is missing, until all runs are measured."""
    path, names = TARGETS[LONGER.stem], ("runs", "answers", "halves")
    nothing: dict[str, Any] = {"runs": [], "missing": [run.name for run in plan.runs()]}
    record = load_record(path, plan) if path.is_file() else nothing
    found = format_runs(record["runs"], record["missing"]) if record["runs"] else name_missing(record)
    tables = dict.fromkeys(names, "") if record["missing"] else build_tables(record, plan)
    return {f"longer{name}": found if name == "runs" else tables[name] for name in names}


def name_missing(record: Mapping[str, Any]) -> str:
    """Which runs are not measured."""
    return f"**Not measured yet:** {', '.join(record['missing'])}."


def build_tables(record: Mapping[str, Any], plan: Plan) -> dict[str, str]:
    """Every table of docs/findings.md about one set of runs as Markdown, by name."""
    runs = record["runs"]
    answers = {(one.question, one.about, one.score): one for one in answer_all(runs, plan)}
    return {
        "runs": format_runs(runs, record["missing"]),
        "answers": _format_answers(
            answers,
            {
                ("interaction", ""): "interaction",
                ("outweighs", "deep"): "time outweighs space in the deep half",
                ("outweighs", "shallow"): "space outweighs time in the shallow half",
                ("paper", ""): "as the paper reads it",
            },
        ),
        "level": _format_answers(
            answers, {("level", part): name for part, name in zip(_PARTS, _PART_NAMES, strict=True)}
        ),
        "trend": _format_answers(answers, {("trend", world): f"{world} world" for world in WORLDS}),
        "channels": _format_answers(
            answers,
            {
                (
                    "outweighs by channel",
                    "deep",
                ): "a temporal channel outweighs a spatial one in the deep half",
                ("outweighs by channel", "shallow"): "and the other way round in the shallow half",
            },
            tuple(BY_CHANNEL),
        ),
        "halves": format_halves(runs),
        "scales": format_scales(runs, plan),
    }


_PARTS = ("whole", "deep", "shallow")
_PART_NAMES = ("whole network", "deep half", "shallow half")


def format_runs(runs: Sequence[Run], missing: Sequence[str]) -> str:
    """Accuracy of every run, how far its scales have moved, and which runs are not measured yet."""
    lines = ["| world | accuracy, seed by seed | mean | scales moved by |", f"|{'---|' * 4}"]
    for world in WORLDS:
        own = [run for run in runs if run["world"] == world]
        if own:
            accuracy = ", ".join(f"{run['accuracy']:.1%} ({run['seed']})" for run in own)
            mean = f"{np.mean([run['accuracy'] for run in own]):.1%}"
            moved = ", ".join(f"{run['moved']:.0%}" for run in own)
            lines.append(f"| {world} | {accuracy} | {mean} | {moved} |")
    if missing:
        lines += ["", name_missing({"missing": missing})]
    return "\n".join(lines)


def _format_answers(
    answers: Mapping[tuple[str, str, str], Answer],
    columns: Mapping[tuple[str, str], str],
    scores: Sequence[str] = SCORES,
) -> str:
    """Rows scores, columns questions: the answer, the number and its interval."""
    lines = [f"| by | {' | '.join(columns.values())} |", f"|{'---|' * (1 + len(columns))}"]
    for score in scores:
        cells = [format_answer(answers.get((*key, score))) for key in columns]
        lines.append(f"| {name_score(score)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def name_score(score: str) -> str:
    return SCORE_NAMES[score].replace("\n", " ")


def format_answer(answer: Answer | None) -> str:
    """`**yes** +0.17 (+0.13 to +0.22)`; a share has no sign."""
    if answer is None:
        return "not asked"
    signed = not answer.question.startswith("outweighs")
    number = format_number(answer.number, signed=signed)
    return f"**{answer.verdict}** {number}".rstrip()


def format_number(number: Number, *, signed: bool = True) -> str:
    """A number and its interval, as far as there is one."""
    if number.value is None:
        return ""
    form = "+.2f" if signed else ".2f"
    text = f"{number.value:{form}}"
    return text if number.low is None else f"{text} ({number.low:{form}} to {number.high:{form}})"


def format_halves(runs: Sequence[Run]) -> str:
    """Time's share of each half, means over runs, and the rise of every run."""
    head = [f"{world}: {part}" for world in WORLDS for part in ("shallow", "deep", "rise of each run")]
    lines = [f"| by | {' | '.join(head)} |", f"|{'---|' * (1 + len(head))}"]
    for score in SCORES:
        cells = []
        for world in WORLDS:
            parts = [find_parts(run, score) for run in runs if run["world"] == world]
            means = [find_mean([one[part] for one in parts]).value for part in ("shallow", "deep")]
            cells += [format_number(Number(mean), signed=False) for mean in means]
            cells.append(", ".join(f"{one['deep'] - one['shallow']:+.2f}" for one in parts))
        lines.append(f"| {name_score(score)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def format_scales(runs: Sequence[Run], plan: Plan) -> str:
    """Whether scores foretell ablation better than counting channels."""
    lines = [
        "| sum of | like counting | ahead of counting | answer | shares by block, like ablation's |",
        f"|{'---|' * 5}",
    ]
    for score, name in (("gamma_sum", "raw scale"), ("taylor", "Taylor's score")):
        found = foretell(runs, score, plan)
        cells = (
            name,
            f"{np.mean(found.like_counting):.2f}",
            format_number(found.ahead),
            f"**{found.verdict}**",
            format_number(found.by_block),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def fill_page(text: str, tables: Mapping[str, str]) -> str:
    """A page with every table in its place, which is between two comments."""
    return _PLACE.sub(lambda found: found[1] + tables[found[2]] + found[3], text)


def save_pictures(record: Mapping[str, Any], plan: Plan, folder: Path) -> None:
    """Shares by half and by block, differences between worlds, and Figure 4 of the shipped networks."""
    runs = record["runs"]
    save_small(draw_halves(runs), folder / "halves.png")
    save_small(draw_blocks(runs), folder / "blocks.png")
    save_small(draw_answers(answer_all(runs, plan), plan.least), folder / "answers.png")
    if all(path.is_file() for path in FIGURE_4):
        save_small(bn_scales(*FIGURE_4).plot(by="block"), folder / "figure-4.png")


def save_small(figure: Figure, path: Path) -> None:
    """A PNG of 64 colours, for documents."""
    drawn = Image.open(io.BytesIO(render_figure(figure, "png"))).convert("RGB")
    write_whole(path, lambda file: drawn.quantize(64).save(file, format="png", optimize=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, and write what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.findings", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--json", type=Path, default=TARGET, metavar="FILE", help="default: %(default)s")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the tables in their places there")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write figures there")
    asked = parser.parse_args(arguments)
    plan = load_plan()
    try:
        record = load_record(asked.json, plan)
        tables = build_tables(record, plan) | build_longer(load_plan(LONGER))
        for name, table in tables.items():
            print(f"{name}:\n\n{table}\n")
        if asked.page is not None:
            filled = fill_page(asked.page.read_text(encoding="utf-8"), tables)
            write_whole(asked.page, lambda file: file.write(filled.encode()))
        if asked.out is not None:
            save_pictures(record, plan, asked.out)
    except GstError as error:
        print(f"benchmarks.findings: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
