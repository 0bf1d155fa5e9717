"""The explorer in a folder of its own, with no shipped checkpoints unless a test puts some there."""

from __future__ import annotations

import functools
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its own imports deprecate among themselves is not ours
    from streamlit.testing.v1 import AppTest, local_script_runner
    from streamlit.testing.v1.element_tree import Block

from streamlit.components.v2 import manifest_scanner

from app import (
    cached,
    cached_clips,
    cached_measurements,
    cached_results,
    choosing,
    components,
    evidence,
    paths,
    tracing,
)
from app.commands import Lines
from benchmarks.serving import BROWSERS, ROOT, find_browser, launch_browser, serve
from gst_analysis.analyses.traces.single_clips import PlantedClip, planted_clips
from gst_analysis.planted.worlds import WorldName
from tests.app.shown_lines import check_lines

EXPLORER = Path(choosing.__file__).with_name("explorer.py")
Visit = Callable[..., AppTest]
Plant = Callable[[Path, WorldName], list[PlantedClip]]


@pytest.fixture(scope="session", autouse=True)
def _scanned_once() -> Iterator[None]:
    """Streamlit reads the metadata of all packages for every visitor, and finds the same each time."""
    scan = functools.cache(manifest_scanner.scan_component_manifests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture(scope="session", autouse=True)
def _waited_for() -> Iterator[None]:
    """AppTest asks a thousand times a second whether a page has run, in a thread that the page waits for."""
    ask = local_script_runner.require_widgets_deltas

    def wait(runner: local_script_runner.LocalScriptRunner, timeout: float = 3) -> None:
        if runner._script_thread is not None:
            runner._script_thread.join(timeout)
        ask(runner, timeout if runner.script_stopped() else 0)  # 0: it is stopped, and the test fails

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_script_runner, "require_widgets_deltas", wait)
        yield


@pytest.fixture
def curves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of traces without its film, and without evidence as before a large network is asked for it.

    For tests that are about neither: both together take more than the trace itself.
    """
    monkeypatch.setattr(evidence, "_look", lambda *_, **__: None)
    monkeypatch.setattr(cached_clips, "film_trace", lambda *_: b"\0")


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A blank for what matplotlib draws, which takes most of a page's time, where a test is not about it."""
    if "drawn" not in request.node.name:
        blank = cached.Drawing('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', 9)
        monkeypatch.setattr(cached, "draw", lambda *_, **__: blank)
    if "still" not in request.node.name:  # a second trace of every clip
        monkeypatch.setattr(tracing, "_stand_still", lambda *_: None)


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Planted clips as `planted_clips` gives them; each world is rendered once and copied from then on."""
    home = tmp_path_factory.mktemp("worlds")

    def copy_world(where: Path, world: WorldName) -> list[PlantedClip]:
        if not where.exists():
            planted_clips(home / world, world)
            shutil.copytree(home / world, where)
        return planted_clips(where, world)

    return copy_world


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Plant) -> Iterator[Path]:
    """The folder the explorer was started in; an empty one is where shipped checkpoints would be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(paths.FOLDERS_VARIABLE, raising=False)
    monkeypatch.setattr(paths, "SHIPPED", tmp_path / "trained_models")
    monkeypatch.setattr(cached_clips, "planted_clips", plant)
    cached_results.keeper().clear()
    cached_measurements.memory.cache_clear()
    yield tmp_path
    cached.remove_uploads()


@pytest.fixture
def visit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Open the explorer as a link would, and run until it has drawn; no page may fail.

    Every line that a page shows is one that can be typed; the fold that they are in is open.
    """

    show = components.show_code

    def check_and_show(lines: Lines, *, key: str = "code") -> None:
        check_lines(lines)
        show(lines, key=key)

    monkeypatch.setattr(components, "show_code", check_and_show)

    def open_page(page: str = "", **query: str | list[str]) -> AppTest:
        explorer = AppTest.from_file(EXPLORER, default_timeout=60)
        if page:
            explorer.switch_page(f"views/{page}.py")
        for name, value in query.items():
            explorer.query_params[name] = value
        explorer.session_state["code"] = True
        explorer.run()
        assert not explorer.exception
        kinds = [one.type for one in explorer.main if not isinstance(one, Block)]
        assert ("info", "info") not in pairwise(kinds)
        return explorer

    return open_page


def images(explorer: AppTest) -> list[str]:
    """What the drawings on the page show, in words."""
    return [image.proto.imgs[0].alt for image in explorer.get("image")]


def plots(explorer: AppTest) -> list[str]:
    """The figures on the page, as the JSON that plotly draws."""
    return [element.proto.spec for element in explorer.get("plotly_chart")]


def names_of_plots(explorer: AppTest) -> list[str]:
    """What the figures on the page show, in words, for those who do not see them."""
    return [element.proto.alt for element in explorer.get("plotly_chart")]


@contextmanager
def explore(folder: Path, log: Path) -> Iterator[str]:
    """A running explorer's address; it must work without a traceback and stop when it is told to."""
    with serve(folder, log=log) as server:
        yield server.address
    assert "Traceback" not in log.read_text()


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A running server's address. It may read this test's folder."""
    monkeypatch.setenv(paths.FOLDERS_VARIABLE, str(tmp_path))
    with explore(ROOT, tmp_path / "log") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for all tests of a file; they are skipped where there is none."""
    if find_browser() is None:
        pytest.skip(f"playwright, or one of {', '.join(BROWSERS)}, is not installed")
    with launch_browser() as running:
        yield running


@pytest.fixture
def clip(folder: Path, plant: Plant) -> Path:
    """A video in the folder that the explorer was started in."""
    (planted, *_) = plant(folder / "world", "static")
    return planted.path.rename(folder / "clip.mp4")
