"""What a clip makes of one place of a network, kept by content; and how long one clip takes here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from app import cached
from app.cached_results import kept
from gst_analysis.analyses.saliency import SaliencyMaps, saliency_maps
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.analyses.profile import drivers
    from gst_analysis.analyses.saliency import figure, page
    from gst_analysis.clips.records import ClipRecord
else:
    drivers = Door("gst_analysis.analyses.profile.drivers")
    figure = Door("gst_analysis.analyses.saliency.figure")
    page = Door("gst_analysis.analyses.saliency.page")


@kept
def time_one_clip(key: cached.Key, _open: Callable[[], Any]) -> float:
    """Seconds that one clip takes on this machine; `key` is the `key_of` the network."""
    with cached.turn():
        return drivers.time_one_clip(_open())


@kept
def look_into(
    key: str, place: str, *, _open: Callable[[], Any], _record: ClipRecord
) -> tuple[SaliencyMaps, Any]:
    """Maps of a place in a clip, and what each of its channels is worth to the predicted class.

    `key` holds the network's content and where the clip lies.
    """
    with cached.turn():
        network = _open()
        maps = saliency_maps(network, _record, block=place)
        evidence = drivers.measure_evidence(network, _record, place, class_id=maps.summary.class_id)
        return maps, evidence


@kept
def draw_maps(key: str, _maps: SaliencyMaps, *, alt: str, dark: bool) -> str:
    """Overlays of every frame as HTML; `key` is that of `look_into`."""
    with cached.turn():
        return page.draw_saliency_page(figure.lay_out_result(_maps), alt=alt, dark=dark)
