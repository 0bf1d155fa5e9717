"""The profile of networks whose truth is planted, and of such that know nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses.profile import kept
from gst_analysis.analyses.profile.characters import write_profile
from gst_analysis.analyses.profile.measure import measure_profile
from gst_analysis.analyses.profile.table import MEASURES
from gst_analysis.cli import run
from tests.analyses.labelled_clips import small_model, write_clips

SHIPPED = Path(__file__).parents[3] / "trained_models"
SPEC = gst.ModelSpec.from_name("gst-resnet26s", width=16, num_classes=5)


def list_temporal(network: gst.Network, stage: int) -> Iterator[torch.Tensor]:
    """The kernels over time of a stage."""
    for kernel in network.anatomy.time_kernels:
        if kernel.stage == stage:
            yield network.module.state_dict()[kernel.weight]


def scale_at_random(network: gst.Network, seed: int = 0) -> gst.Network:
    """Scales that know nothing of space and time."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in dict.fromkeys(unit.layer for unit in network.anatomy.scaled):
            network.module.get_parameter(f"{layer}.weight").uniform_(0.1, 1.9, generator=random)
    return network


def plant(network: gst.Network, *, last: int = 4) -> gst.Network:
    """Differences between frames in the last stage, means over frames in all others; and scales at random."""
    scale_at_random(network)
    with torch.no_grad():
        for stage in range(1, last + 1):
            for weight in list_temporal(network, stage):
                taps = torch.tensor([-1.0, 0.0, 1.0]) if stage == last else torch.ones(3)
                weight.copy_(weight[:, :, 1:2] * taps.view(1, 1, 3, 1, 1))
    return network


def test_time_planted_in_the_last_stage_stands_there() -> None:
    result = gst.profile(plant(gst.create_model(SPEC, seed=0)))
    rows = result.table[(result.table["measure"] == "temporal-use") & (result.table["level"] == "place")]
    values = dict(zip(rows["place"], rows["value"], strict=True))
    assert {name for name, value in values.items() if value > 0.99} == {"layer4.0", "layer4.1"}
    assert max(value for name, value in values.items() if "layer4" not in name) < 0.01
    assert rows["even"].to_numpy() == pytest.approx(2 / 3)
    assert (
        "differ more from frame to frame than at random only in stage 4 (100%, at random 67%)"
        in result.verdict
    )
    assert (
        "are more alike over frames than at random only in stages 1–3 (0%, at random 67%)" in result.verdict
    )
    assert "γ" not in result.verdict
    assert result.verdict.endswith("; with 95% confidence in all stages and lines at once.")


def test_an_untrained_network_is_said_to_show_nothing() -> None:
    # By its bands alone it would be said to have less than its part in stage 2: one case in twenty.
    result = gst.profile(gst.create_model(SPEC, seed=0))
    assert result.summary.claims == ()
    assert result.verdict == (
        "Nothing stands out, and nothing could: every scale and offset is as before training."
    )
    assert (result.summary.agree, result.summary.disagree) == (0, 0)


def test_random_scales_are_said_to_show_nothing() -> None:
    result = gst.profile(scale_at_random(gst.create_model(SPEC, seed=3)))
    assert result.summary.claims == ()
    assert result.verdict.startswith("Nothing stands out: every band holds what the number of channels")


@pytest.mark.slow
def test_chance_stands_out_no_oftener_than_it_is_said_to() -> None:
    """Of 60 networks of random scales at most 5% by what is said; 8 or more would be one case in 100."""
    found = [gst.profile(scale_at_random(gst.create_model(SPEC, seed=n), n)) for n in range(60)]
    assert sum(bool(one.summary.claims) for one in found) < 8


def test_larger_temporal_scales_are_seen_and_only_they() -> None:
    network = gst.create_model(SPEC, seed=0)
    with torch.no_grad():
        for unit in network.anatomy.scaled:
            scales = network.module.get_parameter(f"{unit.layer}.weight")
            scales.uniform_(0.9, 1.1)
            if unit.group == "temporal" and unit.stage >= 3:
                scales[unit.channels] *= 2
    result = gst.profile(network)
    assert (
        "γ gives time more than its part of the channels in stages 3 and 4 (40%, its part 25%)"
        in result.verdict
    )
    sure = result.agreement[result.agreement["level"] == "stage"]
    assert dict(zip(sure["stage"], sure["verdict"], strict=True)) == {
        1: "open",
        2: "open",
        3: "agree",
        4: "agree",
    }
    assert "=" in write_profile(result)[-1].partition("  = ")[0]


