"""Do deep temporal channels matter more where order matters? Scales, scores and ablation, world by world.

    python -m benchmarks.findings --out docs/images/findings --json benchmarks/results/findings.json
    python -m benchmarks.findings a.pth=temporal b.pth=static --clips 100 --worlds DIR

Every GST checkpoint is measured on clips that no training saw: the world after its `=` is rendered afresh
(seed 1000, 480 clips), or taken from DIR/WORLD where it is already. Prints the tables of docs/findings.md.
The first checkpoint named of a world and network is the one that bootstrap intervals are about; further
ones are other runs of the same.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.findings_figures import draw_drops, draw_shares
from benchmarks.findings_measures import GROUPS, MATCHED, MOST_PIECES, Finding, measure_finding
from benchmarks.findings_statistics import (
    Difference,
    Number,
    compare_runs,
    find_deep_mean,
    find_deep_share,
    find_trend,
    share_of_time,
    summarise,
)
from benchmarks.machine import describe_machine
from gst_analysis.analyses.agreement.measure import rank_correlation
from gst_analysis.analyses.scales import bn_scales
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.errors import GstError, SpecError
from gst_analysis.files import to_json, write_whole
from gst_analysis.planted.making import WORLDS, make_world
from gst_analysis.style.files import render_figure
from trained_models.make import fresh_world

SHIPPED = Path("trained_models")
REFERENCE = "static"
"""The world where order says nothing: others are compared with it."""
HEADLINES = (
    ("gamma", "median"),
    ("invariant", "median"),
    ("zero", "loss"),
    ("mean", "loss"),
    ("shuffle-time", "loss"),
    (MATCHED, "loss"),
)
Key = tuple[str, str]


def list_shipped() -> list[str]:
    """The shipped GSTs of three worlds, α 1/4 first, as CKPT=WORLD."""
    found = [
        (path, world)
        for world in ("temporal", "static", "mixed")
        for size in ("quarter", "half", "eighth")
        for path in sorted(SHIPPED.glob(f"{world}-gst-{size}*.pth"))
    ]
    return [f"{path}={world}" for path, world in found]


def read_pairs(words: Sequence[str]) -> list[tuple[Path, str]]:
    """CKPT=WORLD words -> files and worlds."""
    pairs: list[tuple[Path, str]] = []
    for word in words:
        path, _, world = word.rpartition("=")
        if not path or world not in WORLDS:
            raise SpecError(
                word[:80],
                expected=f"CKPT=WORLD with one of {', '.join(WORLDS)}",
                found=f"world {world[:40]!r}",
                todo="name the world that the checkpoint was trained on",
            )
        pairs.append((Path(path), world))
    if not pairs:
        raise SpecError(
            "checkpoints",
            expected="CKPT=WORLD words, or shipped checkpoints",
            found="neither",
            todo="run this in the repository's root, or name checkpoints",
        )
    return pairs


def measure_all(pairs: Sequence[tuple[Path, str]], worlds: Path, choice: ClipChoice) -> list[Finding]:
    """Every checkpoint on fresh clips of its world; renders the worlds that are missing."""
    findings = []
    for number, (path, world) in enumerate(pairs, 1):
        print(f"{number} of {len(pairs)}: {path.stem}", file=sys.stderr)
        model = load_model(path)
        if not (worlds / world).exists():
            make_world(worlds / world, fresh_world(world))
        records = load_labelled_clips(worlds / world, choice)
        findings.append(measure_finding(model, records, name=path.stem, world=world))
    return findings


def tabulate_blocks(findings: Sequence[Finding]) -> pd.DataFrame:
    """A row for each checkpoint, block, score and number: both groups' own, and the temporal share."""
    rows = []
    for run, one in zip(number_runs(findings), findings, strict=True):
        about = {"checkpoint": one.name, "world": one.world, "network": one.network, "run": run}
        for (score, measure), estimate in one.estimates.items():
            values = {group: (estimate.value[g], estimate.draws[:, g]) for g, group in enumerate(GROUPS)}
            values["share"] = estimate.share, share_of_time(estimate.draws)
            for what, (value, draws) in values.items():
                for b, block in enumerate(one.blocks):
                    number = summarise(value[b], draws[:, b])
                    rows.append(
                        {
                            **about,
                            "block": block,
                            "score": score,
                            "measure": measure,
                            "what": what,
                            "value": number.value,
                            "low": number.low,
                            "high": number.high,
                        }
                    )
    return pd.DataFrame(rows)


