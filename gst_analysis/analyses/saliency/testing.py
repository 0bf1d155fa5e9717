"""Whether a map says what a network uses: its hottest pixels go and come back, and the network forgets.

Pixels are taken away from the clip hottest first (deletion), and put back into a clip without any in that
order (insertion); what is missing has the mean colour, which is 0 after normalisation. Two controls do it in
the order of colourfulness, and in any order. A network forgets when the values of its weights are shuffled
within each tensor, from the head down: a map that stays as it was did not come from what had been learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from gst_analysis.analyses.saliency.table import CurveAreas
from gst_analysis.networks.anatomy import Anatomy
from gst_analysis.networks.network import average_frames
from gst_analysis.progress import Progress, no_progress

Maps = npt.NDArray[np.float64]
Reals = npt.NDArray[np.float64]
STEPS = 10
"""Parts into which the clip's pixels are taken away or put back."""
DIRECTIONS = ("deletion", "insertion")
_AT_ONCE = 4  # clips, so that a large network needs little memory
_SEED = 0
EVERYTHING = "everything"


def order_pixels(heat: Maps, owners: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]) -> Tensor:
    """(T, H, W) for every pixel the share of the clip's pixels that are hotter; those of a cell go together.

    Args:
        heat: (T, h, w), a map; where cells are alike, chance decides.
        owners: for every row and for every column of pixels the nearest cell.
    """
    rows, columns = (
        np.bincount(owner, minlength=cells) for owner, cells in zip(owners, heat.shape[1:], strict=True)
    )
    areas = np.broadcast_to(np.outer(rows, columns), heat.shape).ravel()
    mixed = np.random.default_rng(_SEED).permutation(heat.size)
    order = mixed[np.argsort(-heat.ravel()[mixed], kind="stable")]
    hotter = np.empty(heat.size)
    hotter[order] = np.cumsum(areas[order]) - areas[order]
    spread = (hotter / areas.sum()).reshape(heat.shape)[:, owners[0]][:, :, owners[1]]
    return torch.from_numpy(spread)


def find_owners(centres: Reals, size: int) -> npt.NDArray[np.intp]:
    """For every pixel of a side the nearest of the cells that stand there, as parts of the side."""
    pixels = (np.arange(size) + 0.5) / size
    return np.asarray(np.abs(pixels[:, None] - centres).argmin(axis=1))


@torch.no_grad()
def measure_curves(
    network: nn.Module,
    clip: Tensor,
    class_id: int,
    orders: Mapping[str, Tensor],
    *,
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """The class's probability, pixel by pixel less and pixel by pixel more.

    Args:
        network: clips (N, T, C, H, W) -> logits, in evaluation mode.
        clip: (1, T, C, H, W), normalised.
        class_id: whose probability.
        orders: by name, what `order_pixels` returned.
        progress: called after every curve.
    """
    shares = np.arange(STEPS + 1) / STEPS
    tables, curves = [], [(name, way) for name in orders for way in DIRECTIONS]
    for done, (name, way) in enumerate(curves, start=1):
        hotter = orders[name].to(clip.device)[None, :, None]
        found = []
        for part in np.array_split(shares, -(-len(shares) // _AT_ONCE)):
            ends = torch.as_tensor(part, device=clip.device)[:, None, None, None, None]
            gone = hotter < ends - 1e-9
            masked = clip * (gone if way == "insertion" else ~gone)
            chances = average_frames(network(masked)).double().softmax(1)[:, class_id]
            found.append(chances.cpu().numpy())
        table = {"map": name, "direction": way, "share": shares, "probability": np.concatenate(found)}
        tables.append(pd.DataFrame(table))
        progress(done, len(curves), f"{way} by {name}")
    return pd.concat(tables, ignore_index=True)


def summarise_curves(curves: pd.DataFrame) -> dict[str, CurveAreas]:
    """The area under either curve of every map; steps are even."""
    areas: dict[str, dict[str, float]] = {}
    for (name, way), rows in curves.groupby(["map", "direction"], sort=False):
        chances = rows["probability"].to_numpy(dtype=float)
        areas.setdefault(str(name), {})[str(way)] = float(((chances[1:] + chances[:-1]) / 2).mean())
    return {name: CurveAreas(**found) for name, found in areas.items()}


def list_forgetting(network: nn.Module, anatomy: Anatomy) -> dict[str, list[str]]:
    """By what is forgotten, from the head down, the weights that go; each holds those before it."""
    names = [name for name, _ in network.named_parameters()]
    stages = {
        stage: [place.name for place in anatomy.places if place.stage == stage]
        for stage in sorted({place.stage for place in anatomy.places}, reverse=True)
    }
    inside = [name for name in names if _lies_in(name, [place.name for place in anatomy.places])]
    head = names[names.index(inside[-1]) + 1 :] if inside else []
    steps = {"head": head} if head else {}
    gone = list(head)
    for stage, places in stages.items():
        gone = gone + [name for name in inside if _lies_in(name, places) and name not in gone]
        steps[f"and stage {stage}" if steps else f"stage {stage}"] = gone
    return steps | {EVERYTHING: names}


def _lies_in(name: str, places: Sequence[str]) -> bool:
    return any(name.startswith(f"{place}.") for place in places)


@contextmanager
def forgotten(network: nn.Module, names: Sequence[str]) -> Iterator[None]:
    """The network with the values of some weights shuffled within each tensor, and as it was afterwards."""
    chosen = {name: network.get_parameter(name) for name in names}
    kept = {name: weight.detach().clone() for name, weight in chosen.items()}
    random = torch.Generator().manual_seed(_SEED)
    try:
        with torch.no_grad():
            for weight in chosen.values():
                places = torch.randperm(weight.numel(), generator=random).to(weight.device)
                weight.copy_(weight.flatten()[places].view_as(weight))
        yield
    finally:
        with torch.no_grad():
            for name, weight in chosen.items():
                weight.copy_(kept[name])


def correlate(first: Maps, second: Maps) -> float | None:
    """Rank correlation of two maps' cells; None where either is the same everywhere."""
    ranks = [rankdata(one.ravel()) for one in (first, second)]
    ranks = [one - one.mean() for one in ranks]
    spread = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float(ranks[0] @ ranks[1] / spread) if spread > 0 else None


def measure_forgetting(
    network: nn.Module,
    steps: Mapping[str, Sequence[str]],
    explain: Callable[[], Mapping[str, Maps]],
    *,
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """How alike a network's maps stay to its own as it forgets.

    Args:
        network: whose weights are shuffled for a while.
        steps: by what is forgotten, the weights.
        explain: maps by group of the network as it is now.
        progress: called after every step.
    """
    own, rows = explain(), []
    for done, (what, names) in enumerate(steps.items(), start=1):
        with forgotten(network, names):
            found = explain()
        rows += [
            {"group": group, "forgotten": what, "correlation": correlate(own[group], found[group])}
            for group in own
        ]
        progress(done, len(steps), f"without {what}")
    table = pd.DataFrame(rows)
    return table.assign(correlation=table["correlation"].astype(float))
