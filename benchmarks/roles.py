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
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gst_analysis.analyses.roles import RoleOptions, channel_roles
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.sources import build_untrained
from gst_analysis.errors import GstError
from gst_analysis.files import to_json, write_whole


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
        document = to_json(measure(asked.checkpoints, options, asked.controls))
    except GstError as error:
        print(f"benchmarks.roles: {error}", file=sys.stderr)
        return 2
    sys.stdout.write(document)
    if asked.json is not None:
        write_whole(asked.json, lambda file: file.write(document.encode()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
