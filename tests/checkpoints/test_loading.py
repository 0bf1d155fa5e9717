"""Files of every layout are recognised from names and shapes alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from gst_analysis.checkpoints.cards import save_card
from gst_analysis.checkpoints.loading import load_checkpoint, load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.shapes import expected_shapes
from gst_analysis.errors import BrokenCheckpoint, OutputError, SpecError
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec, model_names
from gst_analysis.networks.undrawn import shapes_alone
from tests.checkpoints import foreign
from tests.conftest import build_small, mark_slow
from tests.untyped import design, untyped


def save(path: Path, payload: object) -> Path:
    torch.save(payload, path)
    return path


@pytest.mark.parametrize("name", mark_slow(model_names()))
def test_shapes_worked_out_from_the_spec_are_those_of_the_built_network(name: str) -> None:
    spec = ModelSpec.from_name(name)
    with shapes_alone():
        built = {n: tuple(t.shape) for n, t in build_model(spec).state_dict().items()}
    assert expected_shapes(spec) == built


@pytest.mark.parametrize("module", [True, False])
@pytest.mark.parametrize("dropout", [True, False])
@pytest.mark.parametrize(("alpha", "beta"), [(2, 2), (4, 2), (8, 2), (4, 1)])
def test_gst_video_files(tmp_path: Path, alpha: int, beta: int, *, dropout: bool, module: bool) -> None:
    state = foreign.gst_video(alpha=alpha, beta=beta, dropout=dropout, module=module, planes=16, classes=7)
    path = save(tmp_path / "a.pth.tar", {"epoch": 3, "arch": "GST", "state_dict": state, "best_prec1": 47.0})
    found = load_checkpoint(path)
    assert found.spec.name == ("gst-resnet50" if beta == 2 else "gst-large-resnet50")
    assert (design(found.spec).alpha, found.spec.num_classes, found.layout) == (
        Fraction(1, alpha),
        7,
        "gst-video",
    )
    assert any("frames" in note for note in found.notes)


@pytest.mark.parametrize("wrapper", ["state_dict", "model", None])
@pytest.mark.parametrize("shift", [True, False])
def test_tsm_and_tsn_files(tmp_path: Path, wrapper: str | None, *, shift: bool) -> None:
    state = foreign.tsm(shift=shift, planes=16)
    found = load_checkpoint(save(tmp_path / "a.pth", {wrapper: state} if wrapper else state))
    assert (found.spec.family, found.layout) == (("tsm", "tsm") if shift else ("c2d", "tsn"))
    assert any("--family tsm" in note for note in found.notes) is not shift


def test_family_and_frames_can_be_overridden_where_shapes_cannot_tell(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", foreign.tsm(shift=False, planes=16))
    found = load_checkpoint(path, family="tsm", num_frames=16)
    assert (found.spec.family, found.spec.num_frames, found.clip_spec.frames) == ("tsm", 16, 16)
    assert not any("assumed c2d" in note or "number of frames" in note for note in found.notes)
    with pytest.raises(BrokenCheckpoint, match="as family='gst' asks"):
        load_checkpoint(path, family="gst")


@pytest.mark.parametrize(("shift", "name"), [(True, "nl-tsm-resnet50"), (False, "nl-c2d-resnet50")])
def test_non_local_files_are_named_and_refused_only_when_they_must_run(
    tmp_path: Path, name: str, *, shift: bool
) -> None:
    path = save(tmp_path / "a.pth", {"state_dict": foreign.tsm(shift=shift, nonlocal_=True, planes=16)})
    found = load_checkpoint(path)
    assert found.spec.name == name
    assert "layer2.0, layer2.2, layer3.0" in found.notes[0]
    with pytest.raises(SpecError, match="not built yet"):
        load_model(path)


def test_tsm_shifts_every_second_block_of_a_deep_network(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", foreign.tsm(backbone="resnet101", planes=16))
    module = load_model(path).module
    shifted = [name for name, block in untyped(module).stages() if block.share]
    assert shifted[:5] == ["layer1.0", "layer1.2", "layer2.0", "layer2.2", "layer3.0"]


@pytest.mark.parametrize("nested", [True, False])
def test_mobilenet_of_torchvision_and_tsm(tmp_path: Path, *, nested: bool) -> None:
    """torchvision nests a block's layers, the TSM repository lays them flat; the numbers are the same."""
    torch.manual_seed(0)
    flat = torchvision.models.mobilenet_v2(num_classes=7).eval()
    state = flat.state_dict() if nested else _flatten_mobilenet(flat.state_dict())
    model = load_model(save(tmp_path / "a.pth", state))
    assert model.spec.name == ("c2d-mobilenetv2" if nested else "tsm-mobilenetv2")
    x = torch.randn(2, 1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(
            load_model(model.checkpoint.path, family="c2d").module(x)[:, 0],
            flat(x[:, 0]),
            rtol=1e-4,
            atol=1e-5,
        )


def _flatten_mobilenet(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """torchvision's names -> those of the TSM repository, with its shift around blocks that add."""
    out = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if parts[0] == "classifier":
            name = f"new_fc.{parts[-1]}"
        elif len(parts) > 3 and parts[2] == "conv" and parts[3:-1]:
            first = f"features.{parts[1]}.conv.1.0.weight" not in state
            place = [int(p) for p in parts[3:-1]]
            index = place[0] * 3 + (place[1] if len(place) > 1 else 0)
            last = 1 if first else 2
            if place[0] > last:  # the norm after the last 1x1
                index = last * 3 + 1
            shift = ".net" if index == 0 and not first and parts[1] in _ADDING else ""
            name = f"base_model.features.{parts[1]}.conv.{index}{shift}.{parts[-1]}"
        else:
            name = f"base_model.{name}"
        out[name] = tensor
    return out


_ADDING = {"3", "5", "6", "8", "9", "10", "12", "13", "15", "16"}


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_torchvision_files_give_torchvisions_outputs(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    flat = getattr(torchvision.models, name)(num_classes=5).eval()
    model = load_model(save(tmp_path / "a.pth", flat.state_dict()))
    x = torch.randn(1, 2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model.module(x)[0], flat(x[0]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [n for n in model_names() if "26s" in n or "mobile" in n or "18" in n])
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_our_own_files_come_back_as_they_went(tmp_path: Path, name: str, ending: str) -> None:
    network = build_small(name)
    labels = ["cut", "tear", "fold", "drop", "lift"]
    clip_spec = ClipSpec(frames=16, resize=72, crop=64)
    path = save_model(
        tmp_path / f"a.{ending}", network, labels=labels, clip_spec=clip_spec, provenance={"epoch": 3}
    )
    model = load_model(path)
    assert (model.spec, model.clip_spec, model.labels) == (network.spec, clip_spec, tuple(labels))
    assert model.notes == ()
    assert model.checkpoint.provenance["epoch"] == 3
    assert not model.module.training
    x = torch.randn(1, 2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.module(x), network(x), rtol=0, atol=0)


_DEEP: list[Any] = []
_DEEP.append(_DEEP)
UNREADABLE: dict[str, dict[str, Any]] = {
    "a text as labels": {"labels": "abcde"},
    "labels of None": {"labels": [None] * 5},
    "labels of bytes": {"labels": [b"a"] * 5},
    "long labels": {"labels": ["x" * 2_000_000] * 5},
    "labels whose marks grow": {"labels": ['"' * 600_000] * 5},
    "a path": {"provenance": {"data": Path("world")}},
    "a tensor": {"provenance": {"loss": torch.ones(1)}},
    "bytes": {"provenance": {"key": b"x"}},
    "a list": {"provenance": [1]},
    "what holds itself": {"provenance": {"a": _DEEP}},
    "a number of 5,000 digits": {"provenance": {"a": 10**5_000}},
}


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_what_no_reader_takes_back_is_not_written(tmp_path: Path, ending: str) -> None:
    network = build_small("gst-resnet26s")
    for said, told in UNREADABLE.items():
        path = tmp_path / f"a.{ending}"
        if ending == "pth" and "grow" in said:  # texts in a pickle have no marks to spell
            assert load_model(save_model(tmp_path / "b.pth", network, **told)).labels is not None
            continue
        with pytest.raises(SpecError) as caught:
            save_model(path, network, **told)
        assert len(str(caught.value).splitlines()) == 1, said
        assert not path.exists(), said
    assert [file.name for file in tmp_path.iterdir()] == ["b.pth"] * (ending == "pth")


def test_a_name_with_a_null_is_one_line_and_a_name_of_an_ending_alone_comes_back(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s")
    with pytest.raises(OutputError, match="null byte"):
        save_model(tmp_path / "a\0b.pth", network)
    assert load_model(save_model(tmp_path / ".safetensors", network)).spec == network.spec


@pytest.mark.parametrize("name", [n for n in model_names() if "resnet26s" in n or "resnet18" in n])
def test_a_bare_state_dict_of_ours_is_recognised_by_its_shapes(tmp_path: Path, name: str) -> None:
    network = build_small(name)
    found = load_checkpoint(save(tmp_path / "a.pth", network.state_dict()))
    expected = "c2d" if network.spec.family == "tsm" else network.spec.family
    assert (found.spec.family, found.spec.backbone) == (expected, network.spec.backbone)
    assert (design(found.spec).alpha, design(found.spec).width) == (network.spec.alpha, 16)


@pytest.mark.parametrize("alpha", ["1/2", "1/4", "1/8", "3/8"])
@pytest.mark.parametrize("family", ["gst", "gst-large"])
def test_alpha_is_read_from_shapes(tmp_path: Path, family: str, alpha: str) -> None:
    network = build_small(f"{family}-resnet26s", alpha=alpha)
    found = load_checkpoint(save(tmp_path / "a.pth", network.state_dict()))
    assert (found.spec.family, str(design(found.spec).alpha)) == (family, alpha)


def test_half_precision_weights_come_in_full_precision(tmp_path: Path) -> None:
    state = {n: t.half() if t.is_floating_point() else t for n, t in foreign.gst_video(planes=16).items()}
    assert {t.dtype for t in load_checkpoint(save(tmp_path / "a.pth", state)).state.values()} == {
        torch.float32,
        torch.int64,
    }


def test_files_from_before_norms_counted_batches_still_load(tmp_path: Path) -> None:
    state = {n: t for n, t in foreign.gst_video(planes=16).items() if "num_batches" not in n}
    assert load_model(save(tmp_path / "a.pth", state)).spec.family == "gst"


def test_the_old_pickle_form_of_torch_loads(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(foreign.gst_video(planes=16), path, _use_new_zipfile_serialization=False)
    assert load_checkpoint(path).spec.family == "gst"


def test_a_card_beside_the_file_supplies_what_weights_cannot_say(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", foreign.gst_video(planes=16, classes=3))
    card = {"sha256": load_checkpoint(path).sha256, "labels": ["x", "y", "z"], "clip_spec": {"crop": 96}}
    save_card(path, card)
    assert load_checkpoint(path).labels == ("x", "y", "z")
    assert load_checkpoint(path).clip_spec.crop == 96
    save_card(path, {**card, "sha256": "0" * 64})
    assert load_checkpoint(path).labels is None


def test_saving_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_model(tmp_path / "a.pth", build_small("gst-resnet26s"))
    before = path.read_bytes()

    def die(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", die)
    with pytest.raises(KeyboardInterrupt):
        save_model(path, build_small("gst-resnet26s", seed=1), overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.pth"]


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_another_file_is_replaced_only_if_that_was_asked_for(tmp_path: Path, name: str) -> None:
    path = save_model(tmp_path / name, build_small("gst-resnet26s"))
    before = path.read_bytes()
    assert save_model(path, build_small("gst-resnet26s")) == path  # the same bytes
    with pytest.raises(OutputError, match="overwrite=True in Python"):
        save_model(path, build_small("gst-resnet26s", seed=1))
    assert path.read_bytes() == before
    save_model(path, build_small("gst-resnet26s", seed=1), overwrite=True)
    assert path.read_bytes() != before
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_card_takes_the_place_of_a_card_alone(tmp_path: Path) -> None:
    for text in ("[1]", "{}", "no JSON"):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(OutputError, match="found another file"):
            save_card(tmp_path / "a.pth", {"sha256": "0"})
        assert (tmp_path / "a.json").read_text() == text


def test_labels_must_be_one_a_class(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="expected 5, one a class; found 2"):
        save_model(tmp_path / "a.pth", build_small("gst-resnet26s"), labels=["x", "y"])


@pytest.mark.parametrize("first_byte", [0x80, 0x50])
def test_a_safetensors_file_is_known_whatever_its_first_byte(tmp_path: Path, first_byte: int) -> None:
    """Its first byte is the header's length mod 256, which may look like a pickle's or a zip's."""
    network = build_small("gst-resnet26s")
    path = save_model(tmp_path / "a.safetensors", network, provenance={"padding": ""})
    wanted = "x" * ((first_byte - path.read_bytes()[0]) % 256)
    path = save_model(path, network, provenance={"padding": wanted}, overwrite=True)
    assert path.read_bytes()[0] == first_byte
    assert load_checkpoint(path).provenance["padding"] == wanted
