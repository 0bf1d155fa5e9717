"""The page of Figure 4: what a visitor sees for checkpoints good and bad, and for none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app import paths
from gst_analysis.style.names import name_block
from tests.app.conftest import Visit, images, names_of_plots, plots
from tests.conftest import SaveSmall


def titles(figure: str) -> list[str]:
    return [note["text"] for note in json.loads(figure)["layout"]["annotations"]]


def axis_titles(figure: str, axis: str) -> list[str]:
    axes = (value for name, value in json.loads(figure)["layout"].items() if name.startswith(axis))
    return [axis["title"]["text"] for axis in axes if "title" in axis]


def rows(figure: str) -> list[str]:
    return axis_titles(figure, "yaxis")


def test_without_checkpoints_an_untrained_network_stands_in_and_says_so(visit: Visit) -> None:
    page = visit("space_and_time", backbone="ResNet-26, small")
    (figure,) = plots(page)
    assert "untrained" in page.info[0].value
    assert "equal to 1" in page.info[0].value
    assert titles(figure)[0] == "GST resnet26s α=1/4"
    assert rows(figure) == ["stage 1", "stage 2", "stage 3", "stage 4"]
    assert not page.error
    assert "build_untrained" in page.code[0].value


def test_an_impossible_alpha_is_explained_and_can_be_changed(visit: Visit) -> None:
    page = visit("space_and_time", alpha="3/7")
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
    page = visit("space_and_time", family=family, backbone="MobileNetV2")
    assert any(words in note.value for note in page.info[1:])


def test_a_link_names_checkpoints_and_view(visit: Visit, save_small: SaveSmall) -> None:
    save_small(alpha="1/2", file="half.pth")
    save_small(alpha="1/4", file="quarter.pth")
    page = visit("space_and_time", ckpt=["half.pth", "quarter.pth"], rows="Blocks", scale="Absolute")
    (figure,) = plots(page)
    assert titles(figure)[:2] == ["half", "quarter"]
    assert rows(figure)[:2] == ["block 1.0", "block 1.1"]
    assert axis_titles(figure, "xaxis") == ["batch-norm scale |γ|"] * 2
    assert not page.info
    assert page.code[0].value == "gst-analyze bn-hist half.pth quarter.pth --absolute"
    assert page.query_params["ckpt"] == ["half.pth", "quarter.pth"]


def test_what_cannot_be_read_is_said_beside_what_can(
    visit: Visit, save_small: SaveSmall, folder: Path
) -> None:
    whole = save_small(file="whole.pth").read_bytes()
    (folder / "half a file.pth").write_bytes(whole[: len(whole) // 2])
    page = visit("space_and_time", ckpt=["whole.pth", "half a file.pth", "/etc/passwd", "no such.pth"])
    sentences = [error.value.replace("\\", "") for error in page.error]
    assert sentences[0].startswith("/etc/passwd: expected a path inside")
    assert "found no such file" in sentences[1]
    assert sentences[2].startswith("half a file.pth: expected a complete file")
    assert str(folder) not in sentences[2]
    assert titles(plots(page)[0])[0] == "whole"


def test_several_files_with_one_fault_are_one_sentence(visit: Visit) -> None:
    page = visit("space_and_time", ckpt=["a.pth", "b.pth", "../c.pth"])
    (outside, missing) = sorted(error.value.replace("\\", "") for error in page.error)
    assert outside.startswith("../c.pth: expected a path inside")
    assert missing.startswith("a.pth, b.pth: expected a file ending in")


def test_a_link_names_a_shipped_checkpoint_alike_wherever_the_explorer_was_started(
    visit: Visit, save_small: SaveSmall, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = folder / "somewhere" / "trained_models"
    shipped.mkdir(parents=True)
    save_small(file="x.pth", seed=1).rename(shipped / "a.pth")
    monkeypatch.setattr(paths, "SHIPPED", shipped)
    page = visit("space_and_time", ckpt="trained_models/a.pth")
    assert not page.error
    assert page.multiselect[0].value == ["trained_models/a.pth"]
    assert page.code[0].value.startswith("gst-analyze bn-hist somewhere/trained_models/a.pth")


def test_a_folder_of_shipped_checkpoints_opens_on_the_first(
    visit: Visit, save_small: SaveSmall, folder: Path
) -> None:
    paths.SHIPPED.mkdir()
    for name in ("a.pth", "b.pth"):
        save_small(file="x.pth").rename(paths.SHIPPED / name)
    page = visit("space_and_time")
    assert page.multiselect[0].value == ["trained_models/a.pth"]
    assert page.multiselect[0].options == ["a", "b"]
    page.multiselect[0].set_value(["trained_models/b.pth"]).run()
    assert titles(plots(page)[0])[0] == "b"
    assert page.query_params["ckpt"] == "trained_models/b.pth"


def test_a_typed_path_is_added_to_what_is_shown(visit: Visit, save_small: SaveSmall) -> None:
    save_small(file="first.pth")
    save_small(file="second.pth", seed=1)
    page = visit("space_and_time", ckpt="first.pth")
    page.text_input[0].set_value("second.pth")
    page.button[0].click().run()
    assert page.multiselect[0].value == ["first.pth", "second.pth"]
    page.text_input[0].set_value("../elsewhere.pth")
    page.button[0].click().run()
    assert "found one outside" in page.error[0].value
    assert titles(plots(page)[0])[:2] == ["first", "second"]


def test_a_file_that_goes_away_is_missed(visit: Visit, save_small: SaveSmall) -> None:
    path = save_small(file="gone.pth")
    page = visit("space_and_time", ckpt="gone.pth")
    path.unlink()
    page.run()
    assert not page.exception
    assert "gone.pth: expected a file that can be read" in page.error[0].value.replace("\\", "")
    page.multiselect[0].set_value([]).run()
    assert "untrained" in page.info[0].value


def test_a_shipped_checkpoint_that_goes_away_is_no_longer_offered(
    visit: Visit, save_small: SaveSmall
) -> None:
    paths.SHIPPED.mkdir()
    shipped = save_small(file="x.pth").rename(paths.SHIPPED / "a.pth")
    page = visit("space_and_time")
    assert page.multiselect[0].value == ["trained_models/a.pth"]
    shipped.unlink()
    page.run()
    assert not page.exception
    assert "untrained" in page.info[0].value


def test_uploads_are_shown_by_their_names_and_can_be_removed(
    visit: Visit, save_small: SaveSmall, folder: Path
) -> None:
    content = save_small(file="kept.pth").read_bytes()
    page = visit("space_and_time")
    page.file_uploader[0].upload("mine.pth", content).run()
    assert titles(plots(page)[0])[0] == "mine"
    assert "gst-analyze bn-hist mine.pth" in page.code[0].value
    stored = page.session_state["visit"].visitor.things["checkpoints"].files["mine.pth"]
    assert stored.is_file()
    assert "mine" not in str(stored)
    page.file_uploader[0].upload("broken.pth", content[:2000]).run()
    assert page.error[0].value.replace("\\", "").startswith("broken.pth: expected a complete file")
    assert titles(plots(page)[0])[0] == "mine"
    remove = next(button for button in page.button if button.label == "Remove uploaded files")
    remove.click().run()
    assert not stored.exists()
    assert "untrained" in page.info[0].value


def test_a_link_to_somebody_elses_upload_says_why_it_is_gone(visit: Visit) -> None:
    page = visit("space_and_time", ckpt="upload:theirs.pth")
    assert "theirs.pth: expected a file that you uploaded" in page.error[0].value.replace("\\", "")
    assert "untrained" in page.info[0].value


def test_the_choice_outlasts_a_visit_to_another_page(visit: Visit, save_small: SaveSmall) -> None:
    save_small(file="chosen.pth")
    page = visit("space_and_time", ckpt="chosen.pth", rows="Blocks")
    page.switch_page("views/cost.py").run()
    assert page.title[0].value == "Cost"
    page.switch_page("views/space_and_time.py").run()
    assert page.multiselect[0].value == ["chosen.pth"]
    assert not page.exception


def test_the_numbers_are_those_of_the_checkpoint(visit: Visit, save_small: SaveSmall) -> None:
    save_small(file="one.pth")
    from gst_analysis.analyses.scales import bn_scales

    (norms,) = bn_scales("one.pth").summary.checkpoints.values()
    numbers = visit("space_and_time", ckpt="one.pth").dataframe[0].value
    expected = [
        (name_block(norm.layer), group, found.n) for norm in norms for group, found in norm.groups.items()
    ]
    assert list(zip(numbers["Batch norm"], numbers["Group"], numbers["Channels"], strict=True)) == expected
    medians = [found.median for norm in norms for found in norm.groups.values()]
    assert numbers["Median"].tolist() == pytest.approx(medians)


@pytest.mark.parametrize(
    ("view", "shown", "command"),
    [
        ("Overlay", "Cumulative shares of scales. one: temporal higher in", "compare one.pth two.pth"),
        ("Statistics", "The gap between groups in every block", "compare one.pth two.pth"),
        ("Importance", "How many times one group's median", "importance one.pth two.pth"),
    ],
)
def test_every_view_has_its_figure_its_files_and_its_lines(
    visit: Visit, save_small: SaveSmall, view: str, shown: str, command: str
) -> None:
    for seed, file in enumerate(("one.pth", "two.pth")):
        save_small(file=file, seed=seed)
    page = visit("space_and_time", ckpt=["one.pth", "two.pth"], view=view)
    assert names_of_plots(page)[0].startswith(shown)
    assert not images(page)
    assert any(len(one.value) for one in page.dataframe)  # what a pointer reads of the figure is a table, too
    assert f"gst-analyze {command}" in page.code[0].value
    assert [button.proto.label for button in page.get("download_button")][:6] == [
        "PNG",
        "SVG",
        "PDF",
        "CSV",
        "Parquet",
        "JSON",
    ]
    assert not page.error


def test_statistics_say_what_cannot_be_compared(visit: Visit, save_small: SaveSmall) -> None:
    save_small(file="gst.pth")
    save_small("c2d-resnet26s", file="plain.pth")
    page = visit("space_and_time", ckpt=["gst.pth", "plain.pth"], view="Statistics")
    tables = {expander.label: expander for expander in page.expander}
    assert "Not compared" in tables
    counts = [text.value for text in page.markdown if text.value.startswith("- ")]
    assert counts[0].startswith("- gst: temporal higher in")


def test_the_reference_of_statistics_is_the_visitors_choice(visit: Visit, save_small: SaveSmall) -> None:
    for seed, file in enumerate(("one.pth", "two.pth")):
        save_small(file=file, seed=seed)
    page = visit("space_and_time", ckpt=["one.pth", "two.pth"], view="Statistics", reference="two")
    first, second = [text.value for text in page.markdown if text.value.startswith("- ")]
    assert "differs from two in" in first
    assert second.endswith("; **the reference**")
    assert "--reference two" in page.code[0].value
    page.selectbox(key="reference").set_value("one").run()
    assert "differs from one in" in [text.value for text in page.markdown if text.value.startswith("- ")][1]
    assert "--reference" not in page.code[0].value


def test_statistics_say_why_a_checkpoint_is_not_tested(visit: Visit, save_small: SaveSmall) -> None:
    save_small("tsm-resnet26s", file="tsm.pth")
    save_small("sth-resnet26s", file="sth.pth")
    page = visit("space_and_time", ckpt=["tsm.pth", "sth.pth"], view="Statistics")
    counts = [text.value.replace("\\", "") for text in page.markdown if text.value.startswith("- ")]
    assert counts[0] == "- tsm: not tested: this network has no spatial and temporal groups, and no pathways"
    assert counts[1].startswith("- sth: not tested: both groups are the same channels")


def test_an_untrained_network_has_statistics_that_tell_nothing(visit: Visit) -> None:
    page = visit("space_and_time", backbone="ResNet-26, small", view="Statistics")
    assert any("temporal higher in **0**, lower in **0**" in text.value for text in page.markdown)
    assert not page.error


def test_a_run_is_shown_over_its_epochs(visit: Visit, save_small: SaveSmall, folder: Path) -> None:
    (folder / "runs").mkdir()
    for seed in range(3):
        save_small(seed=seed, file=f"epoch-000{seed}.pth").rename(folder / "runs" / f"epoch-000{seed}.pth")
    (folder / "runs" / "last.pth").write_bytes(b"not looked at")
    page = visit("space_and_time", backbone="ResNet-26, small", view="Over training", run="runs")
    (told,) = names_of_plots(page)
    assert re.match(
        r"γ of every block over \d+ checkpoints\. Median γ, .*spatial channels from [\d.]+ to [\d.]+", told
    )
    assert page.code[0].value.startswith("gst-analyze drift runs/epoch-0000.pth runs/epoch-0001.pth")
    page = visit(
        "space_and_time", backbone="ResNet-26, small", view="Over training", run="runs", motion="In motion"
    )
    assert len(json.loads(plots(page)[0])["frames"]) == 3


def test_a_visit_to_the_page_of_training_takes_no_run_away(
    visit: Visit, save_small: SaveSmall, folder: Path
) -> None:
    place = folder / "trained_models" / "epochs"
    place.mkdir(parents=True)
    for seed in range(2):
        save_small(seed=seed, file="x.pth").rename(place / f"epoch-000{seed}.pth")
    page = visit("train")
    page.switch_page("views/space_and_time.py")
    page.query_params["view"] = "Over training"
    page.run()
    assert page.selectbox(key="run").value == "trained_models/epochs"
    (name,) = names_of_plots(page)
    assert name.startswith("γ of every block over 2 checkpoints.")


def test_without_a_run_there_is_a_word_on_how_to_make_one(visit: Visit) -> None:
    page = visit("space_and_time", backbone="ResNet-26, small", view="Over training")
    assert "save_every_epochs" in page.info[-1].value
    assert not page.error


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("nowhere", "expected a folder; found no such file or folder"),
        ("..", "found one outside"),
        ("empty", "found 0 checkpoint"),
    ],
)
def test_a_folder_that_holds_no_run_is_one_sentence(visit: Visit, folder: Path, run: str, words: str) -> None:
    (folder / "empty").mkdir()
    page = visit("space_and_time", backbone="ResNet-26, small", view="Over training", run=run)
    assert words in page.error[0].value.replace("\\", "")
