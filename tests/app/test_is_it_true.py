"""The page of checks: ablation, drift and slimming, on clips good and bad."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from app import cached, cached_measurements, findings
from app.downloads import make_file
from gst_analysis import planted
from gst_analysis.analyses import drift
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from tests.analyses.labelled_clips import small_model, write_clips
from tests.app.conftest import Visit, names_of_plots
from tests.conftest import SaveSmall


@pytest.fixture
def ckpt(folder: Path) -> str:
    torch.set_num_threads(1)
    model = small_model()
    return save_model(folder / "small.pth", model.module, clip_spec=model.clip_spec).name


@pytest.fixture
def world(folder: Path) -> str:
    """Four clips in Something-Something v2's layout."""
    records = write_clips(folder / "world" / "videos", [0, 1, 2, 3])
    labels = [f"doing {number}" for number in range(5)]
    place = folder / "world"
    (place / "labels.json").write_text(json.dumps({label: str(n) for n, label in enumerate(labels)}))
    clips = [{"id": r.clip, "label": labels[r.label or 0], "template": labels[r.label or 0]} for r in records]
    (place / "validation.json").write_text(json.dumps(clips))
    return "world/validation.json"


def start(page: AppTest) -> AppTest:
    """Press the page's one big button and wait until the work has ended."""
    (button,) = [button for button in page.button if button.proto.type == "primary"]
    button.click().run()
    for job in list(cached.jobs()._jobs.values()):
        assert job.ended.wait(60)
    page.run()
    assert not page.exception
    return page


def test_without_a_checkpoint_there_is_nothing_to_check(visit: Visit) -> None:
    page = visit("is_it_true", backbone="ResNet-26, small")
    assert "Nothing to check yet" in page.info[-1].value
    assert not page.error


def test_what_weights_say_stands_there_at_once_a_row_a_question(visit: Visit, ckpt: str) -> None:
    told = [text.value for text in visit("is_it_true", ckpt=ckpt, clips="My own").markdown]
    answers = [told[told.index(f"**{question}**") + 1] for question in findings.QUESTIONS.values()]
    assert answers[0].startswith("Temporal higher in **")
    assert "raw γ puts the same side higher" in answers[1]
    assert "does not say where training began" in answers[2]
    assert answers[3:] == [findings.NOT_MEASURED] * 2


def test_the_oldest_measurements_go_where_all_are_too_large() -> None:
    memory = cached_measurements.Measured(most_bytes=2500)
    asked = [cached_measurements.Asked("ablation", ("net", str(number)), "clips") for number in range(3)]
    for number, one in enumerate(asked):
        memory.keep(one, bytes([number]) * 1000)
        memory.find(asked[0])
    assert [memory.find(one) is not None for one in asked] == [True, False, True]
    assert memory.find_last("ablation", ("net", "2")) == bytes([2]) * 1000
    assert memory.find_last("slimming", ("net", "2")) is None


def test_a_checkpoint_of_no_planted_world_asks_for_clips(visit: Visit, ckpt: str) -> None:
    page = visit("is_it_true", ckpt=ckpt)
    assert "No planted world" in page.info[0].value
    page = visit("is_it_true", ckpt=ckpt, clips="My own")
    assert "Which clips?" in page.info[0].value


def test_channels_are_taken_away_on_ones_own_clips(visit: Visit, ckpt: str, world: str) -> None:
    page = visit("is_it_true", ckpt=ckpt, clips="My own", data=world)
    assert "gst-analyze ablate small.pth world/validation.json --limit 60" in page.code[0].value
    start(page)
    assert [metric.label for metric in page.metric] == ["Accuracy, nothing changed", "Clips", "Cross entropy"]
    assert page.metric[1].value == "4"
    assert [name.split(".")[0] for name in names_of_plots(page)] == [
        next(text.value for text in page.markdown if "tossed coins" in text.value)
        .replace("**", "")
        .split(".")[0],
        "Accuracy lost in every block",
    ]
    numbers = page.dataframe[0].value
    assert set(numbers["Changed to"]) == {
        "channels silent",
        "channels at their mean",
        "channels of another clip",
        "frames in another order",
    }
    cached.jobs.cache_clear()  # as if other work had pushed it out
    page = visit("is_it_true", ckpt=ckpt, clips="My own", data=world)
    assert page.metric[1].value == "4"  # another visitor is shown what is remembered
    assert not cached.jobs()._jobs


def test_the_shown_command_makes_the_downloaded_table(
    visit: Visit, ckpt: str, world: str, folder: Path
) -> None:
    page = start(visit("is_it_true", ckpt=ckpt, clips="My own", data=world))
    (job,) = cached.jobs()._jobs.values()
    command = shlex.split(page.code[0].value)[1:]
    assert run([*command, "--formats", "csv,json"]) == 0
    for kind in ("csv", "json"):
        made = make_file(kind, "ablation", job.result, None).decode()
        assert made == (folder / "ablation" / f"ablation.{kind}").read_text()


