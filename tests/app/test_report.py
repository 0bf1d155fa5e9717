"""The page of the report: one file, written beside the pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app import cached
from app.reporting import name_by_files
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.reporting import page as written_page
from gst_analysis.sections.options import ReportOptions
from gst_analysis.sections.subject import ReportClips, name_clips
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


def test_commands_about_uploaded_clips_take_the_names_of_their_files() -> None:
    record = ClipRecord("17", Path("/kept/000003.mp4"), 0, "up")
    records = RecordList((record,), ("up",), sources={"validation.json": "0" * 64})
    named = name_by_files(records, {"/kept/000003.mp4": "videos/17.mp4"})
    clips = ReportClips(small_model(), named, named, ReportOptions())
    assert name_clips(clips, 1) == ["videos/17.mp4"]
    cut = replace(records, records=(replace(record, start_frame=0, stop_frame=8),))
    assert name_by_files(cut, {"/kept/000003.mp4": "videos/17.mp4"}) == cut
