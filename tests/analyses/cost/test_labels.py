"""Placing labels: planted crowds whose labels must end up apart."""

from __future__ import annotations

import numpy as np
import pytest

from gst_analysis.analyses.cost.labels import Room, measure_gaps, place_labels

AREA = np.array([300.0, 200.0, 600.0, 400.0])


def test_a_lone_label_stands_beside_its_point() -> None:
    (box,) = place_labels(np.array([[300.0, 200.0]]), np.array([[80.0, 12.0]]), Room(AREA, 5, pad=0))
    assert box[1] == pytest.approx(200)
    assert 0 < box[0] - box[2] / 2 - 305 <= 2


@pytest.mark.parametrize("corner", [(0, 0), (600, 0), (0, 400), (600, 400)])
def test_labels_stay_inside(corner: tuple[float, float]) -> None:
    (box,) = place_labels(np.array([corner], dtype=float), np.array([[120.0, 12.0]]), Room(AREA, 5))
    assert (abs(box[:2] - AREA[:2]) * 2 <= AREA[2:] - box[2:]).all()


@pytest.mark.parametrize("seed", range(5))
def test_crowded_labels_cover_neither_each_other_nor_any_point(seed: int) -> None:
    points = np.random.default_rng(seed).normal([300, 200], [60, 45], (12, 2))
    points[1] = points[0]
    room = Room(AREA, 4, pad=1)
    boxes = place_labels(points, np.full((12, 2), [70.0, 12.0]), room)
    apart = measure_gaps(boxes, boxes) + np.eye(12)
    assert (apart > 0).all()
    marks = np.hstack([points, np.full((12, 2), 8.0)])
    assert (measure_gaps(boxes, marks) > 0).all()


def test_obstacles_are_kept_free() -> None:
    wall = np.array([[330.0, 200.0, 4.0, 400.0]])
    sizes = np.array([[100.0, 12.0]])
    free = place_labels(np.array([[300.0, 200.0]]), sizes, Room(AREA, 5))
    assert measure_gaps(free, wall)[0, 0] == 0
    kept = place_labels(np.array([[300.0, 200.0]]), sizes, Room(AREA, 5, obstacles=wall))
    assert measure_gaps(kept, wall)[0, 0] > 0


def test_gaps_are_between_nearest_edges() -> None:
    boxes = np.array([[0.0, 0.0, 2.0, 2.0], [5.0, 0.0, 2.0, 2.0], [5.0, 6.0, 2.0, 2.0]])
    assert measure_gaps(boxes[:1], boxes).tolist() == [[0.0, 3.0, 5.0]]
