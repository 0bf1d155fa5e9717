"""What several tests share: small networks saved as files, and how tests marked gpu find a device."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gst_analysis.checkpoints.saving import save_model
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec

with contextlib.suppress(ImportError):  # the tests for a GPU do without
    import hypothesis

    # The same examples every time: a run that fails must fail again.
    hypothesis.settings.register_profile("repeatable", derandomize=True)
    hypothesis.settings.load_profile("repeatable")

# A test that is slow on a busy machine is not to find a line of progress in what a command printed.
os.environ.setdefault("GST_ANALYSIS_PROGRESS", "0")

SaveSmall = Callable[..., Path]
DEEP = ("resnet34", "resnet101", "resnet152")
"""Backbones that repeat the blocks of others."""
SMALL = {"width": 16, "num_classes": 5}
SMALL_CLIPS = ClipSpec(resize=48, crop=48)
"""What files of small networks ask for: at 224 pixels every look at a clip takes twenty times as long."""


def mark_slow(names: Iterable[str], ends: tuple[str, ...] = DEEP) -> list[Any]:
    """Names of networks as parameters of a test; those that end so are for the longer run."""
    return [pytest.param(name, marks=[pytest.mark.slow] * name.endswith(ends)) for name in names]


def build_small(name: str, *, seed: int = 0, alpha: str | None = None) -> VideoNetwork:
    """A narrow network whose batch norms are not all ones."""
    torch.manual_seed(seed)
    network = build_model(ModelSpec.from_name(name, alpha=alpha, **SMALL)).eval()
    for parameter_name, parameter in network.named_parameters():
        if parameter.ndim == 1 and "fc" not in parameter_name:
            torch.nn.init.normal_(parameter, 1.0 if parameter_name.endswith("weight") else 0.0, 0.3)
    for buffer_name, buffer in network.named_buffers():
        if buffer_name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return network


def list_results(folder: Path) -> list[str]:
    """The names of what a command wrote into a folder, without the note of what is its own there."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".gst-analysis."))


@pytest.fixture(scope="session", autouse=True)
def _documents() -> Iterator[None]:
    """Hold every document that a command prints, in whatever test, against its schema."""
    try:
        from gst_analysis.console import output
        from gst_analysis.plain import spell_json
        from gst_analysis.results import COMMAND
        from tests.documents import check_printed
    except ImportError:  # tests for a GPU do without the command line
        yield
        return

    def check_and_write(value: Any) -> Iterator[str]:
        if COMMAND.get():
            check_printed(value)
        return spell_json(value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "spell_json", check_and_write)
        yield


@pytest.fixture
def save_small(tmp_path: Path) -> SaveSmall:
    """Save a narrow network in our own format and return its path."""

    def save(name: str = "gst-resnet26s", *, seed: int = 0, alpha: str | None = None, file: str = "") -> Path:
        path = tmp_path / (file or f"{name}-{seed}.pth")
        return save_model(path, build_small(name, seed=seed, alpha=alpha), clip_spec=SMALL_CLIPS)

    return save


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pretend-cuda",
        action="store_true",
        help="run the tests marked gpu on a device that is only pretended (tests/pretend_cuda.py)",
    )
    parser.addoption(
        "--gpu-results",
        default="benchmarks/results",
        metavar="DIR",
        help="where the tests marked gpu write what they measured; default: %(default)s",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Reading all tests and what they import makes a million objects that stay; to walk them again and
    # again in search of garbage took a quarter of that time, and a tenth of that of the tests after it.
    gc.disable()
    if _wants_gpu_alone(config):
        # cuBLAS looks once, when it is first used: after that, no run in this process could repeat itself.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With -m gpu only files called test_gpu*.py are read: they need torch and the scientific stack alone."""
    if not _wants_gpu_alone(config):
        return None
    found = collection_path.rglob("test_gpu*.py") if collection_path.is_dir() else [collection_path]
    return None if any(path.match("test_gpu*.py") for path in found) else True


def _wants_gpu_alone(config: pytest.Config) -> bool:
    return str(config.option.markexpr).split()[:1] == ["gpu"]


@pytest.fixture(autouse=True)
def _gpu(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give a test marked gpu its device, or skip it and say why."""
    marker = request.node.get_closest_marker("gpu")
    if marker is None or torch.cuda.is_available():
        yield
    elif marker.kwargs.get("real"):
        pytest.skip("no CUDA device here, and a pretended one would not do")
    elif request.config.getoption("--pretend-cuda"):
        from tests.pretend_cuda import pretend_cuda

        with pretend_cuda():
            yield
    else:
        pytest.skip("no CUDA device here")
