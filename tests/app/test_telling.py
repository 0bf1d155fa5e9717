"""What weights do not tell: said in fields or by a link, it holds on every page."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import cached
from app.telling import read_told
from gst_analysis.checkpoints.naming import ToldFile
from gst_analysis.errors import GstError
from tests.app.conftest import Visit
from tests.conftest import SaveSmall

LINK = "net.pth?frames=16&resize=48&crop=32&mean=0.5,0.5,0.5&std=0.2&labels=names.txt&family=tsm"


def write_names(folder: Path, count: int) -> None:
    (folder / "names.txt").write_text("".join(f"{chr(97 + number) * 3}\n" for number in range(count)))


def test_a_link_tells_all_seven_and_keeps_them(visit: Visit, save_small: SaveSmall, folder: Path) -> None:
    plain = cached.read_checkpoint(save_small("c2d-resnet26s", file="net.pth"))
    write_names(folder, plain.inspection.num_classes)
    page = visit("report", ckpt="net.pth", told=LINK)
    assert not [error.value for error in page.error]
    assert page.query_params["told"] == LINK.replace(",", "%2C")
    flags = "--family tsm --frames 16 --labels names.txt --resize 48 --crop 32 --mean 0.5,0.5,0.5 --std 0.2"
    assert f"gst-analyze report net.pth {flags}" in [code.value for code in page.code]
    fields = {field.label: field.placeholder for field in page.text_input}
    usual = (str(plain.clip.frames), str(plain.clip.crop), "0.229, 0.224, 0.225")
    assert (fields["Frames"], fields["Crop"], fields["Their deviation"]) == usual
    told = read_told(dict(word.split("=") for word in LINK.partition("?")[2].split("&")))
    found = cached.read_checkpoint(ToldFile.of("net.pth", told.options))
    assert (found.inspection.family, found.clip.frames, found.clip.resize) == ("tsm", 16, 48)
    assert (found.clip.std, found.labels[:2]) == ((0.2, 0.2, 0.2), ("aaa", "bbb"))


def test_what_cannot_be_says_what_was_expected(folder: Path, save_small: SaveSmall) -> None:
    write_names(folder, 1)
    net = save_small(file="net.pth")
    refused = {
        "frames=0": "a whole number from 1 to 256",
        "crop=1e3": "a whole number from 1 to 1,024",
        "mean=120,110,100": "numbers of colours from 0 to 1",
        "std=0,0,0": "numbers above 0",
        "family=x3d": "one of gst",
        "labels=/etc/passwd": "a path inside the explorer's folder",
        "labels=names.txt": "names, one for each class",
        "colour=red": "one of frames, family",
    }
    for text, expected in refused.items():
        with pytest.raises(GstError, match=expected):
            cached.read_checkpoint(ToldFile.of(net, read_told(dict([text.split("=")])).options))


def test_a_wrong_value_leaves_all_as_it_was(visit: Visit, save_small: SaveSmall) -> None:
    save_small(file="net.pth")
    page = visit("report", ckpt="net.pth", told="net.pth?frames=many")
    assert "a whole number from 1 to 256" in page.error[0].value.replace("\\", "")
    assert "told" not in page.query_params
    fields = {field.label: field for field in page.text_input}
    fields["Frames"].input("8")
    next(button for button in page.button if button.label == "Use these").click().run()
    assert not page.error
    assert page.query_params["told"] == "net.pth?frames=8"
    next(button for button in page.button if button.label == "As recognised").click().run()
    assert "told" not in page.query_params
