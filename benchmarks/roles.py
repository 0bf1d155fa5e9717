"""What channels see, appearance or motion, beside untrained networks: the numbers of docs/measured-roles.md.

    python -m benchmarks.roles CKPT... [--scenes 24] [--controls 3] [--json FILE]

Every checkpoint is shown the same rendered scenes. The controls have the first one's design and clips, with
random weights of so many seeds. Prints one JSON document: of each network the mean shares of every group by
stage, with intervals over scenes, roles by both estimates, and how far temporal channels are above spatial
ones. It says nothing of another training run: each checkpoint is one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.documents import tell
from gst_analysis.analyses.roles import RoleOptions, channel_roles
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.sources import build_untrained
from gst_analysis.errors import GstError

TARGET = Path("benchmarks/results/roles.json")
WORLDS = {
    "static-gst-quarter": "static world",
    "mixed-gst-quarter": "mixed world",
    "state-change-gst-quarter": "world of changes of state",
    "temporal-gst-quarter": "world of motion",
}
"""Shipped networks with both groups, as the page calls them."""
_GROUPS = ("spatial", "temporal")


def list_networks(files: Sequence[str], controls: int) -> Iterator[tuple[str, Network]]:
    """Each checkpoint by its name, then untrained networks of the first one's design and clips."""
    for file in files:
        model = load_model(file)
        yield model.checkpoint.name, model
    first = load_model(files[0])
    for seed in range(controls):
        made = build_untrained(first.spec, seed=seed)
        checkpoint = replace(made.checkpoint, clip_spec=first.clip_spec)
        yield f"untrained {seed}", replace(made, checkpoint=checkpoint)


def measure(files: Sequence[str], options: RoleOptions, controls: int) -> dict[str, Any]:
    """Every network's groups and gaps."""
    found = {}
    for name, model in list_networks(files, controls):
        print(name, file=sys.stderr)
        summary = channel_roles(model, options=options).summary
        found[name] = {"sha256": model.sha256, "groups": summary.groups, "gaps": summary.gaps}
    return {"options": options, "clips": options.clips, "networks": found}


def format_networks(networks: Mapping[str, Any]) -> str:
    """As Markdown: mean shares of both groups of each network, the untrained ones in one row."""
    rows = [
        "| network | spatial: static | dynamic | temporal: static | dynamic "
        "| temporal above spatial: dynamic |",
        f"|{'---|' * 6}",
    ]
    for name, told in WORLDS.items():
        summary = networks[name]
        shares = [
            _find(summary["groups"], group=group)[part] for group in _GROUPS for part in ("static", "dynamic")
        ]
        gap = _find(summary["gaps"])["dynamic"]
        rows.append(f"| {told} | {' | '.join(map(_band, shares))} | {gap['value']:+.3f} ({_ends(gap)}) |")
    bare = [summary for name, summary in networks.items() if name.startswith("untrained")]
    ranges = [
        _range(_find(one["groups"], group=group)[part]["value"] for one in bare)
        for group in _GROUPS
        for part in ("static", "dynamic")
    ]
    gaps = ", ".join(f"{_find(one['gaps'])['dynamic']['value']:+.3f}" for one in bare)
    return "\n".join([*rows, f"| untrained, {len(bare)} seeds | {' | '.join(ranges)} | {gaps} |"])


def format_stages(networks: Mapping[str, Any]) -> str:
    """As Markdown: the network of the world of motion, stage by stage."""
    rows = [
        "| stage | spatial: static | dynamic | temporal: static | dynamic | what leaves blocks: dynamic "
        "| untrained, what leaves blocks |",
        f"|{'---|' * 7}",
    ]
    groups = networks["temporal-gst-quarter"]["groups"]
    bare = [one["groups"] for name, one in networks.items() if name.startswith("untrained")]
    for stage in sorted({one["stage"] for one in groups} - {0}):
        cells = [
            f"{_find(groups, group=group, stage=stage)[part]['value']:.3f}"
            for group in _GROUPS
            for part in ("static", "dynamic")
        ]
        place: dict[str, Any] = {"kind": "place", "group": "all", "stage": stage}
        leaves, others = _find(groups, **place), (_find(one, **place)["dynamic"]["value"] for one in bare)
        cells += [_band(leaves["dynamic"]), _range(others)]
        rows.append(f"| {stage} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _find(rows: Sequence[Mapping[str, Any]], **wanted: Any) -> Mapping[str, Any]:
    """The first row of the whole network that is what is wanted, or of another stage if that is wanted."""
    wanted = {"stage": 0, **wanted}
    return next(row for row in rows if all(row[key] == value for key, value in wanted.items()))


def _band(share: Mapping[str, float]) -> str:
    return f"{share['value']:.3f} ({_ends(share)})"


def _ends(share: Mapping[str, float]) -> str:
    return f"{share['low']:.3f}–{share['high']:.3f}"


def _range(values: Iterable[float]) -> str:
    ordered = sorted(values)
    return f"{ordered[0]:.3f}–{ordered[-1]:.3f}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roles", description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="+", metavar="CKPT")
    parser.add_argument("--scenes", type=int, default=24, help="default: %(default)s")
    parser.add_argument("--controls", type=int, default=3, help="untrained networks; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="draws scenes; default: %(default)s")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the document to FILE")
    asked = parser.parse_args(arguments)
    try:
        options = RoleOptions(scenes=asked.scenes, seed=asked.seed, device=asked.device)
        record = measure(asked.checkpoints, options, asked.controls)
    except GstError as error:
        print(f"benchmarks.roles: {error}", file=sys.stderr)
        return 2
    tell(record, asked.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
