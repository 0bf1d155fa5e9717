"""Classes by their logits, and whether a data set's classes are the network's: what every analysis asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.dataset import check_labels
from gst_analysis.clips.entries import strip_template
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import DataError, SpecError, name_some
from gst_analysis.inference.logits import FrameLogits


def order_classes(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Class numbers from the largest logit down, over the last axis; of equal ones the lower first."""
    return np.asarray(np.argsort(-values, axis=-1, kind="stable"))


def check_top_k(top_k: int) -> int:
    """Refuse to tell of no class at all."""
    if type(top_k) is not int or top_k < 1:
        raise SpecError(
            "top_k", expected="a whole number of at least 1", found=repr(top_k)[:60], todo="give a larger one"
        )
    return top_k


def require_some(logits: FrameLogits) -> None:
    """Refuse a result without a single clip.

    Raises:
        DataError: none could be read, or there were none.
    """
    if not logits.clips:
        refuse_none(logits.failures)


def refuse_none(failures: Mapping[str, str]) -> NoReturn:
    """Say that not one clip could be read, or that there were none.

    Raises:
        DataError: always, with the first of the reasons.
    """
    reason = next(iter(failures.values()), "no clips at all")
    names = name_some(list(failures)) or "the list of clips"
    raise DataError(
        names,
        expected="at least one clip that can be read",
        found=reason,
        todo="check the files, for example with dataset-check",
    )


def check_classes(model: LoadedModel, records: RecordList) -> None:
    """Refuse records whose classes are not those of the network, in its order.

    Raises:
        DataError: another number of classes, other names, another order, or a clip without a class.
    """
    if not isinstance(records, RecordList):
        raise DataError(
            "labelled clips",
            expected="a RecordList",
            found=type(records).__name__,
            todo="read the data set with load_labelled_clips",
        )
    classes, theirs, ours = model.spec.num_classes, records.class_names, model.labels
    if theirs and len(theirs) != classes:
        raise _mismatch(f"{classes} classes, as {model.checkpoint.name} has", f"{len(theirs)}")
    if theirs and ours:
        _check_names(ours, theirs)
    check_labels(records)
    beyond = [record.clip for record in records if record.label is not None and record.label >= classes]
    if beyond:
        raise _mismatch(
            f"class numbers below {classes}, as many as {model.checkpoint.name} has",
            f"larger ones for {name_some(beyond)}",
        )


def _check_names(ours: Sequence[str], theirs: Sequence[str]) -> None:
    one, other = [_plain(name) for name in ours], [_plain(name) for name in theirs]
    odd = [number for number, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    if not odd:
        return
    first = odd[0]
    same = sorted(one) == sorted(other)
    raise _mismatch(
        f"the checkpoint's class names{' in its order' if same else ''}",
        f"{len(odd)} others, the first of them class {first}: {theirs[first]!r} instead of {ours[first]!r}",
        "give the labels in the checkpoint's order" if same else "",
    )


def _plain(name: str) -> str:
    return strip_template(name).casefold()


def _mismatch(expected: str, found: str, todo: str = "") -> DataError:
    return DataError(
        "classes of the data",
        expected=expected,
        found=found,
        todo=todo or "give the label file that the network was trained with, or its own data",
    )
