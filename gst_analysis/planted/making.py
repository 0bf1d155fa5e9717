"""Planted worlds: a configuration in; real video files whose every factor is known out.

- static: the class is a shape and a texture, which one frame shows; the motion says nothing.
- temporal: the class is in the order alone: every class has a partner whose clips are its own played
  backwards, so a model that is blind to order is at chance between partners.
- mixed: the class is a shape and a motion.
- state-change: the class is whether a change completes, which it does at a known frame tau or never.
- there-and-back, long-order, clock, speed, count, hidden: the class is a story that one frame, known or not,
  does not tell (see `stories`); hard: a shape and two steps one after the other, in a restless picture.

The folder has Something-Something v2's layout: labels.json, train.json, validation.json and videos/<id>.mp4
(or .webm, or frames/<id>/000001.jpg …), and beside them the truth: truth.json and truth.csv.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from gst_analysis.errors import OutputError
from gst_analysis.planted.files import prepare_folder, save_annotations, save_clip, write_folder_whole
from gst_analysis.planted.render import Frames, Rendering, render_scene
from gst_analysis.planted.scenes import ClipPlan, draw_plan
from gst_analysis.planted.truth import Thing, World, WorldClip, describe_clip, load_truth
from gst_analysis.planted.worlds import (
    CONTAINERS,
    DIFFICULTIES,
    WORLDS,
    PlantedClass,
    WorldConfig,
    classes_of,
)
from gst_analysis.progress import Progress

__all__ = [
    "CONTAINERS",
    "DIFFICULTIES",
    "WORLDS",
    "ClipPlan",
    "Frames",
    "PlantedClass",
    "Rendering",
    "Thing",
    "World",
    "WorldClip",
    "WorldConfig",
    "classes_of",
    "draw_plan",
    "make_world",
    "read_world",
    "render_clip",
]

_CHUNK = 8  # clips that one process takes at a time
_FEW = 48  # below this, starting processes takes longer than it saves


def make_world(
    folder: str | os.PathLike[str],
    config: WorldConfig,
    *,
    progress: Progress | None = None,
    workers: int | None = None,
) -> World:
    """Render a planted world into a new or empty folder.

    A clip depends on (seed, index) alone, so the number of workers changes nothing. An error or an
    interruption leaves nothing behind.

    Args:
        folder: where to write; its parents are made.
        config: what to render.
        progress: called after each clip.
        workers: processes; as many as there are processors if None, and none beside this one if 1.

    Raises:
        OutputError: the folder holds something already, or cannot be written.
    """
    where = Path(folder)
    with write_folder_whole(where) as draft:
        prepare_folder(draft, config)
        clips: list[WorldClip] = []
        with _spread(partial(_write_clip, draft, config), config.clips, workers) as written:
            for clip in written:
                clips.append(clip)
                if progress is not None:
                    progress(len(clips), config.clips, "")
        world = World(where, config, tuple(clips))
        save_annotations(world, draft)
    return world


def read_world(folder: str | os.PathLike[str]) -> World:
    """Read back the truth about a planted world; raises DataError if the folder holds none."""
    return load_truth(Path(folder))


def render_clip(
    config: WorldConfig,
    index: int,
    *,
    label: str | None = None,
    noise: bool = True,
    without: Collection[int] = (),
) -> Rendering:
    """The frames of one clip before compression.

    Args:
        config: the world.
        index: which clip, from 0.
        label: ask for another class than the clip's own, made from the same random state.
        noise: with the sensor's noise.
        without: numbers of objects (as in WorldClip.things) to leave out.
    """
    scene = draw_plan(config, index, label=label).scene
    return render_scene(scene, config.size, noise=noise, without=without)


def _write_clip(folder: Path, config: WorldConfig, index: int) -> WorldClip:
    plan = draw_plan(config, index)
    rendering = render_scene(plan.scene, config.size)
    clip = describe_clip(config, plan, rendering)
    save_clip(folder, clip.id, rendering.frames, config)
    return clip


@contextmanager
def _spread(
    write: Callable[[int], WorldClip], clips: int, workers: int | None
) -> Iterator[Iterator[WorldClip]]:
    """Write all clips, in order, here or in fresh processes; stop them all before an error goes on."""
    workers = (os.cpu_count() or 1) if workers is None else workers
    if workers <= 1 or clips < _FEW:
        yield map(write, range(clips))
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads that torch may have
    pool = ProcessPoolExecutor(min(workers, clips // _CHUNK), context, initializer=_follow_parent)
    try:
        yield pool.map(write, range(clips), chunksize=_CHUNK)
    except BrokenProcessPool as error:
        raise OutputError(
            "rendering in several processes",
            expected="processes that keep running",
            found="one that ended too soon",
            todo='call make_world below `if __name__ == "__main__":`, or with workers=1',
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _follow_parent() -> None:
    """Leave Ctrl-C, which reaches every process, to the one that was asked; end when that one ends.

    The queue it waits at does not: its writing end is open in every sibling, so that a renderer whose
    parent was killed would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
