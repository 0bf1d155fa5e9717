"""Clips at an open place: a button asks for them, then come pictures, a look into one, and its trace."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app import cached, place_clips, tracing
from app.cached_measurements import memory
from tests.app.conftest import Visit, images
from tests.app.test_is_it_true import ckpt, world

__all__ = ["ckpt", "world"]

FIND = "Find the clips that drive block 4.0 of small"


def press(page: AppTest, label: str) -> AppTest:
    """Press a button and wait until its work has ended."""
    (button,) = [one for one in page.button if one.label == label]
    button.click().run()
    for job in list(cached.jobs()._jobs.values()):
        assert job.ended.wait(60)
    page.run()
    assert not page.exception
    return page


def test_the_clips_that_drive_a_channel_are_shown_looked_into_and_opened(
    visit: Visit, ckpt: str, world: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "trace", lambda *_, **__: None)  # as while a long video is being read
    asked = {"ckpt": ckpt, "place": "layer4.0", "clips": "My own", "data": world}
    page = visit("start", **asked)
    assert not images(page)  # nothing is measured unasked
    page = press(page, FIND)
    names = {name.split()[-1] for name in images(page)}
    assert names == {"clip00", "clip01", "clip02", "clip03"}  # fewer than five there are
    (told,) = [text.value for text in page.markdown if "on average over 4 clips" in text.value]
    (channels, best) = [one.value for one in page.dataframe][:2]
    assert channels["Evidence in the clip"].notna().all()
    first = channels.iloc[0]  # of the largest scale
    assert page.selectbox(key="channel").value == f"{first['Group']} {first['Channel']} of block 4.0.bn2"
    own = best[best["Channel"] == first["Channel"]]
    assert own["Mean over the clip"].is_monotonic_decreasing
    assert f"**{own['Over all clips'].iloc[0]:.3g}**" in told
    assert images(page) == [f"The middle frame of {clip}" for clip in own["Clip"]]
    maps = [one for one in page.get("html") if "what speaks for" in one.proto.body]
    assert len(maps) == 1
    assert "block 4.0" in maps[0].proto.body
    cached.jobs.cache_clear()  # as if other work had pushed it out
    last = channels.iloc[-1]
    named = f"{last['Group']} {last['Channel']} of block 4.0.bn2"
    page = visit("start", **asked, channel=named)
    assert not [text.value for text in page.caption if "The link says" in text.value]
    assert page.selectbox(key="channel").value == named
    assert str(page.selectbox(key="look").value).split(":")[0] == images(page)[0].split()[-1]
    page.button(key="driver-1").click().run()
    assert not page.exception
    assert page.title[0].value == "Traces"
    assert page.query_params["clip"].startswith("world/videos/clip")


def test_of_a_large_network_it_is_said_how_long_and_looked_into_when_asked(
    visit: Visit, ckpt: str, world: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_clips, "LARGE", 1000)
    page = visit("start", ckpt=ckpt, place="layer4.0", clips="My own", data=world)
    (told,) = [text.value for text in page.info if "drive each channel most" in text.value]
    assert "One clip takes " in told
    assert "so 60 take about " in told
    page = press(page, FIND)
    assert not [one for one in page.get("html") if "what speaks for" in one.proto.body]
    page = press(page, "Look into it")
    assert [one for one in page.get("html") if "what speaks for" in one.proto.body]
    assert len(memory()._kept.list_keys()) == 1


def test_what_cannot_be_read_is_said(visit: Visit, ckpt: str) -> None:
    page = visit("start", ckpt=ckpt, place="layer4.0", clips="My own", data="nowhere")
    assert "nowhere" in page.error[0].value