def list_series(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The same as a list for each line of a figure, from the first block to the last, to four places."""
    keys = ["checkpoint", "run", "score", "measure", "what"]
    return [
        dict(zip(keys, key, strict=True))
        | {name: [round(v, 4) for v in rows[name].tolist()] for name in ("value", "low", "high")}
        for key, rows in table.groupby(keys, sort=False)
    ]


def number_runs(findings: Sequence[Finding]) -> list[int]:
    """0 for the first checkpoint of a world and network, 1 for the next run of the same, and so on."""
    seen: dict[Key, int] = {}
    numbers = []
    for one in findings:
        numbers.append(seen.setdefault((one.world, one.network), 0))
        seen[one.world, one.network] += 1
    return numbers


def summarise_finding(one: Finding) -> dict[str, Any]:
    """What is said of one checkpoint: trends with depth, deep shares, and how scores follow ablation."""
    truth = one.estimates[MATCHED, "loss"].share
    trends, deep, follows = [], [], {}
    for (score, measure), estimate in one.estimates.items():
        key = {"score": score, "measure": measure}
        trends.append(key | {"trend": find_trend(estimate.share, share_of_time(estimate.draws))})
        parts = {"share": find_deep_share(estimate)} | {
            group: find_deep_mean(estimate, g) for g, group in enumerate(GROUPS)
        }
        deep.append(key | {what: summarise(*numbers) for what, numbers in parts.items()})
        if measure == "median" and not np.isnan([estimate.share, truth]).any():
            follows[score] = float(rank_correlation(estimate.share[None], truth[None])[0])
    return {
        "name": one.name,
        "world": one.world,
        "network": one.network,
        "sha256": one.sha256,
        "clips": one.clips,
        "accuracy": one.accuracy,
        "blocks": one.blocks,
        "channels": one.channels,
        "trends_of_share": trends,
        "deep_half": deep,
        "follows_matched_loss": follows,
        "matched_pieces": compare_pieces(one),
    }


def compare_pieces(one: Finding) -> dict[str, float | None]:
    """What *as many channels* takes away, and what it leaves to stand in for that, in the deeper half.

    `spatial_share` is the part of the spatial group that goes, where the temporal one goes whole;
    `whole_over_pieces` how many times more the whole spatial group costs than its pieces added up, where
    they make up all of it.
    """
    whole, matched = one.estimates["mean", "loss"], one.estimates[MATCHED, "loss"]
    deep = one.channels[whole.deep]
    shares = [min(1.0, temporal / spatial) for spatial, temporal in deep]
    pieces = [round(1 / share) for share in shares]
    covered = all(
        share * count == 1 and count <= MOST_PIECES for share, count in zip(shares, pieces, strict=True)
    )
    added = float((matched.value[0, whole.deep] * pieces).sum())
    ratio = float(whole.value[0, whole.deep].sum()) / added if covered and added > 0 else None
    return {"spatial_share": float(np.mean(shares)), "whole_over_pieces": ratio}


def say_pieces(found: dict[str, float | None]) -> str:
    """What must be known of shares by *as many channels*."""
    ratio = found["whole_over_pieces"]
    text = f"{MATCHED}: all temporal channels against {found['spatial_share']:.0%} of the spatial ones"
    return text if ratio is None else f"{text}, which whole cost {ratio:.1f} times their pieces added up"


def compare_worlds(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Every world minus the static one, for networks that both have: deep shares and deep temporal drops."""
    groups: dict[Key, list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.network, one.world), []).append(one)
    rows = []
    for (network, world), own in groups.items():
        others = groups.get((network, REFERENCE))
        if others is None or world == REFERENCE:
            continue
        for key in own[0].estimates:
            for what, of in (("share", find_deep_share), ("temporal", _deep_temporal)):
                sides = [[of(one.estimates[key]) for one in side] for side in (own, others)]
                rows.append(
                    {
                        "network": network,
                        "world": world,
                        "minus": REFERENCE,
                        "score": key[0],
                        "measure": key[1],
                        "what": what,
                        "difference": compare_runs(*sides),
                    }
                )
    return rows


def _deep_temporal(estimate: Any) -> Any:
    return find_deep_mean(estimate, 1)


def format_number(number: Number, places: int = 2) -> str:
    """`0.31 (0.20 to 0.42)`, or what there is of it."""
    if np.isnan(number.value):
        return "not defined"
    if np.isnan(number.low):
        return f"{number.value:+.{places}f}"
    return f"{number.value:+.{places}f} ({number.low:+.{places}f} to {number.high:+.{places}f})"


