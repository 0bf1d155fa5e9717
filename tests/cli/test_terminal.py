"""How the program reads in a terminal, in a pipe and unwatched."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from gst_analysis.cli import app, run
from gst_analysis.cli.completion import write_bash, write_fish, write_zsh
from gst_analysis.console.loudness import ProgressLines, speak, take_loudness
from gst_analysis.console.output import build_table, print_pairs, print_table
from gst_analysis.console.tables import PlainTable, fit

SHA256 = "0123456789abcdef" * 4
ROOT = Path(__file__).parents[2]
LONG = "recordings-of-november/kitchen-with-two-people/pouring-milk-0042.mp4"


@pytest.mark.parametrize("line", [["-h"], ["models", "-h"], ["trace", "-h"], ["train", "-h"]])
def test_help_is_short(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line) == 0
    assert "-h, --help" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["cost", "gts-resnet50"], "did you mean gst-resnet50?"),
        (["cost", "gts"], "did you mean gst?"),
        (["cost", "c2d-resnet50", "--alpha", "1/4"], "found alpha 1/4 for c2d; leave alpha out"),
        (
            ["train", "planted-temporal", "--set", "model.name=tsm-resnet18", "--set", "model.alpha=1/4"],
            "leave",
        ),
        (["train", "--quiet", "--verbose"], "--quiet: expected it or --verbose; found both"),
        (["completion", "csh"], "expected one of bash, zsh, fish"),
    ],
)
def test_hints(line: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line) == 2
    assert words in capsys.readouterr().err


def draw(width: int) -> list[str]:
    table = PlainTable("clip", "prediction", title="predictions")
    table.add_column("probability", justify="right")
    table.add_column("logit", justify="right")
    table.add_row(LONG, "pouring something into something", "0.123", "12,345.678")
    table.add_row("short.mp4", "opening", "0.877", "1.000")
    screen = Console(file=io.StringIO(), width=width)
    fit(table, screen)
    screen.print(table)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_what_matters_survives_a_narrow_terminal(width: int) -> None:
    lines = draw(width)
    assert max(map(len, lines)) <= width
    page = "\n".join(lines)
    for number in ("0.123", "0.877", "12,345.678", "1.000", "short.mp4"):
        assert number in page
    assert "0042.mp4" in page  # what tells clips apart stands at their end
    assert (LONG in page) is (width == 200)


def test_long_headings_stand_in_lines_before_a_column_is_lost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    table = build_table()
    for heading in ("spatial median", "temporal median", "spatial count", "temporal count", "gap"):
        table.add_column(heading, justify="right")
    table.add_row("0.123", "0.877", "12", "4", "0.754")
    print_table(table)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert any("gap" in line for line in lines)
    assert any("0.123" in line and "0.754" in line for line in lines)


def test_in_a_pipe_nothing_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table = build_table("clip", "a note of many words")
    table.add_row(3 * LONG, "word " * 30)
    print_table(table)
    assert 3 * LONG in capsys.readouterr().out


def test_hashes_stay_whole(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_pairs("a file", {"network": "gst", "sha256": SHA256})
    assert f"sha256: {SHA256}\n" in capsys.readouterr().out


def test_progress_where_nobody_watches(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 4.0, 20.0, 21.0, 41.0, 60.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    lines = ProgressLines(seconds=10)
    for done in (1, 25, 30):
        lines.tell("evaluating", done, 100)
    assert capsys.readouterr().err == "evaluating: 25 of 100 after 0:00:20, about 0:00:50 left\n"
    with speak("quiet"):
        lines.tell("evaluating", 50, 100)
    assert capsys.readouterr().err == ""
    lines.tell("training", 0, 0)
    assert capsys.readouterr().err == "training: 0 after 0:01:00\n"


def test_the_first_of_many_steps_foretells_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 12.0, 22.0])  # twelve seconds until processes have started, then 19 steps a second
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    lines = ProgressLines(seconds=10)
    lines.tell("rendering", 10, 2000)
    lines.tell("rendering", 200, 2000)
    assert capsys.readouterr().err.splitlines() == [
        "rendering: 10 of 2,000 after 0:00:12",
        "rendering: 200 of 2,000 after 0:00:22, about 0:01:35 left",
    ]


def test_loudness_is_read_anywhere_in_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert take_loudness(["evaluate", "--quiet", "a.pth"]) == (["evaluate", "a.pth"], "quiet")
    assert take_loudness(["evaluate"]) == (["evaluate"], "usual")
    assert run(["models", "--json", "--verbose"]) == 0
    assert run(["--help"]) == 0
    printed = capsys.readouterr().out
    assert "--quiet" in printed
    assert "--verbose" in printed


LINES = {"trace": "Trace a clip's prediction.", "train": "Train: it's long."}
OPTIONS = {"trace": {"--out": "Folder.", "--mode": "How."}, "train": {"--set": "Change."}}


def complete(words: str) -> list[str]:
    """What bash would offer after these words."""
    script = write_bash(LINES, OPTIONS)
    ask = f"COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _gst_analyze"
    ask += '; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_leaves_files_alone() -> None:
    assert complete("gst-analyze tr") == ["trace", "train"]
    assert complete("gst-analyze trace a.pth --") == ["--out", "--mode", "--help"]
    assert complete("gst-analyze train --s") == ["--set"]
    assert complete("gst-analyze trace a") == []


def test_bash_offers_what_a_checkpoint_calls_its_classes_and_expands_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "gst-analyze"
    names = ["Moving up", "Moving $(touch made) `touch made`", "Turning"]
    lines = "".join(f"echo {shlex.quote(name)}\n" for name in names)
    stand_in.write_text(
        f'#!/bin/sh\n[ "$*" = "completion classes -- {tmp_path}/net.pth" ] || exit 2\n{lines}'
    )
    stand_in.chmod(0o755)
    (tmp_path / "net.pth").touch()
    monkeypatch.chdir(tmp_path)
    ask = f"{stand_in} trace {tmp_path}/net.pth clip.mp4 --class"
    words = f"COMP_WORDS=({ask} Mov); COMP_CWORD=5; _gst_analyze; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(
        ["bash", "-c", f"{write_bash(LINES, OPTIONS)}\n{words}"], capture_output=True, text=True, check=True
    )
    offered = done.stdout.splitlines()
    assert [shlex.split(line) for line in offered] == [[names[0]], [names[1]]]
    assert not (tmp_path / "made").exists()


def test_blocks_and_classes_of_a_checkpoint_are_told_without_torch() -> None:
    code = (
        "import sys; from gst_analysis.cli import run; "
        "run(['completion', 'classes', '--', 'trained_models/temporal-gst-quarter.pth']); "
        "run(['completion', 'blocks', 'trained_models/temporal-gst-quarter.pth']); "
        "sys.exit(bool({'torch', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    lines = done.stdout.splitlines()
    assert lines[0] == "Letting something appear"
    assert lines[12:14] == ["layer1.0", "layer1.1"]
    assert len(lines) == 12 + 8


def test_other_shells_are_given_every_command_and_option() -> None:
    zsh, fish = write_zsh(LINES, OPTIONS), write_fish(LINES, OPTIONS)
    assert zsh.startswith("#compdef gst-analyze\n")
    assert "'train:Train: it’s long.'" in zsh
    assert "(trace) offered=(--out --mode) ;;" in zsh
    assert (
        "complete -c gst-analyze -n __fish_use_subcommand -f -a trace -d 'Trace a clip’s prediction.'" in fish
    )
    assert "complete -c gst-analyze -n '__fish_seen_subcommand_from train' -l set -d 'Change.'" in fish
    named = write_fish(LINES, {"trace": {"--class": "Whose."}})
    assert "-l class -d 'Whose.' -x -a '(__gst_analyze_names classes)'" in named
    assert "(--class) kind=classes ;;" in zsh


def test_completion_knows_the_whole_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert all(re.search(rf"^        {name}\) offered=", script, re.M) for name in app.commands)
    assert "--labels" in script
