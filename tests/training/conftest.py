from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from gst_analysis.clips.records import RecordList
from gst_analysis.planted.making import make_world
from gst_analysis.training.sources import load_sources
from tests.training.runs import WORLD, render, tiny


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static world of 24 training and 12 validation clips in 12 classes."""
    return render(tmp_path_factory.mktemp("training") / "world")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of 12 clips to train with and 12 to validate with."""
    folder = tmp_path_factory.mktemp("kept") / "small"
    make_world(folder, dataclasses.replace(WORLD, clips=24), workers=1)
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world whose clips are folders of JPEG images."""
    folder = tmp_path_factory.mktemp("kept") / "folders"
    make_world(folder, dataclasses.replace(WORLD, clips=24, container="frames"), workers=1)
    return folder


@pytest.fixture
def records(small: Path) -> RecordList:
    return load_sources(tiny(small)).train


@pytest.fixture
def notices(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, "gst_analysis.notices"):
        yield caplog
