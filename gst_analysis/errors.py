"""Everything this package raises on purpose.

    GstError                      catch this one to catch them all
    ├── SpecError                 a network that cannot be: unknown name, impossible alpha, bad size
    │   └── NotDefinedError       an analysis that is not defined for a network: nothing is broken
    ├── CheckpointError           a checkpoint file that cannot be used
    │   ├── UnreadableCheckpoint  not a checkpoint at all: missing, empty, truncated, random bytes
    │   ├── UnsafeCheckpoint      reading it would have run code; nothing was run
    │   ├── UnknownCheckpoint     readable, but no network we know
    │   └── BrokenCheckpoint      a network we know, with missing, misshapen or non-finite weights
    ├── DataError                 annotation files, clips and datasets
    ├── TableError                a table that breaks its schema
    └── OutputError               a result that cannot be written

Every message is one line and says what was expected, what was found and what to do.
"""

from __future__ import annotations


class GstError(Exception):
    """Base of all errors; build one from its four parts."""

    def __init__(self, subject: str, *, expected: str, found: str, todo: str) -> None:
        self.subject = subject
        self.expected = expected
        self.found = found
        self.todo = todo
        super().__init__(one_line(f"{subject}: expected {expected}; found {found}; {todo}"))

    @property
    def parts(self) -> dict[str, str]:
        """The four, by their names."""
        return {"subject": self.subject, "expected": self.expected, "found": self.found, "todo": self.todo}


class SpecError(GstError):
    """A network or clip specification that cannot be built."""


class NotDefinedError(SpecError):
    """An analysis that a network lacks something for: nobody did anything wrong, and other analyses go."""


class CheckpointError(GstError):
    """A checkpoint file that cannot be used."""


class UnreadableCheckpoint(CheckpointError):
    """The file is missing, empty, truncated or no checkpoint."""


class UnsafeCheckpoint(CheckpointError):
    """The file asks for code to be run on loading."""


class UnknownCheckpoint(CheckpointError):
    """The file holds weights of a network we do not know."""


class BrokenCheckpoint(CheckpointError):
    """The file holds a network we know with wrong, missing or non-finite tensors."""


class DataError(GstError):
    """Annotations, clips or datasets that cannot be used."""


class TableError(GstError):
    """A table that breaks its schema."""


class OutputError(GstError):
    """A result that cannot be written where it was asked for."""


def one_line(text: str) -> str:
    """Fold all white space and drop control characters, so that a message stays one safe line."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def legible(path: object) -> str:
    """A path as text that can be printed and written, whatever bytes its name is made of."""
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in str(path))


def name_some(names: list[str], *, limit: int = 4) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:limit])
    rest = len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown
