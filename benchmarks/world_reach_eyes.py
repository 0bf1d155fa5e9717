"""What a perfect eye tells of the hard world's steps from windows of a few frames.

    python -m benchmarks.world_reach_eyes [--rest 0.75] [--minutes 30]

The ceiling beside `benchmarks.world_reach`: an observer knows where the object is in each of the eight
frames that a network samples. It answers from every window of k neighbouring frames by itself (two hidden
layers of 128), and its answers are averaged, as a network's are: what is farther apart than a window is
seen together by nobody. Windows either all lie within the clip, or stand around every frame, with nothing
where the clip has ended: that is what zero padding shows a network, and tells which windows are first and
last. Written down before the first result: windows of 1, 3, 5, 7 and 15 frames (with 15 around each
frame, all eight are seen by all), three seeds each, 9,600 clips of the seed of Table 2's training clips,
30 passes, measured on its 960 test clips. A window is enough where each seed is at 95% or above, and
reach pays by construction from one window to the next where every seed is better, by 5 points in the
mean. Writes benchmarks/results/world-reach-eyes.json after every run.

With `--rest`, of a world whose object rests for so much of the clip, before, between and after its steps.
Written down before the first of these results, when those without rest were known: the same windows up to
7 frames, seeds, clips, passes and rule. Three frames at a time see one step or the other, so the eye is
expected to know which two they were and not which came first: half of the clips.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.table2_runs import Budget
from benchmarks.world_lessons import say, write_text
from gst_analysis.clips.sampling import segment_indices
from gst_analysis.files import to_json, write_whole
from gst_analysis.planted.making import draw_plan
from gst_analysis.planted.worlds import WorldConfig

TARGET = Path("benchmarks/results/world-reach-eyes.json")
RESTED = Path("benchmarks/results/world-reach-eyes-rest.json")
CLIPS, PASSES, BATCH, HIDDEN, RATE, SEEDS = 9600, 30, 64, 128, 2e-3, (0, 1, 2)
ENOUGH, POINTS = 0.95, 0.05


@dataclass(frozen=True)
class Window:
    """So many neighbouring frames, within the clip or around every frame of it."""

    frames: int
    ends_shown: bool
    """Windows reach beyond the clip's ends, where nothing is: so the first and the last are known."""

    @property
    def title(self) -> str:
        return f"{self.frames}, {'around every frame' if self.ends_shown else 'within the clip'}"


WINDOWS = (
    Window(1, False),
    Window(3, False),
    Window(3, True),
    Window(5, False),
    Window(5, True),
    Window(7, False),
    Window(7, True),
    Window(15, True),
)


