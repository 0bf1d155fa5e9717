"""Two streams: a network of colour frames and one of optical flow, run over the same clips and averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.sources import distinct_names, open_model
from gst_analysis.clips.flow_folders import point_at_flow
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import SpecError, name_some
from gst_analysis.inference.classes import require_some
from gst_analysis.inference.logits import FrameLogits
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.streams import check_fusion, check_weights, fuse_streams
from gst_analysis.options import StreamOptions
from gst_analysis.progress import Progress


@dataclass(frozen=True)
class FlowStream:
    """The second network, where its flow lies, and how both are averaged."""

    model: LoadedModel
    root: Path | None
    weights: tuple[float, ...]
    fusion: str

    @classmethod
    def of(cls, options: StreamOptions) -> FlowStream | None:
        """What an analysis's options say of it; None where they name no second network.

        Raises:
            SpecError: a network that reads no flow, or a choice of flow where there is none.
        """
        if options.flow is None:
            _refuse_rest(options)
            return None
        fusion = check_fusion(options.fusion)
        weights = check_weights(options.stream_weights, 2)
        model = open_model(options.flow)
        require_flow(model)
        return cls(model, options.flow_root, weights, fusion)


def measure_streams(
    model: LoadedModel,
    stream: FlowStream,
    records: RecordList | Sequence[ClipRecord],
    *,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> FrameLogits:
    """Run both networks over the same clips, and average what they say.

    Args:
        model: the network of colour frames.
        stream: the one of optical flow.
        records: clips; the flow of each lies below the stream's root under its name, or beside its frames.
        settings: views, batch, device and so on, for both.
        progress: called now and then, for both networks in turn.

    Raises:
        DataError: not one clip has both.
        SpecError: networks of other classes than each other's.
    """
    _check_pair(model, stream.model)
    moving = point_at_flow(records, stream.root)
    other = replace(records, records=moving) if isinstance(records, RecordList) else moving
    names = distinct_names([model.checkpoint.name, stream.model.checkpoint.name])
    parts = [
        measure_frame_logits(network, clips, settings=settings, progress=progress)
        for network, clips in ((model, records), (stream.model, other))
    ]
    for part in parts:
        require_some(part)
    named = [_rename(part, name) for part, name in zip(parts, names, strict=True)]
    return fuse_streams(named, weights=stream.weights, fusion=stream.fusion)


def require_flow(model: LoadedModel) -> None:
    """Refuse a network that does not read optical flow.

    Raises:
        SpecError: it reads colour frames.
    """
    if not model.clip_spec.flow:
        raise SpecError(
            f"the flow network {model.checkpoint.name}",
            expected="a network of optical flow, whose stem reads two channels for each field",
            found=f"{model.spec.label}, which reads colour frames",
            todo="name the flow stream's checkpoint",
        )


def _check_pair(model: LoadedModel, other: LoadedModel) -> None:
    """Refuse what are no two streams, before anything is run."""
    names = f"two streams of {model.checkpoint.name} and {other.checkpoint.name}"
    if model.clip_spec.flow:
        raise SpecError(
            names,
            expected="a network of colour frames first",
            found="two networks of optical flow",
            todo="leave --flow out to run the first by itself",
        )
    classes = (model.spec.num_classes, other.spec.num_classes)
    if classes[0] != classes[1]:
        raise SpecError(
            names,
            expected="the same classes",
            found=f"{classes[0]} and {classes[1]}",
            todo="give two networks that were trained for the same classes",
        )


def _refuse_rest(options: StreamOptions) -> None:
    usual = StreamOptions()
    rest = ("flow_root", "stream_weights", "fusion")
    given = [name for name in rest if getattr(options, name) != getattr(usual, name)]
    if given:
        raise SpecError(
            name_some(given),
            expected="a second network of optical flow beside it",
            found="none",
            todo="name it with --flow, or leave that out",
        )


def _rename(logits: FrameLogits, name: str) -> FrameLogits:
    """Call a stream by a name that no other has."""
    if name == logits.checkpoint:
        return logits
    old, known = logits.checkpoint, logits.provenance
    sources = {name if key == old else key: sha for key, sha in known.sources.items()}
    specs = {name if key == old else key: spec for key, spec in known.specs.items()}
    return replace(logits, checkpoint=name, provenance=replace(known, sources=sources, specs=specs))