def test_two_networks_are_checked_apart(visit: Visit, ckpt: str, save_small: SaveSmall) -> None:
    save_small(file="other.pth")
    page = visit("is_it_true", ckpt=[ckpt, "other.pth"], check="Look at the start", of="other", start=ckpt)
    assert f"gst-analyze drift other.pth --start {ckpt}" in page.code[0].value


@pytest.mark.parametrize(
    ("data", "words"),
    [("nowhere.json", "expected a list of labelled clips"), ("/etc/hosts", "found one outside")],
)
def test_clips_that_cannot_be_used_are_one_sentence(visit: Visit, ckpt: str, data: str, words: str) -> None:
    page = visit("is_it_true", ckpt=ckpt, clips="My own", data=data)
    assert words in page.error[0].value.replace("\\", "")


def test_work_that_fails_says_why_and_can_be_tried_again(visit: Visit, ckpt: str, world: str) -> None:
    labels = {f"other {number}": str(number) for number in range(4)}
    Path("world/labels.json").write_text(json.dumps(labels))
    page = start(visit("is_it_true", ckpt=ckpt, clips="My own", data=world))
    assert "expected" in page.error[0].value
    assert [b.label for b in page.button if b.proto.type == "primary"] == ["Try again"]
    assert str(Path.cwd()) not in page.error[0].value.replace("\\", "")


def test_the_start_is_told_and_another_may_be_named(
    visit: Visit, save_small: SaveSmall, folder: Path
) -> None:
    save_small(file="now.pth", seed=1)
    save_small(file="then.pth", seed=2)
    page = visit("is_it_true", ckpt="now.pth", check="Look at the start", start="then.pth")
    assert "gst-analyze drift now.pth --start then.pth" in page.code[0].value
    assert names_of_plots(page)[0].startswith(
        "How far γ moved from its start, on average: spatial channels by "
    )
    assert str(folder) not in " ".join(text.value for text in page.markdown).replace("\\", "")
    unsaid = visit("is_it_true", ckpt="now.pth", check="Look at the start")
    assert not unsaid.error  # nothing is wrong with such a file
    assert "Name the checkpoint that it began with above" in unsaid.info[0].value
    page.text_input(key="start").set_value("../elsewhere.pth").run()
    assert "found one outside" in page.error[0].value


def test_a_start_can_be_sent_and_is_called_as_the_visitor_calls_it(
    visit: Visit, save_small: SaveSmall, folder: Path
) -> None:
    save_small(file="now.pth", seed=1)
    content = save_small(file="then.pth", seed=2).read_bytes()
    expected = drift.measure_drift("now.pth", start="then.pth").layers["change"].tolist()
    (folder / "then.pth").unlink()
    page = visit("is_it_true", ckpt="now.pth", check="Look at the start")
    (uploader,) = [one for one in page.file_uploader if one.label.startswith("A checkpoint")]
    uploader.upload("then.pth", content).run()
    assert page.text_input(key="start").value == "upload:then.pth"
    assert not page.error
    (numbers,) = [one.value for one in page.dataframe if "Mean change" in one.value.columns]
    assert numbers["Mean change"].tolist() == pytest.approx(expected)
    told = [text.value for text in page.markdown if text.value.startswith("**Start:**")]
    assert "then.pth" in told[0].replace("\\", "")
    assert "gst-analyze drift now.pth --start then.pth" in page.code[0].value
    (uploader,) = [one for one in page.file_uploader if one.label.startswith("A checkpoint")]
    uploader.upload("broken.pth", content[:2000]).run()
    (error,) = [one.value for one in page.error]
    assert "broken" in error
    assert str(folder) not in error
    assert "/tmp" not in error
    page.text_input(key="start").set_value("upload:another.pth").run()
    assert "a start that you sent" in page.error[0].value


def test_a_network_is_made_smaller_and_can_be_downloaded(
    visit: Visit, ckpt: str, world: str, folder: Path
) -> None:
    page = visit("is_it_true", ckpt=ckpt, clips="My own", data=world, check="Make it smaller", keep="85")
    assert "--macs 0.85" in page.code[0].value
    start(page)
    assert [metric.label for metric in page.metric][:2] == ["Parameters", "Multiply-adds"]
    assert any(name.startswith("Channels left by group: spatial ") for name in names_of_plots(page))
    assert any("rule" in text.value or "every group wins" in text.value for text in page.markdown)
    (job,) = cached.jobs()._jobs.values()
    result, written = job.result
    assert result.model is None
    (folder / "slim.pth").write_bytes(written)
    reading = cached.read_checkpoint(folder / "slim.pth")
    assert reading.inspection.params == result.summary.after.params


def test_planted_clips_are_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "TRIAL_CLIPS", 16)
    told: list[int] = []
    first = planted.make_trial(tmp_path, "state-change", progress=lambda done, total, _: told.append(done))
    assert told == list(range(1, 17))
    assert len(json.loads(Path(first).read_text())) == 8
    assert planted.make_trial(tmp_path, "state-change", progress=lambda *_: told.append(0)) == first
    assert 0 not in told
