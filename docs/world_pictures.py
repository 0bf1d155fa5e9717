"""The picture of docs/planted-worlds.md: a clip of every world of stories, a row each, eleven of its frames.

python -m docs.world_pictures
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from gst_analysis.files import write_whole
from gst_analysis.planted.making import WORLDS, WorldConfig, render_clip
from gst_analysis.planted.worlds import WorldName, usual_frames

TARGET = Path(__file__).parent / "images" / "planted-stories.png"
SHOWN, SIZE, GAP, MARGIN, SEED = 11, 64, 2, 110, 7


def list_stories() -> tuple[WorldName, ...]:
    """The worlds whose classes are stories."""
    return tuple(w for w in WORLDS if any(c.story for c in WorldConfig(w, clips=200).classes))


def lay_out_clip(world: WorldName, index: int) -> npt.NDArray[np.uint8]:
    """Frames of one clip from the first to the last, side by side on white."""
    config = WorldConfig(
        world, clips=200, size=SIZE, frames=usual_frames(world), seed=SEED, difficulty="easy"
    )
    frames = render_clip(config, index).frames
    chosen = frames[np.linspace(0, len(frames) - 1, SHOWN).round().astype(int)]
    padded = np.pad(chosen, ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
    return np.concatenate(list(padded), axis=1)


def draw_sheet() -> Image.Image:
    """All of them, with their names at the left."""
    worlds = list_stories()
    rows = np.concatenate([lay_out_clip(world, row) for row, world in enumerate(worlds)])
    sheet = Image.new("RGB", (MARGIN + rows.shape[1], len(rows)), "white")
    sheet.paste(Image.fromarray(rows), (MARGIN, 0))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, world in enumerate(worlds):
        pen.text((4, number * (SIZE + GAP) + SIZE // 2), world, "black", font, anchor="lm")
    return sheet.quantize(128)


def main() -> int:
    """Draw and save it."""
    write_whole(TARGET, lambda file: draw_sheet().save(file, format="png", optimize=True))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
