"""The page of Figure 4: what a visitor sees for checkpoints good and bad, and for none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import choosing
from tests.app.conftest import Visit, plots
from tests.conftest import SaveSmall


def titles(figure: str) -> list[str]:
    return [note["text"] for note in json.loads(figure)["layout"]["annotations"]]


def axis_titles(figure: str, axis: str) -> list[str]:
    axes = (value for name, value in json.loads(figure)["layout"].items() if name.startswith(axis))
    return [axis["title"]["text"] for axis in axes if "title" in axis]


def rows(figure: str) -> list[str]:
    return axis_titles(figure, "yaxis")


def test_without_checkpoints_an_untrained_network_stands_in_and_says_so(visit: Visit) -> None:
    page = visit(backbone="ResNet-26, small")
    (figure,) = plots(page)
    assert "untrained" in page.info[0].value
    assert "equal to 1" in page.info[0].value
    assert titles(figure)[0] == "GST resnet26s α=1/4"
    assert rows(figure) == ["stage 1", "stage 2", "stage 3", "stage 4"]
    assert not page.error
    assert "build_untrained" in page.code[0].value


def test_an_impossible_alpha_is_explained_and_can_be_changed(visit: Visit) -> None:
    page = visit(alpha="3/7")
    assert "expected widths that are multiples of 14" in page.error[0].value.replace("\\", "")
    assert not plots(page)
    page.selectbox(key="alpha").set_value("1/8").run()
    assert not page.error
    assert len(plots(page)) == 1


@pytest.mark.parametrize(
    ("family", "words"), [("C2D", "No groups, one histogram"), ("STH (our reading)", "our reading")]
)
def test_families_whose_channels_are_no_two_groups_are_explained(
    visit: Visit, family: str, words: str
) -> None:
    page = visit(family=family, backbone="MobileNetV2")
    assert any(words in note.value for note in page.info[1:])


def test_a_link_names_checkpoints_and_view(visit: Visit, save_small: SaveSmall) -> None:
    save_small(alpha="1/2", file="half.pth")
    save_small(alpha="1/4", file="quarter.pth")
    page = visit(ckpt=["half.pth", "quarter.pth"], rows="Blocks", scale="Absolute")
    (figure,) = plots(page)
    assert titles(figure)[:2] == ["half", "quarter"]
    assert rows(figure)[:2] == ["layer1.0", "layer1.1"]
    assert axis_titles(figure, "xaxis") == ["batch-norm scale |γ|"] * 2
    assert not page.info
    assert list(page.table[0].value["α"]) == ["1/2", "1/4"]
    assert (
        page.code[0].value == "gst-analyze bn-hist half.pth quarter.pth --by block --absolute --out figures"
    )
    assert page.query_params["ckpt"] == ["half.pth", "quarter.pth"]


def test_what_cannot_be_read_is_said_beside_what_can(
    visit: Visit, save_small: SaveSmall, folder: Path
) -> None:
    whole = save_small(file="whole.pth").read_bytes()
    (folder / "half a file.pth").write_bytes(whole[: len(whole) // 2])
    page = visit(ckpt=["whole.pth", "half a file.pth", "/etc/passwd", "no such.pth"])
    sentences = [error.value.replace("\\", "") for error in page.error]
    assert sentences[0].startswith("/etc/passwd: expected a path inside")
    assert "found no such file" in sentences[1]
    assert sentences[2].startswith("half a file.pth: expected a complete PyTorch file")
    assert str(folder) not in sentences[2]
    assert titles(plots(page)[0])[0] == "whole"


def test_a_folder_of_shipped_checkpoints_opens_on_the_first(
    visit: Visit, save_small: SaveSmall, folder: Path
) -> None:
    choosing.SHIPPED.mkdir()
    for name in ("a.pth", "b.pth"):
        save_small(file="x.pth").rename(choosing.SHIPPED / name)
    page = visit()
    assert page.multiselect[0].value == ["trained_models/a.pth"]
    assert page.multiselect[0].options == ["a", "b"]
    page.multiselect[0].set_value(["trained_models/b.pth"]).run()
    assert titles(plots(page)[0])[0] == "b"
    assert page.query_params["ckpt"] == "trained_models/b.pth"


def test_a_typed_path_is_added_to_what_is_shown(visit: Visit, save_small: SaveSmall) -> None:
    save_small(file="first.pth")
    save_small(file="second.pth", seed=1)
    page = visit(ckpt="first.pth")
    page.text_input[0].set_value("second.pth")
    page.button[0].click().run()
    assert page.multiselect[0].value == ["first.pth", "second.pth"]
    page.text_input[0].set_value("../elsewhere.pth")
    page.button[0].click().run()
    assert "found one outside" in page.error[0].value
    assert titles(plots(page)[0])[:2] == ["first", "second"]


def test_a_file_that_goes_away_is_missed(visit: Visit, save_small: SaveSmall) -> None:
    path = save_small(file="gone.pth")
    page = visit(ckpt="gone.pth")
    path.unlink()
    page.run()
    assert not page.exception
    assert "gone.pth: expected a file that can be read" in page.error[0].value.replace("\\", "")
    page.multiselect[0].set_value([]).run()
    assert "untrained" in page.info[0].value


def test_a_shipped_checkpoint_that_goes_away_is_no_longer_offered(
    visit: Visit, save_small: SaveSmall
) -> None:
    choosing.SHIPPED.mkdir()
    shipped = save_small(file="x.pth").rename(choosing.SHIPPED / "a.pth")
    page = visit()
    assert page.multiselect[0].value == ["trained_models/a.pth"]
    shipped.unlink()
    page.run()
    assert not page.exception
    assert "untrained" in page.info[0].value


def test_uploads_are_shown_by_their_names_and_can_be_removed(
    visit: Visit, save_small: SaveSmall, folder: Path
) -> None:
    content = save_small(file="kept.pth").read_bytes()
    page = visit()
    page.file_uploader[0].upload("mine.pth", content).run()
    assert titles(plots(page)[0])[0] == "mine"
    assert "gst-analyze bn-hist mine.pth" in page.code[0].value
    stored = page.session_state["uploads"].files["mine.pth"]
    assert stored.is_file()
    assert "mine" not in str(stored)
    page.file_uploader[0].upload("broken.pth", content[:2000]).run()
    assert page.error[0].value.replace("\\", "").startswith("broken.pth: expected a complete PyTorch file")
    assert titles(plots(page)[0])[0] == "mine"
    remove = next(button for button in page.button if button.label == "Remove uploaded files")
    remove.click().run()
    assert not stored.exists()
    assert "untrained" in page.info[0].value


def test_a_link_to_somebody_elses_upload_says_why_it_is_gone(visit: Visit) -> None:
    page = visit(ckpt="upload:theirs.pth")
    assert "theirs.pth: expected a file that you uploaded" in page.error[0].value.replace("\\", "")
    assert "untrained" in page.info[0].value


def test_the_choice_outlasts_a_visit_to_another_page(visit: Visit, save_small: SaveSmall) -> None:
    save_small(file="chosen.pth")
    page = visit(ckpt="chosen.pth", rows="Blocks")
    page.switch_page("views/cost.py").run()
    assert page.title[0].value == "Cost"
    page.switch_page("views/space_and_time.py").run()
    assert page.multiselect[0].value == ["chosen.pth"]
    assert not page.exception


def test_the_numbers_are_those_of_the_checkpoint(visit: Visit, save_small: SaveSmall) -> None:
    save_small(file="one.pth")
    from gst_analysis.workflows import bn_scales

    (norms,) = bn_scales("one.pth").summary.checkpoints.values()
    numbers = visit(ckpt="one.pth").dataframe[0].value
    expected = [(norm.layer, group, found.n) for norm in norms for group, found in norm.groups.items()]
    assert list(zip(numbers["Batch norm"], numbers["Group"], numbers["Channels"], strict=True)) == expected
    medians = [found.median for norm in norms for found in norm.groups.values()]
    assert numbers["Median"].tolist() == pytest.approx(medians)
