"""Inflation: which numbers of a 2-D network end up where, and what is remembered of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.errors import SpecError
from gst_analysis.networks.inflation import inflate
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.specs import ModelSpec, model_names


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """torchvision's ResNet-18, random but for its norms, saved as a local 2-D file."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=3)
    for parameter in network.parameters():
        if parameter.ndim == 1:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    path = tmp_path_factory.mktemp("flat") / "resnet18.pth"
    torch.save(network.state_dict(), path)
    return path


def weights(path: Path) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return loaded


def test_gst_takes_the_corner_of_the_kernel_that_fits(flat: Path) -> None:
    """As the official code does: the first rows, and the first half of the columns."""
    model = create_model("gst-resnet18", pretrained=flat, seed=0)
    got = model.module.state_dict()
    source = weights(flat)["layer2.1.conv2.weight"]
    torch.testing.assert_close(got["layer2.1.conv2.spatial.weight"], source[:96, :64], rtol=0, atol=0)
    fresh = create_model("gst-resnet18", seed=0).module.state_dict()
    name = "layer2.1.conv2.temporal.weight"
    torch.testing.assert_close(got[name], fresh[name], rtol=0, atol=0)


def test_centred_temporal_kernels_carry_2d_weights_in_their_middle_frame(flat: Path) -> None:
    got = create_model("gst-resnet18", pretrained=flat, temporal="centred").module.state_dict()
    source = weights(flat)["layer2.1.conv2.weight"]
    kernel = got["layer2.1.conv2.temporal.weight"]
    torch.testing.assert_close(kernel[:, :, 1], source[96:, 64:], rtol=0, atol=0)
    assert kernel[:, :, 0].abs().sum() + kernel[:, :, 2].abs().sum() == 0


@pytest.mark.parametrize("name", ["c2d-resnet18", "c3d-resnet18"])
def test_centred_inflation_keeps_the_2d_networks_answers(flat: Path, name: str) -> None:
    spec = ModelSpec.from_name(name, num_classes=3)
    module = create_model(spec, pretrained=flat, temporal="centred").module
    network = torchvision.models.resnet18(num_classes=3)
    network.load_state_dict(weights(flat))
    clips = torch.randn(1, 3, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(module(clips)[0], network.eval()(clips[0]), rtol=1e-4, atol=1e-4)


def test_sth_reads_a_flat_image_as_the_2d_network_does() -> None:
    """Its centred temporal kernel is the 2-D kernel summed over space: the same response to a constant."""
    spec = ModelSpec.from_name("sth-resnet18", num_classes=3)
    module = create_model(spec, seed=0).module
    flat = create_model("c2d-resnet18", seed=1).module.state_dict()
    assert isinstance(module, VideoNetwork)
    inflate(module, flat, temporal="centred")
    constant = torch.rand(1, 64, 1, 1).expand(3, 64, 9, 9).contiguous()
    got = module.get_submodule("layer1.0.conv1")(constant, 3)
    expected = torch.nn.functional.conv2d(constant, flat["layer1.0.conv1.spatial.weight"], padding=1)
    torch.testing.assert_close(got[:, :, 4, 4], expected[:, :, 4, 4], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in model_names() if n.endswith("-resnet18")])
@pytest.mark.parametrize("temporal", ["random", "centred"])
def test_every_family_inherits_norms_and_says_which(flat: Path, name: str, temporal: str) -> None:
    model = create_model(name, pretrained=flat, temporal=temporal)  # type: ignore[arg-type] # one of the two words above
    inherited = model.checkpoint.provenance["inherited"]
    source = weights(flat)
    assert inherited["norms"]["layer3.0.bn2"] == [0, 256]
    assert len(inherited["norms"]) == 20
    for norm in inherited["norms"]:
        torch.testing.assert_close(model.module.state_dict()[f"{norm}.weight"], source[f"{norm}.weight"])
    assert bool(inherited["random"]) == (temporal == "random" and name.split("-")[0] not in ("c2d", "tsm"))


def test_what_was_inherited_is_written_into_the_file(tmp_path: Path, flat: Path) -> None:
    path = save_model(tmp_path / "a.pth", create_model("gst-resnet18", pretrained=flat))
    provenance = load_checkpoint(path).provenance
    assert provenance["inherited"]["norms"]["bn1"] == [0, 64]
    assert provenance["inflated_from"]["file"] == "resnet18.pth"


def test_imagenet_weights_come_through_torchvision(flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def hand_over(
        url: str, *, progress: bool, check_hash: bool, weights_only: bool
    ) -> dict[str, torch.Tensor]:
        asked.append((url.rpartition("/")[2], weights_only and check_hash))
        return weights(flat)

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", hand_over)
    model = create_model("gst-resnet18", pretrained="imagenet")
    assert asked[0][0].startswith("resnet18-")
    assert asked[0][1]
    assert model.checkpoint.provenance["inflated_from"] == {"weights": "resnet18.IMAGENET1K_V1"}
    torch.testing.assert_close(model.module.state_dict()["conv1.weight"], weights(flat)["conv1.weight"])


def test_no_network_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, **_: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(SpecError, match="connect to the network once"):
        create_model("gst-resnet18", pretrained="imagenet")


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("gst-resnet26s", {}, "a backbone and width that torchvision has"),
        ("gst-resnet18", {"width": 32}, "a backbone and width that torchvision has"),
    ],
)
def test_imagenet_weights_exist_only_for_torchvisions_networks(
    name: str, settings: dict[str, int], words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        create_model(ModelSpec.from_name(name, **settings), pretrained="imagenet")


def test_weights_of_another_backbone_are_refused(flat: Path) -> None:
    with pytest.raises(SpecError, match="2-D weights: expected"):
        create_model("gst-resnet34", pretrained=flat)
    with pytest.raises(SpecError, match="random or centred"):
        create_model("gst-resnet18", pretrained=flat, temporal="mirrored")  # type: ignore[arg-type] # wrong on purpose


def test_the_same_seed_gives_the_same_network_and_leaves_the_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, two = (create_model("gst-resnet26s", seed=3).module.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert torch.equal(before, torch.get_rng_state())
