"""Records in, views out: several clips are read at once, ahead of the network, in their own order.

Threads, not processes: decoding and resizing leave the interpreter free, and threads need nothing of the
program around them. No more clips wait than a network takes at once and keep the threads busy, so memory
stays flat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from threading import Barrier

import torch
from torch import Tensor

from gst_analysis.clips.dataset import FrameReader, ReadingPlan, load_views
from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import DataError
from gst_analysis.inference.logits import Seconds


@dataclass(frozen=True)
class ReadClip:
    """One clip's views (V, T, 3, S, S) as uint8 and its frames' seconds (T,); or why there are none."""

    place: int
    views: Tensor | None
    seconds: Seconds | None
    failure: str = ""


class ReadingAhead(Iterator[ReadClip]):
    """Clips in their order, each as soon as it is read; closing it stops the reading."""

    def __init__(self, pool: ThreadPoolExecutor, begun: Iterator[Future[ReadClip]], most: int) -> None:
        self._pool, self._begun = pool, begun
        self._waiting = deque(islice(begun, most))

    def __next__(self) -> ReadClip:
        self._waiting.extend(islice(self._begun, 1))
        if self._waiting:
            return self._waiting.popleft().result()
        self.close()
        raise StopIteration

    def close(self) -> None:
        """What is being read is read to its end; nothing more is begun."""
        self._waiting.clear()
        self._begun = iter(())
        self._pool.shutdown(cancel_futures=True)


def read_ahead(
    records: Iterable[tuple[int, ClipRecord]],
    plan: ReadingPlan,
    *,
    threads: int,
    taken: int = 1,
    read: FrameReader | None = None,
) -> ReadingAhead:
    """Read (place, record) pairs in order; a clip that cannot be read comes back with its failure.

    Reading begins at once, so that a network can be made ready meanwhile.

    Args:
        records: what is read, and its place.
        plan: which views of it.
        threads: clips that are read at once.
        taken: clips that whoever asks takes one after the other, such as a batch, before it works on them:
            so many are read meanwhile, or the threads would rest until it comes back.
        read: what reads frames, such as that of clips that are at hand.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="read-clips")
    _narrow(pool, threads)
    begun = (pool.submit(_read, place, record, plan, read) for place, record in records)
    return ReadingAhead(pool, begun, threads + max(threads, taken))


def _narrow(pool: ThreadPoolExecutor, threads: int) -> None:
    """Let torch use one processor in each reading thread: teams of threads would only wait for each other.

    The number holds for the thread that sets it and for threads that are yet to come; for these it is put
    back at once.
    """
    before, together = torch.get_num_threads(), Barrier(threads)

    def narrow() -> None:
        torch.get_num_threads()  # or torch would take over the common number at its first work here
        torch.set_num_threads(1)
        together.wait()  # so that every thread of the pool takes one of these

    done = [pool.submit(narrow) for _ in range(threads)]
    for one in done:
        one.result()
    torch.set_num_threads(before)


def _read(place: int, record: ClipRecord, plan: ReadingPlan, read: FrameReader | None) -> ReadClip:
    try:
        views, frames = load_views(record, plan, read=read)
    except DataError as error:
        return ReadClip(place, None, None, str(error))
    return ReadClip(place, views, frames.seconds.reshape(plan.clips, -1).mean(axis=0))
