"""Reports to look into: a checkpoint with its clips, and a page taken apart as a browser would."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from gst_analysis.checkpoints.saving import save_model
from gst_analysis.reporting.walking import list_sections
from tests.analyses.labelled_clips import small_model, write_clips

WEIGHTS = [
    "checkpoint",
    "profile",
    "scales",
    "importance",
    "drift",
    "temporal_use",
    "cost",
    "slimming",
    "provenance",
]
ALL = [
    *WEIGHTS[:7],
    "accuracy",
    "order",
    "roles",
    "ablation",
    "slimming",
    "traces",
    "influence",
    "similarity",
    "saliency",
    "provenance",
]
NASTY = '</script><img src=x onerror="document.title=1">&'
FEW = [
    "--traces",
    "2",
    "--influence-clips",
    "2",
    "--saliency-clips",
    "1",
    "--roles-scenes",
    "4",
    "--batch",
    "4",
    "--device",
    "cpu",
]


def write_world(folder: Path, labels: list[str]) -> Path:
    """Four clips in Something-Something v2's layout."""
    records = write_clips(folder / "videos", [0, 1, 2, 3])
    (folder / "labels.json").write_text(json.dumps({label: str(n) for n, label in enumerate(labels)}))
    clips = [{"id": r.clip, "label": labels[r.label or 0], "template": labels[r.label or 0]} for r in records]
    (folder / "validation.json").write_text(json.dumps(clips))
    return folder


def write_both(folder: Path) -> tuple[str, Path]:
    """A checkpoint and clips of the same classes, one of which has a name that would be HTML."""
    labels = [*(f"doing {number}" for number in range(4)), NASTY]
    model = small_model()
    path = save_model(
        folder / "small.pth", model.module, clip_spec=model.clip_spec, labels=labels, provenance={"seed": 0}
    )
    return str(path), write_world(folder / "world", labels)


@dataclass(frozen=True)
class Written:
    """A report of a checkpoint and clips, as the command wrote it."""

    ckpt: str
    world: Path
    file: Path


class Page(HTMLParser):
    """What a browser would make of a page: its elements, headings, and what it points to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.downloads: dict[str, str] = {}
        self.commands: list[str] = []
        self._in_command = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            if found.get(name):
                self.links.append((tag, str(found[name])))
        self._in_command = found.get("class") == "command"
        if self._in_command:
            self.commands.append("")
        if "download" in found:
            self.downloads[str(found["download"])] = str(found["href"])

    def handle_data(self, data: str) -> None:
        if self._in_command:
            self.commands[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._in_command = False

    def table(self, name: str) -> pd.DataFrame:
        written = base64.b64decode(self.downloads[name].partition("base64,")[2])
        ends = [f"{name}{end}" for name in ("accuracy", "ahead", "gap") for end in ("", "_low", "_high")]
        missing = dict.fromkeys((*ends, "top5", "rank_correlation"), "")
        return pd.read_csv(io.BytesIO(written), keep_default_na=False, na_values=missing)


def leave_all_but(*names: str) -> str:
    """What --without is given, so that a test is quick."""
    return ",".join(name for name in list_sections() if name not in names)


def figures(page: str) -> dict[str, dict[str, dict[str, object]]]:
    """The interactive figures, as the script reads them."""
    found = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', page, re.DOTALL)
    return {name: json.loads(text) for name, text in found}
