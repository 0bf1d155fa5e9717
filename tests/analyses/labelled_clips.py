"""Small networks with batch norms that differ, and labelled clips of noise to show them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.specs import ModelSpec
from tests.conftest import build_small

SIZE, CLASSES = 32, 5
CPU = InferenceSettings(batch=4, device="cpu", readers=1)


def small_model(name: str = "gst-resnet26s", *, frames: int = 4, seed: int = 0) -> LoadedModel:
    """A narrow network with random batch norms and a head whose logits differ, 5 classes, 32 px."""
    module = build_small(name, seed=seed)
    torch.nn.init.normal_(module.fc.weight, 0, 0.3)
    spec = ClipSpec(frames=frames, resize=SIZE, crop=SIZE, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    start = create_model(module.spec, seed=0).checkpoint
    state = {key: tensor.detach() for key, tensor in module.state_dict().items()}
    checkpoint = dataclasses.replace(
        start, path=Path("small.pth"), clip_spec=spec, notes=(), sha256="0" * 64, state=state
    )
    return LoadedModel(module, checkpoint)


def write_clips(folder: Path, labels: Sequence[int], *, frames: int = 4, seed: int = 0) -> RecordList:
    """Folders of PNG frames: blocks of random colour that change from frame to frame."""
    rng = np.random.default_rng(seed)
    records = []
    for number, label in enumerate(labels):
        clip = folder / f"clip{number:02d}"
        clip.mkdir(parents=True)
        for frame in range(frames):
            blocks = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
            Image.fromarray(blocks).save(clip / f"{frame + 1:05d}.png")
        records.append(ClipRecord(clip.name, clip, label))
    return RecordList(tuple(records))


def write_world(folder: Path, labels: Sequence[int]) -> Path:
    """Such clips as a data set in Something-Something v2's layout, its validation list alone."""
    records = write_clips(folder / "videos", labels)
    names = [f"doing {number}" for number in range(CLASSES)]
    (folder / "labels.json").write_text(json.dumps({name: str(n) for n, name in enumerate(names)}))
    clips = [{"id": r.clip, "label": names[r.label or 0], "template": names[r.label or 0]} for r in records]
    (folder / "validation.json").write_text(json.dumps(clips))
    return folder


def load_pixels(records: RecordList, spec: ClipSpec) -> Tensor:
    """The same clips read in the plainest way: (N, T, 3, S, S), normalised."""
    clips = [
        np.stack([np.asarray(Image.open(file)) for file in sorted(record.path.iterdir())])
        for record in records
    ]
    pixels = torch.from_numpy(np.stack(clips)).permute(0, 1, 4, 2, 3).float() / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (spec.mean, spec.std))
    return (pixels - mean) / std


def rename(model: LoadedModel, name: str) -> LoadedModel:
    return dataclasses.replace(
        model, checkpoint=dataclasses.replace(model.checkpoint, path=Path(f"{name}.pth"))
    )


def spec_of(name: str) -> ModelSpec:
    return ModelSpec.from_name(name, width=16, num_classes=CLASSES)
