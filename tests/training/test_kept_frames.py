"""Frames kept on disk: what training and validation see of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from gst_analysis.analyses.slimming.fine_tuning import configure_fine_tuning
from gst_analysis.analyses.slimming.table import SlimOptions
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.clips.records import RecordList
from gst_analysis.clips.spans import read_frames
from gst_analysis.errors import SpecError
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.training.config import TrainConfig, fixed_settings
from gst_analysis.training.kept_files import Form
from gst_analysis.training.kept_frames import open_kept_frames
from gst_analysis.training.loaders import build_dataset
from gst_analysis.training.loop import train
from gst_analysis.training.recipes import list_recipes, load_config
from gst_analysis.training.sources import load_sources
from tests.training.kept import FORMS, all_of, clips_of, equal, files, forbid, keep, settings
from tests.training.runs import assert_same, tiny, weights


@pytest.mark.parametrize("source", ["small", "folders"])
def test_raw_frames_that_are_not_larger_than_used_are_the_frames_themselves(
    source: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = request.getfixturevalue(source)
    clips = "videos" if source == "small" else "frames"
    plain = tiny(root, {"clip.resize": "48", "clip.crop": "32", "data.clips": clips})
    records = load_sources(plain).train[:6]
    config = load_config_of(plain, tmp_path, "raw")
    whole = [[clips_of(build_dataset(records, plain, train=t), e) for e in (0, 1)] for t in (True, False)]
    first = [read_frames(record, all_of) for record in records]
    kept = open_kept_frames(config)
    assert kept is not None
    assert all(equal(kept(r, all_of), frames) for r, frames in zip(records, first, strict=True))
    forbid(monkeypatch)
    again = [[clips_of(build_dataset(records, config, train=t), e) for e in (0, 1)] for t in (True, False)]
    for one, other in zip(whole, again, strict=True):
        for a, b in zip(one, other, strict=True):
            assert len(a) == len(b) == len(records)
            assert all(map(torch.equal, a, b))
    assert all(equal(kept(r, all_of), frames) for r, frames in zip(records, first, strict=True))


def load_config_of(config: TrainConfig, folder: Path, form: Form, mib: int = 100) -> TrainConfig:
    data = dataclasses.replace(config.data, cache=form, cache_folder=str(folder), cache_mib=mib)
    return dataclasses.replace(config, data=data)


def test_validation_sees_the_same_bits_of_raw_frames_of_any_size(
    small: Path, records: RecordList, tmp_path: Path
) -> None:
    plain = tiny(small)  # 48 pixels, of which 32 are used
    config = load_config_of(plain, tmp_path, "raw")
    for _ in range(2):
        a, b = (clips_of(build_dataset(records, c, train=False)) for c in (plain, config))
        assert all(map(torch.equal, a, b))
    kept = open_kept_frames(config)
    assert kept is not None
    shapes = {kept(record, all_of).pixels.shape for record in records}
    assert shapes == {(8, 32, 32, 3)}


def test_jpeg_is_close_and_training_on_smaller_frames_softer(
    small: Path, records: RecordList, tmp_path: Path
) -> None:
    plain = tiny(small)

    def differ(form: Form, *, train_mode: bool) -> float:
        config = load_config_of(plain, tmp_path, form)
        a, b = (clips_of(build_dataset(records, c, train=train_mode)) for c in (plain, config))
        return float(np.mean([(x.float() - y.float()).square().mean() for x, y in zip(a, b, strict=True)]))

    assert 0 < differ("jpeg", train_mode=False) < 255**2 / 10**3.5  # 35 dB
    assert differ("raw", train_mode=False) == 0
    assert 0 < differ("raw", train_mode=True) < 255**2 / 10**2.5
    assert differ("jpeg", train_mode=True) > differ("raw", train_mode=True)


def test_a_run_learns_the_same_whatever_was_kept(small: Path, tmp_path: Path) -> None:
    """From an empty folder with workers; and over a stop, with a folder that others have filled meanwhile."""
    more = {"schedule__kind": "constant", "data__workers": "1", "schedule__epochs": "2", "world__clips": "24"}
    whole = tiny(small, settings(tmp_path / "kept", "jpeg", **more))
    train(whole, out=tmp_path / "a")
    assert len(files(tmp_path / "kept")) == 24  # validation's clips too
    once = {**more, "schedule__epochs": "1", "data__workers": "0"}
    train(tiny(small, settings(tmp_path / "other", "jpeg", **once)), out=tmp_path / "b")
    with pytest.raises(SpecError, match=r"data\.cache=none or memory \(was jpeg\)"):
        train(tiny(small, settings(tmp_path / "kept", "none", **more)), out=tmp_path / "b", resume=True)
    train(whole, out=tmp_path / "b", resume=True)
    assert_same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert load_config(tmp_path / "b" / "config.toml").data.cache == "jpeg"


def test_a_run_is_one_of_its_frames() -> None:
    """Frames as they are decoded, raw and JPEG are three; where they are kept is all the same."""
    base = load_config()
    fixed = [fixed_settings(load_config(overrides={"data.cache": one})) for one in ("none", *FORMS)]
    assert len({one["data.cache"] for one in fixed}) == 3
    for free in ({"data.cache": "memory"}, {"data.cache_folder": "x", "data.cache_mib": "5"}):
        assert fixed_settings(base) == fixed_settings(load_config(overrides=free))


def test_no_file_switches_it_on(tmp_path: Path) -> None:
    """A recipe that is packaged leaves disks alone, and a checkpoint's own is asked for what it may say."""
    assert {load_config(name).data.cache for name in list_recipes()} == {"none", "memory"}
    spec = ModelSpec.from_name("gst-resnet26s", num_frames=2, num_classes=3, width=8)
    model = create_model(spec, pretrained=None, temporal="random", seed=0, dropout=0.0)
    for cache, found in (("jpeg", "none"), ("raw", "none"), ("memory", "memory")):
        record = load_config("planted-static", {"data.cache": cache, "model.width": "8"}).to_json()
        checkpoint = dataclasses.replace(model.checkpoint, provenance={"config": record})
        told = configure_fine_tuning(
            SlimOptions(fine_tune=1), dataclasses.replace(model, checkpoint=checkpoint), tmp_path
        )
        assert told.data.cache == found
        assert told.data.cache_folder is None


def test_flow_is_not_kept_as_jpeg() -> None:
    flow = {"model.name": "tsm-resnet50-flow", "clip.frames": "40", "clip.sampling": "segments-of-5"}
    flow |= {"clip.colours": "flow", "clip.mean": "0.5,0.5,0.5", "clip.std": "0.226,0.226,0.226"}
    flow |= {"model.pretrained": "none"}
    assert load_config(overrides=flow | {"data.cache": "raw"}).data.cache == "raw"
    with pytest.raises(SpecError, match=r"^data\.cache: expected no JPEG"):
        load_config(overrides=flow | {"data.cache": "jpeg"})


def test_a_draw_is_made_once(records: RecordList, tmp_path: Path) -> None:
    """Damaged files must not use up a clip's random numbers."""
    record = records[0]
    kept = keep(tmp_path)
    for content in (None, b"", b"x" * 1000):
        if content is not None:
            files(tmp_path)[0].write_bytes(content)
        calls: list[int] = []

        def choose(total: int, calls: list[int] = calls) -> np.ndarray:
            calls.append(total)
            return np.array([0, 7, 7])

        assert kept(record, choose).indices.tolist() == [0, 7, 7]
        assert calls == [8]
