"""The pointing game on a planted world: does the heat of a network fall on the objects that are there?

Enters a network, a planted world and its truth; leaves a POINTING table, a row for every frame in which
an object is seen and for every group of channels. A hit is a frame whose hottest cell stands in the box of
an object that the class is about (a distractor's does not count). Three numbers to compare hits with:

- chance: the boxes' part of the area that the network sees;
- swapped: hits of the same points in the boxes of the next clip that shows an object in that frame, for
  objects like some places more;
- grid chance: the part of the map's cells that stand in a box, to which the heat inside compares.

Intervals draw clips: the frames of one clip resemble each other. `painter` puts a control of controls.py in
the network's place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import Tensor

from gst_analysis.analyses.saliency.controls import Painter
from gst_analysis.analyses.saliency.evidence import (
    ENOUGH_CELLS,
    Maps,
    find_block,
    measure_evidence,
    place_cells,
)
from gst_analysis.analyses.saliency.measure import locate_crop
from gst_analysis.analyses.saliency.table import POINTING, Pointing, PointingScore, PointingSummary
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import DataError
from gst_analysis.inference.conditions import running_conditions
from gst_analysis.inference.settings import InferenceSettings, choose_device
from gst_analysis.networks.anatomy import Place
from gst_analysis.planted.making import World, WorldClip
from gst_analysis.probes.resampling import Bootstrap, Interval, summarise_means
from gst_analysis.probes.shares import summarise_shares
from gst_analysis.progress import Progress, no_progress
from gst_analysis.results import Provenance
from gst_analysis.tables.schema import check

Boxes = list[tuple[float, float, float, float]]
"""Left, top, right and bottom, as parts of the sides of what the network sees."""


@dataclass(frozen=True)
class _Look:
    """One clip: its maps by group, the boxes of each frame, and whether its class was found."""

    clip: str
    maps: dict[str, Maps]
    boxes: list[Boxes]
    correct: bool


def play_pointing_game(
    model: LoadedModel,
    world: World,
    clips: Sequence[WorldClip],
    *,
    block: str | None = None,
    painter: Painter | None = None,
    settings: InferenceSettings | None = None,
    progress: Progress = no_progress,
) -> Pointing:
    """Explain the true class of every clip, and see where its heat lies.

    Args:
        model: what load_model returned; it is left as it was found.
        world: what read_world returned.
        clips: some of its clips, such as `world.split("validation")`.
        block: a residual block; the deepest whose map is fine enough if None.
        painter: what paints maps in the network's place, in cells as large as the block's.
        settings: the device.
        progress: called after every clip.

    Raises:
        DataError: classes that are not the network's, or no clips.
    """
    _check_world(model, world, clips)
    settings, at = settings or InferenceSettings(), find_block(model.spec, block, model.clip_spec.crop)
    looks = []
    for done, look in enumerate(_look(model, world, clips, (at, painter), settings), start=1):
        looks.append(look)
        progress(done, len(clips), look.clip)
    cells = _Grid(at, model.clip_spec.crop)
    others = [_find_others(looks, number) for number in range(len(looks))]
    tables = [_score(look, swapped, cells) for look, swapped in zip(looks, others, strict=True)]
    table = pd.concat(tables, ignore_index=True).assign(checkpoint=model.checkpoint.name, block=at.name)
    table = check(table[list(POINTING.columns)], POINTING)
    _, rows, columns = looks[0].maps["all"].shape
    accuracy = float(np.mean([look.correct for look in looks]))
    summary = PointingSummary(len(looks), at.name, rows, columns, accuracy, summarise_pointing(table))
    name = model.checkpoint.name
    told = {"world": str(world.folder), "clips": len(looks), "clip_spec": model.clip_spec.to_json()}
    return Pointing(table, summary, Provenance({name: model.sha256}, {name: model.spec.to_json()}, told))


def summarise_pointing(table: pd.DataFrame) -> dict[str, PointingScore]:
    """Scores by group out of a POINTING table; of intervals, that of shares or of means over clips."""
    scores = {}
    for group, rows in table.groupby("group", sort=False):
        hot = rows[rows["heated"]]
        score, beyond = _find_intervals(hot)
        scores[str(group)] = PointingScore(
            frames=len(rows),
            heated=len(hot),
            score=_mean(hot["hit"]),
            chance=_mean(hot["chance"]),
            swapped=_mean(hot["swapped_hit"]),
            inside=_mean(hot["inside"]),
            grid_chance=_mean(hot["grid_chance"]),
            score_interval=score,
            beyond_swapped=beyond,
        )
    return scores


def _find_intervals(hot: pd.DataFrame) -> tuple[Interval | None, Interval | None]:
    """Intervals of the score, and of how far it is beyond swapped boxes, on the frames that have both."""
    if hot.empty:
        return None, None
    clips = pd.factorize(hot["clip"])[0]
    hits = hot["hit"].to_numpy(dtype=float)
    (score,) = summarise_shares(hits[None], units=clips)
    known = hot["swapped_hit"].notna().to_numpy()
    if not known.any():
        return score, None
    more = hits[known] - hot["swapped_hit"].to_numpy(dtype=float)[known]
    (beyond,) = summarise_means(more[None], Bootstrap(), clips[known])
    return score, beyond


@dataclass(frozen=True)
class _Grid:
    """Where a map's cells stand."""

    place: Place
    size: int

    def mark_inside(self, shape: tuple[int, int], boxes: Boxes) -> npt.NDArray[np.bool_]:
        """(h, w): which cells stand in one of the boxes."""
        y, x = (place_cells(count, self.place, self.size) for count in shape)
        inside = np.zeros(shape, dtype=bool)
        for left, top, right, bottom in boxes:
            inside |= ((y >= top) & (y < bottom))[:, None] & ((x >= left) & (x < right))
        return inside