def watch(config: WorldConfig, clips: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """(N, T, 2): where the object is in every frame; (N,): which two steps it takes."""
    stories = sorted({planted.story for planted in config.classes})
    paths, truth = [], []
    for index in range(clips):
        plan = draw_plan(config, index)
        (target,) = (sprite for sprite in plan.scene.sprites if sprite.role == "target")
        paths.append(target.track[:, :2])
        truth.append(stories.index(plan.planted.story))
    return np.stack(paths).astype(np.float32), np.array(truth)


def see(paths: npt.NDArray[np.float32], window: Window) -> Tensor:
    """(N, windows, features): where the object is and how far it has come, on a round of 1 each way."""
    half = window.frames // 2 if window.ends_shown else 0
    turns = torch.from_numpy(2 * np.pi * paths)  # (N, T, 2)
    moved = turns.diff(dim=1, prepend=turns[:, :1])
    seen = torch.cat(
        [turns.cos(), turns.sin(), moved.cos(), 4 * moved.sin(), torch.ones_like(turns[..., :1])], -1
    )
    seen = F.pad(seen, (0, 0, half, half))
    parts = seen.unfold(1, window.frames, 1).movedim(-1, 2).clone()  # (N, windows, frames, features)
    parts[:, :, 0, 4:8] = 0  # how far it has come since a frame that the window does not show
    return parts.flatten(2)


def learn(
    window: Window, seed: int, train: Sequence[Any], fresh: Sequence[Any], *, passes: int = PASSES
) -> float:
    """The share of fresh clips that the mean of all windows' answers is right about."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    (paths, truth), classes = train, int(train[1].max()) + 1
    size = see(paths[:1], window).shape[-1]
    layers = nn.Sequential(
        nn.Linear(size, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes)
    )
    optimiser = torch.optim.AdamW(layers.parameters(), RATE)
    steps = passes * (len(paths) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    labels = torch.from_numpy(truth)
    for _ in range(passes):
        seen = see(sample(paths, random), window)
        for batch in torch.randperm(len(paths)).split(BATCH)[: len(paths) // BATCH]:
            loss = F.cross_entropy(layers(seen[batch]).mean(1), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    with torch.no_grad():
        told = layers(see(sample(fresh[0], None), window)).mean(1).argmax(1)
    return float((told.numpy() == fresh[1]).mean())


def sample(paths: npt.NDArray[np.float32], random: np.random.Generator | None) -> npt.NDArray[np.float32]:
    """The frames that a network is shown: the middle of each segment, or any of it in training."""
    total, frames = paths.shape[1], Budget().frames
    if random is None:
        return paths[:, segment_indices(total, frames)]
    chosen = np.stack([segment_indices(total, frames, rng=random) for _ in paths])
    return np.take_along_axis(paths, chosen[..., None], axis=1)


def do_runs(minutes: float, target: Path, rest: float = 0.0) -> dict[str, Any]:
    """Every seed of every window that the file does not have yet; the file is written after each."""
    test, end = replace(Budget().world(test=True), rest=rest), time.monotonic() + 60 * minutes
    train = replace(Budget().world(test=False), clips=CLIPS, rest=rest)
    runs = json.loads(target.read_text(encoding="utf-8"))["runs"] if target.is_file() else []
    done = {(one["frames"], one["ends_shown"], one["seed"]) for one in runs}
    clips: list[Any] = []
    windows = [window for window in WINDOWS if window.frames <= 7 or not rest]
    for window, seed in itertools.product(windows, SEEDS):
        if (window.frames, window.ends_shown, seed) in done or time.monotonic() > end:
            continue
        clips = clips or [watch(train, train.clips), watch(test, test.clips)]
        right = learn(window, seed, *clips)
        say(f"{window.title}, seed {seed}: {right:.1%}")
        runs.append({**asdict(window), "seed": seed, "right": right})
        found = {"clips": CLIPS, "passes": PASSES, "rest": rest, "runs": runs}
        write_whole(target, partial(write_text, text=to_json(found)))
    return {"runs": runs}


def format_eyes(runs: Sequence[Mapping[str, Any]]) -> str:
    """As Markdown: a row each window, its seeds side by side."""
    rows = ["| frames of a window | steps told right, by seed | enough |", f"|{'---|' * 3}"]
    for window in WINDOWS:
        own = [one["right"] for one in runs if Window(one["frames"], one["ends_shown"]) == window]
        if not own:
            continue
        enough = "-" if len(own) < len(SEEDS) else "yes" if min(own) >= ENOUGH else "no"
        rows.append(f"| {window.title} | {', '.join(f'{one:.1%}' for one in own) or '-'} | {enough} |")
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the runs that are missing, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.world_reach_eyes", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--minutes", type=float, default=1e9, help="after which no other run begins")
    parser.add_argument("--rest", type=float, default=0.0, help="the share of a clip that is rest")
    parser.add_argument("--json", type=Path, metavar="FILE", help=f"default: {TARGET}, with rest {RESTED}")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    target = asked.json or (RESTED if asked.rest else TARGET)
    print(format_eyes(do_runs(asked.minutes, target, asked.rest)["runs"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
