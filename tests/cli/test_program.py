"""The command line as a contract: exit codes, one JSON document, one line of complaint, quick help."""

from __future__ import annotations

import errno
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from gst_analysis.cli import app, run
from gst_analysis.errors import SpecError
from gst_analysis.processes import is_leader
from gst_analysis.results import find_version
from tests.conftest import SaveSmall, list_results
from tests.documents import read_json

COMMANDS = list(app.commands)

WRITING = [
    name
    for name, command in app.commands.items()
    if any("--out" in parameter.opts and parameter.metavar != "FILE" for parameter in command.params)
]
"""Commands that write into a folder."""


def test_inspect_says_what_a_file_is(save_small: SaveSmall, capsys: pytest.CaptureFixture[str]) -> None:
    path = save_small("gst-resnet26s", alpha="1/8")
    assert run(["inspect", str(path), "--json"]) == 0
    record = read_json(capsys)
    expected = {
        "family": "gst",
        "backbone": "resnet26s",
        "alpha": "1/8",
        "beta": "1/2",
        "num_classes": 5,
        "num_frames": 8,
        "layout": "gst-analysis",
        "notes": [],
    }
    assert {key: record[key] for key in expected} == expected
    assert len(str(record["sha256"])) == 64
    assert run(["inspect", str(path)]) == 0
    assert "gst-resnet26s" in capsys.readouterr().out


def test_bn_hist_writes_what_it_lists(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(save_small(seed=seed)) for seed in (0, 1)]
    kinds = "png,svg,pdf,html,csv,parquet,json"
    assert (
        run(
            ["bn-hist", *paths, "--out", str(tmp_path / "out"), "--formats", kinds, "--by", "stage", "--json"]
        )
        == 0
    )
    record = read_json(capsys)
    files = record["files"]
    assert isinstance(files, dict)
    assert sorted(files) == sorted(kinds.split(","))
    assert sorted(Path(f).name for f in files.values()) == list_results(tmp_path / "out")
    checkpoints = record["checkpoints"]
    assert isinstance(checkpoints, list)
    assert [c["path"] for c in checkpoints] == paths
    table = pd.read_csv(files["csv"])
    first = checkpoints[1]["blocks"][0]
    part = table[(table["checkpoint"] == checkpoints[1]["name"]) & (table["layer"] == first["layer"])]
    for group, numbers in first["groups"].items():
        gamma = part[part["group"] == group]["gamma"]
        assert numbers["n"] == len(gamma)
        assert numbers["median"] == pytest.approx(gamma.median())
    assert len(checkpoints[0]["blocks"]) == 8


def test_bn_hist_for_people_shows_medians_and_files(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(["bn-hist", str(save_small("c2d-resnet26s")), "--out", str(tmp_path / "o"), "--formats", "csv"])
        == 0
    )
    printed = capsys.readouterr().out
    assert "layer1.0.bn2" in printed
    assert "no spatial and temporal groups" in printed
    assert str(tmp_path / "o" / "bn_scales.csv") in printed


SHUT = [
    ["inspect", "{}/x.pth"],
    ["bn-hist", "{}/x.pth"],
    ["report", "{}/x.pth"],
    ["predict", "{ckpt}", "{}/1.mp4"],
    ["influence", "{ckpt}", "{}/1.mp4"],
    ["evaluate", "{ckpt}", "{}/validation.json"],
    ["dataset-check", "{}/validation.json"],
    ["train", "something-v2-gst-r50-8f", "--set", "data.root={}"],
]


