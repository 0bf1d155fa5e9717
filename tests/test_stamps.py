"""Every file of a result says where it came from, and is the same bytes in another folder."""

from __future__ import annotations

import json
import time
from html import unescape
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gst_analysis.analyses.scales import bn_scales
from gst_analysis.files import STAMP, hash_file
from gst_analysis.results import Provenance
from gst_analysis.style.films import FILM_FORMATS, film_writer
from tests.conftest import SaveSmall

KINDS = ["csv", "parquet", "json", "png", "svg", "pdf", "html"]


def read_stamp(path: Path) -> str:
    kind, content = path.suffix[1:], path.read_bytes()
    if kind == "parquet":
        return str(pd.read_parquet(path).attrs[STAMP])
    if kind == "png":
        with Image.open(path) as image:
            return str(image.info["Description"])
    if kind == "pdf":
        told = content[content.index(b"/Subject (") + 10 :]
        return (
            told[: told.index(b")\n")].decode().replace("\\(", "(").replace("\\)", ")").replace("\\\\", "\\")
        )
    start, end = {"svg": ("<dc:description>", "</dc:"), "html": (f'name="{STAMP}" content="', '">')}[kind]
    return unescape(content.decode().partition(start)[2].partition(end)[0])


def _pass_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is another day: for Python, and for matplotlib, which may be told the date by the environment."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 40 * 86_400)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")


def test_every_file_says_where_it_came_from(
    save_small: SaveSmall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = save_small("gst-resnet26s")
    monkeypatch.chdir(checkpoint.parent)
    files = bn_scales(checkpoint.name).save(tmp_path / "one", KINDS)
    for kind in ("parquet", "png", "svg", "html"):
        told = json.loads(read_stamp(Path(files[kind])))
        assert list(told["sources"].values()) == [hash_file(checkpoint)]
        assert told["made_by"].startswith("gst-analysis ")
        assert (told["question"], "settings" in told) == ("bn_scales", True)
    assert hash_file(checkpoint).encode() in Path(files["pdf"]).read_bytes()
    note = json.loads((tmp_path / "one" / ".gst-analysis.bn_scales.json").read_text())
    assert list(note["origin"]["sources"].values()) == [hash_file(checkpoint)]  # of csv
    away = tmp_path / "away"
    away.mkdir()
    (away / checkpoint.name).write_bytes(checkpoint.read_bytes())
    monkeypatch.chdir(away)
    _pass_time(monkeypatch)
    again = bn_scales(away / checkpoint.name).save(tmp_path / "two", KINDS)
    for kind, path in files.items():
        said = Path(again[kind]).read_bytes()
        if kind == "json":  # which tells where the file lay, as it was called
            said = said.replace(str(away / checkpoint.name).encode(), checkpoint.name.encode())
        assert str(away).encode() not in said, kind
        assert Path(path).read_bytes() == said, kind


@pytest.mark.parametrize("kind", FILM_FORMATS)
def test_a_film_says_so_too(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    pictures = [np.full((32, 32, 3), 9 * number, np.uint8) for number in range(3)]
    again = tmp_path / f"b.{kind}"
    for place in (path, again):
        with place.open("wb") as file:
            film_writer(kind, pictures, rate=10, stamp='{"a": 1}')(file)
    content = path.read_bytes()
    assert content == again.read_bytes()
    if kind == "mp4":  # version and flags, then when it was made and changed: no time at all
        assert content.partition(b"mvhd")[2][:12] == bytes(12)
    with av.open(str(path)) as container:
        assert {name.lower(): text for name, text in container.metadata.items()}["comment"] == '{"a": 1}'


def test_clips_are_told_by_their_hashes(tmp_path: Path) -> None:
    clip, frames = tmp_path / "a.mp4", tmp_path / "frames"
    clip.write_bytes(b"clip")
    frames.mkdir()
    (frames / "1.jpg").write_bytes(b"one")
    names = (str(clip), str(frames), "known to its list alone")
    first = Provenance({}, {}, {}, clips=names).clip_hashes
    assert first[str(clip)] == hash_file(clip)
    (frames / "1.jpg").write_bytes(b"two")
    second = Provenance({}, {}, {}, clips=names).clip_hashes
    assert list(first) == list(second) == list(names[:2])
    assert first[str(frames)] != second[str(frames)]


def test_no_stamp_is_endless() -> None:
    clips = tuple(f"clip {number}" for number in range(1000))
    told = Provenance({"net": "a" * 64}, {"net": {"family": "gst"}}, {"by": "block"}, clips=clips).stamp("q")
    assert len(told) < 7000
    assert json.loads(told)["sources"] == {"net": "a" * 64}
