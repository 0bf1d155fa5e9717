"""Batches of labelled clips shared among processes, and just those that one process would make.

Batches are as even as can be of the clips that can be read, so where a clip cannot, those after it move up.
No process knows of another's broken clips: each reads its own first, and all tell each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import RecordList
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Here, Unit
from gst_analysis.probes.clip_stream import ClipStream, group_evenly

KEPT = 512 * 2**20
"""Bytes of frames that stay in memory: 400 clips of 8x224x224, which are then decoded once."""


def list_batches(count: int, settings: InferenceSettings) -> list[Unit]:
    """The batches of so many clips that can all be read."""
    return list(group_evenly(range(count), settings.batch))


def open_share(
    model: LoadedModel, records: RecordList, settings: InferenceSettings, units: Sequence[Unit], here: Here
) -> ClipStream:
    """A stream of this process's batches, whose failures are those of all processes.

    Args:
        model: what is run.
        records: all clips.
        settings: how they are run.
        units: the batches that are this process's, if all clips can be read.
        here: this process; by itself it makes its batches as it reads.
    """
    if here.world == 1:
        return ClipStream(model, records, settings, here.device, keep=KEPT)
    stream = ClipStream(model, records, settings, here.device, keep=KEPT, units=units)
    stream.read_all()
    told = here.exchange((stream.failures, stream.unread))
    unread = sorted({place for _, places in told for place in places})
    if not unread:
        return stream
    reasons = {clip: why for failures, _ in told for clip, why in failures.items()}
    left = [place for place in range(len(records)) if place not in unread]
    batches = here.own(list(group_evenly(left, settings.batch)))
    failures = {records[place].clip: reasons[records[place].clip] for place in unread}
    return ClipStream(model, records, settings, here.device, failures, KEPT, batches)
