"""Which clips are meant, and the table of their most likely classes."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gst_analysis.analyses.prediction.measure import (
    measure_predictions,
    tabulate_frame_predictions,
    tabulate_predictions,
)
from gst_analysis.analyses.prediction.table import FRAME_PREDICTIONS, PREDICTIONS
from gst_analysis.clips.finding import find_clips
from gst_analysis.errors import DataError, SpecError
from gst_analysis.inference.logits import FrameLogits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.tables.schema import check
from tests.clips.planted_clips import Film, write_folder, write_video
from tests.inference.fakes import LABELS, fake_model, write_greys
from tests.inference.test_logits import make_logits
from tests.untyped import untyped

CPU = InferenceSettings(device="cpu", readers=2)


def plant_tree(root: Path) -> None:
    """Videos, frame folders, and much that is neither."""
    for name in ("b.mp4", "a.webm", "sub/c.AVI", "sub/deep/d.mkv", ".hidden.mp4"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    write_greys(root / "frames", [1, 2])
    write_greys(root / "sub" / "more", [1, 2])
    (root / "notes.txt").write_text("")
    (root / "thumb1.jpg").write_bytes(b"")  # a picture beside videos is no frame
    (root / "empty").mkdir()
    (root / ".git").mkdir()
    (root / ".git" / "x.mp4").write_bytes(b"")


def find(*sources: str | Path) -> list[str]:
    return [clip.clip for clip in find_clips([str(source) for source in sources])]


def test_a_folder_stands_for_its_videos_and_frame_folders(tmp_path: Path) -> None:
    plant_tree(tmp_path)
    names = ("a.webm", "b.mp4", "frames", "sub/c.AVI", "sub/deep/d.mkv", "sub/more")
    assert find(tmp_path) == [str(tmp_path / name) for name in names]


def test_files_frame_folders_and_globs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_tree(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert find("b.mp4") == ["b.mp4"]
    assert find("notes.txt") == ["notes.txt"]  # named outright: whatever its ending
    assert find("frames") == ["frames"]
    assert find("*.mp4") == ["b.mp4"]
    assert find("*") == ["a.webm", "b.mp4", "frames", "sub/c.AVI", "sub/deep/d.mkv", "sub/more"]
    assert find("**/*.mkv") == ["sub/deep/d.mkv"]
    assert find("b.mp4", "*.mp4", "frames") == ["b.mp4", "frames"]  # each once
    assert [clip.clip for clip in find_clips(Path("b.mp4"))] == ["b.mp4"]


def test_a_name_with_brackets_is_a_file_before_it_is_a_glob(tmp_path: Path) -> None:
    (tmp_path / "clip[1].mp4").write_bytes(b"")
    assert find(tmp_path / "clip[1].mp4") == [str(tmp_path / "clip[1].mp4")]


def test_links_that_lead_back_end(tmp_path: Path) -> None:
    plant_tree(tmp_path)
    os.symlink(tmp_path, tmp_path / "sub" / "up")
    os.symlink(tmp_path / "frames", tmp_path / "linked")
    assert len(find(tmp_path)) == 6


@pytest.mark.parametrize("name", ["gone.mp4", "gone/*.mp4", "empty", "*.txt", "a\0b"])
def test_names_that_stand_for_no_clip_are_refused(tmp_path: Path, name: str) -> None:
    plant_tree(tmp_path)
    with pytest.raises(DataError, match="expected a video file"):
        find(f"{tmp_path}/{name}")
    with pytest.raises(DataError):
        find()


def rank_in_pandas(logits: FrameLogits, top_k: int) -> pd.DataFrame:
    """The expected table, another way."""
    clip_logits = logits.logits.astype(np.float64).mean(axis=1)
    stacked = untyped(pd.DataFrame(clip_logits, index=list(logits.clips)).stack())
    frame = stacked.rename("logit").reset_index()
    frame.columns = ["clip", "class_id", "logit"]
    by_clip = frame.groupby("clip", sort=False)["logit"]
    frame["rank"] = by_clip.rank(method="first", ascending=False).astype(int)
    frame["probability"] = np.exp(frame["logit"]) / np.exp(frame["logit"]).groupby(frame["clip"]).transform(
        "sum"
    )
    kept = frame[frame["rank"] <= top_k]
    order = {clip: place for place, clip in enumerate(logits.clips)}
    return kept.sort_values(["clip", "rank"], key=lambda c: c.map(order) if c.name == "clip" else c)


@pytest.mark.parametrize("top_k", [1, 2, 4, 9])
def test_the_table_ranks_classes_by_the_mean_over_frames(top_k: int) -> None:
    logits = make_logits(("a", "b", "c"))
    table = tabulate_predictions(logits, top_k=top_k)
    expected = rank_in_pandas(logits, top_k)
    assert check(table, PREDICTIONS) is table
    for column in ("clip", "rank", "class_id"):
        assert table[column].tolist() == expected[column].tolist()
    np.testing.assert_allclose(table["logit"], expected["logit"], rtol=1e-5)
    np.testing.assert_allclose(table["probability"], expected["probability"], rtol=1e-5)
    assert table["label"].tolist() == ["pqrs"[number] for number in table["class_id"]]


def test_of_equal_logits_the_lower_class_comes_first() -> None:
    logits = make_logits(("a",), logits=np.zeros((1, 3, 4), np.float32))
    table = tabulate_predictions(logits, top_k=4)
    assert table["class_id"].tolist() == [0, 1, 2, 3]
    assert (table["probability"] == 0.25).all()


def test_frames_have_a_table_of_their_own() -> None:
    logits = make_logits(("a", "b"))
    table = tabulate_frame_predictions(logits, top_k=2)
    assert check(table, FRAME_PREDICTIONS) is table
    assert len(table) == 2 * 3 * 2
    row = table[(table["clip"] == "b") & (table["frame"] == 2) & (table["rank"] == 1)].iloc[0]
    assert row["class_id"] == logits.logits[1, 2].argmax()
    assert row["logit"] == pytest.approx(logits.logits[1, 2].max())
    np.testing.assert_equal(row["seconds"], logits.seconds[1, 2])


def test_predict_reads_folders_and_says_what_it_could_not_read(tmp_path: Path) -> None:
    write_greys(tmp_path / "dark", [(1, 90)] * 5)
    write_greys(tmp_path / "light", [(250, 90)] * 5)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    write_video(tmp_path / "film.mp4", Film(frames=9))
    done = measure_predictions(fake_model(), find_clips(tmp_path), top_k=2, settings=CPU)
    first = done.table[done.table["rank"] == 1].set_index("clip")["label"]
    assert first[str(tmp_path / "dark")] == "Pushing something right"
    assert first[str(tmp_path / "light")] == "Pushing something left"  # of two equal ones
    assert done.table.groupby("clip").size().tolist() == [2, 2, 2]
    assert done.summary.clips == 3
    assert list(done.failures) == [str(tmp_path / "broken.mp4")]
    assert done.logits.clips[1] == str(tmp_path / "film.mp4")
    np.testing.assert_allclose(done.logits.seconds[1], np.array([1, 4, 7]) / 24)
    assert done.provenance.sources == {"fake": "0" * 64}
    files = done.save(tmp_path / "out", ["csv"])
    pd.testing.assert_frame_equal(pd.read_csv(files["csv"]), done.table, check_dtype=False)


def test_predict_without_class_names_shows_numbers_and_says_so(tmp_path: Path) -> None:
    write_greys(tmp_path / "a", [(1, 90)] * 3)
    done = measure_predictions(fake_model(labels=None), find_clips(tmp_path / "a"), top_k=1, settings=CPU)
    assert done.table["label"].tolist() == ["class 2"]
    assert any("numbers" in note for note in done.notes)


def test_frames_of_odd_sizes_can_be_predicted(tmp_path: Path) -> None:
    write_folder(tmp_path / "odd", ["1.jpg", "2.jpg"], width=131, height=97)
    done = measure_predictions(fake_model(), find_clips(tmp_path / "odd"), settings=CPU)
    assert done.logits.logits.shape == (1, 3, 4)


@pytest.mark.slow
def test_a_long_video_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """Ten minutes: 83 MB of pixels, of which three frames are wanted."""
    path = write_video(tmp_path / "long.mp4", Film(frames=9000, rate=15, width=64, height=48, gop=250))
    tracemalloc.start()
    try:
        done = measure_predictions(fake_model(), find_clips(path), settings=CPU)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert done.logits.seconds[0].tolist() == pytest.approx([100, 300, 500], abs=0.1)
    assert peak < 20e6


def test_predict_refuses_what_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match=r"broken.mp4: expected at least one clip that can be read"):
        measure_predictions(fake_model(), find_clips(tmp_path / "broken.mp4"), settings=CPU)
    for top_k in (0, -1, 1.5):
        with pytest.raises(SpecError, match="top_k"):
            measure_predictions(fake_model(), find_clips(tmp_path), top_k=top_k, settings=CPU)  # type: ignore[arg-type] # wrong on purpose


@pytest.mark.parametrize(
    "film",
    [
        Film(frames=1),
        Film(frames=2),
        Film(frames=30, rate=1),
        Film(frames=12, width=64, height=160),
        Film(frames=12, width=322, height=98),
        Film(frames=12, width=96, height=64, rotation=90),
    ],
    ids=["one frame", "two frames", "1 fps", "portrait", "odd size", "turned"],
)
def test_any_video_can_be_predicted(tmp_path: Path, film: Film) -> None:
    path = write_video(tmp_path / "film.mp4", film)
    done = measure_predictions(fake_model(frames=8), find_clips(path), top_k=1, settings=CPU)
    assert done.logits.logits.shape == (1, 8, len(LABELS))
    assert done.failures == {}
