"""The folder of a planted world: layout, codecs, truth read back, determinism, whole or not at all."""

import csv
import hashlib
import importlib
import json
import multiprocessing
import os
import re
import subprocess
import sys
import time
from typing import Any

import av
import numpy as np
import pytest

from gst_analysis.errors import DataError, OutputError
from gst_analysis.planted.files import prepare_folder, save_clip
from gst_analysis.planted.making import (
    CONTAINERS,
    DIFFICULTIES,
    WorldConfig,
    draw_plan,
    make_world,
    read_world,
    render_clip,
)
from gst_analysis.planted.truth import place_of
from tests.untyped import untyped

SMALL: dict[str, Any] = {"clips": 24, "frames": 8, "size": 32}


def decode(path):
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    frames = []
    for file in files:
        with av.open(str(file)) as container:
            frames += [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(frames)


def psnr(first, second):
    return 10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2))


def hashes(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    config = WorldConfig(world="state-change", clips=48, frames=12, size=48, seed=2, train_fraction=0.75)
    return make_world(tmp_path_factory.mktemp("synth") / "world", config, workers=1)


def test_the_layout_is_something_something_v2s(world):
    labels = json.loads((world.folder / "labels.json").read_text())
    assert list(labels.values()) == [str(n) for n in range(8)]
    ids = {}
    for split in ("train", "validation"):
        rows = json.loads((world.folder / f"{split}.json").read_text())
        assert {tuple(row) for row in rows} == {("id", "label", "template", "placeholders")}
        for row in rows:
            assert re.sub(r"[\[\]]", "", row["template"]) in labels
            pattern = re.escape(row["template"]).replace(re.escape("[something]"), "(.+)")
            match = re.fullmatch(pattern, row["label"], re.IGNORECASE)
            assert match is not None
            assert match.groups() == tuple(row["placeholders"])
            assert (world.folder / "videos" / f"{row['id']}.mp4").is_file()
        ids[split] = {row["id"] for row in rows}
    assert not ids["train"] & ids["validation"]
    assert (len(ids["train"]), len(ids["validation"])) == (32, 16)  # whole blocks of 8 classes
    assert sorted(p.name for p in world.folder.iterdir()) == [
        "labels.json",
        "train.json",
        "truth.csv",
        "truth.json",
        "validation.json",
        "videos",
    ]
    assert len(list((world.folder / "videos").iterdir())) == 48


def test_truth_reads_back_as_it_was_written(world):
    again = read_world(world.folder)
    assert again == world
    assert again.labels == tuple(json.loads((world.folder / "labels.json").read_text()))
    for split in ("train", "validation"):
        rows = json.loads((world.folder / f"{split}.json").read_text())
        assert [(c.id, c.text, c.template) for c in again.split(split)] == [
            (row["id"], row["label"], row["template"]) for row in rows
        ]
    assert all(world.path(clip).is_file() for clip in again.clips)


def test_the_table_says_what_the_truth_says(world):
    with (world.folder / "truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(world.clips)
    for row, clip in zip(rows, world.clips, strict=True):
        assert row["label"] == world.labels[int(row["class_id"])]
        assert (world.folder / row["file"]) == world.path(clip)
        assert row["tau"] == ("" if clip.tau is None else str(clip.tau))
        assert (row["completes"] == "True") == clip.completes == (clip.tau is not None)
        assert (row["world"], row["difficulty"], row["seed"]) == ("state-change", "medium", "2")
        assert int(row["distractors"]) == 2


def test_the_truth_has_a_value_for_every_frame(world):
    for clip in world.clips:
        assert len(clip.pan) == len(clip.shake) == 12
        for thing in clip.things:
            for values in (thing.boxes, thing.centres, thing.radii, thing.angles, thing.opacities):
                assert len(values) == 12


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_files_decode_to_what_was_rendered_forwards_and_backwards(tmp_path, container, difficulty):
    """Compression too is blind to order: the partner's file decodes to the same frames, reversed."""
    config = WorldConfig(container=container, difficulty=difficulty, frames=12, size=64, seed=1)
    prepare_folder(tmp_path, config)
    least = {"easy": 31, "medium": 28, "hard": 24, "varied": 24}[difficulty]
    for index in range(3):
        label = draw_plan(config, index).planted.partner
        own, partners = render_clip(config, index), render_clip(config, index, label=label)
        save_clip(tmp_path, "1", own.frames, config)
        save_clip(tmp_path, "2", partners.frames, config)
        names = [tmp_path / place_of(config, name) for name in "12"]
        decoded, other = (decode(path) for path in names)
        assert decoded.shape == own.frames.shape
        assert psnr(decoded, own.frames) > least
        assert np.array_equal(decoded, other[::-1])
        for path in names:
            for file in [path] if path.is_file() else [*path.iterdir(), path]:
                file.unlink() if file.is_file() else file.rmdir()


@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_videos_state_their_rate_and_codec(tmp_path, container):
    world = make_world(tmp_path / "w", WorldConfig(**SMALL, container=container, fps=10))
    with av.open(str(world.path(world.clips[0]))) as file:
        stream: Any = file.streams.best("video")
        assert stream.average_rate == 10
        assert stream.codec_context.name in ("h264", "vp9", "libvpx-vp9")
        assert (stream.width, stream.height) == (32, 32)
        times = [untyped(frame).time for frame in file.decode(stream)]
    assert times == pytest.approx(np.arange(8) / 10, abs=0.002)


def test_frame_folders_hold_numbered_jpegs(tmp_path):
    world = make_world(tmp_path / "w", WorldConfig(**SMALL, container="frames", difficulty="easy"))
    assert len(list((world.folder / "frames").iterdir())) == 24
    for clip in world.clips[:3]:
        folder = world.path(clip)
        assert folder == world.folder / "frames" / clip.id
        assert sorted(p.name for p in folder.iterdir()) == [f"{n:06d}.jpg" for n in range(1, 9)]
        assert (folder / "000001.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
        assert psnr(decode(folder), render_clip(world.config, clip.index).frames) > 26


@pytest.mark.parametrize("container", ["webm", "frames"])
def test_the_number_of_workers_changes_nothing(tmp_path, container):
    config = WorldConfig(**{**SMALL, "clips": 48}, container=container)
    done = []
    make_world(tmp_path / "one", config, workers=1)
    make_world(tmp_path / "two", config, workers=2, progress=lambda n, total, _: done.append((n, total)))
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    assert done == [(n, 48) for n in range(1, 49)]


def test_another_seed_is_another_world_and_the_same_seed_the_same(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make_world(tmp_path / name, WorldConfig(**SMALL, seed=seed))
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    assert hashes(tmp_path / "a")["videos/1.mp4"] not in hashes(tmp_path / "c").values()


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="a new or empty folder"):
        make_world(tmp_path / "w", WorldConfig(**SMALL))
    assert [p.name for p in tmp_path.rglob("*")] == ["w", "notes.txt"]
    with pytest.raises(OutputError, match="found a file"):
        make_world(tmp_path / "w" / "notes.txt", WorldConfig(**SMALL))
    with pytest.raises(OutputError):
        make_world(tmp_path / "w" / "notes.txt" / "below", WorldConfig(**SMALL))


def test_an_empty_folder_and_missing_parents_are_fine(tmp_path):
    (tmp_path / "empty").mkdir()
    for where in (tmp_path / "empty", tmp_path / "new" / "below"):
        make_world(where, WorldConfig(**SMALL))
        assert read_world(where).folder == where
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "new"]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interruption_leaves_nothing(tmp_path, workers):
    def stop(done, total, label):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_world(tmp_path / "w", WorldConfig(**{**SMALL, "clips": 60}), progress=stop, workers=workers)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_worker_leaves_nothing_and_is_told_in_one_line(tmp_path):
    def kill_one(done, total, label):
        if done == 3:
            multiprocessing.active_children()[0].kill()

    with pytest.raises(OutputError, match="ended too soon") as error:
        make_world(tmp_path / "w", WorldConfig(clips=400, size=32), progress=kill_one, workers=2)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_and_is_told_in_one_line(tmp_path, monkeypatch):
    def fill(folder, clip_id, frames, config):
        if clip_id == "7":
            raise OSError(28, "No space left on device")
        save_clip(folder, clip_id, frames, config)

    making = importlib.import_module("gst_analysis.planted.making")  # not the package's door to it
    monkeypatch.setattr(making, "save_clip", fill)
    with pytest.raises(OutputError, match=r"found No space left on device; choose another place"):
        make_world(tmp_path / "w", WorldConfig(**SMALL))
    assert list(tmp_path.iterdir()) == []


def set_clip(name, value):
    def change(truth):
        truth["clips"][3][name] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("version"), "another version"),
        (lambda t: t["clips"].pop(), "47 clips"),
        (lambda t: t["config"].update(world="moon"), "moon"),
        (lambda t: t["config"].update(colour="red"), "fields of a WorldConfig"),
        (lambda t: t.update(clips={}), "clips that are no list"),
        (set_clip("id", "../../etc/passwd"), "where clip 4 belongs"),
        (set_clip("class_id", 99), "of class 99"),
        (set_clip("label", "Moving something up"), "Moving something up"),
        (set_clip("tau", "7"), "clip 4: tau of the wrong kind"),
        (set_clip("split", "test"), "clip 4: split"),
        (set_clip("background", [1, 2]), "clip 4: background"),
        (set_clip("pan", [[0.1, "x"]]), "clip 4: pan of the wrong kind or length: 'x'"),
        (set_clip("things", [{}]), "fields of a Thing"),
    ],
)
def test_a_truth_that_was_tampered_with_is_refused(world, tmp_path, change, said):
    truth = json.loads((world.folder / "truth.json").read_text())
    change(truth)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    with pytest.raises(DataError, match=said) as error:
        read_world(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[" * 100_000, b"\xff\xfe\x00", b"[1, 2]", b'{"version": NaN}']
)
def test_no_truth_is_an_error_and_no_traceback(tmp_path, content):
    if content is not None:
        (tmp_path / "truth.json").write_bytes(content)
    with pytest.raises(DataError, match=r"truth\.json of a planted world"):
        read_world(tmp_path)


def is_there(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_renderers_end_with_a_parent_that_is_killed(tmp_path):
    code = (
        "from gst_analysis.planted.making import WorldConfig, make_world\n"
        "if __name__ == '__main__':\n"
        f"    make_world({str(tmp_path / 'world')!r}, WorldConfig('static', clips=5000), workers=2)\n"
    )
    (script := tmp_path / "render.py").write_text(code)
    process = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    while sum(1 for _ in tmp_path.rglob("*.mp4")) < 10:
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    until = time.monotonic() + 20
    while time.monotonic() < until and is_there(process.pid):
        time.sleep(0.1)
    assert not is_there(process.pid)