def format_summaries(summaries: Sequence[dict[str, Any]]) -> str:
    """Trends and deep shares as two Markdown tables: rows scores, columns checkpoints."""
    names = [one["name"] for one in summaries]
    head = [f"| score | {' | '.join(names)} |", f"|---{'|---' * len(names)}|"]
    trends, deep = list(head), list(head)
    for key in HEADLINES:
        found = [next(row for row in one["trends_of_share"] if _key(row) == key) for one in summaries]
        cells = [f"{format_number(row['trend'].spearman)}, p {row['trend'].p:.3f}" for row in found]
        trends.append(f"| {', '.join(key)} | {' | '.join(cells)} |")
        found = [next(row for row in one["deep_half"] if _key(row) == key) for one in summaries]
        deep.append(f"| {', '.join(key)} | {' | '.join(format_number(row['share']) for row in found)} |")
    return "\n".join(
        [
            "Spearman's correlation of the temporal share with depth:",
            "",
            *trends,
            "",
            "Temporal share, added up over the deeper half of the blocks:",
            "",
            *deep,
        ]
    )


def format_differences(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table: worlds minus the static one, deep shares and accuracy lost without deep time."""
    lines = ["| network | world | score | what | first runs | all runs | n |", f"|{'---|' * 7}"]
    for row in rows:
        points = (row["what"], row["measure"]) == ("temporal", "accuracy")
        if points or (row["what"] == "share" and _key(row) in HEADLINES):
            found: Difference = row["difference"]
            numbers = [format_number(one, 1 if points else 2) for one in (found.first, found.runs)]
            runs = " and ".join(str(len(values)) for values in found.run_values)
            cells = (row["network"], row["world"], ", ".join(_key(row)), row["what"], *numbers, runs)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _key(row: dict[str, Any]) -> Key:
    return row["score"], row["measure"]


def save_pictures(findings: Sequence[Finding], pairs: Sequence[tuple[Path, str]], folder: Path) -> None:
    """Figure 4 of the first temporal and static checkpoints, drops by depth, and shares by depth."""
    table = tabulate_blocks(findings)
    main = table[table["network"] == findings[0].network]
    save_small(draw_drops(main), folder / "drops.png")
    save_small(draw_shares(main), folder / "shares.png")
    firsts = {world: path for path, world in reversed(pairs)}
    shown = [firsts[world] for world in ("temporal", REFERENCE) if world in firsts]
    if shown:
        save_small(bn_scales(*shown).plot(by="block"), folder / "figure-4.png")


def save_small(figure: Figure, path: Path) -> None:
    """A PNG of 64 colours, for documents."""
    drawn = Image.open(io.BytesIO(render_figure(figure, "png"))).convert("RGB")
    write_whole(path, lambda file: drawn.quantize(64).save(file, format="png", optimize=True))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.findings", description=__doc__.splitlines()[0]
    )
    parser.add_argument("pairs", nargs="*", metavar="CKPT=WORLD", help="default: the shipped GSTs")
    parser.add_argument("--clips", type=int, help="draw this many clips of each world; all if not given")
    parser.add_argument("--worlds", type=Path, metavar="DIR", help="keep rendered worlds there")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, metavar="DIR", help="write figures there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(asked.threads)
    try:
        pairs = read_pairs(asked.pairs or list_shipped())
        with tempfile.TemporaryDirectory() as folder:
            findings = measure_all(pairs, asked.worlds or Path(folder), ClipChoice(limit=asked.clips))
    except GstError as error:
        print(error, file=sys.stderr)
        return 2
    report(findings, asked.json)
    if asked.out is not None:
        save_pictures(findings, pairs, asked.out)
    return 0


def report(findings: Sequence[Finding], target: Path | None) -> None:
    """Print the tables, and write every number to a file if one is named."""
    summaries, differences = [summarise_finding(one) for one in findings], compare_worlds(findings)
    for one in findings:
        print(f"{one.name}: {one.clips} clips of the {one.world} world, accuracy {one.accuracy:.1%}")
        print(f"  {say_pieces(compare_pieces(one))}")
    print(f"\n{format_summaries(summaries)}\n\n{format_differences(differences)}")
    if target is not None:
        record = {
            "machine": describe_machine(),
            "checkpoints": summaries,
            "differences": differences,
            "by_block": list_series(tabulate_blocks(findings)),
        }
        write_whole(target, lambda file: file.write(to_json(record).encode()))


if __name__ == "__main__":
    raise SystemExit(main())
