"""The page of traces: its numbers are the workflows' own, whatever names the clip; what cannot be is said."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import cached_clips, evidence, tracing
from app.clips import resolve_clip
from app.downloads import make_file
from gst_analysis.analyses import influence as influence_room
from gst_analysis.analyses import traces
from gst_analysis.analyses.traces.state_changes import ChangeSettings, find_curve_changes, find_label_changes
from gst_analysis.analyses.traces.table import BARE
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.errors import DataError
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted.worlds import WorldName, classes_of
from tests.app.conftest import Visit, plots
from tests.app.traced_pages import curves, numbers, said
from tests.conftest import SMALL_CLIPS, SaveSmall

pytestmark = pytest.mark.usefixtures("drawings")


@pytest.fixture
def save_labelled(folder: Path) -> SaveSmall:
    """Save an untrained network that names the classes of a planted world."""

    def save(world: WorldName, *, file: str) -> Path:
        labels = tuple(planted.label for planted in classes_of(world))
        spec = ModelSpec.from_name("gst-resnet26s", width=8, num_classes=len(labels), num_frames=4)
        return save_model(
            folder / file, build_model(spec), clip_spec=replace(SMALL_CLIPS, frames=4), labels=labels
        )

    return save


def test_without_a_checkpoint_it_says_what_to_do(visit: Visit) -> None:
    page = visit("traces")
    assert "No checkpoint to trace with" in page.info[0].value
    assert not plots(page)


def test_the_page_shows_the_workflows_numbers(visit: Visit, save_small: SaveSmall, clip: Path) -> None:
    checkpoint = save_small(file="net.pth")
    page = visit("traces", ckpt="net.pth", clip="clip.mp4")
    expected = traces.trace("net.pth", "clip.mp4")
    timeline, matrix = plots(page)
    for label, rows in expected.table.groupby("label"):
        assert curves(timeline)[str(label)] == pytest.approx(rows["probability"].tolist(), abs=1e-5)
    (told,) = expected.traced
    assert f"**{told['video']['label']}**" in said(page)  # class 3, as nobody has named it
    assert "names of this network's classes are not known" in said(page)
    influence = influence_room.frame_influence(checkpoint, "clip.mp4")
    shares = numbers(json.loads(matrix)["data"][0]["z"])
    rows = influence.table[influence.table["method"] == "gradient"]
    assert shares.ravel().tolist() == pytest.approx(rows["share"].tolist(), abs=1e-4)
    own = sum(shares[frame, frame] for frame in range(len(shares))) / len(shares)
    assert f"**{own:.0%} of what moves a frame's logit" in said(page)
    assert not page.error


@pytest.mark.usefixtures("curves_alone")
def test_planted_clips_follow_the_networks_world_and_say_their_truth(
    visit: Visit, save_labelled: SaveSmall
) -> None:
    save_labelled("state-change", file="changes.pth")
    page = visit("traces", ckpt="changes.pth")
    assert page.selectbox(key="world_shown").value == "state-change"
    assert page.query_params["clip"] == "planted:state-change/0"
    assert "Opening something" in said(page)
    assert "In truth it is complete at" in said(page)
    assert "No clear prediction" in said(page)  # it is untrained
    assert not page.info
    page.selectbox(key="world_shown").set_value("static").run()
    assert "does not know this world" in page.info[0].value
    page.selectbox(key="clip_shown").set_value("planted:static/3").run()
    assert page.query_params["clip"] == "planted:static/3"
    assert not page.exception


def test_what_is_said_of_a_prediction_is_as_sure_as_it_is() -> None:
    faint = tracing.say_prediction({"label": "class 78", "probability": 0.01}, 174)
    assert faint.startswith("**No clear prediction** for the clip: **class 78** comes first with 1%")
    assert "each of 174 classes 0.6%" in faint
    sure = tracing.say_prediction({"label": "Opening it", "probability": 0.5}, 174)
    assert sure == "Prediction for the clip: **Opening it** (50%)."
    nothing = tracing.say_changes([], ChangeSettings(margin=0.6, hold=3))
    assert nothing.endswith("takes the lead by 60 percentage points, for 3 points running.")
    change = {"seconds": 1.5, "confidence": 0.82}
    assert tracing.say_changes([change], ChangeSettings()) == "Its mind changes at 1.50 s (82% sure)."
    assert tracing.find_gap([0.0, 15.0, 30.0, 45.0]) == 15
    assert tracing.find_gap([float("nan")] * 3) == 0


def test_no_change_is_claimed_from_one_percent() -> None:
    rows = np.full((8, 100), 0.0099)
    rows[:4, 3] = rows[4:, 7] = 0.0199  # another class leads from the middle on, hardly
    assert find_label_changes(rows) == find_curve_changes(rows) == ()
    rows[:4, 3] = rows[4:, 7] = 0.6
    assert [change.row for change in find_label_changes(rows)] == [4]


@pytest.mark.usefixtures("curves_alone")
def test_a_link_names_a_planted_clip(visit: Visit, save_labelled: SaveSmall) -> None:
    save_labelled("state-change", file="changes.pth")
    page = visit("traces", ckpt="changes.pth", clip="planted:temporal/2")
    assert page.selectbox(key="world_shown").value == "temporal"
    assert page.selectbox(key="clip_shown").value == "planted:temporal/2"


def test_evidence_is_looked_for_the_class_that_is_asked_for(
    visit: Visit, save_small: SaveSmall, clip: Path
) -> None:
    save_small(file="net.pth")
    page = visit("traces", ckpt="net.pth", clip="clip.mp4")
    before = plots(page)[1]
    classes = next(box for box in page.selectbox if box.label == "Evidence for")
    other = int(classes.options[-1].removeprefix("class "))
    classes.set_value(other).run()
    influence = influence_room.frame_influence("net.pth", "clip.mp4", class_name=other).table
    shares = numbers(json.loads(plots(page)[1])["data"][0]["z"])
    expected = influence[influence["method"] == "gradient"]["share"].tolist()
    assert plots(page)[1] != before
    assert shares.ravel().tolist() == pytest.approx(expected, abs=1e-4)
    assert f"--class {other}" in page.code[0].value
    assert page.query_params["class"] == str(other)
    follower = visit("traces", ckpt="net.pth", clip="clip.mp4", **{"class": str(other)})
    assert json.loads(plots(follower)[1])["data"] == json.loads(plots(page)[1])["data"]
    clip.with_name("other.mp4").write_bytes(clip.read_bytes() + b"\0")
    page.text_input(key="typed_clip").set_value("other.mp4")
    next(
        button for button in page.button if button.label == "Open" and "clip" in str(button.key)
    ).click().run()
    assert page.query_params["clip"] == "other.mp4"
    assert "class" not in page.query_params
    nonsense = visit("traces", ckpt="net.pth", clip="clip.mp4", **{"class": "-7"})
    assert json.loads(plots(nonsense)[1])["data"] == json.loads(before)["data"]
    assert not nonsense.error


def test_uploads_go_by_their_names_and_can_be_removed(
    visit: Visit, save_small: SaveSmall, clip: Path
) -> None:
    save_small(file="net.pth")
    page = visit("traces", ckpt="net.pth")
    uploader = page.file_uploader[-1]
    uploader.upload("my clip.mp4", clip.read_bytes()).run()
    assert page.selectbox(key="clip_shown").value == "upload:my clip.mp4"
    assert "gst-analyze trace net.pth 'my clip.mp4'" in page.code[0].value
    stored = page.session_state["visit"].visitor.things["clips"].files["my clip.mp4"]
    assert stored.is_file()
    assert "my" not in stored.name
    assert str(stored.parent) not in json.dumps(plots(page)) + said(page)
    page.file_uploader[-1].upload("broken.mp4", clip.read_bytes()[:3000]).run()
    assert page.error[0].value.replace("\\", "").startswith("broken.mp4: ")
    assert str(stored.parent) not in page.error[0].value
    next(button for button in page.button if button.label == "Remove uploaded clips").click().run()
    assert not stored.exists()
    assert str(page.selectbox(key="clip_shown").value).startswith("planted:")
    assert not page.error


def test_the_same_content_is_traced_once_and_drawn_from_the_file_that_is_there(
    folder: Path, save_small: SaveSmall, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, once = save_small(file="net.pth"), traces.trace
    calls: list[tuple[Any, ...]] = []

    def count(*given: Any, **more: Any) -> Any:
        calls.append(given)
        return once(*given, **more)

    monkeypatch.setattr(traces, "trace", count)
    pair = cached_clips.TracedPair("a", "net.pth", cached_clips.hash_clip(clip), "clip.mp4", None)
    cached_clips.trace(pair, cached_clips.PairFiles(checkpoint, clip), BARE)
    moved = clip.rename(folder / "moved.mp4")
    again = cached_clips.trace(pair, cached_clips.PairFiles(checkpoint, moved), BARE)
    assert len(calls) == 1
    assert make_file("png", "frame_traces", again, again.plot).startswith(b"\x89PNG")
    assert cached_clips.film_trace(pair, again, BARE)[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/etc/passwd", "found one outside"),
        ("../x.mp4", "found one outside"),
        ("missing.mp4", "found no such file"),
        ("notes.txt", "or a folder of frames; found another kind of file"),
        ("a\0b.mp4", "found one outside"),
    ],
)
def test_what_is_no_clip_is_named(folder: Path, text: str, words: str) -> None:
    (folder / "notes.txt").touch()
    with pytest.raises(DataError, match=words):
        resolve_clip(text)


@pytest.mark.usefixtures("curves_alone")
@pytest.mark.parametrize(
    ("ref", "words"),
    [("/etc/passwd", "found one outside"), ("upload:theirs.mp4", "a clip that you uploaded")],
)
def test_a_link_to_no_clip_says_so_and_falls_back(
    visit: Visit, save_small: SaveSmall, ref: str, words: str
) -> None:
    save_small(file="net.pth")
    page = visit("traces", ckpt="net.pth", clip=ref)
    assert words in page.error[0].value
    assert str(page.selectbox(key="clip_shown").value).startswith("planted:")
    assert len(plots(page)) == 1


@pytest.mark.usefixtures("curves_alone")
def test_a_typed_path_is_opened_and_a_folder_without_frames_is_refused(
    visit: Visit, save_small: SaveSmall, clip: Path, folder: Path
) -> None:
    save_small(file="net.pth")
    (folder / "empty").mkdir()
    page = visit("traces", ckpt="net.pth")
    for typed in ("clip.mp4", "empty"):
        page.text_input(key="typed_clip").set_value(typed)
        page.button(key="open-clip").click().run()
        assert not page.exception
        assert page.selectbox(key="clip_shown").value == "clip.mp4"  # what is refused does not join
    assert page.error[0].value.startswith("empty")


def test_saliency_is_drawn(visit: Visit, save_small: SaveSmall, clip: Path) -> None:
    save_small(file="net.pth")
    page = visit("traces", ckpt="net.pth", clip="clip.mp4")
    maps = next(part.proto.body for part in page.get("html") if "Evidence for" in part.proto.body)
    assert maps.count("<img") == 4 * 8  # the frame and three groups, of eight frames


def test_large_networks_wait_until_they_are_asked(
    visit: Visit, save_small: SaveSmall, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "LARGE", 0)
    save_small(file="net.pth")
    page = visit("traces", ckpt="net.pth", clip="clip.mp4")
    assert len(plots(page)) == 1
    start = next(button for button in page.button if button.label == evidence.STARTS["influence"])
    start.click().run()
    last = time.monotonic() + 60
    while len(plots(page)) < 2 and time.monotonic() < last:
        time.sleep(0.2)
        page.run()
    assert len(plots(page)) == 2
    assert not page.exception


@pytest.mark.slow
def test_a_second_network_and_frames_that_stand_still_are_beside_the_first(
    visit: Visit, save_small: SaveSmall, clip: Path
) -> None:
    for seed, name in enumerate(("net", "other")):
        save_small(file=f"{name}.pth", seed=seed)
    page = visit("traces", ckpt=["net.pth", "other.pth"], clip="clip.mp4", beside="other")
    first, second, _ = plots(page)
    for figure, name in ((first, "net.pth"), (second, "other.pth")):
        for label, rows in traces.trace(name, "clip.mp4").table.groupby("label"):
            assert curves(figure)[str(label)] == pytest.approx(rows["probability"].tolist(), abs=1e-5)
        (line,) = [one for one in json.loads(figure)["data"] if one["mode"] == "lines"]
        alone = traces.trace(name, "clip.mp4", mode="still").table
        label = line["name"].replace("<br>", " ").partition(",")[0]
        expected = alone[alone["label"] == label]["probability"].tolist()
        assert numbers(line["y"]).tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_a_large_network_stands_still_when_it_is_asked_to(
    visit: Visit, save_small: SaveSmall, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_small(file="net.pth")
    monkeypatch.setattr(tracing, "LARGE", 0)
    page = visit("traces", ckpt="net.pth", clip=clip.name)
    assert "standing still" not in plots(page)[0]
    (button,) = [one for one in page.button if one.label.startswith("Add each frame standing still")]
    button.click().run()
    assert not page.exception
    assert "standing still" in plots(page)[0]