@pytest.mark.parametrize("words", SHUT, ids=lambda words: words[0])
def test_a_folder_that_may_not_be_entered_is_one_line(
    words: list[str],
    save_small: SaveSmall,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, ckpt = tmp_path / "shut", str(save_small())
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    plain = os.stat

    def refuse(path: Any, *rest: Any, **options: Any) -> os.stat_result:
        """As the system does for anybody but its owner and root, who runs these tests at times."""
        if isinstance(path, (str, os.PathLike)) and Path(path).parent == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return plain(path, *rest, **options)

    monkeypatch.setattr(os, "stat", refuse)
    folder.chmod(0)
    assert run([word.replace("{ckpt}", ckpt).replace("{}", str(folder)) for word in words]) == 2
    folder.chmod(0o700)
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert str(folder) in error
    if words[0] in ("inspect", "bn-hist"):
        assert "check that you may read it" in error


def test_synth_renders_a_world_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["synth", str(tmp_path / "w"), "--clips", "24", "--frames", "8", "--size", "64", "--json"]
    assert run(arguments) == 0
    record = read_json(capsys)
    assert (record["world"], record["clips"]) == ("temporal", 24)
    assert len(list((tmp_path / "w" / "videos").iterdir())) == 24
    assert run(arguments) == 2
    assert "a new or empty folder" in capsys.readouterr().err


def test_clips_is_the_name_of_one_thing_and_elsewhere_an_old_name() -> None:
    """How many are rendered; of samplings, draws and videos it is what they were called once."""
    named = {
        (command, option.opts[0])
        for command, held in app.commands.items()
        for option in held.params
        if "--clips" in option.opts
    }
    assert {command for command, name in named if name == "--clips"} == {"synth", "demo"}
    assert {name for _, name in named} == {"--clips", "--limit", "--samplings", "--on"}


@pytest.mark.parametrize(
    ("command", "name"), [("ablate", "--limit"), ("evaluate", "--samplings"), ("importance", "--on")]
)
def test_an_old_name_is_heard_and_its_new_one_told(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = [
        app.commands[command].make_context(command, ["a.pth", *words]).params
        for words in ([name, "3"], ["--clips", "3"], ["--clips=3"])
        for words in ([*["world"] * (command != "importance"), *words],)
    ]
    assert heard[0] == heard[1] == heard[2]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"note: --clips is the old name of {name} here\n" * 2


BAD = {
    "unknown command": (["fly"], "No such command"),
    "unknown option": (["cost", "gst-resnet50", "--speed"], "No such option"),
    "no argument": (["inspect"], "Missing argument"),
    "no such model": (["cost", "gst-resnet5"], "did you mean gst-resnet50?"),
    "no such file": (["cost", "nowhere/ckpt.pth"], "no such file"),
    "a size too small": (["cost", "gst-resnet50", "--size", "16"], "at least 32"),
    "an alpha that splits nothing": (["cost", "gst-resnet50", "--alpha", "1/3"], "multiples of 6"),
    "an alpha that is none": (["cost", "gst-resnet50", "--alpha", "quarter"], "a fraction such as 1/4"),
    "no frames": (["cost", "gst-resnet50", "--frames", "0"], "at least 1"),
    "gst in mobilenet": (["cost", "gst-mobilenetv2"], "its groups are made by mixing channels"),
    "an unknown format": (["bn-hist", "a.pth", "--formats", "gif"], "found gif"),
    "an unknown world": (["synth", "w", "--world", "flat"], "one of static, temporal, mixed, state-change"),
    "unknown rows": (["bn-hist", "a.pth", "--by", "channel"], "block, stage"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_line_and_exit_2(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, words = BAD[case]
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert printed.err.startswith("gst-analyze: ")
    assert printed.err.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_said(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert run(["bn-hist", str(save_small()), "--out", str(tmp_path / "file"), "--formats", "csv"]) == 2
    assert "choose another place with --out" in capsys.readouterr().err


@pytest.mark.parametrize("command", WRITING)
def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that could take time is begun: not even the files that are named are looked for."""
    taken = tmp_path / "taken"
    taken.touch()
    name = [] if command == "demo" else ["nothing.pth"]
    for place in (taken, taken / "below"):
        assert run([command, *name, "--out", str(place)]) == 2
        expected = f"gst-analyze: {place}: expected a folder that can be written to; found a file; "
        assert capsys.readouterr().err.startswith(expected)


def test_every_command_that_writes_asks_before_it_replaces() -> None:
    """All but two take --overwrite; those are refused wherever a file of theirs could be in the way."""
    asking = {
        name
        for name, command in app.commands.items()
        if any("--overwrite" in parameter.opts for parameter in command.params)
    }
    assert set(WRITING) - asking == {"train", "demo"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    printed = capsys.readouterr().out
    assert f"Example: gst-analyze {command}" in " ".join(printed.split())
    assert "--json" in printed


def test_help_lists_every_command_and_what_its_docstring_says() -> None:
    """Names and lines stand in lists, which are read before any command is imported."""
    declared = [
        (name, (inspect.getdoc(info.callback) or "").partition("\n")[0])
        for name, info in app.commands.import_all()
    ]
    assert list(app.commands.lines.items()) == declared


def test_help_lists_every_command_once_below_a_question(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed, question = [], ""
    for line in capsys.readouterr().out.splitlines():
        question = line if line.endswith("?") else question
        if question and line.startswith("  ") and line[2] != " " and not line.startswith("  Example"):
            listed.append((line.split()[0], question))
    assert sorted(name for name, _ in listed) == sorted(app.commands)
    assert dict(listed)["ablate"] == "Is that what it needs?"
    assert dict(listed)["doctor"] == "What else is there?"


def test_version_and_bare_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == find_version()
    assert run([]) == 0
    bare = capsys.readouterr()
    assert run(["--help"]) == 0
    assert bare == capsys.readouterr()


@pytest.mark.parametrize(
    "code",
    [
        "import gst_analysis",
        "from gst_analysis.cli import run; run(['--help'])",
        "from gst_analysis.cli import run; run(['cost', 'gst-resnet50', '--json'])",
        "from gst_analysis.cli import run; run(['paper-audit', '--json'])",
    ],
)
def test_light_commands_import_no_torch(code: str) -> None:
    heavy = "{'torch', 'matplotlib', 'streamlit', 'plotly'}"
    check = f"import sys; bad = {heavy} & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\n{check}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_current_folder_that_was_removed_is_one_line(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, gone = save_small(), tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(["bn-hist", str(path), "--out", "made"]) == 2
    assert "the current folder: expected one that is there" in capsys.readouterr().err
    assert run(["bn-hist", str(path), "--out", str(tmp_path / "made"), "--formats", "csv"]) == 0
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"), [("SLURM_NTASKS", "xx"), ("SLURM_NTASKS", "9" * 99), ("SLURM_NNODES", "0")]
)
def test_numbers_of_processes_that_are_none_are_one_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_NAME", "job")
    monkeypatch.setenv("SLURM_NTASKS", "2")
    monkeypatch.setenv(name, value)
    with pytest.raises(SpecError, match=f"{name}: expected a whole number from 1 on"):
        is_leader()


def test_settings_that_matplotlib_cannot_read_are_one_line(save_small: SaveSmall, tmp_path: Path) -> None:
    words = ["bn-hist", str(save_small()), "--out", str(tmp_path / "made"), "--formats", "png"]
    done = subprocess.run(
        [sys.executable, "-m", "gst_analysis", *words],
        env={**os.environ, "MPLBACKEND": "nonsense"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "correct MPLBACKEND in the environment" in done.stderr
    assert len(done.stderr.splitlines()) == 1
