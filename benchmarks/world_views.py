"""What networks learn of the worlds of stories from less than a clip: a bag of frames, its two ends, a half.

    python -m benchmarks.world_views [--only count] [--views bag ends] [--seeds 1] [--minutes 25]

Each goes on as in `benchmarks.world_lessons`, by the same budget, on the same clips, of which it is shown a
view; a bag is seen by the shipped C2D, which averages what single frames say, all others by the shipped C3D.
A finished run is not done again. Runs come view by view, so that of a table that is broken off by --minutes
all worlds have the first views. Prints the table of docs/planted-worlds.md, and writes it after every run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
from scipy.stats import binom

from benchmarks.machine import describe_machine
from benchmarks.world_lessons import (
    BLIND,
    LESSONS,
    SEEING,
    SIZE,
    Learnt,
    Lesson,
    learn,
    prepare,
    say,
    show_share,
    write_text,
)
from gst_analysis.files import to_json, write_whole
from gst_analysis.planted.files import prepare_folder, write_folder_whole
from gst_analysis.planted.making import read_world
from gst_analysis.planted.truth import place_of

TARGET = Path("benchmarks/results/world-views.json")
BAG, ENDS, FIRST, SECOND = VIEWS = ("bag", "ends", "first half", "second half")
LUCK = 0.001
"""As often as this, or less, somebody who has all that a view shows is right by luck."""

# What docs/planted-worlds.md says that a view does not tell, as the most that can be right of all classes:
# of there-and-back a bag tells the axis and rest; of long-order which events; of hidden the shape.
MOST: Mapping[str, Mapping[str, float]] = {
    "there-and-back": {BAG: 3 / 5, ENDS: 1 / 5},
    "count": {BAG: 1 / 3, ENDS: 1 / 3},
    "long-order": {BAG: 4 / 8, ENDS: 4 / 8, FIRST: 4 / 8, SECOND: 5 / 8},
    "speed": {ENDS: 1 / 3},
    "clock": {BAG: 1 / 6, ENDS: 1 / 6},
    "hidden": {ENDS: 3 / 6, SECOND: 3 / 6},
}


def list_places(view: str, frames: int) -> list[int]:
    """Which frames of a clip are shown."""
    half = frames // 2
    shown = {ENDS: [0, frames - 1], FIRST: range(half), SECOND: range(half, frames)}
    return list(shown.get(view, range(frames)))


def cut_world(source: Path, folder: Path, view: str) -> Path:
    """A world's clips with some frames alone, unless they lie there; its truth stays that of whole clips."""
    if folder.exists():
        return folder
    world = read_world(source)
    say(f"cutting {len(world.clips)} clips into {folder}")
    places = list_places(view, world.config.frames)
    with write_folder_whole(folder) as draft:
        prepare_folder(draft, world.config)
        for clip in world.clips:
            place = place_of(world.config, clip.id)
            _cut_clip(source / place, draft / place, places)
        for file in source.glob("*.json"):
            shutil.copy(file, draft)
    return folder


def _cut_clip(source: Path, target: Path, places: Sequence[int]) -> None:
    """Copy the packets of some frames, bit by bit: in a world's videos every frame is coded by itself."""
    with av.open(str(source)) as whole, av.open(str(target), "w", format="mp4") as cut:
        shown = whole.streams.video[0]
        packets = [packet for packet in whole.demux(shown) if packet.size]
        track, step = cut.add_stream_from_template(shown), packets[1].pts or 0
        for number, place in enumerate(places):
            packet = packets[place]
            packet.pts = packet.dts = number * step
            packet.stream = track
            cut.mux(packet)


def learn_view(lesson: Lesson, view: str, folder: Path, seed: int, *, threads: int = 1) -> Learnt:
    """What a network learns of a world from one view of its clips."""
    worlds = prepare(lesson, folder)
    if view == BAG:
        return learn(lesson, BLIND, lesson.shown, folder / f"bag-{seed}", worlds, seed=seed, threads=threads)
    name = view.replace(" ", "-")
    world, fresh = (cut_world(whole, folder / f"{whole.name}-{name}", view) for whole in worlds)
    frames = 2 if view == ENDS else lesson.shown // 2
    return learn(
        lesson, SEEING, frames, folder / f"{name}-{seed}", (world, fresh), seed=seed, threads=threads
    )


def do_view(lesson: Lesson, view: str, folder: Path, seed: int) -> dict[str, Any]:
    """One run, as it stands in the document."""
    classes = len(lesson.config(test=True).classes)
    learnt = learn_view(lesson, view, folder, seed)
    most = MOST[lesson.world].get(view)
    return {
        "world": lesson.world,
        "view": view,
        "seed": seed,
        "classes": classes,
        "most": most,
        "learnt": learnt,
    }


def is_beyond(learnt: Learnt, share: float) -> bool:
    """Whether so many right answers are no luck for somebody who is right in that share."""
    return bool(binom.sf(learnt.right - 1, learnt.clips, share) < LUCK)


def format_views(runs: Sequence[Mapping[str, Any]]) -> str:
    """As Markdown: a row each world and view, its seeds side by side."""
    rows = [
        "| world | view | right (95% over 400 clips), by seed | guess | most, as is said | beyond it |",
        f"|{'---|' * 6}",
    ]
    for world, view in dict.fromkeys((run["world"], run["view"]) for run in runs):
        own = [run for run in runs if (run["world"], run["view"]) == (world, view)]
        learnt = [Learnt(**run["learnt"]) for run in own]
        most = own[0]["most"]
        beyond = "" if most is None else "yes" if any(is_beyond(one, most) for one in learnt) else "no"
        cells = (
            world,
            view,
            "; ".join(map(show_share, learnt)),
            f"{1 / own[0]['classes']:.1%}",
            "not said" if most is None else f"{most:.1%}",
            beyond,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def list_runs(worlds: Sequence[str], views: Sequence[str], seeds: int) -> Iterator[tuple[Lesson, str, int]]:
    """Seed by seed, view by view, world by world."""
    for seed in range(seeds):
        for view in views:
            for lesson in LESSONS:
                if lesson.world in worlds:
                    yield lesson, view, seed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.world_views", description=__doc__.splitlines()[0]
    )
    names = [lesson.world for lesson in LESSONS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="WORLD")
    parser.add_argument("--views", nargs="+", choices=VIEWS, default=VIEWS, metavar="VIEW")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each; default: %(default)s")
    parser.add_argument("--minutes", type=float, default=1e9, help="after which no other run begins")
    parser.add_argument("--runs", type=Path, default=Path("runs/lessons"), help="default: %(default)s")
    parser.add_argument("--json", type=Path, default=TARGET, metavar="FILE", help="default: %(default)s")
    asked = parser.parse_args(arguments)
    end, done, missing = time.monotonic() + 60 * asked.minutes, [], []
    for lesson, view, seed in list_runs(asked.only, asked.views, asked.seeds):
        if time.monotonic() > end:
            missing.append(f"{lesson.world}, {view}, seed {seed}")
            continue
        done.append(do_view(lesson, view, asked.runs / lesson.world, seed))
        ordered = sorted(done, key=lambda run: (names.index(run["world"]), VIEWS.index(run["view"])))
        document = to_json({"machine": describe_machine(), "size": SIZE, "runs": ordered})
        write_whole(asked.json, partial(write_text, text=document))
    print(format_views(json.loads(asked.json.read_text(encoding="utf-8"))["runs"]))
    print(f"not run: {'; '.join(missing) or 'none'}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
