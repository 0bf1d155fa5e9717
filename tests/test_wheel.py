"""The wheel is the whole product: built, installed elsewhere, and used from there as a newcomer would."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.choosing import FIRST_SHOWN
from tests.app.test_server import fetch

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PARTS = ("app", "gst_analysis", "trained_models")
FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff")
BUILT = ("__pycache__", "*.egg-info", ".mypy_cache")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
BUILD = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir"]
PATIENCE_S = 120.0
LARGEST_MB = 10


def call(*command: str, where: Path, **environment: str) -> str:
    """What a command prints; its complaint is shown if it fails."""
    done = subprocess.run(
        command, cwd=where, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source alone: what an earlier build has left in the checkout would get into the wheel."""
    folder = tmp_path_factory.mktemp("source")
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(*BUILT))
    for file in FILES:
        shutil.copy(ROOT / file, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as a release is: an sdist first, and the wheel from that."""
    out = tmp_path_factory.mktemp("dist")
    backend = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    call(sys.executable, "-c", backend, str(out), where=source)
    (sdist,) = out.glob("*.tar.gz")
    call(*BUILD, str(out), str(sdist), where=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed package and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    call(*PIP, "install", "--no-deps", "--target", str(folder), str(wheel), where=folder)
    return folder


@pytest.fixture
def command(site: Path, tmp_path: Path) -> Any:
    """Runs `gst-analyze` of the installed package in an empty folder; returns what it prints."""

    def analyze(*arguments: str) -> str:
        run = (sys.executable, "-m", "gst_analysis.cli", *arguments)
        return call(*run, where=tmp_path, PYTHONPATH=str(site))

    return analyze


@pytest.fixture
def model(site: Path) -> str:
    """A trained model that came with the wheel."""
    return str(site / "gst_analysis" / "explorer" / "trained_models" / f"{FIRST_SHOWN[0]}.pth")


def test_it_holds_all_that_is_needed_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assert {name.split("/")[0].removesuffix(".dist-info").split("-")[0] for name in names} == {"gst_analysis"}
    assert {"gst_analysis/py.typed", "gst_analysis/__init__.pyi"} <= names
    package = [path.relative_to(ROOT) for path in (ROOT / "gst_analysis").rglob("*") if path.is_file()]
    ours = {path.as_posix() for path in package if path.suffix != ".pyc"}
    explorer = {name for name in names if name.startswith("gst_analysis/explorer/")}
    assert {name for name in names if name.startswith("gst_analysis/")} - explorer == ours
    for part in ("app/main.py", "app/logo.svg", "app/.streamlit/config.toml", "app/views/start.py"):
        assert f"gst_analysis/explorer/{part}" in names
    for model in (*FIRST_SHOWN, "state-change-gst-quarter"):
        for ending in ("pth", "json"):
            assert f"gst_analysis/explorer/trained_models/{model}.{ending}" in names
    assert wheel.stat().st_size < LARGEST_MB * 1e6


def test_straight_from_the_source_it_is_the_same(source: Path, wheel: Path, tmp_path: Path) -> None:
    call(*BUILD, str(tmp_path), str(source), where=tmp_path)
    (straight,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(straight) as one, zipfile.ZipFile(wheel) as other:
        assert {(i.filename, i.CRC) for i in one.infolist()} == {
            (i.filename, i.CRC) for i in other.infolist()
        }


def test_commands_work_on_what_came_with_it(command: Any, site: Path, model: str, tmp_path: Path) -> None:
    where = "import gst_analysis; print(gst_analysis.__file__)"
    told = call(sys.executable, "-c", where, where=tmp_path, PYTHONPATH=str(site))
    assert Path(told.strip()) == site / "gst_analysis" / "__init__.py"
    recorded = next(site.glob("gst_analysis-*.dist-info")).name.removesuffix(".dist-info")
    assert command("--version").strip() == recorded.partition("-")[2]
    program = str(site / "bin" / "gst-analyze")
    assert call(program, "--version", where=tmp_path, PYTHONPATH=str(site)) == command("--version")
    recipes = command("train", "--recipes").split()
    assert recipes == sorted(path.stem for path in (ROOT / "gst_analysis" / "recipes").glob("*.toml"))
    assert json.loads(command("inspect", model, "--json"))["alpha"] == "1/4"
    files = json.loads(command("bn-hist", model, "--out", "figures", "--json"))["files"]
    assert all((tmp_path / path).stat().st_size for path in files.values())


def test_the_demo_runs(command: Any, tmp_path: Path) -> None:
    made = json.loads(command("demo", "--clips", "60", "--epochs", "1", "--out", "demo", "--json"))
    assert made["clips"] == 60
    assert all((tmp_path / path).exists() for path in made["files"].values())


@pytest.fixture
def explorer(site: Path, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What `gst-analyze explore` says of itself while it runs; it must stop when it is told to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "gst_analysis.cli", "explore", "--no-browser", "--port", port, "--json"]
    out, log = tmp_path / "out", tmp_path / "log"
    with out.open("wb") as output, log.open("wb") as errors:
        environment = os.environ | {"PYTHONPATH": str(site)}
        server = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=output, stderr=errors)
    try:
        assert fetch(f"http://127.0.0.1:{port}/_stcore/health", seconds=PATIENCE_S) == "ok"
        yield json.loads(out.read_text())
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0
    finally:
        server.kill()
        server.wait()
    assert "Traceback" not in log.read_text()
    json.loads(out.read_text())  # still one document


def test_the_explorers_first_page_opens(explorer: dict[str, Any], site: Path) -> None:
    pytest.importorskip("websockets")
    from tests.app.test_many_visitors import read_page

    home = site / "gst_analysis" / "explorer"
    assert explorer["script"] == str(home / "app" / "main.py")
    assert explorer["models"] == str(home / "trained_models")
    assert "<title>" in fetch(explorer["url"])
    heard = asyncio.run(asyncio.wait_for(read_page(explorer["url"], "", ""), PATIENCE_S))
    begun = next(told.new_session for told in heard if told.WhichOneof("type") == "new_session")
    assert begun.main_script_path == str(home / "app" / "explorer.py")
    assert begun.custom_theme.light.blue_color == "#0072B2", "app/.streamlit/config.toml was not read"
    drawn = [told.delta.new_element for told in heard]
    kinds = {element.WhichOneof("type") for element in drawn}
    assert "plotly_chart" in kinds
    assert "exception" not in kinds
    (choice,) = (e.multiselect for e in drawn if e.WhichOneof("type") == "multiselect")
    assert list(choice.raw_values) == list(FIRST_SHOWN)
    assert len(choice.options) == 3
