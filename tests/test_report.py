"""`gst-analyze report`: one page that needs nothing else, says what the analyses say, the same each time."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import torch

from gst_analysis import workflows
from gst_analysis.checkpoints.loading import save_model
from gst_analysis.cli import run
from gst_analysis.inference.settings import InferenceSettings
from tests.analysis.labelled_clips import small_model, write_clips
from tests.conftest import SaveSmall

ALL = [
    "checkpoint",
    "scales",
    "importance",
    "cost",
    "accuracy",
    "ablation",
    "traces",
    "influence",
    "provenance",
]
NASTY = '</script><img src=x onerror="document.title=1">&'
FEW = ["--traces", "2", "--influence-clips", "2", "--ablation-clips", "4", "--batch", "4", "--device", "cpu"]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def write_world(folder: Path, labels: list[str]) -> Path:
    """Four clips in Something-Something v2's layout."""
    records = write_clips(folder / "videos", [0, 1, 2, 3])
    (folder / "labels.json").write_text(json.dumps({label: str(n) for n, label in enumerate(labels)}))
    clips = [{"id": r.clip, "label": labels[r.label or 0], "template": labels[r.label or 0]} for r in records]
    (folder / "validation.json").write_text(json.dumps(clips))
    return folder


def write_both(folder: Path) -> tuple[str, Path]:
    """A checkpoint and clips of the same classes, one of which has a name that would be HTML."""
    labels = [*(f"doing {number}" for number in range(4)), NASTY]
    model = small_model()
    path = save_model(folder / "small.pth", model.module, clip_spec=model.clip_spec, labels=labels)
    return str(path), write_world(folder / "world", labels)


@pytest.fixture
def ckpt(tmp_path: Path) -> str:
    return write_both(tmp_path)[0]


@pytest.fixture
def world(tmp_path: Path, ckpt: str) -> Path:
    return Path(ckpt).with_name("world")


@dataclass(frozen=True)
class Written:
    """A report of a checkpoint and clips, as the command wrote it."""

    ckpt: str
    world: Path
    file: Path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("report")
    ckpt, world = write_both(folder)
    assert run(["report", ckpt, str(world), "--out", str(folder), *FEW]) == 0
    return Written(ckpt, world, folder / "report.html")


