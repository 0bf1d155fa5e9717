"""Two streams: scores averaged as by hand, clips that one of them lacks, and evaluations over folders."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gst_analysis as gst
from gst_analysis.cli import run
from gst_analysis.clips.flow_folders import find_flow
from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import DataError, SpecError
from gst_analysis.inference.logits import FrameLogits
from gst_analysis.inference.streams import fuse_streams
from gst_analysis.results import Provenance
from tests.clips.test_flow_folders import write_flow
from tests.inference.fakes import write_greys

RGB = [[2.0, 0.0, -1.0], [0.0, 1.0, 0.5], [1.0, 1.0, 3.0]]
FLOW = [[0.5, 1.0, 0.0], [3.0, 0.0, 0.0], [0.0, -2.0, 1.0]]


def stream(name: str, rows: list[list[float]], clips: str = "abc", **changes: Any) -> FrameLogits:
    """Two frames a clip, whose mean are the rows."""
    values = np.array(rows, dtype=np.float32)
    logits = np.stack([values + 1, values - 1], axis=1)
    made = FrameLogits(
        name,
        tuple(clips),
        np.array(["abc".index(clip) for clip in clips]),
        logits,
        np.array([[1.0, 3.0]] * len(clips)),
        ("x", "y", "z"),
        {},
        ("shared", f"of {name}"),
        Provenance({name: name * 8}, {name: {"spec": name}}, {}),
    )
    return replace(made, **changes)


def soft(row: list[float]) -> np.ndarray:
    return np.exp(row) / np.exp(row).sum()


def test_probabilities_are_averaged_with_weights() -> None:
    both = fuse_streams([stream("rgb", RGB), stream("flow", FLOW)], weights=[1, 1.5])
    assert both.logits.shape == (3, 1, 3)
    for found, one, other in zip(both.clip_logits, RGB, FLOW, strict=True):
        np.testing.assert_allclose(np.exp(found), (soft(one) + 1.5 * soft(other)) / 2.5, rtol=1e-5)
    assert (both.checkpoint, both.clips) == ("rgb + flow", ("a", "b", "c"))
    assert both.seconds.tolist() == [[2.0]] * 3
    assert [note for note in both.notes if note == "shared"] == ["shared"]
    assert "flow: of flow" in both.notes


def test_or_logits() -> None:
    both = fuse_streams([stream("rgb", RGB), stream("flow", FLOW)], fusion="logits")
    np.testing.assert_allclose(both.clip_logits, (np.array(RGB) + np.array(FLOW)) / 2, rtol=1e-5)
    alone = fuse_streams([stream("rgb", RGB), stream("flow", FLOW)], fusion="logits", weights=[1, 0])
    np.testing.assert_allclose(alone.clip_logits, RGB, rtol=1e-5)


def test_clips_are_matched_by_name_and_missing_ones_are_failures() -> None:
    flow = stream("flow", [FLOW[2], FLOW[0]], "ca", failures={"b": "no flow there"})
    both = fuse_streams([stream("rgb", RGB), flow], fusion="logits")
    assert both.clips == ("a", "c")
    np.testing.assert_allclose(both.clip_logits[1], (np.array(RGB[2]) + FLOW[2]) / 2, rtol=1e-5)
    assert both.failures == {"b": "flow: no flow there"}


@pytest.mark.parametrize(
    ("change", "error", "found"),
    [
        ({"weights": [1]}, SpecError, "2 numbers"),
        ({"weights": [0, 0]}, SpecError, "2 numbers"),
        ({"weights": ["1", "much"]}, SpecError, "2 numbers"),
        ({"fusion": "product"}, SpecError, "softmax or logits"),
    ],
)
def test_what_cannot_be_averaged(change: dict[str, Any], error: type[Exception], found: str) -> None:
    with pytest.raises(error, match=found):
        fuse_streams([stream("rgb", RGB), stream("flow", FLOW)], **change)


def test_other_classes_labels_or_clips_are_refused() -> None:
    rgb = stream("rgb", RGB)
    with pytest.raises(SpecError, match="at least two"):
        fuse_streams([rgb])
    with pytest.raises(SpecError, match="other names"):
        fuse_streams([rgb, stream("flow", FLOW, class_names=("y", "x", "z"))])
    with pytest.raises(DataError, match="same labels"):
        fuse_streams([rgb, stream("flow", FLOW, labels=np.array([0, 1, 1]))])
    with pytest.raises(DataError, match="all of them could read"):
        fuse_streams([stream("rgb", RGB[:1], "a"), stream("flow", FLOW[:1], "b")])


def test_flow_is_found_by_the_longest_part_of_a_clips_path(tmp_path: Path) -> None:
    record = ClipRecord("one", Path("/videos/action/one.mp4"))
    assert find_flow(record, None) == record.path
    assert find_flow(record, tmp_path) == tmp_path / "one"
    (tmp_path / "one").mkdir()
    assert find_flow(record, tmp_path) == tmp_path / "one"
    (tmp_path / "action" / "one").mkdir(parents=True)
    assert find_flow(record, tmp_path) == tmp_path / "action" / "one"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips with their flow, a list of them, and a network for each stream."""
    root = tmp_path_factory.mktemp("streams")
    for number in range(3):
        write_greys(root / "frames" / f"clip{number}", [40 * number + n for n in range(9)])
        write_flow(root / "flow" / f"clip{number}", steps=8, size=32, first=50 * number)
    (root / "list.txt").write_text("".join(f"clip{n} 9 {n}\n" for n in range(3)))
    for name, flow in (("rgb", 0), ("flow", 5)):
        spec = gst.ModelSpec(
            "tsm", "resnet18", flow=flow, num_frames=10 if flow else 2, num_classes=3, width=8
        )
        made = gst.create_model(spec, seed=flow)
        clip = replace(made.clip_spec, resize=32, crop=32)
        gst.save_model(root / f"{name}.pth", made, clip_spec=clip, labels=["x", "y", "z"])
    return root


