"""Several networks -> their profiles, what differs between them, and what each costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import pandas as pd

from gst_analysis.analyses.comparison.comparability import require_reference
from gst_analysis.analyses.cost import summarise_cost
from gst_analysis.analyses.profile import profile
from gst_analysis.analyses.profile.table import AGREEMENT, PROFILE, Profile, ProfileOptions
from gst_analysis.analyses.profile_comparison.differences import (
    tabulate_differences,
    tabulate_networks,
    word_difference,
)
from gst_analysis.analyses.profile_comparison.table import (
    DIFFERENCES,
    NETWORKS,
    ProfileComparison,
    ProfileComparisonOptions,
    ProfileComparisonSummary,
)
from gst_analysis.checkpoints.several import read_each
from gst_analysis.checkpoints.sources import checkpoint_of, distinct_names, name_of, open_model, tell
from gst_analysis.errors import SpecError
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance
from gst_analysis.tables import Schema, check

if TYPE_CHECKING:
    from gst_analysis.checkpoints.sources import Source

MOST = 20
"""Networks at once: of more no figure can be read."""


@dataclass(frozen=True)
class Profiled:
    """One network's profile, what it is, and its multiply-adds where they can be counted."""

    profile: Profile
    spec: NetworkSpec
    macs: float

    @property
    def alpha(self) -> float:
        """The share of temporal channels that it was designed with; NaN where it has none."""
        if isinstance(self.spec, ModelSpec) and self.spec.alpha is not None:
            return float(self.spec.alpha)
        return float("nan")


def measure_profiles(
    sources: Sequence[Source],
    *,
    names: Sequence[str] | None = None,
    options: ProfileComparisonOptions,
    progress: Progress | None = None,
) -> ProfileComparison:
    """Profile every network that can be read, and set all against the reference.

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        names: what to call them; their file names if not given.
        options: which is the reference, which lines, and on what clips.
        progress: called before every network.

    Raises:
        CheckpointError: not one of them could be read.
        SpecError: more than twenty, or a reference that is none of them.
    """
    if len(sources) > MOST:
        found = f"{len(sources)}"
        raise SpecError("checkpoints", expected=f"at most {MOST}", found=found, todo="name fewer at once")
    labels = distinct_names(names or [name_of(source) for source in sources])
    one = ProfileOptions(**{field.name: getattr(options, field.name) for field in fields(ProfileOptions)})

    def read(source: Source, label: str) -> Profiled:
        return _profile(tell(source, options), label, options.dataset, one)

    read_of, failures = read_each(sources, labels, read, progress)
    base = require_reference(list(read_of), options.reference)
    sweep = is_sweep([found.spec for found in read_of.values()])
    return _join(read_of, base, options, failures, sweep=sweep)


def is_sweep(specs: Sequence[NetworkSpec]) -> bool:
    """Whether networks are one design in several shares of temporal channels."""
    plain = [spec for spec in specs if isinstance(spec, ModelSpec) and spec.alpha is not None]
    if len(plain) < len(specs) or len({spec.alpha for spec in plain}) < 2:
        return False
    return len({(spec.family, spec.backbone, spec.stem_width) for spec in plain}) == 1


def _profile(source: Source, label: str, dataset: str | None, options: ProfileOptions) -> Profiled:
    opened = checkpoint_of(source) if dataset is None else open_model(source)
    found = profile(opened, dataset, options=options)
    checkpoint = checkpoint_of(opened)
    try:
        size = checkpoint.clip_spec.crop if checkpoint.clip_spec is not None else None
        macs = float(summarise_cost(checkpoint, size=size).macs)
    except SpecError:  # a network that no clip can be counted for still has a profile
        macs = float("nan")
    table, agreement = (one.assign(checkpoint=label) for one in (found.table, found.agreement))
    return Profiled(replace(found, table=table, agreement=agreement), checkpoint.spec, macs)


def _join(
    read: Mapping[str, Profiled],
    base: str,
    options: ProfileComparisonOptions,
    failures: Mapping[str, str],
    *,
    sweep: bool,
) -> ProfileComparison:
    tables = {name: one.profile.table for name, one in read.items()}
    found = {name: tabulate_differences(tables[name], tables[base], base) for name in read if name != base}
    networks = [tabulate_networks(tables[name], alpha=one.alpha, macs=one.macs) for name, one in read.items()]
    summary = ProfileComparisonSummary(
        reference=base,
        confidence=options.confidence,
        verdicts={name: one.profile.verdict for name, one in read.items()},
        differences={name: word_difference(one, options.confidence) for name, one in found.items()},
        sweep=sweep,
    )
    return ProfileComparison(
        _stack(tables.values(), PROFILE),
        summary,
        _name_origins(read, options, base),
        notes=_list_notes(read),
        failures={**failures, **{k: v for one in read.values() for k, v in one.profile.failures.items()}},
        differences=_stack(found.values(), DIFFERENCES),
        networks=_stack(networks, NETWORKS),
        agreement=_stack([one.profile.agreement for one in read.values()], AGREEMENT),
    )


def _stack(tables: Iterable[pd.DataFrame], schema: Schema) -> pd.DataFrame:
    """Tables below each other; what is empty would make objects of numbers."""
    full = [table for table in tables if len(table)]
    empty = pd.DataFrame(columns=list(schema.columns))
    return check(pd.concat(full, ignore_index=True) if full else empty, schema)


def _list_notes(read: Mapping[str, Profiled]) -> tuple[str, ...]:
    """What is said of each, once where it is said of all."""
    told: dict[str, list[str]] = {}
    for name, one in read.items():
        for note in one.profile.notes:
            told.setdefault(note, []).append(name)
    return tuple(
        note if len(names) == len(read) else f"{', '.join(names)}: {note}" for note, names in told.items()
    )


def _name_origins(read: Mapping[str, Profiled], options: ProfileComparisonOptions, base: str) -> Provenance:
    origins = {name: one.profile.provenance for name, one in read.items()}
    sources: dict[str, str] = {}
    for name, origin in origins.items():
        own, *others = origin.sources.items()
        sources[name] = own[1]
        sources |= dict(others)
    settings = {
        "paths": {name: origin.settings["path"] for name, origin in origins.items()},
        "reference": base,
        "lines": options.lines,
        "confidence": options.confidence,
    }
    clips = next(iter(origins.values())).clips
    if options.dataset is not None:
        chosen = ("limit", "few", "orders", "scenes", "batch", "seed", "device", "dataset")
        settings |= {name: getattr(options, name) for name in chosen}
    return Provenance(
        sources, {name: one.spec.to_json() for name, one in read.items()}, settings, clips=clips
    )