def test_what_is_not_defined_is_noted() -> None:
    result = gst.profile(gst.create_model(SPEC.replace(family="c2d"), seed=0))
    assert result.verdict == "There is nothing to tell: no line is defined for this network."
    assert result.table.empty
    assert write_profile(result) == []
    assert sum("no line of" in note for note in result.notes) == 3


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, beside which what needed clips is kept."""
    small = SPEC.replace(width=8)
    file = gst.save_model(tmp_path_factory.mktemp("kept") / "net.pth", gst.create_model(small, seed=0))
    found = gst.profile(file, lines=("gamma",))
    rows = found.table.assign(measure="ablation", source="clips")
    kept.save_kept(file, found.provenance.sources["net"], kept.Kept(rows, 40, "a world"))
    return file


def test_what_is_kept_is_shown_of_exactly_these_weights(beside: Path) -> None:
    result = gst.profile(beside, lines=("gamma", "ablation"))
    assert list(result.table["measure"].unique()) == ["gamma", "ablation"]
    assert result.summary.clips == 40
    assert any("on 40 clips of a world" in note for note in result.notes)
    assert set(gst.profile(beside, lines=("gamma",)).table["measure"]) == {"gamma"}
    checkpoint = gst.load_checkpoint(beside)
    assert kept.find_kept(checkpoint) is not None
    assert kept.find_kept(dataclasses.replace(checkpoint, sha256="0" * 64)) is None


def test_a_broken_file_beside_takes_nothing_away(beside: Path) -> None:
    path, checkpoint = kept.kept_path(beside), gst.load_checkpoint(beside)
    whole = path.read_text()
    told = json.loads(whole)
    first, *rest = told["rows"]
    broken = [
        "",
        "[" * 9000,
        json.dumps({**told, "rows": 3}),
        json.dumps({**told, "rows": [{**first, "value": 7.0}, *rest]}),
        json.dumps({**told, "rows": [{**first, "measure": "gamma"}, *rest]}),
        json.dumps({**told, "rows": told["rows"] * 2}),  # compare-profiles ended in an error of the program
        json.dumps({**told, "rows": [{**first, "depth": 1e300}, *rest]}),
        json.dumps({**told, "rows": [{**first, "stage": 1.5}, *rest]}),
        json.dumps({**told, "rows": [{**first, "low": 0.5, "high": 0.1}, *rest]}),
        json.dumps({**told, "clips": -5}),
        json.dumps({**told, "format": "another"}),
    ]
    try:
        for text in broken:
            path.write_text(text)
            assert kept.find_kept(checkpoint) is None
    finally:
        path.write_text(whole)


def test_the_command_prints_the_lines_and_the_verdict(
    beside: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["profile", str(beside), "--formats", "csv", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "scales γ  ▃▃▃▃▃▃▃▃  25 to 25% (even 25%)" in told
    assert "temporal use  ▆▆▆▆▆▆▆▆" in told
    assert "every scale and offset is as before training" in " ".join(told.split())


def test_the_shipped_network_has_its_lines_of_clips_at_once() -> None:
    result = gst.profile(SHIPPED / "temporal-gst-quarter.pth")
    assert set(MEASURES) < set(result.table["measure"])
    assert result.verdict.startswith("In stage 4 time carries 61% (31 to 82%) of what is lost")
    assert "order matters: 0% right when reversed, 98% in order" in result.verdict


@pytest.mark.slow
def test_all_lines_are_measured_on_clips(tmp_path: Path) -> None:
    model = small_model()
    records = write_clips(tmp_path / "videos", [0, 1, 2, 3, 4])
    result = measure_profile(model, records, options=gst.ProfileOptions(scenes=4, orders=1, device="cpu"))
    assert {"gamma", "invariant", "temporal-use", "ablation", "joint", "roles", "reach", "in order"} <= set(
        result.table["measure"]
    )
    assert "no surer than a guess" in result.verdict
    lost = result.table[result.table["measure"].isin(["ablation", "joint"])]
    assert lost["value"].isna().all()
    reach = result.table[(result.table["measure"] == "reach") & (result.table["level"] == "place")]
    assert np.all(np.diff(reach["even"]) >= 0)
    assert dataclasses.asdict(result.summary)["clips"] == 5
