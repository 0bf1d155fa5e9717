"""How often roles are found where they are planted, and called where there are none: numbers, no network.

    python -m benchmarks.role_recovery [--draws 200] [--channels 1000] [--json FILE]

Channels are made of known effects of looks and orders. Prints the tables of docs/measured-roles.md: how often
each estimate finds the role that was planted, and how often p-values call channels static or dynamic that are
neither, over so many scenes.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.machine import describe_machine
from gst_analysis.analyses.roles.pairs import PairSums
from gst_analysis.analyses.roles.tabulate import Found
from gst_analysis.analyses.roles.variance import Design, Variances
from gst_analysis.files import to_json, write_whole
from tests.analyses.roles.planted import NUMBERS, draw_scenes

TARGET = Path("benchmarks/results/role-recovery.json")
DESIGN = Design(3, 2, 4)
LEVELS = (0.01, 0.05)
_AT_ONCE = 250

Reals = npt.NDArray[np.float64]
Draw = Callable[..., Reals]
"""Standard normal numbers of a shape without channels, which it adds."""
LOOKS, PLOTS, ORDERS, BOTH = (3, 1, 1), (3, 2, 1), (1, 1, 4), (3, 1, 4)
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
    "each look in each order anew, noise 0.3": lambda draw: draw(*BOTH) + 0.3 * draw(*DESIGN),
    "noise of camera, noise of clip 0.3": lambda draw: draw(*PLOTS) + 0.3 * draw(*DESIGN),
    "noise of the clip": lambda draw: draw(*DESIGN),
}
"""Channels that no look and no order moves by itself."""


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


def count_false_calls(channels: int, scenes: int) -> list[dict[str, Any]]:
    """Of channels that are neither, how many p-values call static and dynamic at each level."""
    rows = []
    for name, make in NOTHING.items():
        chance = [
            _draw_chance(make, min(_AT_ONCE, channels - start), scenes, seed=start)
            for start in range(0, channels, _AT_ONCE)
        ]
        static, dynamic, _ = np.concatenate(chance, axis=1)
        rows.append(
            {
                "planted": name,
                "static": {str(level): float((static <= level).mean()) for level in LEVELS},
                "dynamic": {str(level): float((dynamic <= level).mean()) for level in LEVELS},
            }
        )
    return rows


def _draw_chance(make: Callable[[Draw], Reals], channels: int, scenes: int, *, seed: int) -> Reals:
    """P-values of independent channels of one kind, (3, channels)."""
    random, variances = np.random.default_rng((7, seed)), Variances(DESIGN, seed)
    for _ in range(scenes):
        made = make(lambda *shape: random.standard_normal((*shape, channels)))
        variances.add(np.broadcast_to(made, (*DESIGN, channels)))
    return variances.count_chance()


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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.role_recovery", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--draws", type=int, default=200, help="of 12 scenes; default: %(default)s")
    parser.add_argument("--channels", type=int, default=1000, help="of each kind; default: %(default)s")
    parser.add_argument("--json", type=Path, default=TARGET, metavar="FILE", help="default: %(default)s")
    asked = parser.parse_args(arguments)
    record = {
        "machine": describe_machine(),
        "draws": asked.draws,
        "channels": asked.channels,
        "recovered": count_recovered(asked.draws, 12),
        "false_calls": {str(scenes): count_false_calls(asked.channels, scenes) for scenes in (12, 4)},
    }
    print(format_recovered(record["recovered"]), format_false_calls(record["false_calls"]), sep="\n\n")
    write_whole(asked.json, lambda file: file.write(to_json(record).encode()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
