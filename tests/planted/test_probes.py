"""What simple models can and cannot read from planted clips, with order and without."""

import numpy as np
import pytest

from gst_analysis.planted.making import WorldConfig, draw_plan, render_clip

PAIRS = [
    ("Moving something from left to right", "Moving something from right to left"),
    ("Moving something up", "Moving something down"),
    ("Letting something grow", "Letting something shrink"),
]
CLIPS, CELLS = 260, 12


def look_at(config, index, label):
    """(T, cells): how colourful each part of each frame is."""
    frames = render_clip(config, index, label=label).frames
    vivid = (frames.max(axis=-1) - frames.min(axis=-1)).astype(float) / 255
    side = config.size // CELLS
    return vivid.reshape(len(frames), CELLS, side, CELLS, side).mean(axis=(2, 4)).reshape(len(frames), -1)


@pytest.fixture(
    scope="module",
    params=[PAIRS[0], *(pytest.param(pair, marks=pytest.mark.slow) for pair in PAIRS[1:])],
    ids=lambda pair: pair[0],
)
def clips(request):
    """Clips of a pair of partners, each from a random state of its own, and which partner each is."""
    config = WorldConfig(world="temporal", frames=8, size=48, difficulty="medium", seed=21)
    labels = np.arange(CLIPS) % 2
    return np.stack([look_at(config, i, request.param[k]) for i, k in enumerate(labels)]), labels


def probe(features, labels):
    """Held-out accuracy of ridge regression on the first half of the clips."""
    half = len(labels) // 2
    features = (features - features[:half].mean(axis=0)) / (features[:half].std(axis=0) + 1e-6)
    signs, train = 2.0 * labels - 1, features[:half]
    kernel = train @ train.T + 0.1 * features.shape[1] * np.eye(half)
    scores = features[half:] @ train.T @ np.linalg.solve(kernel, signs[:half])
    return np.mean((scores > 0) == (signs[half:] > 0))


def test_a_bag_of_frames_is_at_chance_between_partners(clips):
    """130 held-out clips: chance is 0.5 with a standard error of 0.044."""
    frames, labels = clips
    ordered = np.sort(frames, axis=1)
    for bag in (frames.mean(axis=1), frames.std(axis=1), ordered.reshape(len(frames), -1)):
        assert 0.35 < probe(bag, labels) < 0.65


def test_order_tells_partners_apart(clips):
    frames, labels = clips
    late_minus_early = frames[:, 4:].mean(axis=1) - frames[:, :4].mean(axis=1)
    assert probe(late_minus_early, labels) > 0.85


def test_one_frame_tells_static_shapes_apart():
    """A square fills its box more than a triangle does."""
    config = WorldConfig(world="static", clips=480, frames=8, size=64, difficulty="easy", seed=5)
    shares: dict[str, list[float]] = {"square": [], "triangle": []}
    for index in range(240):
        plan = draw_plan(config, index)
        if plan.look.shape in shares and plan.action != "clockwise":
            rendering = render_clip(config, index, noise=False)
            bare = render_clip(config, index, noise=False, without=[len(rendering.boxes) - 1])
            box = rendering.boxes[-1][4]
            assert box is not None
            x0, y0, x1, y1 = box
            changed = np.abs(rendering.frames[4].astype(int) - bare.frames[4]).max(axis=-1) > 12
            shares[plan.look.shape].append(changed[y0:y1, x0:x1].mean())
    squares, triangles = (np.array(v) for v in shares.values())
    assert min(len(squares), len(triangles)) > 20
    threshold = (np.median(squares) + np.median(triangles)) / 2
    assert np.mean([*(squares > threshold), *(triangles < threshold)]) > 0.9
