"""The gallery: every figure with the line that makes it, of shipped networks and rendered clips.

    python -m docs.gallery                # writes docs/gallery.md
    python -m docs.gallery FOLDER         # runs every line in FOLDER first, and takes its pictures

A line whose folder is there already is not run again, so that pictures can be taken a few at a time.
A test fails when the page and this list differ.
"""

from __future__ import annotations

import io
import shlex
import sys
import tomllib
from contextlib import chdir
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from gst_analysis.cli import run
from gst_analysis.files import write_whole

PAGE = Path(__file__).with_name("gallery.md")
IMAGES = Path(__file__).parent / "images" / "gallery"
SHIPPED = Path(__file__).parents[1] / "trained_models"
WIDTH, COLOURS = 1000, 192
LIST = Path(__file__).with_name("gallery.toml")


class Shown(NamedTuple):
    """One question, the line that asks it, and what to look for in each of its figures."""

    analysis: str
    page: str
    line: str
    figures: dict[str, str]

    @property
    def folder(self) -> str:
        """Where the line puts its figures."""
        words = shlex.split(self.line)
        return words[words.index("--out") + 1]


_LIST = tomllib.loads(LIST.read_text(encoding="utf-8"))
WORLDS: list[str] = _LIST["worlds"]
GALLERY = tuple(Shown(**one) for one in _LIST["shown"])
_HEAD = """\
# Gallery

<!-- Written by python -m docs.gallery; do not edit. -->

Every figure, and the line that makes it, of the networks in `trained_models/` and of clips that these two
lines render:

```sh
{worlds}
```

They are small networks and few clips, so intervals are wide. `--formats svg,pdf` writes figures for
print, `html` one to hover over, and `--dark` draws for a dark background; the numbers behind each lie beside
it as csv. In Python `.plot()` of a result is its first figure, `.figures()` all of them.
"""


def build_page() -> str:
    """The whole page as text."""
    return _HEAD.format(worlds="\n".join(WORLDS)) + "".join(map(_write_entry, GALLERY))


def _write_entry(shown: Shown) -> str:
    pictures = "".join(
        f"\n![{shown.analysis}: {name}](images/gallery/{name}.png)\n*{words}*\n"
        for name, words in shown.figures.items()
    )
    about = f"[What it measures, and when it misleads]({shown.page}.md)"
    return f"\n## {shown.analysis}\n\n{about}\n\n```sh\n{shown.line}\n```\n{pictures}"


def take_pictures(folder: Path) -> None:
    """Run the lines that were not run here yet, and keep a small copy of every figure."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / SHIPPED.name).exists():
        (folder / SHIPPED.name).symlink_to(SHIPPED)
    with chdir(folder):
        for line in WORLDS:
            _run_once(line, Path(shlex.split(line)[2]))
        for shown in GALLERY:
            _run_once(shown.line, Path(shown.folder))
            for name in shown.figures:
                _keep(Path(shown.folder) / f"{name}.png")


def _keep(figure: Path) -> None:
    small = shrink(figure)
    write_whole(IMAGES / figure.name, lambda file: file.write(small))


def _run_once(line: str, made: Path) -> None:
    words = [str(one) for word in shlex.split(line)[1:] for one in _spread(word)]
    if not made.exists() and run(words) != 0:
        raise SystemExit(f"it failed: {line}")


def _spread(word: str) -> list[str]:
    """What a shell makes of a word with a star."""
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


def shrink(path: Path) -> bytes:
    """A figure as a small PNG of at most WIDTH pixels across."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if picture.width > WIDTH:
        height = round(picture.height * WIDTH / picture.width)
        picture = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
    small = io.BytesIO()
    # By coverage: by area thin lines would get the colours of wide bands.
    way = Image.Quantize.MAXCOVERAGE
    picture.quantize(COLOURS, method=way, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def main(folder: str | None = None) -> int:
    """Take pictures where a folder is given, and write the page."""
    if folder:
        take_pictures(Path(folder))
    PAGE.write_text(build_page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
