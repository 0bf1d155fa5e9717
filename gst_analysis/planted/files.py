"""Files of the planted worlds: frames in; videos, JPEG folders and annotations out, whole or not at all.

Every frame is coded by itself with a constant quantiser. So a frame's coding errors do not depend on its
place in the clip, and a clip played backwards decodes to the same frames in the other order: compression
gives the order away to no model.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gst_analysis.errors import OutputError
from gst_analysis.planted.render import Frames
from gst_analysis.planted.truth import World, format_table, format_truth, place_of
from gst_analysis.planted.worlds import WorldConfig

# for light, middling and strong compression
_H264_QP, _VP9_Q, _JPEG_QUALITY = (20, 25, 30), (14, 22, 32), (92, 85, 75)


def save_clip(folder: Path, clip_id: str, frames: Frames, config: WorldConfig) -> None:
    """Write one clip into a world's folder as its container asks: a video file or a folder of JPEGs."""
    path = folder / place_of(config, clip_id)
    if config.container == "frames":
        _save_frames(path, frames, _JPEG_QUALITY[config.level.compression])
    else:
        _save_video(path, frames, config)


def _save_video(path: Path, frames: Frames, config: WorldConfig) -> None:
    import av  # here, so that worlds of JPEG folders need no video library

    level = config.level.compression
    if config.container == "mp4":
        codec, options = "libx264", {"preset": "ultrafast", "qp": str(_H264_QP[level])}
    else:
        q = str(_VP9_Q[level])
        codec, options = (
            "libvpx-vp9",
            {"deadline": "realtime", "cpu-used": "8", "crf": q, "b": "0", "qmin": q, "qmax": q},
        )
    try:
        with av.open(str(path), "w", format=config.container, options={"fflags": "+bitexact"}) as file:
            stream = file.add_stream(codec, rate=config.fps, options=options)
            assert isinstance(stream, av.VideoStream)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            stream.codec_context.gop_size = 1
            for frame in frames:
                file.mux(
                    stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24"))
                )
            file.mux(stream.encode(None))
    except av.error.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def _save_frames(folder: Path, frames: Frames, quality: int) -> None:
    """<folder>/000001.jpg and so on."""
    folder.mkdir()
    for number, frame in enumerate(frames, start=1):
        Image.fromarray(frame).save(folder / f"{number:06d}.jpg", quality=quality)


def prepare_folder(folder: Path, config: WorldConfig) -> None:
    """The folder that the clips will lie in."""
    (folder / place_of(config, "1")).parent.mkdir()


def save_annotations(world: World, folder: Path) -> None:
    """labels.json, train.json and validation.json in Something-Something v2's form; truth.json, truth.csv."""
    labels = {label: str(number) for number, label in enumerate(world.labels)}
    _save_json(folder / "labels.json", labels)
    for split in ("train", "validation"):
        rows = [
            {"id": c.id, "label": c.text, "template": c.template, "placeholders": list(c.placeholders)}
            for c in world.clips
            if c.split == split
        ]
        _save_json(folder / f"{split}.json", rows)
    (folder / "truth.json").write_text(format_truth(world), encoding="utf-8", newline="\n")
    (folder / "truth.csv").write_text(format_table(world), encoding="utf-8", newline="\n")


def _save_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


@contextmanager
def write_folder_whole(folder: Path) -> Iterator[Path]:
    """A draft folder beside the wanted one, moved into place at the end; nothing is left if that fails.

    Raises:
        OutputError: the wanted folder holds something already, or cannot be written.
    """
    draft = folder.parent / f".{folder.name[:32]}.{uuid.uuid4().hex}"
    try:
        _refuse_full(folder)
        draft.mkdir(parents=True)
        yield draft
        _refuse_full(folder)
        if os.path.exists(folder):
            folder.rmdir()
        draft.rename(folder)
    except OSError as error:
        raise OutputError(
            str(folder),
            expected="a place where a folder of clips can be written",
            found=getattr(error, "strerror", None) or str(error),
            todo="choose another place, or make room",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def watch_draft(folder: Path) -> tuple[int, float] | None:
    """Clips that lie in the draft of a folder that is being written, and its age in seconds; None without."""
    try:
        begins = f".{glob.escape(folder.name[:32])}."
        drafts = [(path.stat().st_mtime, path) for path in folder.parent.glob(f"{begins}*")]
        begun, draft = max(drafts)
        (clips,) = draft.iterdir()  # the draft changes when its one folder is made, and at the end
        return sum(1 for _ in clips.iterdir()), time.time() - begun
    except (OSError, ValueError):  # none, not begun, or ended meanwhile
        return None


def _refuse_full(folder: Path) -> None:
    if os.path.exists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(
            str(folder),
            expected="a new or empty folder",
            found="a folder that holds something" if folder.is_dir() else "a file",
            todo="choose another name, or remove it first",
        )
