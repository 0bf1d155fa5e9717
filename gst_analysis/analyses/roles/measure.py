"""A network -> CHANNEL_ROLES, what every channel sees of rendered twins, and ROLE_SUMS, groups by layer.

Scene after scene is rendered, shown and reduced to sums of squares and of pairs, which alone are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gst_analysis.analyses.roles.pairs import PairSums
from gst_analysis.analyses.roles.responses import Look, Reals, list_looks, show_scene
from gst_analysis.analyses.roles.summary import summarise_roles
from gst_analysis.analyses.roles.table import CHANCE, ChannelRoles, RoleOptions
from gst_analysis.analyses.roles.tabulate import Found, LayerPart, tabulate_channels, tabulate_sums
from gst_analysis.analyses.roles.variance import Design, Variances
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.errors import BrokenCheckpoint, SpecError
from gst_analysis.inference.conditions import explain_out_of_memory, running_conditions
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Here, Measured, ModelWork, Unit, merge_found, share_out
from gst_analysis.networks.capabilities import require
from gst_analysis.planted.twins import TwinConfig, list_orders, render_twins
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance


def measure_roles(model: Network, *, options: RoleOptions, progress: Progress | None = None) -> ChannelRoles:
    """Show a network rendered twins, and part what its channels answer.

    Args:
        model: any network with places.
        options: what is rendered.
        progress: called after every scene.

    Raises:
        SpecError: a network without places, one that takes no colours, or single frames alone.
        BrokenCheckpoint: what leaves a place is not finite.
    """
    require(model.spec, model.anatomy, "logits", "places", "colours", what="roles")
    model.current_checkpoint()  # refuses what is no network of its spec
    spec = model.clip_spec
    orders = list_orders(spec.frames, options.orders)
    if len(orders) < 2:
        raise SpecError(
            f"roles of {model.spec.label}",
            expected="clips of two frames or more, which can be shown in another order",
            found=f"{spec.frames}",
            todo="give more with --frames, if the network takes them",
        )
    config = TwinConfig(spec.frames, spec.crop, options.looks, options.cameras, options.seed)
    looks = list_looks(model.anatomy)
    sums = _Sums(Variances(Design(options.looks, options.cameras, len(orders)), options.seed))
    settings = InferenceSettings(
        batch=options.batch, device=options.device, devices=options.devices, fold=False
    )
    work = _Work(model, settings, config, tuple(map(tuple, orders)))
    units: list[Unit] = [(scene,) for scene in range(options.scenes)]
    pieces = share_out(work, units, progress, name=lambda done: f"scene {done}")
    for _, found in merge_found(pieces):
        sums.add(model, looks, found)
    return _assemble(model, sums, options, len(orders))


@dataclass(frozen=True)
class _Work(ModelWork):
    """What every process is given; places of clips are numbers of scenes."""

    config: TwinConfig
    orders: tuple[tuple[int, ...], ...]

    def measure(self, units: Sequence[Unit], here: Here) -> list[Measured[list[Reals]]]:
        """Show some of the scenes."""
        model, batch = self.model, self.settings.batch
        found: list[Measured[list[Reals]]] = []
        looks = list_looks(model.anatomy)
        with running_conditions(model.module, self.settings, here.device) as network:
            for (scene,) in units:
                frames = render_twins(self.config, scene)
                with explain_out_of_memory(batch, here.device):
                    one = show_scene(
                        network, looks, frames, self.orders, model.clip_spec, batch=batch, device=here.device
                    )
                found.append(((scene,), one))
                here.count()
        return found


@dataclass
class _Sums:
    """What is kept of all scenes, all channels of all layers side by side; and which are whose."""

    variances: Variances
    pairs: PairSums = field(default_factory=PairSums)
    parts: list[LayerPart] = field(default_factory=list)

    def add(self, model: Network, looks: list[Look], found: list[Reals]) -> None:
        """Take in a scene's responses, (looks, cameras, orders, channels) of every look."""
        for look, one in zip(looks, found, strict=True):
            if not np.isfinite(one).all():
                raise BrokenCheckpoint(
                    str(model.checkpoint.path),
                    expected=f"finite numbers behind {look.layer}",
                    found="infinite or missing ones",
                    todo="use another checkpoint",
                )
        if not self.parts:
            self.parts += _place_parts(looks, [one.shape[-1] for one in found])
        together = np.concatenate(found, axis=-1)
        self.variances.add(together)
        self.pairs.add(together)


def _place_parts(looks: list[Look], widths: list[int]) -> Iterator[LayerPart]:
    """Every group of every layer, and where its channels lie among all."""
    starts = np.cumsum([0, *widths])
    for look, start, width in zip(looks, starts, widths, strict=False):
        for part in look.parts:
            own = np.arange(width)[part.channels]
            yield LayerPart(part, own, own + start)


def _assemble(model: Network, sums: _Sums, options: RoleOptions, orders: int) -> ChannelRoles:
    name, found = model.checkpoint.name, Found.of(sums.variances, sums.pairs, options.least)
    table = tabulate_channels(name, sums.parts, found)
    layers = tabulate_sums(name, sums.parts, found)
    clips = options.clips // options.orders * orders
    summary = summarise_roles(sums.parts, found, layers, options=options, clips=clips, orders=orders)
    chosen = {key: getattr(options, key) for key in ("scenes", "looks", "cameras", "least", "seed")}
    provenance = Provenance(
        {name: model.sha256},
        {name: model.spec.to_json()},
        {
            **chosen,
            "orders": orders,
            "clip_spec": model.clip_spec.to_json(),
            "path": str(model.checkpoint.path),
        },
    )
    return ChannelRoles(
        table, summary, provenance, notes=tuple(_list_notes(model, layers, options, orders)), sums=layers
    )


def _list_notes(model: Network, layers: pd.DataFrame, options: RoleOptions, orders: int) -> Iterator[str]:
    yield from model.notes
    if orders < options.orders:
        yield f"clips of {model.clip_spec.frames} frames have {orders} orders alone"
    design = Design(options.looks, options.cameras, orders)
    if design.chance_of_looks(options.scenes) > CHANCE:
        yield (
            f"{options.scenes} scenes of {options.looks} looks are too few to tell appearance from chance: "
            "no channel is called static or joint by it; give more"
        )
    if design.chance_of_orders(options.scenes) > CHANCE:
        yield (
            f"{options.scenes} scenes of {options.looks} looks are too few to tell motion from chance: "
            "no channel is called dynamic or joint by it; give more"
        )
    silent, channels = int(layers["silent"].sum()), int(layers["channels"].sum())
    if silent:
        yield f"{silent} of {channels} channels never vary here and are left out of all shares"
