"""`gst-analyze report`: one page that needs nothing else, says what the analyses say, the same each time."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from html import escape, unescape
from pathlib import Path

import pandas as pd
import pytest
import torch

from gst_analysis.analyses import cost as cost_room
from gst_analysis.analyses import drift, evaluation, saliency, scales
from gst_analysis.analyses import profile as profile_room
from gst_analysis.analyses import slimming as slimming_room
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.sources import inspect_checkpoint
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.cli import run
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.reporting import making
from gst_analysis.reporting.walking import list_words
from tests.conftest import SaveSmall
from tests.report.pages import ALL, FEW, NASTY, WEIGHTS, Page, Written, figures, leave_all_but, write_both


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("report")
    ckpt, world = write_both(folder)
    assert run(["report", ckpt, str(world), "--out", str(folder), *FEW]) == 0
    return Written(ckpt, world, folder / "report.html")


@pytest.mark.usefixtures("without_stills")
def test_the_page_of_a_checkpoint_alone_says_what_the_analyses_say(save_small: SaveSmall) -> None:
    model = save_small()
    result = making.report(model)
    page = Page(result.page)
    assert list(result.sections) == WEIGHTS
    assert [name for name in page.ids if not name.startswith("figure-")] == list(result.sections)
    gaps = scales.bn_scales(model).gaps()
    pd.testing.assert_frame_equal(page.table("gaps.csv"), gaps, check_dtype=False)
    cost = cost_room.cost(model).summary
    assert page.table("cost.csv")["params"].sum() == cost.params
    found = inspect_checkpoint(model)
    for words in (found.sha256, f"{found.params:,}", "No data set was given"):
        assert words in result.page
    assert set(figures(result.page)) == {
        "figure-profile",
        "figure-scales",
        "figure-gaps",
        "figure-importance",
        "figure-temporal_use",
        "figure-cost",
        "figure-slimming",
    }
    verdict = escape(profile_room.profile(model).verdict)
    head, _, rest = result.page.partition("</header>")
    assert f'<p class="verdict">{verdict}</p>' in head
    labels = re.findall(r'aria-label="([^"]*)"', rest)  # the finding, for those who do not see
    assert any(label.startswith("Share of time by depth") and label.endswith(verdict) for label in labels)
    assert all(re.search(r"\d", label) for label in labels)
    assert not result.failures
    assert not result.left_out


def test_nothing_is_asked_of_a_network(written: Written) -> None:
    page = written.file.read_text()
    outside = [link for link in Page(page).links if not link[1].startswith(("data:", "#"))]
    assert outside == []
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    allowed = dict(part.strip().split(" ", 1) for part in unescape(policy[1]).split(";"))
    assert allowed["default-src"] == "'none'"
    assert all("http" not in value and "*" not in value for value in allowed.values())
    assert "@import" not in page.partition("</style>")[0]


@pytest.mark.parametrize(
    "left", [leave_all_but("scales", "traces", "influence"), pytest.param("", marks=pytest.mark.slow)]
)
def test_the_same_input_gives_the_same_bytes_wherever_it_lies(
    left: str,
    ckpt: str,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fewest = ["--traces", "1", "--influence-clips", "1", "--without", left]  # of what is drawn and measured
    options = [*FEW, *(fewest if left else [])]
    assert run(["report", ckpt, str(world), "--out", str(tmp_path / "once"), *options]) == 0
    first = tmp_path / "once" / "report.html"
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(world, elsewhere / "planted")
    shutil.copy(ckpt, elsewhere)
    monkeypatch.chdir(elsewhere)
    capsys.readouterr()
    assert run(["report", "small.pth", "planted", "--out", "again", "--json", *options]) == 0
    assert Path("again/report.html").read_bytes() == first.read_bytes()
    assert str(tmp_path) not in first.read_text()
    record = json.loads(capsys.readouterr().out)
    assert record["sections"] == [name for name in ALL if name not in left.split(",")]
    assert record["files"] == {"html": "again/report.html"}
    assert record["bytes"] == first.stat().st_size
    assert record["provenance"]["sources"].keys() == {"small", "validation.json"}


def test_with_clips_it_has_every_section_and_their_numbers(written: Written) -> None:
    text = written.file.read_text()
    page = Page(text)
    assert [name for name in page.ids if not name.startswith("figure-")] == ALL
    records = load_labelled_clips(written.world)
    right = evaluation.evaluate(written.ckpt, records, device="cpu")
    pd.testing.assert_frame_equal(page.table("classes.csv"), right.table, check_dtype=False)
    drops = page.table("ablation.csv")
    assert set(drops["intervention"]) == {"mean", "shuffle-time"}
    assert set(drops["clips"]) == {4}
    together = page.table("ablation_joint.csv").set_index("set")
    assert set(together["kind"]) == {"network", "stage"}
    assert together.loc["spatial, everywhere", "units"] == (drops["group"] == "spatial").sum() / 2
    drawn = figures(text)
    assert sum(name.startswith("figure-trace-") for name in drawn) == 2
    assert {
        "figure-drift",
        "figure-slimming",
        "figure-ablation-together",
        "figure-role-counts",
        "figure-frame-similarity",
    } <= set(drawn)
    assert '<figure><div class="scroll">' not in text  # a still alone, which scrolls on a telephone
    for pair in drawn.values():
        light, dark = (pair[theme]["layout"] for theme in ("light", "dark"))
        assert light["paper_bgcolor"] != dark["paper_bgcolor"]  # type: ignore[index] # a figure is what json reads


def test_drift_smaller_network_and_saliency_are_those_of_their_commands(written: Written) -> None:
    page = Page(written.file.read_text())
    moved = drift.measure_drift(written.ckpt)
    pd.testing.assert_frame_equal(page.table("drift.csv"), moved.layers, check_dtype=False)
    smaller = slimming_room.slim(written.ckpt, written.world, macs=0.8, batch=4, device="cpu")
    assert smaller.curve is not None
    pd.testing.assert_frame_equal(page.table("slimming.csv"), smaller.table, check_dtype=False)
    pd.testing.assert_frame_equal(page.table("slimming_curve.csv"), smaller.curve, check_dtype=False)
    heat = page.table("saliency.csv").set_index("group")
    clip = saliency.saliency_maps(written.ckpt, written.world / "videos" / "clip00", device="cpu")
    assert heat["evidence_for"].to_dict() == pytest.approx(
        {group: found.evidence_for for group, found in clip.summary.groups.items()}
    )


def test_every_section_says_what_it_shows_its_limits_and_its_command(written: Written) -> None:
    text = written.file.read_text()
    assert list(list_words()) == ALL
    parts = dict(re.findall(r'<section id="(\w+)">(.*?)</section>', text, re.DOTALL))
    for name, words in list_words().items():
        for said in (words.title, words.shows, *words.limits):
            assert escape(said) in parts[name]
        assert 'class="command">gst-analyze ' in parts[name]


@pytest.mark.usefixtures("without_stills")
def test_the_smaller_network_is_said_to_be_before_fine_tuning(save_small: SaveSmall) -> None:
    left = tuple(leave_all_but("slimming").split(","))
    page = making.report(save_small(), without=left).page
    (slimming,) = re.findall(r'<section id="slimming">(.*?)</section>', page, re.DOTALL)
    assert "Before any fine-tuning" in slimming
    assert "With labelled clips" in slimming


@pytest.mark.slow
def test_the_commands_on_the_page_run_where_the_files_lie(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(written.world, tmp_path / "here")
    shutil.copy(written.ckpt, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    lines = "\n".join(Page(written.file.read_text()).commands).splitlines()
    assert len(lines) == len(ALL)
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "gst-analyze"
        assert run(words) == 0, line


@pytest.mark.usefixtures("without_stills")
def test_sections_that_a_network_cannot_have_say_why_in_their_place(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sth = save_small("sth-resnet26s")
    assert run(["report", str(sth), "--out", str(tmp_path / "out"), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert set(record["missing"]) == {"slimming", "drift"}
    assert "STH" in record["missing"]["slimming"]
    assert "started from" in record["missing"]["drift"]
    assert set(record["missing"]) < set(record["sections"])
    text = (tmp_path / "out" / "report.html").read_text()
    assert text.count("Not for this checkpoint: ") == 2
    assert str(tmp_path) not in text


@pytest.mark.usefixtures("without_stills")
def test_a_start_that_would_have_to_be_fetched_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = create_model(ModelSpec.from_name("gst-resnet18", num_classes=2), seed=0)
    told = {"inflated_from": {"weights": "resnet18.IMAGENET1K_V1"}}
    path = save_model(tmp_path / "inflated.pth", model.module, provenance=told)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: pytest.fail("fetched"))
    left = tuple(leave_all_but("drift").split(","))
    result = making.report(path, without=left)
    assert result.sections == ("checkpoint", "drift", "provenance")
    assert "not on this machine" in result.missing["drift"]


@pytest.mark.usefixtures("without_stills")
def test_sections_can_be_left_out(save_small: SaveSmall, tmp_path: Path) -> None:
    words = ["report", str(save_small()), "--out", str(tmp_path)]
    assert run([*words, "--without", "slimming, scales,importance, drift,temporal_use,profile"]) == 0
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    assert [name for name in page.ids if not name.startswith("figure-")] == [
        "checkpoint",
        "cost",
        "provenance",
    ]
    assert "not asked for: slimming" in text
    assert "--without slimming,scales,importance,drift,temporal_use,profile" in page.commands[-1]


@pytest.mark.usefixtures("without_stills")
def test_the_command_is_told_where_scales_started(save_small: SaveSmall, tmp_path: Path) -> None:
    now, start = str(save_small(seed=1)), str(save_small(seed=0, file="start.pth"))
    words = ["report", now, "--out", str(tmp_path), "--without", leave_all_but("drift")]
    assert run([*words, "--start", start]) == 0
    moved = Page((tmp_path / "report.html").read_text()).table("drift.csv")
    expected = drift.measure_drift(now, start=start).layers
    assert expected["change"].min() > 0
    assert moved["change"].tolist() == pytest.approx(expected["change"].tolist())


@pytest.mark.usefixtures("without_stills")
def test_progress_goes_from_nothing_to_nearly_all_and_never_back(ckpt: str, world: Path) -> None:
    told: list[tuple[int, int, str]] = []
    left = tuple(leave_all_but("accuracy", "cost").split(","))
    making.report(ckpt, world, without=left, batch=4, device="cpu", progress=lambda *at: told.append(at))
    shares = [done / total for done, total, _ in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.8 < shares[-1] <= 1
    assert {"What it costs", "How often it is right", "Drawing"} < {at for *_, at in told}


def test_the_file_stays_small(written: Written) -> None:
    assert written.file.stat().st_size < 10_000_000


def test_words_of_a_file_stay_words(written: Written) -> None:
    text = written.file.read_text()
    page = Page(text)
    assert page.tags.count("script") == len(figures(text)) + 2
    assert ("img", "x") not in page.links
    assert NASTY not in text
    assert escape(NASTY) in text


@pytest.mark.slow
def test_a_family_without_groups_says_so(save_small: SaveSmall) -> None:
    result = making.report(save_small("c2d-resnet26s"))
    assert "cannot be compared" in result.page
    assert "scales" in result.sections
    assert "NaN" not in re.sub(r"<script>.*?</script>", "", result.page, flags=re.DOTALL)


@pytest.mark.usefixtures("without_stills")
def test_lost_clips_are_named_without_their_folders(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (world / "videos" / "clip02").iterdir():
        file.write_bytes(b"")
    words = ["report", ckpt, str(world), "--out", str(tmp_path / "out"), "--traces", "2", "--device", "cpu"]
    assert run([*words, "--without", leave_all_but("traces", "saliency")]) == 1
    assert "not read: clip02" in capsys.readouterr().out
    text = (tmp_path / "out" / "report.html").read_text()
    assert "not read: clip02" in text
    assert 'download="saliency.csv"' in text
    assert str(tmp_path) not in text


@pytest.mark.usefixtures("without_stills")
def test_a_section_that_cannot_be_made_is_left_out_and_named(
    ckpt: str, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gst_analysis.analyses.ablation import section
    from gst_analysis.errors import SpecError

    def refuse(*_: object, **__: object) -> None:
        raise SpecError("ablation", expected="two clips", found="one", todo="give another")

    monkeypatch.setattr(section, "ablate", refuse)
    left = tuple(leave_all_but("ablation", "accuracy").split(","))
    result = making.report(ckpt, world, without=left, batch=4, device="cpu")
    assert result.sections == ("checkpoint", "accuracy", "provenance")
    assert result.left_out == {"ablation": "ablation: expected two clips; found one; give another"}
    assert "left out: ablation" in result.page


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
            asked: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(written.file.as_uri())
            page.wait_for_function("document.querySelectorAll('.live .main-svg').length >= 3 * 6")
            assert errors == []
            assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [written.file.as_uri()]
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280
            assert page.title() == "small"
            page.set_viewport_size({"width": 400, "height": 900})
            page.wait_for_function(
                "[...document.querySelectorAll('.live .main-svg')].every(one => one.clientWidth <= 400)"
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
            wide = "document.querySelectorAll('figure .scroll, figure .still')"
            assert page.evaluate(f"[...{wide}].every(one => one.scrollWidth <= one.clientWidth + 1)")
            place = "document.querySelector('[data-figure=figure-influence]')"
            start, end = page.evaluate(f"{place}._fullLayout.xaxis2.domain")
            assert end - start > 0.7  # of three that stand beside each other it would be a third
            page.emulate_media(media="print")
            assert page.locator(".live").first.is_hidden()
            assert page.locator(".still.light").first.is_visible()
            visit.close()
        inside = browser.new_page()
        inside.set_content("<iframe></iframe>")
        inside.evaluate(
            "text => { document.querySelector('iframe').srcdoc = text; }", written.file.read_text()
        )
        inside.frame_locator("iframe").get_by_role("link", name="What it costs").click()
        assert inside.frames[1].url == "about:srcdoc"
        assert inside.frames[1].evaluate("window.scrollY") > 0
        browser.close()
