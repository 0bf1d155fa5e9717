"""Points of a trace: prefixes, a frame left out, and windows that slide over a longer video."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app import cached, job_progress, tracing
from app.visits import Visitor
from gst_analysis.analyses import traces
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from tests.app.conftest import Visit, plots
from tests.app.traced_pages import curves, said
from tests.conftest import SMALL_CLIPS, SaveSmall

pytestmark = pytest.mark.usefixtures("drawings")


@pytest.mark.usefixtures("curves_alone")
@pytest.mark.parametrize(
    ("shown", "mode"),
    [("Up to here", "prefix"), ("Without it", "leave-one-out"), ("Sliding window", "window")],
)
def test_a_link_names_the_mode(
    visit: Visit, save_small: SaveSmall, clip: Path, shown: str, mode: str
) -> None:
    save_small(file="net.pth")
    page = visit("traces", ckpt="net.pth", clip="clip.mp4", mode=shown)
    expected = traces.trace("net.pth", "clip.mp4", mode=mode).table
    for label, rows in expected.groupby("label"):
        assert curves(plots(page)[0])[str(label)] == pytest.approx(rows["probability"].tolist(), abs=1e-5)
    assert f"--mode {mode}" in page.code[0].value


@pytest.mark.usefixtures("curves_alone")
def test_many_windows_are_read_beside_the_page_and_can_be_cancelled(
    visit: Visit, save_small: SaveSmall, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "MOST_WINDOWS", 2)
    save_small(file="net.pth")
    held = threading.Event()
    once = traces.trace
    monkeypatch.setattr(traces, "trace", lambda *a, **k: held.wait(20) and once(*a, **k))
    page = visit("traces", ckpt="net.pth", clip="clip.mp4", mode="Sliding window")
    assert page.get("progress")
    assert not plots(page)
    other = visit("traces", ckpt="net.pth", clip="clip.mp4", mode="Sliding window")
    next(button for button in other.button if button.label == "Cancel").click().run()
    assert "Cancelled" in other.info[0].value  # for them alone: the page goes on
    held.set()
    last = time.monotonic() + 60
    while not plots(page) and time.monotonic() < last:
        time.sleep(0.1)
        page.run()
    table = traces.trace("net.pth", "clip.mp4", mode="window").table
    for label, rows in table.groupby("label"):
        assert curves(plots(page)[0])[str(label)] == pytest.approx(rows["probability"].tolist(), abs=1e-5)
    assert "of which 8 are sampled" in said(page)


@pytest.mark.usefixtures("curves_alone")
def test_windows_are_as_long_and_as_far_apart_as_asked(
    visit: Visit, save_small: SaveSmall, clip: Path
) -> None:
    save_small(file="net.pth")
    page = visit("traces", ckpt="net.pth", clip="clip.mp4", mode="Sliding window")
    (window, step) = page.number_input
    assert (window.value, window.placeholder, step.placeholder) == (None, "12", "1")
    window.set_value(16).run()
    page.number_input(key="step").set_value(4).run()
    assert page.number_input(key="step").placeholder == "2"
    table = traces.trace("net.pth", "clip.mp4", mode="window", window=16, step=4).table
    assert table["frame"].nunique() == 3
    for label, rows in table.groupby("label"):
        assert curves(plots(page)[0])[str(label)] == pytest.approx(rows["probability"].tolist(), abs=1e-5)
    assert "a window of 16 frames of the video, of which 8 are sampled, every 4 frames" in said(page)
    assert "--mode window --window 16 --step 4" in page.code[0].value
    assert "gst.trace(model, clips, mode='window', window=16, step=4, influence=False)" in page.code[1].value
    linked = visit("traces", ckpt="net.pth", clip="clip.mp4", mode="Sliding window", window="16", step="4")
    assert [field.value for field in linked.number_input] == [16, 4]
    assert curves(plots(linked)[0]) == curves(plots(page)[0])
    for bad in ("0", "-3", "some"):
        linked = visit("traces", ckpt="net.pth", clip="clip.mp4", mode="Sliding window", window=bad)
        assert linked.number_input(key="window").value is None
        assert not linked.exception


def test_very_many_windows_wait_to_be_asked_for(
    visit: Visit, save_small: SaveSmall, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "MOST_WINDOWS", 2)
    monkeypatch.setattr(tracing, "MANY_WINDOWS", 13)
    save_small(file="net.pth")
    page = visit("traces", ckpt="net.pth", clip="clip.mp4", mode="Sliding window")
    assert "Reads **13 windows**" in page.info[0].value
    assert not page.get("progress")


def test_what_was_cancelled_waits_to_be_asked_for(
    visit: Visit, save_small: SaveSmall, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "MOST_WINDOWS", 2)
    save_small(file="net.pth")
    begun = threading.Event()
    monkeypatch.setattr(cached.jobs(), "_serve", lambda lane: begun.set())  # it stays in the queue
    me = Visitor()
    monkeypatch.setattr(job_progress, "find_visitor", lambda: me)
    page = visit("traces", ckpt="net.pth", clip="clip.mp4", mode="Sliding window")
    assert begun.wait(10)
    next(button for button in page.button if button.label == "Cancel").click().run()
    page.run()
    assert "**Cancelled.**" in page.info[0].value
    assert [button.label for button in page.button if button.proto.type == "primary"] == [tracing.SLIDE]
    assert not page.exception
    reloaded = visit("traces", ckpt="net.pth", clip="clip.mp4", mode="Sliding window")
    assert "**Cancelled.**" in reloaded.info[0].value


def test_a_clip_that_is_one_window_is_said_to_be(visit: Visit, clip: Path, folder: Path) -> None:
    spec = ModelSpec.from_name("gst-resnet26s", width=8, num_classes=3, num_frames=24)
    save_model(folder / "net.pth", build_model(spec), clip_spec=replace(SMALL_CLIPS, frames=24))
    page = visit("traces", ckpt="net.pth", clip="clip.mp4", mode="Sliding window")
    assert "One window, one point" in page.info[0].value
    assert not page.error
    assert len(plots(page)) == 2
