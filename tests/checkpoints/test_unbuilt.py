"""Tensors left in their file: what torch.load gives, to the bit; what is of no usual make is left to it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

import gst_analysis as gst
from gst_analysis.checkpoints import archives, formats, loading, sources, unbuilt
from gst_analysis.checkpoints.loading import load_checkpoint, load_unbuilt_checkpoint
from gst_analysis.checkpoints.pickle_calls import ODD, STORAGES, WIDTHS
from gst_analysis.checkpoints.reading import RawCheckpoint, load_raw
from gst_analysis.checkpoints.stored import FORMS, Storage, StoredTensor, to_array
from gst_analysis.checkpoints.unbuilt import NotPlain
from gst_analysis.files import to_json
from gst_analysis.networks.registry import build_without_values
from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.options import NetworkOptions
from tests.conftest import SaveSmall
from tests.hostile.parts import small_state


def lay_out() -> dict[str, torch.Tensor]:
    """Tensors that lie in their storages in every way in which a file may hold them."""
    base = torch.arange(240.0).reshape(2, 3, 5, 8)
    wide = torch.linspace(-3, 3, 100)
    return {
        "plain": base.clone(),
        "channels_last": base.clone().to(memory_format=torch.channels_last),
        "transposed": base.clone().transpose(1, 3),
        "every_other": wide[7:90:3],
        "shares": wide[5:25].reshape(4, 5),
        "shares_too": wide[20:40],
        "spread": torch.arange(12.0).as_strided((3, 2), (1, 0)),
        "nothing": torch.empty(0, 4),
        "number": torch.tensor(3.5),
        "parameter": torch.nn.Parameter(torch.randn(3, 2)),
        "odd": torch.tensor([float("inf"), float("nan"), -0.0, 1e-45]),
        **{f"half{kind}": torch.randn(7).to(kind) for kind in (torch.float16, torch.bfloat16, torch.float64)},
    }


def whole_numbers() -> dict[str, torch.Tensor]:
    kinds = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
    return {f"{kind}": torch.arange(6).to(kind)[1::2] for kind in kinds}


def read_all(path: Path) -> Mapping[str, Any]:
    """Every tensor of a file without the checks of what may be a weight."""
    payload, _, damaged = unbuilt.load_unbuilt(path, formats.scan_torch(path, path.stat().st_size))
    assert not damaged
    found: Mapping[str, Any] = payload.get("state_dict", payload)
    return found


def require_same(found: Mapping[str, Any], known: Mapping[str, torch.Tensor]) -> None:
    assert list(found) == list(known)
    for name, tensor in known.items():
        ours, theirs = found[name], tensor.detach()
        assert isinstance(ours, StoredTensor)
        assert (ours.shape, ours.dtype) == (tuple(theirs.shape), str(theirs.dtype))
        assert (ours.numel(), ours.nbytes) == (theirs.numel(), theirs.nbytes)
        if theirs.dtype == torch.bfloat16:
            theirs = theirs.float()
        values = to_array(ours)
        assert values.dtype == theirs.numpy().dtype
        assert values.tobytes() == theirs.contiguous().numpy().tobytes(), name
        assert (to_array(ours.float()) if ours.is_floating_point() else values).tobytes() == (
            theirs.float() if theirs.is_floating_point() else theirs
        ).contiguous().numpy().tobytes()


def rewrite(path: Path, *, order: bytes = b"little", packed: bool = False) -> None:
    """Write an archive again: with numbers turned round, or packed."""
    with zipfile.ZipFile(path) as archive:
        held = {info.filename: archive.read(info) for info in archive.infolist()}
    state = torch.load(io.BytesIO(path.read_bytes()), weights_only=True)["state_dict"]
    widths = {len(t.untyped_storage()): t.element_size() for t in state.values()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in held.items():
            if name.endswith("/byteorder"):
                content = order
            elif "/data/" in name and order == b"big":
                content = np.frombuffer(content, f"u{widths[len(content)]}").byteswap().tobytes()
            archive.writestr(name, content)


def test_every_layout_is_read_as_torch_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    state = OrderedDict({**lay_out(), **whole_numbers()})
    state._metadata = {"": {"version": 1}}  # type: ignore[attr-defined] # as modules' state dicts have it
    torch.save({"state_dict": state, "epoch": 3, "args": {"lr": [0.1, (1, None)]}}, path)
    require_same(read_all(path), torch.load(path, weights_only=True)["state_dict"])
    shared = read_all(path)
    assert shared["shares"].storage is shared["shares_too"].storage is shared["every_other"].storage
    again = tmp_path / "b.pth"
    torch.save(state, again)
    require_same(read_all(again), torch.load(again, weights_only=True))


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_numbers_may_begin_with_their_upper_byte(kind: torch.dtype, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"a": torch.arange(-5, 7).to(kind)[::2], "b": torch.ones(3).to(kind)}}, path)
    rewrite(path, order=b"big")
    known = torch.load(path, weights_only=True)["state_dict"]
    assert known["a"][0] == -5
    require_same(read_all(path), known)


def test_safetensors_are_read_as_their_library_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    plain = {name: tensor for name, tensor in lay_out().items() if name in ("plain", "number", "parameter")}
    safetensors.torch.save_file({**plain, "half": torch.randn(3, 5).bfloat16()}, path)
    found, known = load_raw(path, unbuilt=True), load_raw(path)
    assert found.sha256 == known.sha256
    require_same(dict(sorted(found.state.items())), dict(sorted(known.state.items())))


def test_what_is_not_of_the_usual_make_is_left_to_torch(tmp_path: Path) -> None:
    path, state = tmp_path / "a.pth", dict(small_state())
    torch.save(state, path, _use_new_zipfile_serialization=False)
    with pytest.raises(NotPlain):
        load_raw(path, unbuilt=True)
    torch.save({"state_dict": state}, path)
    rewrite(path, packed=True)
    with pytest.raises(NotPlain):
        load_raw(path, unbuilt=True)
    torch.save({**state, "more": torch.zeros(2, dtype=torch.complex64)}, path)
    with pytest.raises(NotPlain):
        load_raw(path, unbuilt=True)
    torch.save({**state, "more": torch.zeros(2, dtype=torch.uint16)}, path)
    with pytest.raises(NotPlain):
        load_raw(path, unbuilt=True)
    torch.save(state, path)
    assert load_unbuilt_checkpoint(path, NetworkOptions()) is not None
    for kind in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        weight = state["fc.weight"].clone().to(kind)
        weight[1, 2] = float("nan" if kind.itemsize == 4 else "-inf")
        torch.save({**state, "fc.weight": weight}, path)
        assert load_unbuilt_checkpoint(path, NetworkOptions()) is None
    with pytest.raises(gst.BrokenCheckpoint, match=r"NaN or infinity in fc\.weight"):
        gst.inspect_checkpoint(path)


def test_notes_that_are_too_long_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(small_state(), path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, b"9" * 1000 if name.endswith("/version") else content)
    with pytest.raises(gst.UnreadableCheckpoint, match=r"a damaged one \(stoull\)|names and plain values"):
        gst.inspect_checkpoint(path)


def test_what_is_large_is_no_infinity(tmp_path: Path) -> None:
    path, state = tmp_path / "a.pth", dict(small_state())
    torch.save({**state, "fc.weight": torch.full_like(state["fc.weight"], 3e38)}, path)
    found = load_unbuilt_checkpoint(path, NetworkOptions())
    assert found is not None
    assert load_checkpoint(path).spec == found.spec
    torch.save({**state, "fc.weight": state["fc.weight"].double() + 1e300}, path)  # too large for 32 bits
    assert load_unbuilt_checkpoint(path, NetworkOptions()) is None


@pytest.mark.parametrize("name", ["sth-resnet26s", pytest.param("gst-resnet26s", marks=pytest.mark.slow)])
def test_both_ways_say_the_same(
    name: str, save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.pth"
    torch.save({f"module.{k}": v for k, v in load_checkpoint(save_small(name)).state.items()}, bare)
    paths = [save_small(name), bare]

    def measure() -> tuple[Any, ...]:
        scales = gst.bn_scales(*paths)
        tables = [scales.table, gst.temporal_use(*paths).table]
        return [gst.inspect_checkpoint(path) for path in paths], to_json(scales.to_document()), tables

    ours = measure()
    monkeypatch.setattr(sources, "load_unbuilt_checkpoint", lambda *_: None)
    theirs = measure()
    assert ours[:2] == theirs[:2]
    for table, known in zip(ours[2], theirs[2], strict=True):
        pd.testing.assert_frame_equal(table, known, check_exact=True)


def test_torch_has_no_type_that_is_not_written_out_here() -> None:
    widths = {
        name: kind.itemsize for name in dir(torch) if isinstance(kind := getattr(torch, name), torch.dtype)
    }
    assert widths.items() <= WIDTHS.items()
    kept = torch.storage._dtype_to_storage_type_map()
    named = {f"torch.{name}": str(kind)[6:] for kind, name in kept.items() if ".q" not in str(kind)}
    assert {name: kind for name, kind in named.items() if "float8" not in kind}.items() <= STORAGES.items()
    assert {f"{kind.__module__}.{kind.__name__}" for kind in torch._tensor_classes} <= ODD.keys()
    assert all(np.dtype(form).itemsize == WIDTHS[name] for name, form in FORMS.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_no_published_system_is_taken_for_a_design_of_ours(name: str) -> None:
    state: dict[str, Any] = {}
    for key, tensor in build_without_values(SystemSpec.from_name(name)).state_dict().items():
        storage = Storage(0, tensor.nbytes, "float32" if tensor.is_floating_point() else "int64", finite=True)
        state[key] = StoredTensor(Path("none.pth"), storage, 0, tuple(tensor.shape), tensor.stride())
    with pytest.raises((NotPlain, gst.GstError)):
        loading.recognise_file(RawCheckpoint(Path("none.pth"), "", state, {}, unbuilt=True), NetworkOptions())


def test_mmactions_three_d_networks_are_left_to_torch(save_small: SaveSmall, tmp_path: Path) -> None:
    """Its C2D has the weights of our c2d as kernels of one frame, and is another network."""
    path, state = tmp_path / "a.pth", {}
    for key, tensor in load_checkpoint(save_small("c2d-resnet26s")).state.items():
        key = re.sub(r"(conv\d)(\.spatial)?\.weight", r"\1.conv.weight", f"backbone.{key}")
        key = re.sub(r"bn(\d)\.", r"conv\1.bn.", key).replace("backbone.fc.", "cls_head.fc_cls.")
        state[key] = tensor[:, :, None] if tensor.ndim == 4 else tensor
    torch.save(state, path)
    assert load_unbuilt_checkpoint(path, NetworkOptions()) is None


@pytest.mark.parametrize("command", ["temporal-use", pytest.param("others", marks=pytest.mark.slow)])
def test_a_file_is_looked_at_by_neither_torch_nor_pandas(
    command: str, save_small: SaveSmall, tmp_path: Path
) -> None:
    path = save_small()
    (safe := tmp_path / "a.safetensors").touch()
    gst.save_model(safe, gst.load_model(path), overwrite=True)
    calls = [
        ["inspect", str(path), "--json"],
        ["temporal-use", str(path), "--start", "none", "--formats", "csv", "--out", str(tmp_path / "a")],
        ["profile", str(path), "--formats", "csv", "--out", str(tmp_path / "d")],
        ["importance", str(path), "--formats", "csv", "--out", str(tmp_path / "e")],
        ["compare", str(path), str(safe), "--formats", "csv", "--out", str(tmp_path / "b")],
        ["bn-hist", str(safe), "--formats", "csv", "--out", str(tmp_path / "c")],
    ]
    calls = calls[:4] if command == "temporal-use" else calls[4:]
    framed = ("profile", "importance")  # whose tables are pandas' own
    code = (
        "import json, sys\nfrom gst_analysis.cli import app\n"
        f"for call in json.loads({json.dumps(calls)!r}):\n"
        "    app(call, standalone_mode=False)\n"
        "    unwanted = {'torch', 'rich.progress', 'pydantic'}\n"
        f"    unwanted |= set() if call[0] in {framed} else {{'pandas', 'numpy.ma', 'scipy'}}\n"
        "    assert not unwanted & set(sys.modules), call"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_names_to_complete_need_neither_numpy_nor_all_of_the_file(
    save_small: SaveSmall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key waits for them: classes of a card and blocks come from the file's names alone."""
    path = tmp_path / "bare.pth"
    torch.save(torch.load(save_small(), weights_only=True)["state_dict"], path)
    labels = [f"class {number}" for number in range(5)]
    card = {"sha256": load_raw(path).sha256, "labels": labels}
    path.with_suffix(".json").write_text(json.dumps(card))
    known = load_unbuilt_checkpoint(path, NetworkOptions())
    monkeypatch.setattr(unbuilt, "digest", None)
    found = load_unbuilt_checkpoint(path, NetworkOptions(), checked=False)
    assert found is not None
    assert known is not None
    assert (found.spec, found.labels, found.sha256) == (known.spec, known.labels, "")
    code = (
        "import sys\nfrom gst_analysis.cli import app\nfor kind in ('blocks', 'classes'):\n"
        f"    app(['completion', kind, '--', {str(path)!r}], standalone_mode=False)\n"
        "sys.exit(' '.join({'numpy', 'torch', 'pydantic', 'rich', 'pandas'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-5:] == labels
    assert "layer1.0" in done.stdout


def test_part_of_a_tensor_is_torchs(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(lay_out(), path)
    found, known = read_all(path), torch.load(path, weights_only=True)
    for name in ("plain", "channels_last", "transposed", "shares", "spread", "halftorch.bfloat16"):
        for axis in range(known[name].ndim):
            ours, theirs = (one[name].narrow(axis, 1, 1) for one in (found, known))
            require_same({name: ours}, {name: theirs})


@pytest.mark.parametrize("piece", [7, 64, 4096])
def test_no_piece_of_a_file_is_left_unchecked(
    piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records and numbers that lie across pieces are summed up and looked at as those that do not."""
    path = tmp_path / "a.pth"
    torch.save({name: one for name, one in lay_out().items() if name != "odd"}, path)
    whole = unbuilt.load_unbuilt(path, scan := formats.scan_torch(path, path.stat().st_size))
    monkeypatch.setattr(archives, "_PIECE", piece)
    pieces = unbuilt.load_unbuilt(path, scan)
    assert pieces[1:] == whole[1:] == (hashlib.sha256(path.read_bytes()).hexdigest(), "")
    content = bytearray(path.read_bytes())
    assert scan.archive is not None
    record = next(one for name, one in scan.archive.records.items() if name.endswith("data/0"))
    for place in (record.start, record.start + record.packed - 1):
        content[place] ^= 1
        path.write_bytes(content)
        assert unbuilt.load_unbuilt(path, scan)[2].endswith("data/0")
        content[place] ^= 1


def test_a_file_that_is_shortened_meanwhile_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(small_state(), path)
    found = load_unbuilt_checkpoint(path, NetworkOptions())
    assert found is not None
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(gst.CheckpointError, match="a shorter file"):
        to_array(found.state["fc.weight"])


def test_a_damaged_file_is_torchs_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pth"
    seen: list[object] = []
    torch.save(small_state(), path)
    content = bytearray(path.read_bytes())
    content[content.index(small_state()["fc.weight"].numpy().tobytes()[:64]) + 5] ^= 4
    path.write_bytes(bytes(content))

    def load(*given: Any) -> Any:
        seen.append(given)
        return loading.load_checkpoint(*given)

    monkeypatch.setattr(sources, "load_checkpoint", load)
    with pytest.raises(gst.CheckpointError, match="the checksum of"):
        gst.inspect_checkpoint(path)
    assert seen