def test_both_networks_are_evaluated_over_the_same_clips(house: Path) -> None:
    rgb = gst.evaluate(house / "rgb.pth", house / "list.txt", root=house / "frames", device="cpu")
    flow = gst.evaluate(house / "flow.pth", house / "list.txt", root=house / "flow", device="cpu")
    both = gst.evaluate(
        house / "rgb.pth",
        house / "list.txt",
        root=house / "frames",
        flow=house / "flow.pth",
        flow_root=house / "flow",
        stream_weights=(1, 2),
        device="cpu",
    )
    expected = fuse_streams([rgb.logits, flow.logits], weights=[1, 2])
    np.testing.assert_allclose(both.logits.logits, expected.logits, rtol=1e-6)
    assert both.provenance.sources.items() >= {
        (n, gst.load_model(house / f"{n}.pth").sha256) for n in ("rgb", "flow")
    }
    assert both.summary.clips == 3


def test_the_commands_say_it_too(house: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--flow",
        str(house / "flow.pth"),
        "--flow-root",
        str(house / "flow"),
        "--device",
        "cpu",
        "--json",
    ]
    data = [str(house / "rgb.pth"), str(house / "list.txt"), "--root", str(house / "frames")]
    for _ in range(2):  # the second time it replaces its own files
        assert run(["evaluate", *data, *words, "--out", str(tmp_path), "--formats", "csv"]) == 0
        told = json.loads(capsys.readouterr().out)
    assert (told["checkpoint"], told["clips"]) == ("rgb + flow", 3)
    assert set(told["streams"]) == {"rgb", "flow"}
    assert run(["predict", str(house / "rgb.pth"), str(house / "frames" / "clip1"), *words]) == 0
    assert json.loads(capsys.readouterr().out)["clips"][0]["predictions"][0]["rank"] == 1


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"flow": "rgb.pth"}, "a network of optical flow"),
        ({"flow_root": Path("flow")}, "a second network"),
        ({"flow": "flow.pth", "fusion": "product"}, "softmax or logits"),
        ({"flow": "flow.pth", "stream_weights": (1, 2, 3)}, "2 numbers"),
    ],
)
def test_what_is_no_two_streams_is_one_line(house: Path, options: dict[str, Any], found: str) -> None:
    if "flow" in options:
        options = {**options, "flow": house / options["flow"]}
    with pytest.raises(SpecError, match=found):
        gst.predict(house / "rgb.pth", house / "frames", device="cpu", **options)


def test_a_clip_without_flow_is_a_failure(house: Path, tmp_path: Path) -> None:
    write_flow(tmp_path / "clip1", size=32)
    found = gst.predict(
        house / "rgb.pth", house / "frames", flow=house / "flow.pth", flow_root=tmp_path, device="cpu"
    )
    assert len(found.logits.clips) == 1
    assert len(found.failures) == 2
    assert all("flow: " in reason for reason in found.failures.values())


def test_what_looks_at_frames_looks_at_flow(house: Path) -> None:
    """A row of a trace is a stack; what it is made of, and where it lies, is told of the folder's steps."""
    traced = gst.trace(house / "flow.pth", house / "flow" / "clip2", device="cpu")
    assert traced.table["frame"].max() == 1
    assert set(traced.tables["trace_influence"]["input_frame"]) == {0, 1}
    assert gst.frame_influence(house / "flow.pth", house / "flow" / "clip2", device="cpu").table is not None
    changed = gst.ablate(house / "flow.pth", house / "list.txt", root=house / "flow", limit=2, device="cpu")
    assert changed.summary is not None
    with pytest.raises(DataError, match="optical flow"):
        gst.predict(house / "flow.pth", house / "frames" / "clip1", device="cpu")
