"""What the matrix beside a trace costs: the benchmark's document, and bad input in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from benchmarks import trace_influence
from benchmarks.trace_influence import main
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.networks.clip_specs import ClipSpec
from tests.clips.planted_clips import write_video
from tests.conftest import build_small


class Work:
    """A clock of what was done, which is the same in every run: passes through modules, and gradients."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done = 0
        monkeypatch.setattr(nn.Module, "__call__", self.count(nn.Module.__call__))
        monkeypatch.setattr(torch.autograd, "grad", self.count(torch.autograd.grad))

    def count(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self.done += 1
            return act(*given, **named)

        return call

    def perf_counter(self) -> float:
        return self.done / 1000


def test_the_document_and_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = build_small("gst-resnet26s")
    path = str(save_model(tmp_path / "net.pth", network, clip_spec=ClipSpec(frames=4, resize=32, crop=32)))
    write_video(tmp_path / "a.mp4", frames=8)
    monkeypatch.setattr(trace_influence, "time", Work(monkeypatch))
    assert main([path, str(tmp_path / "a.mp4"), "--modes", "frame,prefix", "--repeats", "1"]) == 0
    modes = json.loads(capsys.readouterr().out)["modes"]
    assert list(modes) == ["frame", "prefix"]
    for found in modes.values():
        assert found["ratio"] == pytest.approx(found["with_ms"] / found["without_ms"])
        assert found["ratio"] > 1.1  # gradients, and what is run for them
        assert "% of what moves" in found["influence"]
    assert main([path, str(tmp_path / "none.mp4")]) == 2
    assert "nothing there" in capsys.readouterr().err
