"""Files that lie in an allowed folder may be analysed; that shows nobody what else is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cached import make_upload_home
from app.clips_to_try import Clips
from app.fences import check_clips, may_be_read
from app.paths import resolve_clip_path, resolve_folder, resolve_list
from app.reporting import shut_in
from app.wording import say_error
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.errors import DataError
from gst_analysis.progress import no_progress
from tests.app.conftest import Plant

SECRET = "hunter2"
LISTS = {
    "keys.txt": f"TOKEN {SECRET} = x\nmore {SECRET}",
    "keys.csv": f"{SECRET},a,b\nc",
    "keys.json": f'{{"password": "{SECRET}"}}',
    "list.json": f'["{SECRET}", "b"]',
    "ids.txt": f"{SECRET} 3\nother 4",
    "out.txt": f"../{SECRET} 3",
    "labels.json": f'[{{"id": "{SECRET}", "template": "{SECRET}", "label": "{SECRET}"}}]',
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_cannot_be_read_is_not_quoted(folder: Path, name: str) -> None:
    path, told = folder / name, ""
    path.write_text(LISTS[name])
    try:
        Clips(None, path, name).prepare(no_progress)
        load_labelled_clips(path)
    except DataError as error:
        told = say_error(error)
    assert SECRET not in told


@pytest.mark.parametrize("name", [".env", ".secrets.txt", "id_rsa", "settings.py", "secrets.toml"])
def test_only_lists_are_read_as_lists(folder: Path, name: str) -> None:
    (folder / name).write_text(f"KEY={SECRET}")
    for read in (resolve_list, resolve_clip_path):
        with pytest.raises(DataError) as refused:
            read(name)
        assert SECRET not in str(refused.value)


def test_no_link_leads_outside(folder: Path, plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (planted, *_) = plant(outside / "world", "static")
    inside = folder / "clips"
    inside.mkdir()
    (inside / "0.mp4").symlink_to(planted.path)
    for read in (resolve_clip_path, resolve_folder, resolve_list):
        with pytest.raises(DataError, match="a link that leads there"):
            read("clips")
    (folder / "lists").mkdir()
    (folder / "lists" / "val.txt").write_text("0.mp4 0\n")
    (folder / "lists" / "videos").symlink_to(inside)
    with pytest.raises(DataError, match="a link that leads there"):
        Clips(None, folder / "lists" / "val.txt", "lists/val.txt").prepare(no_progress)
    (inside / "0.mp4").unlink()
    (inside / "0.mp4").write_bytes(b"")
    Clips(None, folder / "lists" / "val.txt", "lists/val.txt").prepare(no_progress)


def test_frames_that_are_links_are_followed_no_further(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    picture = tmp_path_factory.mktemp("outside") / "1.png"
    picture.touch()
    (folder / "clip").mkdir()
    (folder / "clip" / "1.png").symlink_to(picture)
    with pytest.raises(DataError, match="a link that leads there"):
        check_clips([folder / "clip"], "clip", [folder])


def test_uploads_are_nobody_elses_even_where_their_folder_may_be_read(folder: Path) -> None:
    home = make_upload_home()
    assert not may_be_read(home / "of-somebody" / "x.pth", [home.parent])
    assert may_be_read(home.parent / "x.pth", [home.parent])


def test_a_report_is_shown_in_an_origin_of_its_own() -> None:
    shown = shut_in('<p title="x">"</p><script>1</script>')
    assert 'sandbox="allow-scripts"' in shown
    assert "<script>" not in shown
    assert "allow-same-origin" not in shown
