"""Downloads are the command line's files, shown commands do what they say, caches go by content."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from app import cached, commands
from app.downloads import MIMES, make_file
from app.wording import literal, people, plain_name, tell
from gst_analysis.analyses import cost, scales
from gst_analysis.checkpoints.sources import open_checkpoint
from gst_analysis.cli import run
from gst_analysis.errors import SpecError, UnreadableCheckpoint
from gst_analysis.networks.specs import ModelSpec
from tests.conftest import SaveSmall

VIEW = commands.CostView("params", "diving48", "params_m")


def test_shown_command_and_download_give_the_same_table(folder: Path, save_small: SaveSmall) -> None:
    paths = [save_small(file="a.pth").name, save_small(file="b.pth", alpha="1/2").name]
    parts = [cached.read_checkpoint(Path(path).resolve()).scales for path in paths]
    result = scales.join_bn_scales(parts, names=["a", "b"], paths=paths, absolute=True)
    lines = commands.write_bn_hist(paths, by="stage", absolute=True)
    assert run([*shlex.split(lines.shell)[1:], "--formats", "csv,json"]) == 0
    for kind in ("csv", "json"):
        made = make_file(kind, "bn_scales", result, result.plot)
        assert made == (folder / "figures" / f"bn_scales.{kind}").read_bytes()


def test_shown_python_lines_run(folder: Path, save_small: SaveSmall) -> None:
    path = save_small(file="it's a file.pth").name
    scope: dict[str, Any] = {}
    exec(commands.write_bn_hist([path], by="block", absolute=False).python, scope)
    assert set(scope["table"]["checkpoint"]) == {"it's a file"}
    assert scope["figure"].axes
    spec = ModelSpec.from_name("gst-resnet26s", alpha="1/2")
    exec(commands.write_bn_hist([], spec, by="stage", absolute=True).python, scope)
    assert set(scope["result"].table["gamma"]) == {1.0}
    exec(commands.write_cost(spec, 64, VIEW).python, scope)
    assert scope["cost"].summary.macs == cost.cost(spec, size=64).summary.macs
    assert scope["bars"].axes
    assert scope["scatter"].axes


def test_the_lines_of_every_view_of_scales_run(folder: Path, save_small: SaveSmall) -> None:
    paths = [save_small(file=f"{name}.pth", seed=seed).name for seed, name in enumerate("ab")]
    written = [
        (commands.write_compare(paths, by="block", absolute=True, figure="gaps"), {"gaps", "differences"}),
        (commands.write_importance(paths), {"channels", "layers"}),
        (commands.write_drift(paths, start="a.pth", figure="drift"), {"channels", "layers"}),
    ]
    for lines, tables in written:
        scope: dict[str, Any] = {}
        exec(lines.python, scope)
        assert scope["figure"].axes
        assert all(len(scope[name]) for name in tables)
        assert run([*shlex.split(lines.shell)[1:], "--formats", "csv"]) == 0


@pytest.mark.parametrize(
    ("clips", "shell", "python"),
    [
        (
            commands.ClipsToTry("temporal", "worlds/temporal/train.json"),
            "gst-analyze synth worlds/temporal --world temporal --clips 72 --seed 1 --difficulty easy\n"
            "gst-analyze slim a.pth worlds/temporal/train.json --score taylor --macs 0.9 --out slim",
            "clips = make_trial('worlds', 'temporal')",
        ),
        (
            commands.ClipsToTry(None, "my val.json", 50),
            "gst-analyze slim a.pth 'my val.json' --clips 50 --score taylor --macs 0.9 --out slim",
            "limit=50)",
        ),
    ],
)
def test_lines_name_the_clips(clips: commands.ClipsToTry, shell: str, python: str) -> None:
    lines = commands.write_slimming("a.pth", clips, score="taylor", macs=0.9)
    assert lines.shell == shell
    assert python in lines.python
    compile(lines.python, "shown", "exec")
    compile(commands.write_ablation("a.pth", clips, measure="loss_rise").python, "shown", "exec")
    compile(commands.write_report("a.pth", clips).python, "shown", "exec")


def test_the_cost_command_gives_the_pages_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    spec = ModelSpec.from_name("sth-mobilenetv2", num_frames=4, num_classes=10)
    assert run([*shlex.split(commands.write_cost(spec, 96, VIEW).shell)[1:], "--json"]) == 0
    assert f'"macs": {cost.cost(spec, size=96).summary.macs},' in capsys.readouterr().out


STARTS = {
    "png": b"\x89PNG",
    "svg": b"<?xml",
    "pdf": b"%PDF",
    "csv": b"spec,",
    "parquet": b"PAR1",
    "json": b"{",
}


@pytest.mark.parametrize("kind", MIMES)
def test_every_kind_of_download_is_what_it_says(kind: str) -> None:
    result = cost.cost("gst-resnet26s")
    assert make_file(kind, "cost", result, result.plot).startswith(STARTS[kind])


def test_the_same_content_is_read_once_whatever_it_is_called(
    folder: Path, save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = save_small(file="first.pth")
    (folder / "copy.pth").write_bytes(first.read_bytes())
    read = []
    monkeypatch.setattr(cached, "open_checkpoint", _noting(open_checkpoint, read))
    reading = cached.read_checkpoint(first)
    assert cached.read_checkpoint(folder / "copy.pth").inspection.sha256 == reading.inspection.sha256
    assert read == [first]
    save_small(file="first.pth", seed=7)
    assert cached.read_checkpoint(first).inspection.sha256 != reading.inspection.sha256
    assert read == [first, first]


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    folder: Path, save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_small(file="growing.pth")
    monkeypatch.setattr(cached, "_hash", lambda *_: "0" * 64)
    for _ in range(2):
        with pytest.raises(UnreadableCheckpoint, match="found one that changed"):
            cached.read_checkpoint(path)


def test_a_figure_follows_every_argument(folder: Path, save_small: SaveSmall) -> None:
    result = scales.bn_scales(save_small(file="a.pth"))
    key = [("a", "0")]
    views = [
        cached.draw_scales(key, result, by=by, absolute=False, dark=dark).to_json()
        for by in ("block", "stage")
        for dark in (False, True)
    ]
    assert len(set(views)) == 4
    st.cache_data.clear()


def _noting(function: Any, notes: list[Path]) -> Any:
    def noted(path: Path) -> Any:
        notes.append(path)
        return function(path)

    return noted


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (21_035_246, "", "21.0 M"),
        (29_000_564_736, "MACs", "29.0 GMACs"),
        (999, "", "999"),
        (0, "MACs", "0 MACs"),
        (1_000, "", "1.0 k"),
        (2.6e12, "FLOPs", "2.6 TFLOPs"),
    ],
)
def test_numbers_are_written_for_people(number: float, unit: str, text: str) -> None:
    assert people(number, unit) == text


def test_names_and_errors_cannot_write_markdown() -> None:
    assert plain_name("<img src=x>\n$x$.pth") == "_img src=x_ _x_.pth"
    assert plain_name("") == "checkpoint"
    assert literal("**a** :red[b] <i> $x$") == r"\*\*a\*\* \:red\[b\] \<i\> \$x\$"
    assert literal("http://x.y www.z") == "http\\:\u2060\\/\\/x\\.y www\u2060\\.z"
    error = SpecError("/tmp/secret/x.pth", expected="a", found="![b](c)", todo="d")
    assert tell(error, names={"/tmp/secret/x.pth": "x.pth"}) == (
        r"x\.pth\: expected a\; found \!\[b\]\(c\)\; d"
    )
