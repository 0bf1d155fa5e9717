"""`similarity` as a contract: its words, what it prints and what figures show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gst_analysis as gst
from gst_analysis.analyses.similarity.command import split_words
from gst_analysis.analyses.similarity.figure import to_matrix
from gst_analysis.cli import run
from gst_analysis.errors import SpecError
from tests.analyses.labelled_clips import small_model, write_world
from tests.untyped import untyped

CPU = ["--device", "cpu"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks and a data set of six clips."""
    made = tmp_path_factory.mktemp("similarity")
    for seed, name in enumerate(("a.pth", "b.pth")):
        model = small_model(seed=seed)
        gst.save_model(made / name, model.module, clip_spec=model.clip_spec)
    write_world(made / "world", [0, 1, 2, 3, 4, 0])
    return made


def test_two_networks_and_a_data_set(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["similarity", str(folder / "a.pth"), str(folder / "b.pth"), str(folder / "world"), *CPU]
    assert run([*words, "--formats", "csv", "--out", str(tmp_path / "o")]) == 0
    told = capsys.readouterr().out
    assert "a and b: 6 clips" in told
    assert "most alike in b" in told
    assert "a: frames" in told
    assert "b: frames" in told
    assert run([*words, "--formats", "json", "--out", str(tmp_path / "o"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in document["networks"]] == ["a", "b"]
    assert len(document["places"]) == 64
    assert len(document["frames"]["b"]) == 8


def test_one_network_and_clips(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = str(folder / "world" / "videos")
    words = ["similarity", str(folder / "a.pth"), clips, *CPU, "--limit", "5", "--formats", "csv"]
    assert run([*words, "--out", str(tmp_path / "o")]) == 0
    assert "a: 5 clips" in capsys.readouterr().out


def test_a_word_with_a_checkpoints_ending_is_the_second_network(tmp_path: Path) -> None:
    assert split_words(["b.safetensors", "clip.mp4", "c.mp4"]) == ("b.safetensors", ["clip.mp4", "c.mp4"])
    assert split_words(["world", "b.pth"]) == (None, ["world", "b.pth"])
    (tmp_path / "config.json").write_text("{}")
    assert split_words([str(tmp_path), "clips"]) == (str(tmp_path), ["clips"])
    with pytest.raises(SpecError, match="clips or a data set after the checkpoints"):
        split_words(["b.pth"])


@pytest.mark.slow
def test_figures_show_the_tables_values(folder: Path) -> None:
    result = gst.similarity(folder / "a.pth", folder / "world", other=folder / "b.pth", device="cpu")
    axes = result.plot().axes[0]
    cells = to_matrix(result.table, "first_place", "second_place")
    np.testing.assert_allclose(untyped(axes.images[0].get_array()), cells.clip(0, 1))
    assert len(axes.texts) == 64
    outlined = [
        (round(untyped(one).get_y() + 0.5), round(untyped(one).get_x() + 0.5)) for one in axes.patches
    ]
    assert outlined == list(enumerate(cells.argmax(1)))
    page = untyped(result.plot_interactive().data[0])
    np.testing.assert_allclose(np.array(page.z, dtype=float), cells)
    assert "<b>layer1.0</b> of a<br><b>layer1.1</b> of b" in page.text[0][1]
    grid = [axes for axes in result.figures()["frame_similarity"].axes if axes.images]
    first = result.frames[(result.frames["checkpoint"] == "a") & (result.frames["place"] == "layer1.0")]
    np.testing.assert_allclose(
        untyped(grid[0].images[0].get_array()), to_matrix(first, "frame", "other_frame").clip(0, 1)
    )
    assert len(grid) == 16
