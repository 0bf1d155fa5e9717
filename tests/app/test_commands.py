"""What pages show to be typed: it is understood, it runs, and it gives what the page gives."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest

from app import cached, cached_clips, checks, commands
from app.commands import ClipsToTry, NamedClip, write_analysis, write_trace
from app.downloads import make_file
from gst_analysis.analyses import comparison, cost, drift, importance, list_analyses, scales, slimming
from gst_analysis.analyses.traces.single_clips import planted_clips
from gst_analysis.analyses.traces.table import BARE
from gst_analysis.cli import run
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.options import list_options
from gst_analysis.rooms import About
from tests.analyses.contract import other_value
from tests.app.shown_lines import check_lines, hear
from tests.conftest import SaveSmall

PLANTED = ClipsToTry("mixed", "worlds/mixed/train.json")
OWN = ClipsToTry(None, "my val.json", 50)
VIEW = commands.CostView("params", "diving48", "params_m")
PREFIX = dataclasses.replace(BARE, mode="prefix")


def write_design_cost(spec: ModelSpec, size: int) -> commands.Lines:
    return commands.write_cost(spec.name, commands.say_design(spec, size), VIEW)


NAMED = {
    "checkpoint": (["it's a net.pth"], None),
    "checkpoints": (["a.pth", "b.pth"], None),
    "clip": (["a.pth", "clip.mp4"], None),
    "clips": (["a.pth", "clip.mp4"], None),
    "dataset": (["a.pth"], OWN),
}
"""What analyses are shown to be run on."""


@pytest.mark.parametrize(
    "about", [one for one in list_analyses() if one.needs in NAMED], ids=lambda about: about.command
)
def test_every_option_of_every_analysis_can_be_shown(about: About) -> None:
    named, clips = NAMED[about.needs]
    check_lines(write_analysis(about, named, clips=clips))
    for field in list_options(about.options):
        value = other_value(about.options, field.name, about.options())
        check_lines(write_analysis(about, named, about.options(**{field.name: value}), clips=clips))


@pytest.mark.parametrize("clips", [None, PLANTED, OWN])
def test_lines_of_other_pages_are_understood(clips: ClipsToTry | None) -> None:
    check_lines(commands.write_report("a.pth", clips))
    check_lines(commands.write_train("runs/a", ["runs/a/epoch-0001.pth", "runs/a/epoch-0002.pth"]))
    check_lines(write_design_cost(ModelSpec.from_name("c3d-resnet18", num_frames=16), 112))
    check_lines(write_trace("net.pth", NamedClip("worlds/static/x.mp4", "x", "a class"), PREFIX, 3))
    untrained = ModelSpec.from_name("sth-resnet50", alpha="1/8")
    check_lines(write_analysis(scales.ABOUT, [], untrained=untrained))


def test_what_is_as_it_is_by_itself_is_left_out() -> None:
    assert write_analysis(scales.ABOUT, ["a.pth"]).shell == "gst-analyze bn-hist a.pth"
    assert write_design_cost(ModelSpec.from_name("gst-resnet50"), 224).shell == (
        "gst-analyze cost gst-resnet50"
    )
    told = hear(commands.write_train("runs/a", []).shell)
    assert (told["recipe"], str(told["out"])) == ("runs/a/config.toml", "runs/a-again")


def test_shown_command_and_download_give_the_same_files(folder: Path, save_small: SaveSmall) -> None:
    paths = [save_small(file="a.pth").name, save_small(file="b.pth", alpha="1/2").name]
    parts = [cached.read_checkpoint(Path(path).resolve()).scales for path in paths]
    options = scales.ScaleOptions(by="stage", absolute=True)
    result = scales.join_bn_scales(parts, names=["a", "b"], paths=paths, absolute=True)
    lines = write_analysis(scales.ABOUT, paths, options)
    assert run([*shlex.split(lines.shell)[1:], "--formats", "csv,json,parquet,svg"]) == 0
    for kind in ("csv", "json", "parquet", "svg"):
        made = make_file(kind, "bn_scales", result, lambda: result.plot(by="stage"))
        assert made == (folder / "bn-hist" / f"bn_scales.{kind}").read_bytes()


def test_shown_python_lines_run(folder: Path, save_small: SaveSmall) -> None:
    path = save_small(file="it's a file.pth").name
    scope: dict[str, Any] = {}
    exec(write_analysis(scales.ABOUT, [path], then=["figure = result.plot()"]).python, scope)
    assert set(scope["result"].table["checkpoint"]) == {"it's a file"}
    assert scope["figure"].axes
    spec = ModelSpec.from_name("gst-resnet26s", alpha="1/2")
    options = scales.ScaleOptions(by="stage", absolute=True)
    exec(write_analysis(scales.ABOUT, [], options, untrained=spec).python, scope)
    assert set(scope["result"].table["gamma"]) == {1.0}
    exec(write_design_cost(spec, 64).python, scope)
    assert scope["result"].summary.macs == cost.cost(spec, size=64).summary.macs
    assert scope["bars"].axes
    assert scope["scatter"].axes


def test_the_lines_of_every_view_of_scales_run(folder: Path, save_small: SaveSmall) -> None:
    paths = [save_small(file=f"{name}.pth", seed=seed).name for seed, name in enumerate("ab")]
    compared = comparison.ComparisonOptions(by="block", absolute=True)
    start = drift.DriftOptions(start="a.pth")
    written = [
        write_analysis(comparison.ABOUT, paths, compared, then=["tables = result.table, result.differences"]),
        write_analysis(importance.ABOUT, paths, then=["tables = result.table, result.groups"]),
        write_analysis(drift.ABOUT, paths, start, then=[*checks.DRIFT_LINES, "tables = channels, layers"]),
    ]
    for lines in written:
        scope: dict[str, Any] = {}
        exec(lines.python, scope)
        assert all(len(table) for table in scope["tables"])
        assert run([*shlex.split(lines.shell)[1:], "--formats", "csv"]) == 0


@pytest.mark.parametrize(
    ("clips", "shell", "python"),
    [
        (
            PLANTED,
            "gst-analyze synth worlds/mixed --world mixed --clips 72 --seed 1 --difficulty easy\n"
            "gst-analyze slim a.pth worlds/mixed/train.json --score taylor --macs 0.9",
            "clips = gst.make_trial('worlds', 'mixed')",
        ),
        (OWN, "gst-analyze slim a.pth 'my val.json' --score taylor --macs 0.9 --limit 50", "limit=50)"),
    ],
)
def test_lines_name_the_clips(clips: ClipsToTry, shell: str, python: str) -> None:
    options = slimming.SlimOptions(score="taylor", macs=0.9, limit=clips.limit)
    lines = write_analysis(slimming.ABOUT, ["a.pth"], options, clips=clips)
    assert lines.shell == shell
    assert python in lines.python


def test_the_cost_command_gives_the_pages_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    spec = ModelSpec.from_name("sth-mobilenetv2", num_frames=4, num_classes=10)
    assert run([*shlex.split(write_design_cost(spec, 96).shell)[1:], "--json"]) == 0
    assert f'"macs": {cost.cost(spec, size=96).summary.macs},' in capsys.readouterr().out


def test_commands_of_traces_give_the_downloads_tables(
    folder: Path, save_small: SaveSmall, clip: Path
) -> None:
    checkpoint = save_small(file="net.pth")
    lines = write_trace("net.pth", NamedClip("clip.mp4", "clip.mp4"), BARE, class_id=3)
    trace, influence, saliency = (shlex.split(line)[1:] for line in lines.shell.splitlines())
    assert run([*trace, "--formats", "csv"]) == 0
    assert run([*influence, "--formats", "csv"]) == 0
    assert run([*saliency, "--formats", "csv"]) == 0
    pair = cached_clips.TracedPair(
        cached.hash_file(checkpoint), "net.pth", cached_clips.hash_clip(clip), "clip.mp4", None
    )
    files = cached_clips.PairFiles(checkpoint, clip)
    made = {
        "trace/frame_traces.csv": cached_clips.trace(pair, files, BARE),
        "influence/influence.csv": cached_clips.measure_evidence("influence", pair, files, class_id=3),
        "saliency/saliency.csv": cached_clips.measure_evidence("saliency", pair, files, class_id=3),
    }
    for name, result in made.items():
        assert make_file("csv", "x", result, lambda: None) == (folder / name).read_bytes()  # type: ignore[arg-type,return-value] # no figure is drawn for a table


def test_python_lines_of_traces_run(folder: Path, save_small: SaveSmall, clip: Path) -> None:
    save_small(file="net.pth")
    scope: dict[str, Any] = {}
    exec(write_trace("net.pth", NamedClip("clip.mp4", "it's a clip"), PREFIX, class_id=1).python, scope)
    assert set(scope["table"]["mode"]) == {"prefix"}
    assert scope["saliency"].summary.class_id == 1


def test_shown_commands_render_the_planted_clip_again(folder: Path) -> None:
    (planted, *_) = planted_clips(folder / "planted" / "static", "static")
    name = f"worlds/static/videos/{planted.path.name}"
    lines = write_trace("net.pth", NamedClip(name, "x", planted.label), BARE, class_id=None)
    first, *_ = lines.shell.splitlines()
    assert run(shlex.split(first)[1:]) == 0
    assert (folder / name).read_bytes() == planted.path.read_bytes()
