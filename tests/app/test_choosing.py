"""Which paths may be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.named_files import list_folder, resolve_path, spread_files
from app.paths import FOLDERS_VARIABLE, allowed_folders
from gst_analysis.errors import UnreadableCheckpoint
from tests.app.conftest import Visit
from tests.conftest import SaveSmall


def test_a_file_in_the_current_folder_is_known_by_its_relative_path(folder: Path) -> None:
    (folder / "runs").mkdir()
    (folder / "runs" / "best.pth").touch()
    choice = resolve_path(f" {folder}/runs/../runs/best.pth ")
    assert (choice.ref, choice.name, choice.shown) == ("runs/best.pth", "best", "runs/best.pth")


def test_other_folders_are_allowed_by_name_only(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("lab")
    (elsewhere / "best.ckpt").touch()
    with pytest.raises(UnreadableCheckpoint, match="found one outside"):
        resolve_path(str(elsewhere / "best.ckpt"))
    monkeypatch.setenv(FOLDERS_VARIABLE, f"/nowhere{os.pathsep}{elsewhere}")
    assert resolve_path(str(elsewhere / "best.ckpt")).ref == str(elsewhere / "best.ckpt")
    assert elsewhere in allowed_folders()


def test_a_link_in_an_allowed_folder_does_not_lead_out(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("secret") / "key.pth"
    secret.touch()
    (folder / "innocent.pth").symlink_to(secret)
    with pytest.raises(UnreadableCheckpoint, match="found one outside"):
        resolve_path("innocent.pth")


def test_a_folder_is_its_weights_and_none_of_its_files_leads_out(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = folder / "vivit"
    home.mkdir()
    for name in ("model.safetensors", "config.json"):
        (home / name).touch()
    choice = resolve_path("vivit")
    assert (choice.ref, choice.name, choice.path) == ("vivit", "vivit", home / "model.safetensors")
    assert resolve_path("vivit/model.safetensors") == choice
    secret = tmp_path_factory.mktemp("secret") / "labels.json"
    secret.touch()
    (home / "preprocessor_config.json").symlink_to(secret)
    with pytest.raises(UnreadableCheckpoint, match="found one outside"):
        resolve_path("vivit")


def test_outside_nothing_is_told_about_what_exists(folder: Path) -> None:
    def answer(path: str) -> str:
        with pytest.raises(UnreadableCheckpoint) as caught:
            resolve_path(path)
        return str(caught.value).removeprefix(path)

    assert answer("/etc/passwd") == answer("/etc/nothing-of-this-name") == answer("/etc")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("missing.pth", "no such file"),
        ("sub", "a folder"),
        ("notes.txt", "another kind of file"),
        ("pipe.pth", "another kind of file"),
        ("", "a folder"),
        ("a\0b.pth", "one outside"),
        ("x" * 5000 + ".pth", "one outside"),
    ],
)
def test_what_is_no_checkpoint_file_is_named(folder: Path, path: str, found: str) -> None:
    (folder / "sub").mkdir()
    (folder / "notes.txt").touch()
    os.mkfifo(folder / "pipe.pth")
    with pytest.raises(UnreadableCheckpoint, match=f"found {found}") as caught:
        resolve_path(path)
    assert len(str(caught.value)) < 600


def test_a_folder_of_a_run_opens_its_checkpoints(
    visit: Visit, save_small: SaveSmall, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for epoch in range(1, 6):
        path = save_small(file=f"epoch-{epoch}.pth", seed=epoch)
        (folder / "run").mkdir(exist_ok=True)
        path.rename(folder / "run" / path.name)
    (folder / "run" / "broken.pth").write_bytes(b"nothing")
    page = visit("space_and_time")
    page.text_input(key="typed_path").set_value("run")
    (button,) = [button for button in page.button if button.label == "Open"]
    button.click().run()
    assert page.multiselect[0].value == [f"run/epoch-{epoch}.pth" for epoch in range(1, 6)]
    assert page.error[0].value.replace("\\", "").startswith("run/broken.pth: ")
    assert "6 checkpoints there; opened: all of them." in [text.value for text in page.caption]
    files = [Path(str(number)) for number in range(50)]
    few = spread_files(files, 20)
    assert (few[0], few[-1], len(set(few))) == (files[0], files[-1], 20)


def test_a_folder_outside_is_not_looked_into(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("secret")
    (secret / "key.pth").touch()
    (folder / "link").symlink_to(secret)
    (folder / "own").mkdir()
    (folder / "own" / "key.pth").symlink_to(secret / "key.pth")
    assert list_folder("link") == list_folder(str(secret)) == list_folder("a\0b") == []
    with pytest.raises(UnreadableCheckpoint, match="found one outside"):
        resolve_path(str(list_folder("own")[0]))
