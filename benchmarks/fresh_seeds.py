"""Do the plainest claims of the docs hold on seeds that nobody has tried?

    python -m benchmarks.fresh_seeds 101 102 103

Of every seed: the order of frames changes nothing of what a C2D says of new clips, not by one bit; roles are
found where they are planted; kernels made constant over time have a temporal use of 0 and differences of 1;
a network is like itself by a CKA of exactly 1. Prints a table; the exit status is 1 if one does not hold.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

import gst_analysis as gst
from tests.analyses.roles.planted import PlantedChannels, bring_planted

C2D = Path(__file__).parents[1] / "trained_models" / "temporal-c2d.pth"
ORDERS = ("shuffled", "reversed", "halves-swapped")
CLIPS = 24
PLANTED = {"mean colour": "static", "frame difference": "dynamic", "noise": "neither"}
"""Not their product: which share of it needs both depends on what it is multiplied about."""
Found = tuple[str, bool]


def show_in_orders(seed: int, folder: Path) -> Found:
    """The shipped C2D on clips of the seed: how far any order of frames moves what it says."""
    world = folder / "world"
    gst.make_world(world, world="temporal", clips=CLIPS, size=64, seed=seed)
    table = gst.frame_order(C2D, world / "train.json", conditions=ORDERS, seed=seed, device="cpu").table
    shown = table[table["condition"].isin(ORDERS)]
    moved = float(np.abs(shown.filter(like="change").to_numpy()).max())
    holds = len(shown) == len(ORDERS) and moved == 0 and bool((shown["same_answer"] == 1).all())
    return f"largest change {moved:g} in {len(shown)} orders", holds


def find_roles(seed: int, folder: Path) -> Found:
    """Planted channels on scenes of the seed."""
    rows = gst.channel_roles(bring_planted(), scenes=6, seed=seed, device="cpu").table
    found = dict(zip(PlantedChannels.NAMES, rows.sort_values("channel")["role"], strict=True))
    holds = all(found[name] == role for name, role in PLANTED.items())
    return ", ".join(f"{name} {found[name]}" for name in PLANTED), holds


def weigh_kernels(seed: int, folder: Path) -> Found:
    """A network of the seed whose kernels over time are made constant, and made differences."""
    found = []
    for factors in ((1, 1, 1), (-1, 0, 1)):
        network = draw_network(seed)
        for name, weight in network.module.named_parameters():
            if name.endswith(".temporal.weight"):
                middle = weight.detach()[:, :, 1:2].clone()
                weight.data = torch.cat([factor * middle for factor in factors], 2)
        found.append(sorted(set(gst.temporal_use(network).table["varying"])))
    return f"constant {found[0]}, differences {found[1]}", found == [[0.0], [1.0]]


def compare_with_itself(seed: int, folder: Path) -> Found:
    """Two networks of the seed, on clips of the seed."""
    clips = folder / "world" / "train.json"
    table = gst.similarity(draw_network(seed), clips, other=draw_network(seed), device="cpu").table
    own = table[table["first_place"] == table["second_place"]]
    ends = own[["cka", "low", "high"]].to_numpy()
    return f"{len(own)} places, {ends.min():g} to {ends.max():g}", bool((ends == 1).all())


def draw_network(seed: int) -> gst.Network:
    """A small untrained GST."""
    spec = gst.ModelSpec.from_name("gst-resnet26s", width=8, num_frames=8, num_classes=12)
    return gst.create_model(spec, seed=seed)


CLAIMS: Mapping[str, Callable[[int, Path], Found]] = {
    "order of a C2D": show_in_orders,
    "planted roles": find_roles,
    "planted temporal use": weigh_kernels,
    "CKA with itself": compare_with_itself,
}


def check_seed(seed: int, claims: Sequence[str] = tuple(CLAIMS)) -> dict[str, Found]:
    """What was found of every claim, and whether it holds."""
    with tempfile.TemporaryDirectory() as folder:
        return {name: partial(CLAIMS[name], seed)(Path(folder)) for name in claims}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for every seed and claim."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fresh_seeds", description=__doc__.splitlines()[0]
    )
    parser.add_argument("seeds", nargs="+", type=int, metavar="SEED")
    torch.set_num_threads(1)
    print("| seed | claim | found | |\n|---|---|---|---|")
    all_hold = True
    for seed in parser.parse_args(arguments).seeds:
        for name, (found, holds) in check_seed(seed).items():
            print(f"| {seed} | {name} | {found} | {'holds' if holds else '**does not hold**'} |", flush=True)
            all_hold = all_hold and holds
    return 0 if all_hold else 1


if __name__ == "__main__":
    raise SystemExit(main())
