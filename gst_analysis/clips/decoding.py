"""Frames out of a clip on disk: a video file or a frame folder and positions in, pixels out.

Sampled frames are exactly those of one sequential decode; see video_files.py and frame_folders.py.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.clips.arrays import ArrayPath
from gst_analysis.clips.flow_folders import FlowFolder
from gst_analysis.clips.frame_folders import FrameFolder
from gst_analysis.clips.locating import look_up, require_file
from gst_analysis.clips.media import ClipInfo, Frames, Indices, OpenClip
from gst_analysis.errors import DataError
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.clips import video_files
else:
    video_files = Door("gst_analysis.clips.video_files")  # frame folders need no video library

__all__ = ["ClipInfo", "Frames", "OpenClip", "decode_frames", "open_clip", "open_media", "probe_clip"]


@contextmanager
def open_clip(path: str | os.PathLike[str], *, flow: bool = False) -> Iterator[OpenClip]:
    """Open a video file or a frame folder, to count and read its frames in one go; or a folder of flow."""
    clip = open_media(path, flow=flow)
    try:
        yield clip
    finally:
        clip.close()


def open_media(path: str | os.PathLike[str], *, flow: bool = False) -> OpenClip:
    """Open a clip that may be kept: its frames are found, and its file is open only while it is read.

    Args:
        path: a video file, or a folder of images.
        flow: the images of optical flow in the folder, not its colour frames.

    Raises:
        DataError: nothing is there, or it is no clip, or no flow where flow is wanted.
    """
    if isinstance(path, ArrayPath) and path.clip is not None and not flow:
        return path.clip
    where = Path(path)
    if flow:
        if _is_folder(where):
            return FlowFolder(where)
        raise DataError(
            str(where),
            expected="a folder of optical flow, which this network reads",
            found="a video file",
            todo="give the folder of its flow_x and flow_y images",
        )
    return FrameFolder(where) if _is_folder(where) else _open_video(where)


def decode_frames(path: str | os.PathLike[str], indices: Sequence[int] | Indices) -> Frames:
    """The frames at these positions from 0, in the order asked for; repeats are allowed.

    Raises:
        DataError: the clip is missing, damaged, truncated or shorter than that.
    """
    with open_clip(path) as clip:
        return clip.read(indices)


def probe_clip(path: str | os.PathLike[str]) -> ClipInfo:
    """Frames (counted, not believed), rate, size as displayed, seconds, rotation and codec of a clip."""
    with open_clip(path) as clip:
        return clip.describe()


def _is_folder(path: Path) -> bool:
    """Whether it is a folder of frames; a path where nothing is or can be looked at is refused."""
    try:
        found = look_up(path)
    except OSError as error:
        raise DataError(
            str(path),
            expected="a video file or a folder of frames",
            found=error.strerror or str(error),
            todo="check who may open it and the folders above it",
        ) from error
    if found is None:
        raise DataError(
            str(path),
            expected="a video file or a folder of frames",
            found="nothing there",
            todo="check the path and the root",
        )
    return stat.S_ISDIR(found.st_mode)


def _open_video(path: Path) -> OpenClip:
    require_file(path)
    return video_files.VideoFile(path)
