"""`compare` as a contract, and the statistics in `bn-hist`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses import comparison
from gst_analysis.analyses.comparison.table import NOT_COMPARED, SCALE_DIFFERENCES
from gst_analysis.analyses.scales.table import BLOCK_GAPS, BN_SCALES
from gst_analysis.cli import run
from gst_analysis.tables.schema import check
from tests.checkpoints import foreign
from tests.conftest import SaveSmall, build_small, list_results
from tests.untyped import submodule


def read(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    printed = capsys.readouterr()
    assert printed.err == ""
    document: dict[str, Any] = json.loads(printed.out)
    return document


def test_compare_prints_one_document_and_writes_what_it_lists(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(save_small(alpha=alpha, file=f"{alpha[-1]}.pth")) for alpha in ("1/2", "1/4")]
    arguments = ["--reference", "4", "--formats", "png,svg,csv,parquet,json", "--out", str(tmp_path / "o")]
    assert run(["compare", *paths, *arguments, "--json"]) == 0
    record = read(capsys)
    assert [c["name"] for c in record["checkpoints"]] == ["2", "4"]
    assert [c["path"] for c in record["checkpoints"]] == paths
    assert [len(c["blocks"]) for c in record["checkpoints"]] == [8, 8]
    assert {(d["checkpoint"], d["reference"]) for d in record["differences"]} == {("2", "4")}
    assert (record["failures"], record["not_compared"]) == ({}, [])
    assert all(Path(file).stat().st_size > 0 for file in record["files"].values())
    assert list_results(tmp_path / "o") == sorted(Path(file).name for file in record["files"].values())
    for name, schema in (
        ("parquet", BLOCK_GAPS),
        ("scale_differences.parquet", SCALE_DIFFERENCES),
        ("bn_scales.parquet", BN_SCALES),
    ):
        table = pd.read_parquet(record["files"][name])
        check(table, schema)
    assert run(["compare", *paths, "--formats", "csv", "--out", str(tmp_path / "p")]) == 0
    printed = capsys.readouterr().out
    assert "layer1" not in printed
    assert "1.0.bn2" in printed
    assert "is the" in printed


def test_what_cannot_be_read_is_left_out_and_said(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noise.pth").write_bytes(b"noise, no checkpoint")
    paths = [str(tmp_path / "noise.pth"), str(save_small()), str(tmp_path / "none.pth")]
    out = ["--formats", "csv", "--out", str(tmp_path / "o")]
    assert run(["compare", *paths, *out, "--json"]) == 1
    record = read(capsys)
    assert sorted(record["failures"]) == ["noise", "none"]
    assert "no such file" in record["failures"]["none"]
    assert record["reference"] == record["checkpoints"][0]["name"]
    assert run(["compare", *paths, *out]) == 1
    assert capsys.readouterr().out.count("left out: ") == 2
    assert run(["compare", paths[0], paths[2], *out]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


@pytest.mark.slow
def test_networks_that_share_nothing_stand_side_by_side(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["gst-resnet26s", "gst-resnet18", "c2d-resnet26s", "sth-resnet26s", "gst-large-resnet26s"]
    paths = [str(save_small(name)) for name in names]
    arguments = ["--formats", "png", "--by", "block", "--dark", "--absolute", "--out", str(tmp_path / "o")]
    assert run(["compare", *paths, *arguments, "--json"]) == 0
    record = read(capsys)
    assert {row["checkpoint"] for row in record["not_compared"]} == {f"{name}-0" for name in names[1:4]}
    assert {row["checkpoint"] for row in record["differences"]} == {"gst-large-resnet26s-0"}
    assert record["statistic"] == "|gamma|"
    flat = record["checkpoints"][2]["blocks"][0]
    assert flat["gap"] is None
    assert "no spatial and temporal groups" in flat["undefined"]
    assert run(["compare", *paths, "--formats", "csv", "--out", str(tmp_path / "o")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("not compared: ") == 3
    assert "nan" not in printed


@pytest.mark.slow
def test_odd_checkpoints_give_figures_and_no_nan(tmp_path: Path) -> None:
    """Folded batch norms, scales of zero, one channel in a group."""
    folded, zero, narrow = build_small("gst-resnet26s"), build_small("gst-resnet26s"), None
    with torch.no_grad():
        for block in folded.spec.blocks():
            submodule(folded, f"{block.name}.bn2").weight.fill_(1.0)
            submodule(zero, f"{block.name}.bn2").weight.zero_()
    spec = gst.ModelSpec.from_name("gst-resnet26s", alpha="1/8", width=8, num_classes=3)
    narrow = gst.create_model(spec, seed=0)
    paths = [gst.save_model(tmp_path / "folded.pth", folded), gst.save_model(tmp_path / "zero.pth", zero)]
    result = comparison.compare_scales(*paths, gst.save_model(tmp_path / "narrow.pth", narrow))
    result.save(tmp_path / "o", ["png", "json"])
    said = result.to_document()
    first = said["checkpoints"][2]["blocks"][0]
    assert (first["n"], math.isnan(first["gap_low"])) == (1, True)
    assert "one channel" in first["undefined"]
    assert result.table[result.table["checkpoint"] != "narrow"]["auc_p"].eq(1).all()
    check(result.uncompared, NOT_COMPARED)
    assert [note.split(":")[0] for note in result.notes] == ["folded", "zero", "narrow"]
    assert "folded into the convolutions" in result.notes[0]
    assert "nothing passes" in result.notes[1]


def test_missing_batch_norms_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {n: t for n, t in foreign.gst_video(planes=16).items() if ".bn" not in n}
    torch.save(state, tmp_path / "bare.pth")
    for command in ("compare", "importance", "drift", "bn-hist"):
        assert run([command, str(tmp_path / "bare.pth"), "--out", str(tmp_path / "o")]) == 2
        printed = capsys.readouterr().err
        assert "missing: " in printed
        assert "bn1" in printed
        assert printed.count("\n") == 1


@pytest.mark.parametrize("cores", [1, 2])
def test_the_weights_are_forgotten_file_by_file(
    save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    """Flat memory: when a file is opened, none that was read before is still there.

    On two cores two are looked through ahead of the one at hand; their weights are still in the files.
    """
    import weakref

    from gst_analysis.checkpoints import loading, sources
    from gst_analysis.checkpoints.stored import StoredTensor

    read_before: list[weakref.ref[object]] = []
    whole, most = loading.load_unbuilt_checkpoint, 0 if cores == 1 else 3

    def load(*given: Any) -> Any:
        assert sum(seen() is not None for seen in read_before) <= most
        checkpoint = whole(*given)
        assert checkpoint is not None
        assert all(isinstance(tensor, StoredTensor) for tensor in checkpoint.state.values())
        read_before.append(weakref.ref(checkpoint))
        return checkpoint

    monkeypatch.setattr(sources, "load_unbuilt_checkpoint", load)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    steps: list[tuple[int, int, str]] = []
    paths = [save_small(seed=seed) for seed in range(8)]
    comparison.compare_scales(*paths, progress=lambda *step: steps.append(step))
    assert len(read_before) == 8
    assert [step[:2] for step in steps] == [(done, 8) for done in range(8)]


def test_the_same_file_twice_is_two_columns_that_are_alike(save_small: SaveSmall, tmp_path: Path) -> None:
    path = save_small(file="best (1).pth")
    copies = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        copies.append(tmp_path / folder / "best.pth")
        copies[-1].write_bytes(path.read_bytes())
    result = comparison.compare_scales(path, *copies)
    assert result.table["checkpoint"].nunique() == 3
    assert (result.differences["wasserstein"] == 0).all()


def test_bn_hist_tells_the_gap_too(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(save_small())
    out = ["--formats", "csv", "--out", str(tmp_path / "o")]
    assert run(["bn-hist", path, *out, "--json"]) == 0
    block = read(capsys)["checkpoints"][0]["blocks"][3]
    groups, found = block["groups"], block["statistics"]
    assert found["gap"] == pytest.approx(groups["temporal"]["median"] - groups["spatial"]["median"])
    assert 0 <= found["auc_p_holm"] <= 1
    assert run(["bn-hist", path, *out]) == 0
    assert "(Holm)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--reference", "nobody"], "one of gst-resnet26s-0"),
        (["--formats", "docx"], "found docx"),
        (["--by", "channel"], "block, stage"),
    ],
)
def test_bad_options_get_one_line(
    arguments: list[str],
    words: str,
    save_small: SaveSmall,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)  # results would go where one is
    assert run(["compare", str(save_small()), *arguments]) == 2
    printed = capsys.readouterr().err
    assert words in printed
    assert printed.count("\n") == 1
