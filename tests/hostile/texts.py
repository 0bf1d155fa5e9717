"""Lists of clips, label files and recipes that are damaged, endless, or lead outside."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from gst_analysis.training.recipes import list_recipes, load_config
from tests.hostile.cases import LISTING, Case, Kind, seed_of

LISTS: dict[str, tuple[str, str]] = {
    "something-v1": ("train.csv", "1;Opening something\n2;Closing something\n"),
    "something-v2": (
        "train.json",
        json.dumps([{"id": str(n), "template": f"Opening [something] {n}", "label": "x"} for n in range(6)]),
    ),
    "jester": ("train.csv", "1;Swiping Left\n2;Swiping Right\n"),
    "diving48": (
        "train.json",
        json.dumps([{"vid_name": f"a_{n}", "label": n, "start_frame": 0, "end_frame": 9} for n in range(6)]),
    ),
    "epic-kitchens": (
        "train.csv",
        "uid,participant_id,video_id,narration,start_timestamp,stop_timestamp,start_frame,stop_frame,verb,"
        "verb_class\n0,P01,P01_01,open door,00:00:00.14,00:00:03.37,8,202,open,2\n",
    ),
    "egtea": ("train.txt", "OP01-R01-PastaSalad-1002316-1004005-F024051-F024101 1 1 1\n"),
    "kinetics": (
        "train.csv",
        "label,youtube_id,time_start,time_end,split\nabseiling,0347ZoDXyP0,95,105,train\n",
    ),
    "hmdb51": ("brush_hair_test_split1.txt", "April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1\nb.avi 2\n"),
    "ucf101": ("trainlist01.txt", "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\n"),
    "list": ("train.txt", "videos/a.mp4 0\nvideos/b.mp4 1\n"),
}
"""By format: what the file is called, and a few sound lines."""

Damage = Callable[[str, random.Random], bytes]


def _replace(old: str, new: str) -> Damage:
    return lambda text, rng: text.replace(old, new).encode("utf-8", "surrogatepass")


def _flip(count: int, text: str, rng: random.Random) -> bytes:
    damaged = bytearray(text.encode())
    for _ in range(count):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


DAMAGES: dict[str, Damage] = {
    "empty": lambda text, rng: b"",
    "cut in the middle": lambda text, rng: text.encode()[: len(text) // 2],
    "3 bits flipped": partial(_flip, 3),
    "60 bits flipped": partial(_flip, 60),
    "in UTF-16": lambda text, rng: text.encode("utf-16"),
    "zeros between letters": lambda text, rng: b"\0".join(bytes([b]) for b in text.encode()),
    "orders for a terminal": _replace("a", "\x1b]0;owned\x07\x9b31m"),
    "text from right to left": _replace("e", "\u202e"),
    "halves of characters": _replace("o", "\ud800"),
    "paths that lead outside": _replace("a", "../../../../etc/passwd"),
    "paths from the root": _replace("1", "/etc/passwd"),
    "a line of a million letters": lambda text, rng: (text + "x" * 1_000_000).encode(),
    "numbers of 5,000 digits": lambda text, rng: text.replace("1", "9" * 5000).encode(),
    "infinite numbers": _replace("0", "1e999"),
    "formulas": lambda text, rng: text.replace("O", "=HYPERLINK(1)").replace("v", "@SUM(1)").encode(),
    "markup": _replace("i", "<script>alert(1)</script>"),
    "its lines 20,000 times": lambda text, rng: (text * 20_000).encode()[:4_000_000],
    "brackets without end": lambda text, rng: b"[" * 200_000,
    "braces without end": lambda text, rng: b'{"a":' * 100_000,
    "quotes without end": lambda text, rng: (text + '"' * 100_001).encode(),
    "nothing but separators": lambda text, rng: b";,\t " * 50_000,
    "nothing but line ends": lambda text, rng: b"\r\n\r" * 200_000,
}


def _write(folder: Path, *, kind: str, damage: str, seed: int) -> Path:
    name, text = LISTS[kind]
    path = folder / name
    path.write_bytes(DAMAGES[damage](text, random.Random(seed_of(f"{kind} {damage}", seed))))
    return path


def _write_labels(folder: Path, *, damage: str, seed: int) -> Path:
    """A sound list beside a label file that is none."""
    labels = '{"Opening something": "0", "Closing something": "1"}'
    rng = random.Random(seed_of(f"labels {damage}", seed))
    (folder / "something-something-v2-labels.json").write_bytes(DAMAGES[damage](labels, rng))
    path = folder / "train.json"
    path.write_text(LISTS["something-v2"][1])
    return path


def _write_odd(folder: Path, *, kind: str) -> Path:
    path = folder / "train.txt"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a link to /dev/zero":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(20 * 2**30)
    return path


def _check(path: Path, out: Path) -> list[list[str]]:
    return [["dataset-check", str(path), "--out", str(out)]]


def _check_named(path: Path, out: Path) -> list[list[str]]:
    """By the format that it pretends to have, as one document."""
    known = next((kind for kind, (name, _) in LISTS.items() if name == path.name), "list")
    return [["dataset-check", str(path), "--format", known, "--json"]]


def generate_lists(seed: int) -> Iterator[Case]:
    """Every format with every damage, label files, and what is no file."""
    for kind in LISTS:
        for damage in DAMAGES:
            make = partial(_write, kind=kind, damage=damage, seed=seed)
            commands = _check if seed_of(damage) % 2 else _check_named
            yield Case(f"{kind}, {damage}", make, commands=commands)
    for damage in DAMAGES:
        yield Case(f"labels, {damage}", partial(_write_labels, damage=damage, seed=seed), commands=_check)
    for kind in ("a pipe", "a link to /dev/zero", "a sparse file of 20 GB"):
        yield Case(f"a list that is {kind}", partial(_write_odd, kind=kind), commands=_check)


RECIPES: dict[str, Damage] = {
    **{name: damage for name, damage in DAMAGES.items() if "lines 20,000" not in name},
    "tables in tables": lambda text, rng: b"[" + b".".join([b"a"] * 20_000) + b"]\n",
    "arrays in arrays": lambda text, rng: b"x = " + b"[" * 50_000,
    "a million keys": lambda text, rng: b"".join(b"k%d = 1\n" % n for n in range(200_000)),
    "numbers of many digits": lambda text, rng: (text + f"\n[run]\nseed = {'9' * 100_000}\n").encode(),
    "alpha without end": lambda text, rng: text.replace("[model]", '[model]\nbeta = "1e1000000000"').encode(),
    "epochs without end": lambda text, rng: text.replace(
        "epochs = ", "epochs = 99999999999999999999"
    ).encode(),
    "sizes without end": lambda text, rng: text.replace("frames = ", "frames = 99999999").encode(),
    "not a number": lambda text, rng: text.replace("lr = ", "lr = nan #").encode(),
    "dates": lambda text, rng: text.replace("lr = ", "lr = 1979-05-27 #").encode(),
}


def _write_recipe(folder: Path, *, recipe: str, damage: str, seed: int) -> Path:
    packaged = Path(load_config.__code__.co_filename).parents[1] / "recipes" / f"{recipe}.toml"
    rng = random.Random(seed_of(f"{recipe} {damage}", seed))
    path = folder / "recipe.toml"
    path.write_bytes(RECIPES[damage](packaged.read_text(), rng))
    return path


def _read_recipe(path: Path, out: Path) -> None:
    """Read it, as training does first: what is sound of it would train for hours."""
    load_config(path).to_json()


def generate_recipes(seed: int) -> Iterator[Case]:
    """Some packaged recipes with every damage."""
    for recipe in list_recipes()[::4]:
        for damage in RECIPES:
            make = partial(_write_recipe, recipe=recipe, damage=damage, seed=seed)
            yield Case(f"{recipe}, {damage}", make, act=_read_recipe)


ANNOTATIONS = Kind("lists of clips and label files", generate_lists, modules=LISTING)
TRAINING = Kind("recipes", generate_recipes, modules=("gst_analysis.training.recipes",))