class Page(HTMLParser):
    """What a browser would make of a page: its elements, headings, and what it points to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.downloads: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            if found.get(name):
                self.links.append((tag, str(found[name])))
        if "download" in found:
            self.downloads[str(found["download"])] = str(found["href"])

    def table(self, name: str) -> pd.DataFrame:
        written = base64.b64decode(self.downloads[name].partition("base64,")[2])
        return pd.read_csv(io.BytesIO(written), keep_default_na=False, na_values={"accuracy": "", "top5": ""})


def figures(page: str) -> dict[str, dict[str, dict[str, object]]]:
    """The interactive figures, as the script reads them."""
    found = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', page, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


def test_the_page_of_a_checkpoint_alone_says_what_the_analyses_say(save_small: SaveSmall) -> None:
    model = save_small()
    result = workflows.report(model)
    page = Page(result.page)
    assert result.sections == ("checkpoint", "scales", "importance", "cost", "provenance")
    assert [name for name in page.ids if not name.startswith("figure-")] == list(result.sections)
    gaps = workflows.bn_scales(model).gaps()
    pd.testing.assert_frame_equal(page.table("gaps.csv"), gaps, check_dtype=False)
    cost = workflows.cost(model).summary
    assert page.table("cost.csv")["params"].sum() == cost.params
    found = workflows.inspect_checkpoint(model)
    for words in (found.sha256, f"{found.params:,}", "No data set was given"):
        assert words in result.page
    assert set(figures(result.page)) == {"figure-scales", "figure-cost"}
    assert not result.failures
    assert not result.left_out


def test_nothing_is_asked_of_a_network(save_small: SaveSmall) -> None:
    page = workflows.report(save_small()).page
    outside = [link for link in Page(page).links if not link[1].startswith(("data:", "#"))]
    assert outside == []
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    allowed = dict(part.strip().split(" ", 1) for part in unescape(policy[1]).split(";"))
    assert allowed["default-src"] == "'none'"
    assert all("http" not in value and "*" not in value for value in allowed.values())
    assert "@import" not in page.partition("</style>")[0]


def test_the_same_input_gives_the_same_bytes_wherever_it_lies(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(written.world, tmp_path / "planted")
    shutil.copy(written.ckpt, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(["report", "small.pth", "planted", "--out", "again", "--json", *FEW]) == 0
    assert Path("again/report.html").read_bytes() == written.file.read_bytes()
    assert str(written.file.parent) not in written.file.read_text()
    record = json.loads(capsys.readouterr().out)
    assert record["sections"] == ALL
    assert record["files"] == {"html": "again/report.html"}
    assert record["bytes"] == written.file.stat().st_size
    assert record["provenance"]["sources"].keys() == {"small", "validation.json"}


def test_with_clips_it_has_every_section_and_their_numbers(written: Written) -> None:
    text = written.file.read_text()
    page = Page(text)
    assert [name for name in page.ids if not name.startswith("figure-")] == ALL
    settings = InferenceSettings(batch=4, device="cpu")
    records = workflows.load_labelled_clips(written.world)
    right = workflows.evaluate(written.ckpt, records, settings=settings)
    pd.testing.assert_frame_equal(page.table("classes.csv"), right.table, check_dtype=False)
    drops = page.table("ablation.csv")
    assert set(drops["intervention"]) == {"mean", "shuffle-time"}
    assert set(drops["clips"]) == {4}
    drawn = figures(text)
    assert sum(name.startswith("figure-trace-") for name in drawn) == 2
    for pair in drawn.values():
        light, dark = (pair[theme]["layout"] for theme in ("light", "dark"))
        assert light["paper_bgcolor"] != dark["paper_bgcolor"]  # type: ignore[index]


def test_words_of_a_file_stay_words(written: Written) -> None:
    text = written.file.read_text()
    page = Page(text)
    assert page.tags.count("script") == len(figures(text)) + 2
    assert ("img", "x") not in page.links
    assert NASTY not in text
    assert escape(NASTY) in text


def test_a_family_without_groups_says_so(save_small: SaveSmall) -> None:
    result = workflows.report(save_small("c2d-resnet26s"))
    assert "cannot be compared" in result.page
    assert "scales" in result.sections
    assert "NaN" not in re.sub(r"<script>.*?</script>", "", result.page, flags=re.DOTALL)


def test_lost_clips_are_named_without_their_folders(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (world / "videos" / "clip02").iterdir():
        file.write_bytes(b"")
    assert run(["report", ckpt, str(world), "--out", str(tmp_path / "out"), *FEW]) == 1
    assert "not read: clip02" in capsys.readouterr().out
    text = (tmp_path / "out" / "report.html").read_text()
    assert "not read: clip02" in text
    assert str(tmp_path) not in text


def test_a_section_that_cannot_be_made_is_left_out_and_named(
    ckpt: str, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gst_analysis.errors import SpecError
    from gst_analysis.workflows import report_clips

    def refuse(*_: object, **__: object) -> None:
        raise SpecError("ablation", expected="two clips", found="one", todo="give another")

    monkeypatch.setattr(report_clips, "ablate", refuse)
    plan = workflows.ReportPlan(traces=1, influence_clips=1)
    result = workflows.report(ckpt, world, plan=plan, settings=InferenceSettings(device="cpu"))
    assert result.sections == tuple(name for name in ALL if name != "ablation")
    assert result.left_out == {"ablation": "ablation: expected two clips; found one; give another"}
    assert "left out: ablation" in result.page


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["none.pth"], "none.pth"),
        (["CKPT", "nowhere"], "nowhere"),
        (["CKPT", "WORLD", "--traces", "0"], "traces"),
        (["CKPT", "WORLD", "--limit", "0"], "number of clips"),
        (["CKPT", "WORLD", "--batch", "0"], "batch"),
        (["CKPT", "WORLD", "--device", "tpu"], "device"),
        (["CKPT", "OTHER"], "class"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str],
    complaint: str,
    ckpt: str,
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "OTHER" in words:
        write_world(tmp_path / "other", ["a", "b", "c", "d", "e", "f"])
    places = {"CKPT": ckpt, "WORLD": str(world), "OTHER": str(tmp_path / "other")}
    out = tmp_path / "out"
    assert run(["report", *(places.get(word, word) for word in words), "--out", str(out)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert complaint in printed.err
    assert printed.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.slow
def test_a_browser_without_a_network_draws_it(written: Written) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here")
    switches = "--no-sandbox --disable-gpu --disable-quic --disable-background-networking "
    switches += "--disable-component-update --disable-sync"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=switches.split())
        for scheme in ("light", "dark"):
            visit = browser.new_context(
                color_scheme=scheme, viewport={"width": 1280, "height": 900}, offline=True
            )
            page = visit.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
            page.on("console", lambda said, errors=errors: errors.append(said.text))
            page.goto(written.file.as_uri())
            page.wait_for_function("document.querySelectorAll('.live .main-svg').length >= 3 * 6")
            assert errors == []
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280
            assert page.title() == "small"
            page.emulate_media(media="print")
            assert page.locator(".live").first.is_hidden()
            assert page.locator(".still.light").first.is_visible()
            visit.close()
        browser.close()
