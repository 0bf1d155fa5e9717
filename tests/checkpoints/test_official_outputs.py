"""Official files give the outputs of plain 3-D networks that were filled from them by hand."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gst_analysis.checkpoints.loading import load_model
from tests.checkpoints import foreign
from tests.reference.build import build_reference


def fill_by_hand(reference: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    """The official names without wrappers; the reference's operator holds conv2 and Tconv side by side."""
    named = {}
    for name, tensor in state.items():
        name = name.replace("module.", "").replace("base_model.", "").replace(".net.", ".")
        name = name.replace("new_fc.", "fc.")
        name = re.sub(r"(layer\d\.\d+)\.conv2\.weight", r"\1.conv2.conv.weight", name)
        name = re.sub(r"(layer\d\.\d+)\.Tconv\.weight", r"\1.conv2.Tconv.weight", name)
        named[name] = tensor.unsqueeze(2) if tensor.ndim == 4 else tensor
    reference.load_state_dict(named)
    return reference.eval()


@pytest.mark.parametrize(("alpha", "beta"), [(2, 2), (4, 2), (8, 2), (4, 1)])
@pytest.mark.parametrize("dropout", [True, False])
def test_gst_video(tmp_path: Path, alpha: int, beta: int, *, dropout: bool) -> None:
    state = foreign.gst_video(alpha=alpha, beta=beta, dropout=dropout, module=dropout, planes=16, classes=7)
    family = "gst" if beta == 2 else "gst-large"
    reference = build_reference(family, "resnet50", alpha=Fraction(1, alpha), width=16, classes=7)
    compare(tmp_path, state, fill_by_hand(reference, state))


@pytest.mark.parametrize("shift", [True, False])
def test_tsm_and_tsn(tmp_path: Path, *, shift: bool) -> None:
    state = foreign.tsm(shift=shift, planes=16, classes=7)
    reference = build_reference("tsm" if shift else "c2d", "resnet50", width=16, classes=7)
    compare(tmp_path, state, fill_by_hand(reference, state))


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [2, 4, 8])
def test_gst_video_at_full_width(tmp_path: Path, alpha: int) -> None:
    state = foreign.gst_video(alpha=alpha)
    reference = build_reference("gst", "resnet50", alpha=Fraction(1, alpha))
    compare(tmp_path, state, fill_by_hand(reference, state), size=112)


def compare(folder: Path, state: dict[str, Tensor], reference: nn.Module, *, size: int = 48) -> None:
    torch.save({"epoch": 1, "arch": "GST", "state_dict": state, "best_prec1": 1.0}, folder / "a.pth.tar")
    model = load_model(folder / "a.pth.tar")
    clips = torch.randn(2, 4, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, theirs = model.module(clips), reference(clips)
    assert ours.shape == (2, 4, model.spec.num_classes)
    assert (ours - theirs).norm() <= 1e-5 * theirs.norm()
