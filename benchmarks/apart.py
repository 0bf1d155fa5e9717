"""Reading a checkpoint in a child beside the plain read: by the clock, and of the processor.

    python -m benchmarks.apart [--rounds 12] [--ahead] [--json benchmarks/results/apart.json]

GST-ResNet-50 as a bare state dict, alone and with a card beside it, and a folder of Hugging Face's form with
weights as large, read plainly and apart in every round, in turn and with one thread: first where this process
forks, then where it has a second thread, so that the helper does. Processor time is that of this process and
of the child until it is gone; of the helper's child nobody is told. Where others use the machine, `--ahead`
has this process and its children run before them, as if it were idle: some seconds of all cores, on Linux,
for whoever may.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from benchmarks.machine import describe_machine
from benchmarks.settings import using_threads
from gst_analysis.checkpoints.apart import reading_apart, start_helper
from gst_analysis.checkpoints.cards import save_card
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.naming import CONFIG, WEIGHTS
from gst_analysis.files import to_json, write_whole
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems.transformer_kinds import KINDS
from gst_analysis.networks.systems.video_transformers import load_classes

RESULT = Path(__file__).parent / "results" / "apart.json"
MOST = 1.15
"""What reading apart should cost at most, in plain reads."""
_HELPER_S = 30.0
"""A helper has imported all that foreign files need by then, on a machine that has little else to do."""
BESIDE = {"alone": "alone", "card": "with a card beside it", "config": "with a config.json beside it"}
"""What lies beside a file -> what the table calls it."""
_LAYERS = 2
"""Of TimeSformer, whose file is then about as large as GST-ResNet-50's."""


def count_processor_s() -> float:
    """Seconds of this process and of all its children that are gone."""
    told = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in told)


def read_once(path: Path, wish: str, *, waits: bool) -> tuple[float, float]:
    """Seconds by the clock and of the processor; a child's end is waited for after the clock was read."""
    began, spent = time.perf_counter(), count_processor_s()
    with reading_apart(wish):
        load_checkpoint(path)
    taken = time.perf_counter() - began
    if waits and wish == "always":
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)
    return taken, count_processor_s() - spent


def compare(path: Path, rounds: int, *, waits: bool) -> dict[str, Any]:
    """Ratios of both times of a round, and the median seconds of each way."""
    ways: Mapping[str, Callable[[], tuple[float, float]]] = {
        "plain": lambda: read_once(path, "", waits=waits),
        "apart": lambda: read_once(path, "always", waits=waits),
    }
    for read in ways.values():
        read()
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for number in range(rounds):
        for way in sorted(ways, reverse=number % 2 == 0):
            found[way].append(ways[way]())
    pairs = list(zip(found["apart"], found["plain"], strict=True))
    told: dict[str, Any] = {
        f"{way}_s": round(statistics.median(one[0] for one in times), 4) for way, times in found.items()
    }
    for place, name in enumerate(("clock", "processor") if waits else ("clock",)):
        low, median, high = statistics.quantiles([one[place] / other[place] for one, other in pairs], n=4)
        told[name] = {"median": round(median, 3), "low": round(low, 3), "high": round(high, 3)}
    return told


def write_subjects(folder: Path) -> dict[str, Path]:
    """The same weights alone and beside their card, and others in a folder with a config.json."""
    state = build_model(ModelSpec.from_name("gst-resnet50")).state_dict()
    paths = {"alone": folder / "net.pth", "card": folder / "known.pth"}
    for path in paths.values():
        torch.save(state, path)
    sha256 = hashlib.sha256(paths["card"].read_bytes()).hexdigest()
    save_card(paths["card"], {"sha256": sha256, "labels": [f"class {number}" for number in range(174)]})
    beside = folder / "folder"
    beside.mkdir()
    network, config = load_classes(KINDS["timesformer"], "timesformer")
    sizes = config(num_hidden_layers=_LAYERS, num_labels=174, architectures=[network.__name__])
    # Their own writing leaves a thread that shows progress, and this process would fork no more.
    (beside / CONFIG).write_text(sizes.to_json_string(use_diff=False), encoding="utf-8")
    safetensors.torch.save_file(network(sizes).state_dict(), beside / WEIGHTS)
    return {**paths, "config": beside / WEIGHTS}


@contextmanager
def second_thread() -> Iterator[None]:
    """A thread that does nothing, as the explorer has several, and the helper made ready."""
    done = threading.Event()
    waiting = threading.Thread(target=done.wait)
    waiting.start()
    try:
        start_helper()
        time.sleep(_HELPER_S)
        yield
    finally:
        done.set()
        waiting.join()


def measure(rounds: int, *, ahead: bool = False) -> dict[str, Any]:
    """Both ways of having a child, with machine and load."""
    before = os.getloadavg()[0]
    if ahead:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    with using_threads(1), tempfile.TemporaryDirectory() as folder:
        paths = write_subjects(Path(folder))
        forked = {beside: compare(path, rounds, waits=True) for beside, path in paths.items()}
        with second_thread():
            helped = {beside: compare(path, rounds, waits=False) for beside, path in paths.items()}
        sizes = {beside: round(path.stat().st_size / 1e6) for beside, path in paths.items()}
    return {
        "machine": describe_machine(threads=1),
        "load": [round(before, 1), round(os.getloadavg()[0], 1)],
        "megabytes": sizes,
        "rounds": rounds,
        "ahead": ahead,
        "most": MOST,
        "forked": forked,
        "helped": helped,
    }


def tabulate(found: Mapping[str, Any]) -> list[str]:
    """The table of docs/security.md."""
    lines = [
        "| plain reads that one apart takes: median (quartiles) | by the clock | of the processor |",
        "|---|--:|--:|",
    ]
    for name, key in (("where this process forks", "forked"), ("by the helper", "helped")):
        for beside, told in BESIDE.items():
            cells = [_say(found[key][beside].get(one)) for one in ("clock", "processor")]
            lines.append(f"| {' | '.join([f'{name}, {told}', *cells])} |")
    return lines


def _say(ratio: Mapping[str, float] | None) -> str:
    return "" if ratio is None else f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"


def main() -> None:
    """Print the table; write the numbers where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--ahead", action="store_true", help="run before all other processes")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    given = parser.parse_args()
    found = measure(given.rounds, ahead=given.ahead)
    print("\n".join(tabulate(found)))
    print(f"at a load of {found['load'][0]} to {found['load'][1]}; {MOST} is wanted")
    if given.json:
        write_whole(given.json, lambda file: file.write(to_json(found).encode()))


if __name__ == "__main__":
    main()
