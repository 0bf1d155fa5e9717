"""An MP4 of kilobytes that claims millions of samples is refused before FFmpeg makes an entry for each."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from gst_analysis.clips import boxes
from gst_analysis.clips.boxes import check_claims
from gst_analysis.clips.decoding import probe_clip
from gst_analysis.errors import DataError
from tests.hostile.videos import CONTAINERS, encode

MANY = 50_000_000
"""Samples for which FFmpeg takes 3.5 GB and, on two busy cores, half a minute."""


def fragment() -> bytes:
    """The sound clip in fragments, as it is streamed."""
    buffer = io.BytesIO()
    with av.open(io.BytesIO(encode("mp4")), "r") as given:
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
        with av.open(buffer, "w", format="mp4", options=options) as container:
            stream = container.add_stream_from_template(given.streams.video[0])
            for packet in given.demux(given.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    container.mux(packet)
    return buffer.getvalue()


def record_sound() -> bytes:
    """Samples of two bytes each, which an index rightly tells in one run."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mov") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def overwrite(content: bytes, name: bytes, place: int, *values: int) -> bytes:
    start = content.index(name) + 4 + place
    told = struct.pack(f">{len(values)}I", *values)
    return content[:start] + told + content[start + len(told) :]


def build_box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


LYING = {
    "one size for all": lambda: overwrite(encode("mp4"), b"stsz", 4, 1, MANY),
    "a fragment": lambda: overwrite(fragment(), b"trun", 0, 1, MANY),
    "many fragments": lambda: (
        fragment() + build_box(b"moof", build_box(b"trun", bytes(7) + b"\xff\0\0\0\0")) * 99
    ),
    "an index in odd boxes": lambda: (
        encode("mp4")
        + build_box(b"\xff\xfe\xfd\xfc", b"")
        + build_box(b"meta", bytes(5) + build_box(b"stsz", struct.pack(">III", 0, 1, MANY)))
    ),
    "a packed index": lambda: (
        encode("mp4") + build_box(b"moov", build_box(b"cmov", build_box(b"cmvd", bytes(9))))
    ),
    "an index behind a size of 64 bits": lambda: (
        b"\0\0\0\1free" + struct.pack(">Q", 24) + bytes(8) + overwrite(encode("mp4"), b"stsz", 4, 1, MANY)
    ),
}


@pytest.mark.parametrize("kind", LYING)
def test_more_samples_than_bytes_are_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(LYING[kind]())
    with pytest.raises(DataError, match=r"clip\.mp4: expected an index of at most as many samples"):
        probe_clip(path)


def test_sound_files_of_every_kind_pass(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    for content in (*map(encode, CONTAINERS), fragment(), record_sound(), b"", b"\0" * 4000, b"\0\0\0\1moov"):
        path.write_bytes(content)
        check_claims(path)
    path.write_bytes(fragment())
    assert probe_clip(path).num_frames == 12


@pytest.mark.parametrize("piece", range(60, 76))
def test_a_run_is_found_once_wherever_pieces_end(
    piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "_PIECE", piece)
    path = tmp_path / "clip"
    path.write_bytes(build_box(b"moov", bytes(50) + build_box(b"trun", struct.pack(">II", 0, 5)) + bytes(90)))
    with path.open("rb") as file:
        assert sum(boxes._list_claims(file, path.stat().st_size)) == 5


def test_countless_boxes_are_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "_MOST_BOXES", 100)
    path = tmp_path / "clip"
    path.write_bytes(build_box(b"free", b"") * 100)
    with pytest.raises(DataError, match="in countless parts"):
        check_claims(path)
