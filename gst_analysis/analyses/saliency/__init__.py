"""Where in the frame: a checkpoint and a clip -> maps of heat, as figure, film and files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.sources import open_model
from gst_analysis.clips.names import name_files
from gst_analysis.errors import DataError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.results import LegacyResult as Result
from gst_analysis.style.files import save_figures

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.figure import Figure

    from gst_analysis.analyses.saliency.figure import Scene
    from gst_analysis.analyses.saliency.measure import SaliencySummary
    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.clips.records import ClipRecord
    from gst_analysis.inference.settings import InferenceSettings

    Pixels = npt.NDArray[np.uint8]

FRAMES_PER_SECOND = 2
"""Of the film: it shows the few frames that the network saw, each long enough to be looked at."""


@dataclass(frozen=True)
class SaliencyMaps(Result[Any]):
    """Where a network looks: `.table`, `.summary`, `.plot()`, `.film()`, `.save()`."""

    summary: SaliencySummary
    pictures: Pixels = field(repr=False)
    """(T, H, W, 3), the frames that were looked at."""
    window: tuple[float, float, float, float]
    """Left, top, right and bottom of what the network sees, as parts of the frame."""
    path: str = ""
    """The checkpoint's file."""
    title: str = ""
    """What drawings call the clip: of one given by its path, the file alone."""

    @property
    def scene(self) -> Scene:
        """Frames and heat as they are drawn."""
        from gst_analysis.analyses.saliency.figure import lay_out_scene

        named = self.table.assign(clip=self.title or self.summary.clip)
        return lay_out_scene(named, self.pictures, self.window)

    def plot(self, *, dark: bool = False) -> Figure:
        """Overlays of every frame, a row for every group."""
        from gst_analysis.analyses.saliency.figure import draw_saliency

        return draw_saliency(self.scene, dark=dark)

    def film(self, *, dark: bool = True) -> Iterable[Pixels]:
        """For every frame one picture with its overlays side by side."""
        from gst_analysis.analyses.saliency.figure import draw_film

        return draw_film(self.scene, dark=dark)

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze saliency --json` prints."""
        (sha256,) = self.provenance.sources.values()
        summary = self.summary
        heat = self.table.assign(heat=self.table["evidence"].clip(lower=0))
        by_frame = heat.groupby(["group", "frame"], sort=False)["heat"].sum()
        return {
            "checkpoint": {"path": self.path, "sha256": sha256},
            "clip": summary.clip,
            "class": {"id": summary.class_id, "label": summary.label, "probability": summary.probability},
            "predicted": {"id": summary.predicted_id, "label": summary.predicted_label},
            "block": summary.block,
            "map": {"frames": len(self.pictures), "rows": summary.rows, "columns": summary.columns},
            "window": self.window,
            "groups": {
                name: {
                    "evidence_for": found.evidence_for,
                    "evidence_against": found.evidence_against,
                    "hottest_frame": found.hottest_frame,
                    "heat_by_frame": by_frame[name].tolist(),
                }
                for name, found in summary.groups.items()
            },
            "notes": summary.notes,
            "files": dict(files or {}),
        }


def saliency_maps(
    source: Source,
    clip: str | os.PathLike[str] | ClipRecord,
    *,
    class_name: str | int | None = None,
    block: str | None = None,
    settings: InferenceSettings | None = None,
) -> SaliencyMaps:
    """Where and when a clip speaks for a class, and to which group of channels (Grad-CAM).

    Args:
        source: a checkpoint's path, or what load_model returned.
        clip: a video file, a frame folder, or a record.
        class_name: the class, by name or number; the predicted one if None.
        block: a residual block such as layer3.1; the deepest whose map is fine enough if None.
        settings: the device.

    Example:
        >>> import gst_analysis as gst
        >>> gst.saliency_maps("ckpt.pth", "clip.mp4").plot()  # doctest: +SKIP
    """
    from gst_analysis.analyses.saliency.measure import measure_saliency
    from gst_analysis.checkpoints.sources import find_class
    from gst_analysis.clips.records import ClipRecord

    model = open_model(source)
    record = clip if isinstance(clip, ClipRecord) else _find_one(clip)
    class_id = None if class_name is None else find_class(model, class_name)
    found = measure_saliency(model, record, class_id=class_id, block=block, settings=settings)
    return SaliencyMaps(
        found.table,
        found.summary,
        found.provenance,
        found.pictures,
        found.window,
        str(model.checkpoint.path),
        name_files({record.clip: record})[record.clip],
    )


def save_saliency(
    result: SaliencyMaps, folder: str | os.PathLike[str], kinds: Sequence[str], *, dark: bool = False
) -> dict[str, str]:
    """Write figure, film and tables in the formats named; returns the files by kind."""
    from gst_analysis.style.films import save_film

    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    files = result.save(folder, "saliency", [kind for kind in kinds if kind in TABLE_FORMATS])
    if images:
        files |= save_figures(result.plot(dark=dark), folder, "saliency", images)
    if "mp4" in kinds:
        path = Path(folder) / "saliency.mp4"
        # So few pictures are worth a smaller file.
        files["mp4"] = str(save_film(path, result.film(), rate=FRAMES_PER_SECOND, preset="medium"))
    return files


def _find_one(clip: str | os.PathLike[str]) -> ClipRecord:
    from gst_analysis.clips.finding import find_clips

    records = find_clips(clip)
    if len(records) != 1:
        raise DataError(
            str(clip), expected="one clip", found=f"{len(records)}", todo="name one video or frame folder"
        )
    return records[0]