def measure_area(boxes: Boxes, *, points: int = 200) -> float:
    """The part of the unit square that the boxes cover together, counted on a fine grid."""
    centres = (np.arange(points) + 0.5) / points
    covered = np.zeros((points, points), dtype=bool)
    for left, top, right, bottom in boxes:
        across = (centres >= left) & (centres < right)
        covered |= ((centres >= top) & (centres < bottom))[:, None] & across
    return float(covered.mean())


def list_boxes(clip: WorldClip, frame: int, side: int, window: tuple[float, float, float, float]) -> Boxes:
    """The boxes of what the class is about, as the network sees them; none where nothing is seen.

    Args:
        clip: the truth about a clip.
        frame: which of its frames.
        side: its frames' height and width.
        window: the crop, as `locate_crop` gives it.
    """
    left, top, right, bottom = window
    wide, tall = right - left, bottom - top
    seen = [thing.boxes[frame] for thing in clip.targets]
    boxes = [
        (
            (x0 / side - left) / wide,
            (y0 / side - top) / tall,
            (x1 / side - left) / wide,
            (y1 / side - top) / tall,
        )
        for x0, y0, x1, y1 in (box for box in seen if box is not None)
    ]
    return [box for box in boxes if box[0] < 1 and box[1] < 1 and box[2] > 0 and box[3] > 0]


def _look(
    model: LoadedModel,
    world: World,
    clips: Sequence[WorldClip],
    how: tuple[Place, Painter | None],
    settings: InferenceSettings,
) -> Iterator[_Look]:
    """Every clip at a place, painted by the network, or by what stands in for it."""
    spec, side, (at, painter) = model.clip_spec, world.config.size, how
    device = choose_device(settings.device)
    itself = InferenceSettings(fold=False)
    with running_conditions(model.module, itself, device) as network:
        for clip in clips:
            record = ClipRecord(clip.id, world.path(clip))
            views, frames = load_views(record, ReadingPlan(spec, normalise=False))
            pixels: Tensor = normalise_clips(views.to(device), spec)
            if painter is None:
                maps = measure_evidence(network, pixels, clip.class_id, at, model.anatomy)
            else:
                maps = {"all": painter(views[0], at.stride or spec.crop // ENOUGH_CELLS)}
            window = locate_crop(side, side, spec)
            boxes = [list_boxes(clip, int(index), side, window) for index in frames.indices]
            predicted = int(network(pixels).detach().mean(1).argmax())
            yield _Look(clip.id, maps, boxes, predicted == clip.class_id)


def _find_others(looks: Sequence[_Look], number: int) -> list[Boxes]:
    """For each frame the boxes of the next clip that shows an object in it; none where no clip does."""
    following = [*looks[number + 1 :], *looks[:number]]
    frames = range(len(looks[number].boxes))
    return [next((one.boxes[frame] for one in following if one.boxes[frame]), []) for frame in frames]


def _score(look: _Look, others: Sequence[Boxes], grid: _Grid) -> pd.DataFrame:
    """A row for every group and every frame in which an object is seen."""
    rows = []
    for group, evidence in look.maps.items():
        for frame, boxes in enumerate(look.boxes):
            if not boxes:
                continue
            heat = np.maximum(evidence[frame], 0)
            shape = (heat.shape[0], heat.shape[1])
            inside, theirs = (grid.mark_inside(shape, known) for known in (boxes, others[frame]))
            hottest, heated = np.unravel_index(heat.argmax(), shape), bool(heat.any())
            rows.append(
                {
                    "clip": look.clip,
                    "group": group,
                    "frame": frame,
                    "heated": heated,
                    "hit": heated and bool(inside[hottest]),
                    "swapped_hit": float(heated and theirs[hottest]) if others[frame] else np.nan,
                    "chance": measure_area(boxes),
                    "inside": float(heat[inside].sum() / heat.sum()) if heated else 0.0,
                    "grid_chance": float(inside.mean()),
                }
            )
    return pd.DataFrame(rows)


def _check_world(model: LoadedModel, world: World, clips: Sequence[WorldClip]) -> None:
    if not clips:
        raise DataError(str(world.folder), expected="some clips", found="none", todo="take another split")
    if tuple(model.labels or world.labels) != world.labels or model.spec.num_classes != len(world.labels):
        raise DataError(
            str(world.folder),
            expected=f"the classes of {model.checkpoint.name}, in its order",
            found=f"those of the {world.config.world} world",
            todo="take the world it was trained on",
        )


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if values.notna().any() else None
