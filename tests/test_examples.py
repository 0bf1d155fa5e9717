"""Examples of README and docs, run as they are printed, and the files that they name."""

from __future__ import annotations

import glob
import json
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from gst_analysis.cli import app, run

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHIPPED = re.compile(r"trained_models/[\w./{},*-]*\w\.(?:pth|json|md|py)")
RUN = ("README.md", "docs/questions.md", "docs/tutorial.md")
"""Pages whose lines run from top to bottom, in a folder with the shipped networks and a checkpoint."""
NOT_RUN = (
    "something-something-v2",  # a data set of its own terms, and the runs that need it
    "runs/gst",
    "path/to/",
    "my_project",  # the page on networks of one's own has a test of its own
    "gst-analyze explore",  # a server
    "gst-analyze demo",  # has a test of its own
    "gst-analyze models",  # writes nothing, and takes a while
)


def spread_braces(name: str) -> list[str]:
    """Names that a shell makes of one: temporal-{c2d,tsm}.pth is two."""
    found = re.search(r"\{([^{}]*,[^{}]*)\}", name)
    if not found:
        return [name]
    before, after = name[: found.start()], name[found.end() :]
    return [one for word in found.group(1).split(",") for one in spread_braces(f"{before}{word}{after}")]


def list_lines(page: Path) -> list[str]:
    """Lines of a page's blocks for the shell that call the program."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("gst-analyze ")]


def test_networks_that_pages_name_are_shipped() -> None:
    named = {
        name
        for page in PAGES
        for found in SHIPPED.findall(page.read_text(encoding="utf-8"))
        for name in spread_braces(found)
    }
    assert len(named) > 5
    assert [name for name in sorted(named) if not glob.glob(str(ROOT / name))] == []


def lay_out(folder: Path) -> None:
    """What a reader of README is taken to have: a checkpoint, a clip, and the data set of its first line."""
    (folder / "trained_models").symlink_to(ROOT / "trained_models")
    shutil.copy(ROOT / "trained_models" / "temporal-gst-quarter.pth", folder / "ckpt.pth")
    shutil.copy(ROOT / "trained_models" / "temporal-gst-quarter.json", folder / "ckpt.json")
    make = "synth worlds/temporal --world temporal --clips 120 --difficulty easy"
    assert f"gst-analyze {make}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert run(make.split()) == 0
    shutil.copy(folder / "worlds/temporal/videos/1.mp4", folder / "clip.mp4")


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_lines_run_as_they_are_printed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    if name != "README.md":
        shutil.rmtree(tmp_path / "worlds")
    capsys.readouterr()
    lines = [line for line in list_lines(ROOT / name) if not any(word in line for word in NOT_RUN)]
    assert len(lines) >= 7
    for line in lines:
        given = shlex.split(line, comments=True)[1:]
        words = [one for word in given for one in (sorted(glob.glob(word)) or [word])]
        assert run(words) == 0, f"{line}: {capsys.readouterr().err}"
        assert capsys.readouterr().out
        if "--out" in words:
            assert os.listdir(words[words.index("--out") + 1])


STAND_INS = {
    "half.pth": "temporal-gst-half",
    "eighth.pth": "temporal-gst-eighth",
    **dict.fromkeys(("quarter.pth", "a.pth", "temporal.pth", "model_best.pth.tar"), "temporal-gst-quarter"),
    "b.pth": "temporal-gst-eighth",
    "static.pth": "static-gst-quarter",
    **{name: f"temporal-gst-quarter-epochs/{name[:-4]}" for name in ("epoch-0001.pth", "epoch-0010.pth")},
    "last.pth": "temporal-gst-quarter-epochs/epoch-0010",
    "resnet50.pth": "temporal-gst-quarter-epochs/epoch-0002",
}
"""What the examples of --help name, and which shipped network is that here."""
NOT_ALONE = ("train", "demo", "explore", "synth")
"""They take minutes, serve, or make the world that is there; each has tests of its own."""
BEFORE = {"verify": ("bn-hist ckpt.pth --out figures", "evaluate ckpt.pth worlds/temporal --out evaluation")}
"""Results that an example takes to be there."""


@pytest.mark.slow
def test_examples_of_help_run_as_they_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    for name, model in STAND_INS.items():
        shutil.copy(ROOT / "trained_models" / f"{model}.pth", tmp_path / name)
    labels = json.loads((tmp_path / "worlds/temporal/labels.json").read_text())
    (tmp_path / "classes.txt").write_text("\n".join(labels))
    (tmp_path / "something-something-v2").symlink_to(tmp_path / "worlds/temporal")  # of that form
    for place in ("videos", "clips", "more/below"):
        (tmp_path / place).mkdir(parents=True)
        for number in (1, 2):
            for ending in ("mp4", "webm"):
                copy = tmp_path / place / f"{number}.{ending}"
                shutil.copy(tmp_path / f"worlds/temporal/videos/{number}.mp4", copy)
    failed, there = [], set(os.listdir())
    for name, info in app.commands.import_all():
        line = (info.epilog or "").removeprefix("Example: ").partition(" >")[0]
        words = [one for word in shlex.split(line)[1:] for one in (sorted(glob.glob(word)) or [word])]
        if name in NOT_ALONE:
            continue
        for earlier in BEFORE.get(name, ()):
            assert run(earlier.split()) == 0
        capsys.readouterr()
        code, printed = run(words), capsys.readouterr()
        if code or not printed.out:
            failed.append(f"{line}: {code}, {printed.err}")
        for new in set(os.listdir()) - there:  # every example begins where no other has been
            shutil.rmtree(new) if os.path.isdir(new) else os.remove(new)
    assert failed == []


@pytest.mark.slow
def test_the_python_of_readme_runs_after_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    before = next(line for line in list_lines(ROOT / "README.md") if "bn-hist" in line and "--out" in line)
    assert run(shlex.split(before)[1:]) == 0
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    known: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], known)
    assert {"bn_scales.csv", "bn_scales.png"} <= set(os.listdir("scales"))
    assert known["gst"].average_frames(known["logits"]).shape == (2, 12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No complete tensor found:UserWarning")  # torch's own, of what it saves
def test_the_export_of_the_page_says_what_the_network_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trained_models").symlink_to(ROOT / "trained_models")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    known: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], known)
    model, clips = known["m"], torch.rand_like(known["clips"])
    exported = torch.export.load("network.pt2").module()
    with torch.no_grad():
        torch.testing.assert_close(exported(clips), model.module(clips))
