"""Which class is meant: a name or number as people write it in, the class's number out; and back."""

from __future__ import annotations

import difflib

from gst_analysis.checkpoints.loading import LoadedModel
from gst_analysis.errors import SpecError


def find_class(model: LoadedModel, wanted: str | int) -> int:
    """The number of a class that is given by its name, whatever its case, or by its number.

    Raises:
        SpecError: the network has no such class.
    """
    labels, classes = model.labels or (), model.spec.num_classes
    folded = [label.casefold() for label in labels]
    text = str(wanted).strip().casefold()
    if text in folded:
        return folded.index(text)
    if text.isdecimal() and int(text) < classes:
        return int(text)
    near = difflib.get_close_matches(text, folded, n=1, cutoff=0.5)
    names = "" if labels else "; this checkpoint holds no names"
    raise SpecError(
        "class",
        expected=f"the name of a class, or a number from 0 to {classes - 1}{names}",
        found=repr(wanted)[:60],
        todo=f"did you mean {labels[folded.index(near[0])]!r}?" if near else "choose one of them",
    )


def name_class(model: LoadedModel, number: int) -> str:
    """The class's name, or its number as text where names are unknown."""
    return model.labels[number] if model.labels else str(number)
