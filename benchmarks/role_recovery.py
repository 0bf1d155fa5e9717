"""How often roles are found where they are planted, and called where there are none: numbers, no network.

    python -m benchmarks.role_recovery [--draws 200] [--channels 4000] [--seed 2711] [--json FILE]

Channels are made of known effects of looks and orders. Prints the tables of docs/measured-roles.md: how often
each estimate finds the role that was planted, how often p-values call channels static or dynamic that are
neither, over so many scenes, and how often they find weak ones, beside F tests of the same channels.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.machine import describe_machine
from gst_analysis.analyses.roles.pairs import PairSums
from gst_analysis.analyses.roles.tabulate import Found
from gst_analysis.analyses.roles.variance import BOTH, ERROR, ORDER, Design, Variances
from gst_analysis.files import to_json, write_whole
from tests.analyses.roles.planted import NUMBERS, draw_scenes

TARGET = Path("benchmarks/results/role-recovery.json")
DESIGN = Design(3, 2, 4)
LEVELS = (0.01, 0.05)
SEED = 2711
"""Drawn after the null was chosen, which was done on another one."""
_AT_ONCE = 250

Reals = npt.NDArray[np.float64]
Draw = Callable[..., Reals]
"""Standard normal numbers of a shape without channels, which it adds."""
LOOKS, PLOTS, ORDERS, EACH = (3, 1, 1), (3, 2, 1), (1, 1, 4), (3, 1, 4)
NOTHING: Mapping[str, Callable[[Draw], Reals]] = {
    "product": lambda draw: draw(*LOOKS) * draw(*ORDERS),
    "product, noise of the clip 0.3": lambda draw: draw(*LOOKS) * draw(*ORDERS) + 0.3 * draw(*DESIGN),
    "product, noise of camera 0.7 and clip 0.3": lambda draw: (
        draw(*LOOKS) * draw(*ORDERS) + 0.7 * draw(*PLOTS) + 0.3 * draw(*DESIGN)
    ),
    "sum of two products, noise 0.3": lambda draw: (
        draw(*LOOKS) * draw(*ORDERS) + draw(*LOOKS) * draw(*ORDERS) + 0.3 * draw(*DESIGN)
    ),
    "product of signs, noise 0.3": lambda draw: (
        np.sign(draw(*LOOKS)) * np.sign(draw(*ORDERS)) + 0.3 * draw(*DESIGN)
    ),
    "product of skewed numbers, noise 0.3": lambda draw: (
        (draw(*LOOKS) ** 2 - 1) * (draw(*ORDERS) ** 2 - 1) / 2 + 0.3 * draw(*DESIGN)
    ),
    "each look in each order anew, noise 0.3": lambda draw: draw(*EACH) + 0.3 * draw(*DESIGN),
    "noise of camera, noise of clip 0.3": lambda draw: draw(*PLOTS) + 0.3 * draw(*DESIGN),
    "noise of the clip": lambda draw: draw(*DESIGN),
}
"""Channels that no look and no order moves by itself."""
WEAK: Mapping[str, Callable[[Draw], Reals]] = {
    "16% static": lambda draw: 0.4 * draw(*LOOKS) + np.sqrt(0.84) * draw(*DESIGN),
    "16% dynamic": lambda draw: 0.4 * draw(*ORDERS) + np.sqrt(0.84) * draw(*DESIGN),
}
"""Channels that are mostly noise of the clip."""


def find(scenes: int, seed: int, design: Design = DESIGN) -> Found:
    """What is found of the planted channels in scenes of a seed."""
    variances, pairs = Variances(design, seed), PairSums()
    for responses in draw_scenes(scenes, design, seed):
        variances.add(responses)
        pairs.add(responses)
    return Found.of(variances, pairs, 0.1)


def count_recovered(draws: int, scenes: int) -> list[dict[str, Any]]:
    """How often each planted channel is found by shares and by pairs, and what pairs mostly say."""
    found, rows = [find(scenes, seed) for seed in range(draws)], []
    for column, (name, role) in enumerate(NUMBERS.items()):
        shares, pairs = ([str(roles[column]) for roles in of] for of in _list_roles(found))
        rows.append(
            {
                "planted": name,
                "is": role,
                "shares": shares.count(role) / draws,
                "pairs": pairs.count(role) / draws,
                "pairs_say": Counter(pairs).most_common(1)[0][0],
            }
        )
    return rows


def _list_roles(found: Sequence[Found]) -> tuple[list[Any], list[Any]]:
    return [one.roles for one in found], [one.pair_roles for one in found]


def count_false_calls(channels: int, scenes: int, seed: int = SEED) -> list[dict[str, Any]]:
    """Of channels that are neither, how many p-values call static and dynamic at each level."""
    rows = []
    for name, make in NOTHING.items():
        static, dynamic, _ = np.concatenate(
            [one.count_chance() for one in draw_all(make, channels, scenes, seed)], axis=1
        )
        rows.append(
            {
                "planted": name,
                "static": {str(level): float((static <= level).mean()) for level in LEVELS},
                "dynamic": {str(level): float((dynamic <= level).mean()) for level in LEVELS},
            }
        )
    return rows


def count_weak(channels: int, scenes: int, seed: int = SEED) -> dict[str, float]:
    """How many weak channels have a p-value of at most 0.01, and what F tests give of the dynamic ones."""
    static, dynamic = (list(draw_all(make, channels, scenes, seed)) for make in WEAK.values())
    sums = np.concatenate([np.sum(one.scenes, axis=0) for one in dynamic], axis=-1)
    tests = {"F test against both": (BOTH,), "F test that knows of no joint": (BOTH, ERROR)}
    found = {name: _test_orders(sums, scenes, against) for name, against in tests.items()}
    chance = [np.concatenate([one.count_chance() for one in of], axis=1) for of in (static, dynamic)]
    chance_of = dict(zip(WEAK, (chance[0][0], chance[1][1]), strict=True))
    return {name: float((p <= LEVELS[0]).mean()) for name, p in {**chance_of, **found}.items()}


def _test_orders(sums: Reals, scenes: int, against: Sequence[int]) -> Reals:
    """P-values of an F test of orders, exact of normal numbers, against the mean square of some rows."""
    freedom = scenes * DESIGN.freedom
    below = float(freedom[list(against)].sum())
    ratio = sums[ORDER] / freedom[ORDER] / (sums[list(against)].sum(0) / below)
    return np.asarray(stats.f.sf(ratio, freedom[ORDER], below))


def draw_all(make: Callable[[Draw], Reals], channels: int, scenes: int, seed: int) -> Iterator[Variances]:
    """Independent channels of one kind, some at once; those at once share their permutations."""
    for start in range(0, channels, _AT_ONCE):
        count = min(_AT_ONCE, channels - start)
        random, variances = np.random.default_rng((seed, start)), Variances(DESIGN, seed + start)
        draw = partial(_draw, random, count)
        for _ in range(scenes):
            variances.add(np.broadcast_to(make(draw), (*DESIGN, count)))
        yield variances


def _draw(random: np.random.Generator, channels: int, *shape: int) -> Reals:
    return random.standard_normal((*shape, channels))


def format_recovered(rows: Sequence[Mapping[str, Any]]) -> str:
    """As Markdown."""
    lines = ["| planted | is | found by shares | found by pairs | pairs mostly say |", f"|{'---|' * 5}"]
    for row in rows:
        found = f"{row['shares']:.1%} | {row['pairs']:.1%} | {row['pairs_say']}"
        lines += [f"| {row['planted']} | {row['is']} | {found} |"]
    return "\n".join(lines)


def format_false_calls(by_scenes: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """As Markdown: levels side by side, a column for each number of scenes."""
    heads = [f"{part}, {scenes} scenes" for scenes in by_scenes for part in ("static", "dynamic")]
    lines = [f"| planted | {' | '.join(heads)} |", f"|---{'|---' * len(heads)}|"]
    for at, name in enumerate(NOTHING):
        cells = [
            " / ".join(f"{rows[at][part][str(level)]:.1%}" for level in LEVELS)
            for rows in by_scenes.values()
            for part in ("static", "dynamic")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def format_weak(by_scenes: Mapping[str, Mapping[str, float]]) -> str:
    """As Markdown: a column for each number of scenes."""
    heads = [f"{scenes} scenes" for scenes in by_scenes]
    lines = [f"| found at 0.01 | {' | '.join(heads)} |", f"|---{'|---' * len(heads)}|"]
    for name in next(iter(by_scenes.values())):
        found = " | ".join(f"{of[name]:.1%}" for of in by_scenes.values())
        lines.append(f"| {name} | {found} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.role_recovery", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--draws", type=int, default=200, help="of 12 scenes; default: %(default)s")
    parser.add_argument("--channels", type=int, default=4000, help="of each kind; default: %(default)s")
    parser.add_argument(
        "--seed", type=int, default=SEED, help="of false calls and weak; default: %(default)s"
    )
    parser.add_argument("--json", type=Path, default=TARGET, metavar="FILE", help="default: %(default)s")
    asked = parser.parse_args(arguments)
    record = {
        "machine": describe_machine(),
        "draws": asked.draws,
        "channels": asked.channels,
        "seed": asked.seed,
        "recovered": count_recovered(asked.draws, 12),
        "false_calls": {str(n): count_false_calls(asked.channels, n, asked.seed) for n in (12, 4)},
        "weak": {str(n): count_weak(asked.channels, n, asked.seed) for n in (4, 12, 24, 48)},
    }
    told = (format_recovered(record["recovered"]), format_false_calls(record["false_calls"]))
    print(*told, format_weak(record["weak"]), sep="\n\n")
    write_whole(asked.json, lambda file: file.write(to_json(record).encode()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
