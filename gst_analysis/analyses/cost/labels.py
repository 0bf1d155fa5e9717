"""Labels beside points that cover neither each other nor any point: pixels in, pixels out.

Enters points, label sizes and the room there is; leaves a box for every label. A box is x, y (of its
centre), width and height; boxes are arrays (n, 4). Plain geometry, so that print and screen use the
same rule, and deterministic, so that the same table gives the same figure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

_DISTANCES = np.array([1, 8, 16, 26, 38, 52, 68, 86, 106, 128, 152])
_ANGLES = np.deg2rad([0, 180, 90, 270, 30, 150, 330, 210, 60, 120, 300, 240])
_OVERLAP, _OUTSIDE, _CROSSED, _BY_ANOTHER = 10_000, 10_000, 60, 40  # each is worth so many pixels of distance


@dataclass(frozen=True)
class Room:
    """Where labels may be, and what else they must not cover. `radius` is of a mark, `pad` kept free."""

    area: np.ndarray
    radius: float
    pad: float = 3
    obstacles: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))


def place_labels(points: np.ndarray, sizes: np.ndarray, room: Room) -> np.ndarray:
    """A box for each label near its point; crowded points choose first.

    Args:
        points: (n, 2) positions.
        sizes: (n, 2) widths and heights of the labels.
        room: what limits them.
    """
    marks = np.hstack([points, np.full((len(points), 2), 2 * room.radius)])
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    crowding = np.sort(distances, axis=1)[:, :4].sum(1)
    boxes, done = np.empty((len(points), 4)), np.zeros(len(points), dtype=bool)
    for i in np.argsort(crowding, kind="stable"):
        spots, reaches = _list_spots(marks[i], sizes[i] + 2 * room.pad)
        others = np.delete(marks, i, axis=0)
        costs = reaches + _count_faults(spots, marks[i], others, (marks[done], boxes[done]), room)
        boxes[i], done[i] = spots[np.argmin(costs)], True
    return boxes


def measure_gaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n, 4) and (m, 4) -> (n, m) distances between nearest edges; 0 where two boxes overlap."""
    apart = abs(boxes[:, None, :2] - others[None, :, :2])
    beyond = np.maximum(0, apart - (boxes[:, None, 2:] + others[None, :, 2:]) / 2)
    return np.asarray(np.linalg.norm(beyond, axis=-1))


def _list_spots(mark: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes around a mark, nearest first, and how far from it each is."""
    rays = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)  # (angles, 2)
    reach = (mark[2:] + size) / 2 + _DISTANCES[:, None]  # (distances, 2)
    centres = (mark[:2] + rays[None] * reach[:, None]).reshape(-1, 2)
    spots = np.hstack([centres, np.broadcast_to(size, centres.shape)])
    free = measure_gaps(spots, mark[None])[:, 0] > 0
    return spots[free], np.repeat(_DISTANCES, len(_ANGLES))[free]


def _count_faults(
    spots: np.ndarray, mark: np.ndarray, others: np.ndarray, lines: tuple[np.ndarray, np.ndarray], room: Room
) -> np.ndarray:
    """Overlap is worst, then leaving the area, then crossed leader lines, then standing by another point."""
    starts, placed = lines
    boxes = np.vstack([others, placed])
    overlaps = (measure_gaps(spots, np.vstack([boxes, room.obstacles])) == 0).sum(1)
    outside = (abs(spots[:, :2] - room.area[:2]) * 2 > room.area[2:] - spots[:, 2:]).any(1)
    crossed = _cross(np.broadcast_to(mark, spots.shape), spots, boxes).sum(1)
    crossed += _cross(starts, placed, spots).sum(0)
    nearest = measure_gaps(spots, others).min(1, initial=np.inf)
    by_another = nearest < 1.5 * measure_gaps(spots, mark[None])[:, 0]
    faults = _OVERLAP * overlaps + _OUTSIDE * outside + _CROSSED * crossed + _BY_ANOTHER * by_another
    return np.asarray(faults)


def _cross(starts: np.ndarray, ends: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(lines, boxes): whether the straight line between two centres runs through a box."""
    steps = np.linspace(0, 1, 24)[:, None, None]
    along = starts[None, :, :2] + steps * (ends - starts)[None, :, :2]  # (24, lines, 2)
    apart = abs(along[:, :, None] - boxes[None, None, :, :2]) * 2
    return np.asarray((apart < boxes[None, None, :, 2:]).all(-1).any(0))
