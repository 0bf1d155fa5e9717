"""Rows of `forward_gpu`: candidates in, their times, ratios, differences and shares of the ceilings out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.gpu_networks import (
    TYPES,
    Networks,
    Setting,
    Work,
    as_input,
    count_work,
    name_family,
    precision,
)
from benchmarks.gpu_timing import Run, Spread, capture, spread_ms, time_rounds
from benchmarks.pairing import Ratio, Timings, summarise_ratio

SHARE_OF_2D = 0.95
TIMES_3D = 2.0


@dataclass(frozen=True)
class Row:
    """One network in one setting; its ratios are to the 2-D network and the better 3-D form, treated alike.

    `share_of_2d` is its time over that of the 2-D network, `times_3d` how many times faster than 3-D it is.
    """

    part: str
    mode: str
    precision: str
    batch: int
    frames: int
    name: str
    ms: Spread
    rounds: int
    share_of_2d: Ratio | None
    times_3d: Ratio | None
    difference: float | None
    """Of the logits from the same network's in fp32: the norm of what is between them over the norm."""
    share_of_ceiling: float | None
    peak_mib: float | None = None


@dataclass(frozen=True)
class Verdict:
    """One target in one setting."""

    target: str
    setting: str
    mode: str
    name: str
    value: float
    met: bool


@dataclass
class Bench:
    """What all parts share, and what they have found so far."""

    device: torch.device
    networks: Networks
    size: int
    rounds: int
    seconds: float
    rates: dict[str, float] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    works: dict[int, dict[str, Work]] = field(default_factory=dict)
    seconds_used: float = 0.0
    kept: tuple[str, dict[str, nn.Module]] | None = None

    def clips(self, setting: Setting) -> Tensor:
        generator = torch.Generator(self.device).manual_seed(setting.batch * 100 + setting.frames)
        shape = (setting.batch, setting.frames, 3, self.size, self.size)
        return torch.randn(shape, generator=generator, device=self.device)

    def truths(self, setting: Setting) -> dict[str, Tensor]:
        """Logits of the 2-D network and of GST in fp32 proper; the 3-D form must say what GST says."""
        clips = self.clips(setting)
        with torch.no_grad(), precision("fp32"):
            product = self.networks.product(clips).flatten(0, 1)
            return {"GST": product, "3-D": product, "2-D": self.networks.flat(as_input("2-D", clips))}

    def kinds(self, setting: Setting) -> dict[str, nn.Module]:
        """The networks in a setting's precision, kept for the next setting of the same."""
        if self.kept is None or self.kept[0] != setting.precision:
            self.kept = (setting.precision, self.networks.kinds(setting))
        return self.kept[1]

    def prepare(self, kinds: Mapping[str, nn.Module], setting: Setting) -> dict[str, Run]:
        """Calls without arguments, with clips cast as the networks are."""
        clips = self.clips(setting).to(TYPES[setting.precision])
        return {name: _bind(network, as_input(name, clips)) for name, network in kinds.items()}

    def measure(
        self,
        part: str,
        setting: Setting,
        runs: Mapping[str, Run],
        *,
        graphs: bool = False,
        mode: str = "eager",
    ) -> None:
        """Run every candidate once, compare its logits, time those that ran, and keep their rows."""
        truths, differences, ready = self.truths(setting), {}, {}
        pool = torch.cuda.graph_pool_handle() if graphs else None
        with torch.no_grad(), precision(setting.precision):
            for name, run in runs.items():
                try:
                    ready[name] = capture(run, pool) if graphs else run
                    differences[name] = _distance(ready[name](), truths[name_family(name)])
                except (
                    Exception
                ) as error:  # a form that this card or library lacks leaves the others standing
                    self.note_failure(f"{part}, {mode}, {setting}, {name}", error)
                    ready.pop(name, None)
            del truths
            self.leave_out(f"{part}, {mode}, {setting}", ready)
            self.keep(part, mode, setting, self.time(ready), differences)

    def leave_out(self, what: str, ready: dict[str, Run]) -> None:
        """Of the 3-D form's two layouts, drop one that is far slower, so that it does not eat the time."""
        for name in ("3-D", "3-D folded", "3-D fused"):
            other = f"{name}, channels last"
            if name in ready and other in ready:
                pair = {one: ready[one] for one in (name, other)}
                once = time_rounds(pair, self.device, rounds=1, seconds=0, least=1)
                ms = {one: 1000 * calls[0].seconds for one, calls in once.items()}
                slow = max(pair, key=lambda one: ms[one])
                if ms[slow] > 1.5 * min(ms.values()):
                    del ready[slow]
                    self.failures.append(f"{what}, {slow}: left out, one pass took {ms[slow]:.1f} ms")

    def time(self, runs: Mapping[str, Callable[[], object]]) -> Timings:
        return time_rounds(runs, self.device, rounds=self.rounds, seconds=self.seconds)

    def keep(
        self,
        part: str,
        mode: str,
        setting: Setting,
        timings: Timings,
        differences: Mapping[str, float],
        peaks: Mapping[str, float] | None = None,
        *,
        rated: bool = True,
    ) -> None:
        """Make rows of timings, and print them."""
        fresh = []
        for name in timings:
            row = Row(
                part,
                mode,
                setting.precision,
                setting.batch,
                setting.frames,
                name,
                spread_ms(timings[name]),
                len(timings[name]),
                self._ratio(timings, name, "2-D", inverse=True),
                self._ratio(timings, name, "3-D"),
                differences.get(name),
                self._share(name, setting, timings) if rated else None,
                (peaks or {}).get(name),
            )
            fresh.append(row)
        self.rows += fresh
        print(f"{part}, {mode}: {setting}")
        print(format_rows(fresh), flush=True)

    def note_failure(self, what: str, error: Exception) -> None:
        line = str(error).strip().splitlines()[0][:200] if str(error).strip() else ""
        self.failures.append(f"{what}: {type(error).__name__}: {line}")
        print("failed:", self.failures[-1], flush=True)

    def _ratio(self, timings: Timings, name: str, family: str, *, inverse: bool = False) -> Ratio | None:
        against = find_baseline(timings, name, family)
        if against is None or (against == name and family == "3-D"):
            return None
        if inverse:
            return summarise_ratio(timings, against, against=name)
        return summarise_ratio(timings, name, against=against)

    def _share(self, name: str, setting: Setting, timings: Timings) -> float | None:
        if not self.rates:
            return None
        work = self.work(setting.frames)[name_family(name)]
        return work.least_seconds(setting, self.rates) / (spread_ms(timings[name]).median / 1000)

    def work(self, frames: int) -> dict[str, Work]:
        if frames not in self.works:
            self.works[frames] = count_work(self.networks, frames, self.size, self.device)
        return self.works[frames]


