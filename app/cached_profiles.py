"""Profiles of networks, kept by content: what weights tell, and what lies beside exactly these weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app import cached
from app.cached_results import kept
from gst_analysis.analyses import profile as profile_room
from gst_analysis.analyses import profile_comparison, temporal_use
from gst_analysis.analyses.profile import Profile
from gst_analysis.analyses.profile_comparison import ProfileComparison
from gst_analysis.errors import NotDefinedError

if TYPE_CHECKING:
    import plotly.graph_objects as go


@kept
def profile_network(key: cached.Key, _source: cached.Source) -> Profile:
    """A network's profile without clips; `key` is the `key_of` the source."""
    with cached.turn():
        (opened,) = cached.open_sources([_source])
        return cached.settle(profile_room.profile(opened), key, [_source])


@kept
def compare_profiles(key: cached.Key, _sources: Sequence[cached.Source]) -> ProfileComparison:
    """The profiles of several networks against the first; `key` is the `key_of` the sources."""
    names = [source.name for source in _sources]
    with cached.turn():
        found = profile_comparison.compare_profiles(*cached.open_sources(_sources), names=names)
    return cached.settle(found, key, _sources)


@kept
def measure_kernels(key: cached.Key, _source: cached.Source) -> Any:
    """The table of temporal use of every filter; None for a network without kernels over time."""
    with cached.turn():
        (opened,) = cached.open_sources([_source])
        try:
            return temporal_use.temporal_use(opened).table
        except NotDefinedError:
            return None


@kept
def draw_profile(key: cached.Key, _profile: Profile, *, dark: bool) -> go.Figure:
    """The figure of a profile, to hover over; `key` is that of `profile_network`."""
    with cached.turn():
        return _profile.plot_interactive(dark=dark)
