"""The page of the report: one file, written beside the pages."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app import cached
from app.clips_to_try import Clips
from app.sent_clips import SentClips
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.progress import no_progress
from gst_analysis.reporting import page as written_page
from gst_analysis.sections.options import ReportOptions
from gst_analysis.sections.subject import ReportClips, Subject, name_clips, name_dataset
from tests.analyses.labelled_clips import small_model
from tests.app.conftest import Visit


@pytest.fixture(autouse=True)
def _without_stills(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank for each picture that matplotlib draws: tests/report looks at those."""
    monkeypatch.setattr(written_page, "_encode", lambda *_: "data:,")


def test_without_a_checkpoint_there_is_nothing_to_report_on(visit: Visit) -> None:
    page = visit("report", backbone="ResNet-26, small")
    assert "Nothing to report on" in page.info[-1].value


def test_a_report_is_written_and_offered(visit: Visit, folder: Path) -> None:
    torch.set_num_threads(1)
    model = small_model()
    save_model(folder / "small.pth", model.module, clip_spec=model.clip_spec)
    page = visit("report", ckpt="small.pth")
    assert page.code[0].value == "gst-analyze report small.pth"
    (button,) = [button for button in page.button if button.proto.type == "primary"]
    button.click().run()
    (job,) = cached.jobs()._jobs.values()
    assert job.ended.wait(60)
    page.run()
    assert not page.exception
    assert not page.error
    assert "Download the report" in [button.proto.label for button in page.get("download_button")]
    assert str(folder) not in job.result.page
    assert any("What a smaller network would keep" in text.value for text in page.markdown)


def test_what_a_network_cannot_have_is_said(visit: Visit, folder: Path) -> None:
    torch.set_num_threads(1)
    model = small_model("sth-resnet26s")
    save_model(folder / "small.pth", model.module, clip_spec=model.clip_spec)
    page = visit("report", ckpt="small.pth")
    next(button for button in page.button if button.proto.type == "primary").click().run()
    (job,) = cached.jobs()._jobs.values()
    assert job.ended.wait(60)
    page.run()
    assert not page.warning
    told = [note.value for note in page.info]
    assert any("What a smaller network would keep" in note and "STH" in note for note in told)


def test_clips_that_are_none_are_one_sentence(visit: Visit, folder: Path) -> None:
    model = small_model()
    save_model(folder / "small.pth", model.module, clip_spec=model.clip_spec)
    page = visit(
        "report",
        ckpt="small.pth",
        about="Its weights, and how it does on clips",
        clips="My own",
        data="no.json",
    )
    assert "expected a list of labelled clips" in page.error[0].value


SENT = {
    "folders below one": ({"mine/up/a.mp4": "1.mp4"}, "", "mine", "mine/up/a.mp4"),
    "folders": ({"up/a.mp4": "1.mp4", "down/b.mp4": "2.mp4"}, "", "my clips", "my clips/up/a.mp4"),
    "a list": ({"mine/videos/17.mp4": "1.mp4"}, "mine/val.json", "val.json", "videos/17.mp4"),
    "a list in a folder": ({"videos/17.mp4": "1.mp4"}, "lists/val.json", "val.json", "../videos/17.mp4"),
}


@pytest.mark.parametrize("kind", SENT)
def test_commands_about_uploaded_clips_take_what_their_reader_has(kind: str) -> None:
    places, listed, taken, named = SENT[kind]
    kept = {name: Path("/kept", file) for name, file in places.items()}
    labelled_by = Path("/kept/list.json") if listed else None
    sent = SentClips("my clips.tar.gz", "0" * 64, Path("/kept"), kept, labelled_by, listed, flat=False)
    record = ClipRecord("17", Path("/kept/1.mp4"), 0, "up")
    records = sent.name_records(RecordList((record,), ("up",), sources={"x": "0" * 64}))
    clips = ReportClips(small_model(), records, records, ReportOptions())
    assert (name_dataset(clips), name_clips(clips, 1)) == ((taken,), [named])
    assert Clips(None, Path("/kept"), "x", sent=sent).to_write.file == taken
    assert f"commands take {taken} out of my clips.tar.gz: unpack it first" in records.notes
    cut = sent.name_records(replace(records, records=(replace(record, start_frame=0, stop_frame=8),)))
    assert cut.records[0].clip == "17"  # no command takes a part of a file by name


def test_a_page_names_no_word_of_the_command_line(folder: Path) -> None:
    section = importlib.import_module("gst_analysis.analyses.drift.section")
    model = small_model()
    save_model(folder / "small.pth", model.module, clip_spec=model.clip_spec)
    missing = section.write_section(Subject(load_checkpoint(folder / "small.pth")), no_progress).missing
    assert "no file of its start was named" in missing
    assert "--" not in missing
