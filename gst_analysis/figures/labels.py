"""Labels beside points that cover neither each other nor any point: pixels in, pixels out.

Enters points, label sizes and the area; leaves the centre of every label. Plain geometry, so that print
and screen use the same rule, and deterministic, so that the same table gives the same figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_DISTANCES = (2, 8, 16, 26, 38, 52, 68, 86, 106, 128, 152)
_ANGLES = np.deg2rad([0, 180, 90, 270, 30, 150, 330, 210, 60, 120, 300, 240])


@dataclass(frozen=True)
class Box:
    """A rectangle by its centre and full size."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: Box) -> bool:
        return (
            abs(self.x - other.x) * 2 < self.width + other.width
            and abs(self.y - other.y) * 2 < self.height + other.height
        )

    def holds(self, other: Box) -> bool:
        return (
            abs(self.x - other.x) * 2 <= self.width - other.width
            and abs(self.y - other.y) * 2 <= self.height - other.height
        )


def place_labels(
    points: np.ndarray, sizes: np.ndarray, area: Box, *, radius: float, pad: float = 3
) -> list[Box]:
    """A box for each label, near its point; crowded points choose first.

    Args:
        points: (n, 2) positions.
        sizes: (n, 2) widths and heights of the labels.
        area: where labels may be.
        radius: of a point's mark.
        pad: free space kept around every label.
    """
    marks = [Box(x, y, 2 * radius, 2 * radius) for x, y in points]
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)
    order = np.argsort(np.sort(gaps, axis=1)[:, :4].sum(1), kind="stable")
    placed: dict[int, Box] = {}
    for i in order:
        others = [*placed.values(), *marks]
        lines = [(marks[j], box) for j, box in placed.items()]
        spots = _list_spots(marks[i], sizes[i] + pad)
        costs = [_cost(spot, step, marks[i], others, lines, area) for step, spot in spots]
        placed[int(i)] = spots[int(np.argmin(costs))][1]
    return [placed[i] for i in range(len(points))]


def _list_spots(mark: Box, size: np.ndarray) -> list[tuple[int, Box]]:
    """Places around a mark with their step outwards, nearest first."""
    width, height = (float(v) for v in size)
    spots = []
    for step, distance in enumerate(_DISTANCES):
        for angle in _ANGLES:
            reach_x, reach_y = (mark.width + width) / 2 + distance, (mark.height + height) / 2 + distance
            spot = Box(mark.x + reach_x * np.cos(angle), mark.y + reach_y * np.sin(angle), width, height)
            if not spot.meets(mark):
                spots.append((step, spot))
    return spots


def _cost(
    spot: Box, step: int, mark: Box, others: list[Box], lines: list[tuple[Box, Box]], area: Box
) -> float:
    """Overlap is worst, then leaving the area, then crossed leader lines, then distance."""
    overlaps = sum(spot.meets(other) for other in others)
    crossed = sum(_crosses(line, spot) for line in lines)
    crossing = sum(_crosses((mark, spot), other) for other in others if other is not mark)
    return 1000 * overlaps + 1000 * (not area.holds(spot)) + 6 * (crossed + crossing) + step


def _crosses(line: tuple[Box, Box], box: Box) -> bool:
    """Whether the straight line between two centres runs through a box."""
    start, end = line
    if box in line:
        return False
    t = np.linspace(0, 1, 24)
    x, y = start.x + t * (end.x - start.x), start.y + t * (end.y - start.y)
    inside = (abs(x - box.x) * 2 < box.width) & (abs(y - box.y) * 2 < box.height)
    return bool(inside.any())
