"""A network's places in order: where the rows of every measure stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from gst_analysis.analyses.profile.bands import Band
from gst_analysis.analyses.profile.table import NETWORK, PLACE, STAGE
from gst_analysis.networks.anatomy import Anatomy

Bands = Mapping[str, Band]
StageBands = Mapping[int, Band]


@dataclass(frozen=True)
class Line:
    """One measure of a network: its bands by place, by stage, and of the network."""

    measure: str
    source: str
    group: str
    places: Bands = field(default_factory=dict)
    stages: StageBands = field(default_factory=dict)
    network: Band | None = None

    def mark(self, why: str) -> Line:
        """The line with the same remark at every place and stage."""
        return replace(
            self,
            places={name: replace(band, undefined=why) for name, band in self.places.items()},
            stages={stage: replace(band, undefined=why) for stage, band in self.stages.items()},
        )

    def withhold(self, why: str) -> Line:
        """The line without values, which would say nothing, and why."""

        def empty(band: Band) -> Band:
            return Band(float("nan"), even=band.even, undefined=why)

        return replace(
            self,
            places={name: empty(band) for name, band in self.places.items()},
            stages={stage: empty(band) for stage, band in self.stages.items()},
            network=None,
        )


@dataclass(frozen=True)
class Places:
    """Names of places in the order in which clips pass them, with the stage of each."""

    stages: Mapping[str, int]

    @classmethod
    def of(cls, anatomy: Anatomy) -> Places:
        """The places of a network; where none can be read, the blocks of its units and kernels."""
        named = [(place.name, place.stage) for place in anatomy.places]
        named = named or [(unit.block, unit.stage) for unit in anatomy.units]
        named = named or [(kernel.place, kernel.stage) for kernel in anatomy.time_kernels]
        return cls(dict(named))

    def depth_of(self, place: str) -> float:
        """0 of the first, 1 of the last."""
        return list(self.stages).index(place) / max(1, len(self.stages) - 1)

    def depth_of_stage(self, stage: int) -> float:
        """The mean depth of its places."""
        depths = [self.depth_of(place) for place, one in self.stages.items() if one == stage]
        return sum(depths) / len(depths) if depths else 0.0

    def list_rows(self, line: Line, checkpoint: str) -> Iterable[dict[str, Any]]:
        """A line as rows of a PROFILE table, in the order of places; what lies nowhere is left out."""
        told = {"checkpoint": checkpoint, "measure": line.measure, "group": line.group, "source": line.source}
        for place, stage in self.stages.items():
            if place in line.places:
                where = {"level": PLACE, "stage": stage, "place": place, "depth": self.depth_of(place)}
                yield {**told, **where, **vars(line.places[place])}
        for stage in sorted(line.stages):
            where = {"level": STAGE, "stage": stage, "place": "", "depth": self.depth_of_stage(stage)}
            yield {**told, **where, **vars(line.stages[stage])}
        if line.network is not None:
            where = {"level": NETWORK, "stage": 0, "place": "", "depth": float("nan")}
            yield {**told, **where, **vars(line.network)}


def spread_over_blocks(rows: pd.DataFrame, places: Places) -> pd.Series:
    """The place in which each row's block lies: itself, or the one whose name it begins with."""
    names = sorted(places.stages, key=len, reverse=True)

    def find(block: str) -> str:
        return next((name for name in names if block == name or block.startswith(f"{name}.")), "")

    return rows["block"].map(find)