def find_baseline(timings: Timings, name: str, family: str) -> str | None:
    """The network of a family that was treated as this one was; of several the faster one."""
    word = _name_treatment(name)
    same = [other for other in timings if other.startswith(family) and _name_treatment(other) == word]
    if "fused" in word and family == "3-D":  # cuDNN may fuse none of it, or slow it down
        same = [other for other in timings if other.startswith(family)]
    return min(same, key=lambda one: statistics.median(c.seconds for c in timings[one]), default=None)


def _name_treatment(name: str) -> str:
    return next(word for word in ("fused, nothing compiled", "fused", "folded", "") if word in name)


def _bind(network: nn.Module, x: Tensor) -> Run:
    return lambda: network(x)


def _distance(logits: Tensor, truth: Tensor) -> float:
    own = logits.float().reshape(truth.shape)
    return float((own - truth).norm() / truth.norm())


def measure_ceilings(device: torch.device, *, side: int, copied_mib: int) -> dict[str, float]:
    """FLOPs a second of square products of matrices, and bytes a second (read and written) of a copy."""
    rates = {}
    with torch.no_grad():
        for name, kind in TYPES.items():
            a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
            with precision(name):
                rates[name] = 2 * side**3 / _median({"": partial(torch.matmul, a, b)}, device)
        source = torch.randn(copied_mib * 2**18, device=device)
        target = torch.empty_like(source)
        rates["copy"] = 2 * 4 * source.numel() / _median({"": lambda: target.copy_(source)}, device)
    return rates


def _median(call: Mapping[str, Callable[[], object]], device: torch.device) -> float:
    (calls,) = time_rounds(call, device, rounds=20, seconds=1.0).values()
    return statistics.median(one.seconds for one in calls)


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Both targets wherever the product's network stands beside what it is measured by."""
    verdicts = []
    for row in rows:
        if row.part not in ("forward", "compiled", "training") or not row.name.startswith("GST"):
            continue
        setting = str(Setting(row.precision, row.batch, row.frames))
        where = (setting, f"{row.part}, {row.mode}", row.name)
        if row.share_of_2d is not None:
            value = row.share_of_2d.median
            verdicts.append(Verdict("share of the 2-D time", *where, value, value <= SHARE_OF_2D))
        if row.times_3d is not None:
            value = row.times_3d.median
            verdicts.append(Verdict("times faster than 3-D", *where, value, value >= TIMES_3D))
    return verdicts


def format_rows(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    lines = [f"{'':42}{'ms':>9} {'quartiles':>17} {'of 2-D':>7} {'x 3-D':>6} {'differs':>8} {'ceiling':>7}"]
    for row in rows:
        quartiles = f"{row.ms.low:.3f}-{row.ms.high:.3f}"
        share = "" if row.share_of_2d is None else f"{row.share_of_2d.median:.2f}"
        times = "" if row.times_3d is None else f"{row.times_3d.median:.2f}"
        far = "" if row.difference is None else f"{row.difference:.1e}"
        ceiling = "" if row.share_of_ceiling is None else f"{row.share_of_ceiling:.0%}"
        ms = f"{row.ms.median:9.3f}"
        lines.append(f"{row.name:42}{ms} {quartiles:>17} {share:>7} {times:>6} {far:>8} {ceiling:>7}")
    return "\n".join(lines)
