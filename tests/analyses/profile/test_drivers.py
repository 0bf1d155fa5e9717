"""Clips that drive a channel most, where it is planted what drives it; and evidence against silencing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gst_analysis.analyses.profile.channels import tabulate_channels
from gst_analysis.analyses.profile.drivers import BEST, measure_drivers, measure_evidence, time_one_clip
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import DataError, SpecError
from gst_analysis.probes.hooks import changed_output
from tests.analyses.labelled_clips import CPU, load_pixels, small_model, write_clips
from tests.untyped import submodule

BRIGHT, DARK, MOVING = 0, 1, 12
"""Channels of layer1.0.bn2: two that look at frames, and the first that looks across them."""
STILL, FLICKERING = range(10, 100, 10), (250, 210, 170)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def plant() -> LoadedModel:
    """A network in whose first block one channel is as bright as a clip, one as dark, one as changing."""
    model = small_model()
    for name in ("bn1", "layer1.0.bn1", "layer1.0.bn2"):
        norm = submodule(model.module, name)
        nn.init.ones_(norm.weight)
        nn.init.zeros_(norm.bias)
        norm.running_mean.zero_()
        norm.running_var.fill_(1)
    with torch.no_grad():
        stem = submodule(model.module, "conv1").weight.zero_()
        stem[:, :, 3, 3] = 1 / 3
        submodule(model.module, "bn1").bias.fill_(2.5)  # what enters is 0 for black and 5 for white
        submodule(model.module, "layer1.0.conv1").weight.fill_(1 / 16)
        spatial = submodule(model.module, "layer1.0.conv2.spatial").weight
        temporal = submodule(model.module, "layer1.0.conv2.temporal").weight
        for weight in (spatial[BRIGHT], spatial[DARK], temporal[MOVING - 12]):
            weight.zero_()
        spatial[BRIGHT, :, 1, 1], spatial[DARK, :, 1, 1] = 1 / 8, -1 / 8
        temporal[MOVING - 12, :, 0, 1, 1], temporal[MOVING - 12, :, 1, 1, 1] = -1 / 8, 1 / 8
        offsets = submodule(model.module, "layer1.0.bn2").bias
        offsets[DARK] = 5
        offsets[MOVING] = -1.8  # more than the first frame of a still clip, which follows none, has
    return model


def write_greys(folder: Path) -> RecordList:
    """Nine still clips, the darkest first, then three that flicker, the most first."""
    levels = [(level,) * 4 for level in STILL] + [(40, top, 40, top) for top in FLICKERING]
    records = []
    for number, frames in enumerate(levels):
        kind = "still" if number < len(STILL) else "moving"
        clip = folder / f"{kind}{number:02d}"
        clip.mkdir(parents=True)
        for frame, level in enumerate(frames):
            Image.new("RGB", (32, 32), (level,) * 3).save(clip / f"{frame + 1:05d}.png")
        records.append(ClipRecord(clip.name, clip, label_text=kind))
    return RecordList(tuple(records))


def test_the_clips_that_drive_a_channel_are_those_that_were_planted(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    found = measure_drivers(
        plant(),
        write_greys(tmp_path),
        "layer1.0",
        settings=CPU,
        progress=lambda done, total, _: told.append((done, total)),
    )
    assert found.clips == 12
    assert told == [(number, 12) for number in range(1, 13)]
    best = dict(iter(found.table.groupby("channel")))
    assert list(best[BRIGHT]["clip"]) == ["moving09", "moving10", "moving11", "still08", "still07"]
    assert list(best[DARK]["clip"]) == ["still00", "still01", "still02", "still03", "still04"]
    assert list(best[MOVING]["clip"])[:3] == ["moving09", "moving10", "moving11"]
    assert set(best[MOVING]["label"][:3]) == {"moving"}
    assert (best[MOVING]["activation"].to_numpy()[:3] > 0.1).all()
    assert (best[MOVING]["activation"].to_numpy()[3:] == 0).all()
    assert best[BRIGHT]["activation"].iloc[0] == pytest.approx(5 * 145 / 255, rel=1e-3)
    levels = [*STILL, *((40 + top) / 2 for top in FLICKERING)]
    assert best[BRIGHT]["mean"].iloc[0] == pytest.approx(5 * np.mean(levels) / 255, rel=1e-3)
    assert best[BRIGHT]["deviation"].iloc[0] == pytest.approx(5 * np.std(levels) / 255, rel=1e-3)
    assert set(best[MOVING]["group"]) == {"temporal"}
    assert set(best[BRIGHT]["group"]) == {"spatial"}


@pytest.mark.parametrize("name", ["gst-resnet26s", "gst-resnet18", "tsm-mobilenetv2"])
def test_how_far_clips_drive_a_channel_is_the_mean_of_what_leaves_it(name: str, tmp_path: Path) -> None:
    model, records = small_model(name), write_clips(tmp_path, [0, 1, 2])
    place = model.anatomy.scaled[-1].block
    table = measure_drivers(model, records, place, settings=CPU).table
    pixels = load_pixels(records, model.clip_spec)
    for layer, rows in table.groupby("layer"):
        seen: list[torch.Tensor] = []
        hook = submodule(model.module, str(layer)).register_forward_hook(
            lambda _, __, output, seen=seen: seen.append(output.detach().clone())
        )
        with torch.no_grad():
            model.module(pixels)
        hook.remove()
        kinds = {unit.activation for unit in model.anatomy.scaled if unit.layer == layer}
        cap = {"relu": (0, None), "relu6": (0, 6), "none": (None, None)}[kinds.pop()]
        active = seen[0] if cap == (None, None) else seen[0].clamp(*cap)
        means = active.unflatten(0, (3, -1)).mean((1, 3, 4))
        for row in rows.to_dict("records"):
            number = [record.clip for record in records].index(row["clip"])
            expected = float(means[number, row["channel"]])
            assert row["activation"] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert table.groupby(["layer", "channel"])["rank"].max().eq(3).all()


def test_evidence_is_what_the_logit_loses_as_a_channel_is_silenced(tmp_path: Path) -> None:
    model, records = small_model(), write_clips(tmp_path, [0])
    table = measure_evidence(model, records[0], "layer3.0", class_id=2, settings=CPU)
    assert set(table["class_id"]) == {2}
    double, pixels = model.module.double(), load_pixels(records, model.clip_spec).double()
    step = 1e-5
    with torch.no_grad():
        whole = double(pixels).mean(1)[0, 2]
        for row in table.to_dict("records"):

            def shrink(output: torch.Tensor, channel: int = row["channel"]) -> torch.Tensor:
                changed = output.clone()
                changed[:, channel] *= 1 - step
                return changed

            with changed_output(double, "layer3.0.bn2", shrink):
                lost = float(whole - double(pixels).mean(1)[0, 2]) / step
            assert row["evidence"] == pytest.approx(lost, rel=2e-2, abs=1e-4)
    assert table["evidence"].abs().max() > 1e-3


def test_evidence_is_of_the_predicted_class_and_stands_at_its_channels(tmp_path: Path) -> None:
    model, records = small_model(), write_clips(tmp_path, [0])
    found = measure_evidence(model, records[0], "layer3.0", settings=CPU)
    with torch.no_grad():
        predicted = int(model.module(load_pixels(records, model.clip_spec)).mean(1).argmax())
    assert set(found["class_id"]) == {predicted}
    rated = found.assign(
        stage=3, block="layer3.0", gamma=found["channel"] * 1.0, invariant=1.0, checkpoint="small"
    )
    table = tabulate_channels("layer3.0", rated.drop(columns="evidence"), evidence=found)
    expected = found.set_index("channel")["evidence"]
    assert list(table["evidence"]) == list(expected[table["channel"]])


def test_a_clip_that_cannot_be_read_is_named_and_the_network_left_as_it_was(tmp_path: Path) -> None:
    model, records = small_model(), write_clips(tmp_path, [0, 1])
    lost = ClipRecord("lost", tmp_path / "lost")
    model.module.train()
    found = measure_drivers(model, [*records, lost], "layer2", settings=CPU)
    assert found.clips == 2
    assert list(found.failures) == ["lost"]
    assert set(found.table["layer"]) == {"layer2.0.bn2", "layer2.1.bn2"}
    assert model.module.training
    assert not any(module._forward_hooks for module in model.module.modules())
    assert len(found.table) <= BEST * 32 * 2
    with pytest.raises(DataError, match="at least one that can be read"):
        measure_drivers(model, [lost], "layer2", settings=CPU)
    with pytest.raises(SpecError, match=r"expected one from layer1\.0 to layer4\.1"):
        measure_drivers(model, records, "layer9", settings=CPU)


def test_a_clip_is_timed_on_the_network_itself() -> None:
    passed: list[int] = []
    model = small_model()
    hook = model.module.register_forward_hook(lambda *_: passed.append(1))
    assert 0 < time_one_clip(model) < 60
    hook.remove()
    assert len(passed) == 2
