"""Scales in a small file: the table comes back as it was, and nothing odd comes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gst_analysis as gst
from gst_analysis.analyses.scales import sharing
from gst_analysis.analyses.scales.sharing import load_reference
from gst_analysis.checkpoints.cards import card_path, load_card_beside
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from gst_analysis.errors import BrokenCheckpoint, SpecError, UnreadableCheckpoint
from tests.conftest import SaveSmall, build_small

Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize("name", ["gst-resnet26s", "sth-resnet26s", "c2d-resnet26s", "tsm-mobilenetv2"])
def test_the_table_comes_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    path = save_model(tmp_path / "a.pth", build_small(name))
    written = gst.reference(path).save(tmp_path)
    assert written.name == "a-reference.json"
    found = load_reference(written)
    assert (found.checkpoint, found.sha256) == ("a", load_checkpoint(path).sha256)
    assert found.spec == load_checkpoint(path).spec
    expected = gst.bn_scales(path).table
    got = gst.bn_scales(written, names=["a"]).table
    # Shares of sth are computed in 64 bits, and written in 32.
    pd.testing.assert_frame_equal(got, expected, check_exact=not name.startswith("sth"), rtol=1e-6)


@pytest.mark.slow
def test_a_published_system_has_a_reference(tmp_path: Path) -> None:
    """Its groups are found by probing: the same on both sides."""
    network = gst.create_model("x3d-s", seed=0)
    path = save_model(tmp_path / "x3d.pth", network)
    written = gst.reference(path).save(tmp_path)
    pd.testing.assert_frame_equal(
        gst.bn_scales(written, names=["x3d"]).table, gst.bn_scales(path).table, check_exact=True
    )


def test_compare_takes_it_as_if_it_were_the_checkpoint(save_small: SaveSmall, tmp_path: Path) -> None:
    one, other = (save_small(seed=seed, file=f"{seed}.pth") for seed in (1, 2))
    written = gst.reference(other).save(tmp_path / "sent")
    direct = gst.compare_scales(one, other, names=["one", "other"])
    through = gst.compare_scales(one, written, names=["one", "other"])
    pd.testing.assert_frame_equal(through.differences, direct.differences)
    pd.testing.assert_frame_equal(through.table, direct.table)
    assert through.provenance.sources == direct.provenance.sources
    assert through.notes[0].startswith("other: the scales that a reference tells of 2; its weights were not")
    assert direct.notes == ()


def test_the_command_writes_it_and_says_where(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save_small(file="mine.pth")
    assert run(["reference", str(path), "--out", str(tmp_path / "o"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == {"reference": str(tmp_path / "o" / "mine-reference.json")}
    assert told["bytes"] == Path(told["files"]["reference"]).stat().st_size < 100_000
    assert run(["reference", str(path), "--out", str(tmp_path / "o")]) == 0
    assert told["sha256"] in capsys.readouterr().out.replace("\n", "")
    for _ in range(2):
        words = ["bn-hist", told["files"]["reference"], "--out", str(tmp_path / "p"), "--formats", "csv"]
        assert run(words) == 0
        assert "its weights were not seen" in capsys.readouterr().out
    (tmp_path / "o" / "mine-reference.json").write_text("mine")
    assert run(["reference", str(path), "--out", str(tmp_path / "o")]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "o" / "mine-reference.json").read_text() == "mine"
    assert run(["reference", str(path), "--out", str(tmp_path / "o"), "--overwrite"]) == 0


@pytest.mark.parametrize("command", [["inspect"], ["drift"], ["importance"], ["slim", "--macs", "0.8"]])
def test_every_other_command_says_in_one_line_what_it_is(
    command: list[str], save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = gst.reference(save_small()).save(tmp_path)
    name, *more = command
    assert run([name, str(written), *more]) == 2
    error = capsys.readouterr().err
    assert "found a reference: the scales of one, without its weights; name the checkpoint itself" in error
    assert error.count("\n") == 1


def test_it_is_no_card_of_the_checkpoint_beside_it(save_small: SaveSmall, tmp_path: Path) -> None:
    path = save_small(file="a.pth")
    found = gst.reference(path)
    found.save(tmp_path).rename(card_path(path))
    assert load_card_beside(path, found.sha256).record == {}
    with pytest.raises(UnreadableCheckpoint, match="found a reference"):
        load_checkpoint(card_path(path))


def test_weights_that_are_no_files_have_no_reference(save_small: SaveSmall) -> None:
    with pytest.raises(SpecError, match="weights that are no file's; save it first"):
        gst.reference(gst.create_model("gst-resnet18", seed=0))


def first(record: dict[str, Any]) -> dict[str, Any]:
    scales: dict[str, Any] = record["scales"][0]
    return scales


BAD: dict[str, tuple[Change, str]] = {
    "version": (lambda r: r.update(version=2), "version 1; found 2; update"),
    "no spec": (lambda r: r.pop("spec"), "missing or surplus ones: spec"),
    "more": (lambda r: r.update(code="import os"), "missing or surplus ones: code"),
    "hash": (lambda r: r.update(sha256="../../etc"), "the sha256 of a file"),
    "name": (lambda r: r.update(checkpoint=["a"]), "the checkpoint's name"),
    "family": (lambda r: r["spec"].update(family="rnn"), "a spec that describes a network"),
    "spec": (lambda r: r.update(spec=3), "a spec that describes a network"),
    "system": (
        lambda r: r.update(spec={"system": "x3d-s", "num_frames": 10**9, "num_classes": 4}),
        "usual numbers|whole number",
    ),
    "settings": (
        lambda r: r.update(
            spec={"system": "x3d-s", "num_frames": 8, "num_classes": 4, "settings": {"a": 10**9}}
        ),
        "usual numbers|a spec that",
    ),
    "width": (lambda r: r["spec"].update(width=32), "values of gamma"),
    "fewer groups": (lambda r: r["scales"].pop(), "the 16 groups of"),
    "no groups": (lambda r: r.update(scales={}), "the 16 groups of"),
    "swapped": (lambda r: r["scales"].reverse(), "the spatial scales of layer1.0.bn2; found 4, layer4"),
    "a key": (lambda r: first(r).update(extra=[]), "the spatial scales of layer1.0.bn2; found other keys"),
    "short": (lambda r: first(r)["gamma"].pop(), "values of gamma in layer1.0.bn2"),
    "text": (lambda r: first(r)["beta"].__setitem__(0, "1"), "finite numbers for beta"),
    "flag": (lambda r: first(r)["beta"].__setitem__(0, True), "finite numbers for beta"),
    "null": (lambda r: first(r)["beta"].__setitem__(0, None), "finite numbers for beta"),
    "huge": (lambda r: first(r)["gamma"].__setitem__(0, 10**400), "a number of 401 digits"),
    "large": (lambda r: first(r)["gamma"].__setitem__(0, 1e39), "finite numbers for gamma"),
    "nan": (lambda r: first(r)["gamma"].__setitem__(0, float("nan")), "NaN, which is no number"),
    "infinity": (lambda r: first(r)["gamma"].__setitem__(0, float("inf")), "Infinity, which is no number"),
    "share": (lambda r: first(r)["share"].__setitem__(0, 0.5), "shares of 1"),
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sent")
    return gst.reference(save_model(folder / "a.pth", build_small("gst-resnet26s"))).save(folder).read_text()


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_refused(case: str, record: str, tmp_path: Path) -> None:
    change, said = BAD[case]
    changed = json.loads(record)
    change(changed)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(changed))
    with pytest.raises(BrokenCheckpoint, match=said) as error:
        gst.bn_scales(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"format": "gst-analysis-reference"', "a JSON file"),
        ('{"format": "gst-analysis-reference", "a": ' + "[" * 100_000, "a JSON file"),
        ('{"format": "gst-analysis-reference"}', "version 1; found None"),
        ('{"format": "gst-analysis-reference", "format": "b"}', "found another"),
    ],
)
def test_damaged_files_are_one_line(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(BrokenCheckpoint, match=said):
        gst.bn_scales(path)


def test_a_large_file_is_not_read(record: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.json"
    path.write_text(record)
    monkeypatch.setattr(sharing, "LARGEST", 1000)
    with pytest.raises(BrokenCheckpoint, match=r"at most 0 MB; found .* bytes"):
        load_reference(path)


def test_a_broken_one_is_left_out_of_a_comparison(record: str, save_small: SaveSmall, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(record)
    bad.write_text(record[:-10])
    result = gst.compare_scales(save_small(), good, bad)
    assert list(result.failures) == ["bad"]
    assert np.isfinite(result.scales["gamma"]).all()
