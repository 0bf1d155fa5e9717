"""Clips that are damaged, lie about themselves, or are none: files of every container, and frame folders."""

from __future__ import annotations

import functools
import io
import os
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tests.hostile.cases import LISTING, Case, Kind, seed_of

_WIDTH, _HEIGHT, _FRAMES = 64, 48, 12
CONTAINERS = {
    "mp4": ("mp4", "libx264"),
    "mov": ("mov", "mpeg4"),
    "mkv": ("matroska", "libx264"),
    "webm": ("webm", "libvpx-vp9"),
    "avi": ("avi", "mpeg4"),
    "flv": ("flv", "flv"),
    "ts": ("mpegts", "libx264"),
    "mpg": ("mpeg", "mpeg2video"),
    "gif": ("gif", "gif"),
    "wmv": ("asf", "wmv2"),
}
"""By the file's ending: how PyAV calls the container, and the codec in it."""


@functools.cache
def encode(ending: str) -> bytes:
    """A sound clip of a few small frames, the same bytes every time."""
    name, codec = CONTAINERS[ending]
    buffer = io.BytesIO()
    rng = np.random.default_rng(seed_of(ending))
    scene = rng.integers(0, 256, (_HEIGHT, _WIDTH + _FRAMES * 2, 3), dtype=np.uint8)
    with av.open(buffer, "w", format=name, options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = _WIDTH, _HEIGHT
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        stream.codec_context.thread_count = 1
        for number in range(_FRAMES):
            picture = np.ascontiguousarray(scene[:, 2 * number : 2 * number + _WIDTH])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


Damage = Callable[[bytes, random.Random], bytes]


def _cut(share: float, content: bytes, rng: random.Random) -> bytes:
    return content[: int(len(content) * share)]


def _flip(count: int, reach: float, content: bytes, rng: random.Random) -> bytes:
    """Flip bits of some bytes within the first part of a file."""
    damaged = bytearray(content)
    for _ in range(count):
        damaged[rng.randrange(max(1, int(len(damaged) * reach)))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _fill(value: int, content: bytes, rng: random.Random) -> bytes:
    """Overwrite a block, as of a disk that was lost."""
    start, size = rng.randrange(len(content)), rng.randrange(4, 600)
    return content[:start] + bytes([value]) * min(size, len(content) - start) + content[start + size :]


def _lie(value: int, content: bytes, rng: random.Random) -> bytes:
    """Put the greatest, or a negative, number where lengths and counts may stand."""
    damaged = bytearray(content)
    for _ in range(6):
        place = rng.randrange(max(1, min(len(damaged) - 4, 2000)))
        damaged[place : place + 4] = struct.pack(">I", value)
    return bytes(damaged)


def _shuffle(content: bytes, rng: random.Random) -> bytes:
    parts = [content[start : start + 97] for start in range(0, len(content), 97)]
    rng.shuffle(parts)
    return b"".join(parts)


def _repeat(content: bytes, rng: random.Random) -> bytes:
    return content[:200] + content[200:] * 40


DAMAGES: dict[str, Damage] = {
    **{f"cut at {share:.0%}": partial(_cut, share) for share in (0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95)},
    **{f"{n} bits flipped, {turn}": partial(_flip, n, 1.0) for n in (1, 20, 300) for turn in range(3)},
    **{
        f"{n} bits of the header flipped, {turn}": partial(_flip, n, 0.1)
        for n in (5, 40)
        for turn in range(2)
    },
    "a block of zeros": partial(_fill, 0),
    "a block of ones": partial(_fill, 255),
    "lengths without end": partial(_lie, 0xFFFFFFFF),
    "negative lengths": partial(_lie, 0x80000000),
    "lengths of nothing": partial(_lie, 0),
    "pieces shuffled": _shuffle,
    "its body forty times": _repeat,
    "random bytes behind it": lambda content, rng: content + rng.randbytes(20_000),
    "random bytes after its first": lambda content, rng: content[:64] + rng.randbytes(20_000),
}


def _write_clip(folder: Path, *, ending: str, damage: str, seed: int) -> Path:
    rng = random.Random(seed_of(f"{ending} {damage}", seed))
    (folder / f"clip.{ending}").write_bytes(DAMAGES[damage](encode(ending), rng))
    return _list(folder, f"clip.{ending}")


def _list(folder: Path, clip: str) -> Path:
    """The list that names the clip."""
    path = folder / "validation.txt"
    path.write_text(f"{clip} 0\n")
    return path


def _build_png(width: int, height: int) -> bytes:
    """A black picture of any size in few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer, rows = zlib.compressobj(9), b"\0" * (1 + -(-width // 8))
    packed = (
        b"".join(packer.compress(rows) for _ in range(min(height, 9000, 2**28 // len(rows)))) + packer.flush()
    )
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _write_frames(folder: Path, *, spoil: Callable[[Path], object]) -> Path:
    """A folder of ten frames, one of them spoilt."""
    frames = folder / "frames"
    frames.mkdir()
    for number in range(1, 11):
        Image.fromarray(np.full((_HEIGHT, _WIDTH, 3), 20 * number, np.uint8)).save(
            frames / f"{number:05}.png"
        )
    bad = frames / "00005.png"
    bad.unlink()
    spoil(bad)
    return _list(folder, "frames")


def _write_odd(folder: Path, *, name: str, spoil: Callable[[Path], object]) -> Path:
    spoil(folder / name)
    return _list(folder, name)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(encode("mp4"))
        file.truncate(20 * 2**30)


def _huge_gif(path: Path, *, width: int, height: int) -> None:
    content = bytearray(encode("gif"))
    content[6:10] = struct.pack("<HH", width, height)
    path.write_bytes(bytes(content))


def _huge_frames(path: Path, *, width: int, height: int) -> None:
    """Pictures of png in a film: a few bytes that decode to a great many."""
    with av.open(str(path), "w", format="mov") as container:
        stream = container.add_stream("png", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "monob"
        for number in range(3):
            packet = av.Packet(_build_png(width, height))
            packet.stream, packet.pts, packet.dts = stream, number * 40, number * 40
            container.mux(packet)


SPOILT: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to /dev/stdin": lambda path: path.symlink_to("/dev/stdin"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a folder": Path.mkdir,
    "nothing in it": Path.touch,
    "text": lambda path: path.write_text("no picture"),
    "a sparse file of 20 GB": _sparse,
}
SIZES = ((8192, 8192), (16384, 4096), (65500, 65500), (1, 65500), (2**31 - 1, 1))


def generate(seed: int) -> Iterator[Case]:
    """Every container with every damage, then what is no clip, and frames without end."""
    for ending in CONTAINERS:
        for damage in DAMAGES:
            make = partial(_write_clip, ending=ending, damage=damage, seed=seed)
            yield Case(f"{ending}, {damage}", make, commands=_check)
    for name, spoil in SPOILT.items():
        yield Case(
            f"a clip that is {name}", partial(_write_odd, name="clip.mp4", spoil=spoil), commands=_check
        )
        yield Case(f"a frame that is {name}", partial(_write_frames, spoil=spoil), commands=_check)
    for width, height in SIZES:
        size = f"{width} x {height}"
        picture = partial(_write_picture, width=width, height=height)
        yield Case(f"a frame of {size}", partial(_write_frames, spoil=picture), commands=_check)
        if max(width, height) < 65536:
            gif = partial(_huge_gif, width=width, height=height)
            yield Case(f"gif of {size}", partial(_write_odd, name="clip.gif", spoil=gif), commands=_check)
            film = partial(_huge_frames, width=width, height=height)
            yield Case(
                f"pictures of {size}", partial(_write_odd, name="clip.mov", spoil=film), commands=_check
            )


def _write_picture(path: Path, *, width: int, height: int) -> None:
    path.write_bytes(_build_png(width, height))


def _check(path: Path, out: Path) -> list[list[str]]:
    return [["dataset-check", str(path), "--format", "list", "--out", str(out)]]


VIDEOS = Kind("videos and frame folders", generate, modules=(*LISTING, "gst_analysis.clips.video_files"))
