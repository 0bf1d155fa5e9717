"""Progress within clips, where one clip may take a minute: steps in, numbers for a bar out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Tell = Callable[[], object]
"""Called after every step of a clip's measurement."""


def silent() -> None:
    """Tell nobody."""


class ClipSteps:
    """Counts steps over clips, equally many for every clip.

    Args:
        of_a_clip: steps of one clip.
        names: what to call each clip.
        progress: called with how many steps are done, how many there are, and the clip; None to tell nobody.
    """

    def __init__(
        self, of_a_clip: int, names: Sequence[str], progress: Callable[[int, int, str], object] | None
    ) -> None:
        self.of_a_clip, self.names, self.progress = of_a_clip, names, progress
        self.number = 0
        """The clip that is being looked at."""
        self.parts: dict[int, int] = {}
        """Parts that a clip is measured in, each by all its steps; one if not named."""
        self._taken = self._told = 0

    def add(self) -> None:
        """One more step of this clip."""
        self._taken += 1
        self._tell(self.number * self.of_a_clip + self._taken // self.parts.get(self.number, 1))

    def end(self) -> None:
        """This clip is done with, whether it could be read or not."""
        self._taken = 0
        self.number += 1
        self._tell(self.number * self.of_a_clip)

    def _tell(self, done: int) -> None:
        if done > self._told and self.progress is not None:
            name = self.names[min(self.number, len(self.names) - 1)]
            self.progress(done, len(self.names) * self.of_a_clip, name)
        self._told = done
