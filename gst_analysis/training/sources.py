"""A configuration in; the clips to train on and to validate with, and their classes, out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gst_analysis.clips.class_folders import load_class_folders
from gst_analysis.clips.detection import FORMATS, infer_format
from gst_analysis.clips.entries import Annotation, Entry
from gst_analysis.clips.flow_folders import point_at_flow
from gst_analysis.clips.records import ClipRecord, RecordList, load_records
from gst_analysis.errors import DataError, SpecError, name_some
from gst_analysis.planted.making import make_world, read_world
from gst_analysis.planted.worlds import WorldConfig
from gst_analysis.progress import Progress
from gst_analysis.training.config import MOST_CLASSES, DataConfig, TrainConfig

FOLDERS = "folders"
"""What a data set without lists is called among the formats of lists."""


@dataclass(frozen=True)
class Sources:
    """Records and classes of a run; `validation` is None where there is nothing to validate with."""

    train: RecordList
    validation: RecordList | None
    num_classes: int
    notes: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Class names in class order, if they are known."""
        return self.train.class_names or None

    @property
    def sha256(self) -> dict[str, str]:
        """Hashes of the annotation files by their names."""
        lists = (self.train, self.validation)
        return {
            Path(path).name: digest
            for records in lists
            if records is not None
            for path, digest in (records.sources or {}).items()
        }

    @property
    def fingerprint(self) -> dict[str, list[str]]:
        """What a resumed run must share: the contents of the lists, wherever they lie, and the classes."""
        lists = {"train": self.train, "validation": self.validation}
        digests = {
            name: list((found.sources or {}).values()) for name, found in lists.items() if found is not None
        }
        return {**digests, "classes": list(self.train.class_names)}


def check_unchanged(sources: Sources, saved: Mapping[str, Any] | None, config: TrainConfig) -> None:
    """Refuse clips other than those that a run was started with.

    A changed validation list too: best.pth was chosen by scores on the one before.

    Raises:
        DataError: a list or the classes have changed; it says which.
    """
    names = {
        "train": f"another content of data.train ({config.data.train})",
        "validation": f"another content of data.validation ({config.data.validation})",
        "classes": "other class names, or another order of them",
    }
    found = sources.fingerprint
    changed = [
        words for key, words in names.items() if saved is not None and saved.get(key) != found.get(key)
    ]
    if changed:
        raise DataError(
            "resuming",
            expected="the annotations that the run was started with",
            found=name_some(changed),
            todo="put the files back as they were, or start a run in another folder, from this one's weights "
            "with model.weights",
        )


def prepare_world(
    config: TrainConfig, progress: Progress | None = None, *, workers: int | None = None
) -> None:
    """Render the recipe's planted world into its data root, if that is empty; refuse another world there."""
    root = Path(config.data.root)
    if config.world is None:
        return
    if not root.exists() or not any(root.iterdir()):
        make_world(root, config.world, progress=progress, workers=workers)
        return
    found = read_world(root).config
    if found != config.world:
        raise DataError(
            str(root),
            expected="the planted world of the recipe",
            found=_differences(config.world, found),
            todo="name another data.root, or set world.* to match",
        )


def take_world(config: TrainConfig, chosen: Iterable[str]) -> TrainConfig:
    """The configuration with the planted world that lies in its data root already, whatever the recipe's is.

    Args:
        config: what a recipe and its changes give.
        chosen: the settings that were changed, by dotted key: a world that was asked for stays, and
            `prepare_world` refuses another.
    """
    root = Path(config.data.root)
    if config.world is None or any(key.startswith("world.") for key in chosen):
        return config
    if not (root / "truth.json").is_file():
        return config
    return replace(config, world=read_world(root).config)


def load_sources(config: TrainConfig) -> Sources:
    """Read the annotations, both lists by one format, and agree on the classes.

    Raises:
        DataError: lists that cannot be read, or that number the classes differently.
        SpecError: another number of classes than the settings say.
    """
    data = config.data
    train = _load(data, data.train, data.train_subset, None, data.format)
    validation = None if data.validation is None else _load_validation(data, data.validation, train)
    classes, more = _count_classes(config, train, validation)
    notes = [f"training clips: {note}" for note in train.notes]
    notes += [f"validation clips: {note}" for note in (validation.notes if validation else ())]
    if config.clip.flip and not train.class_names:
        more.append(
            "training clips are not flipped: without class names nobody knows what a flip makes of them; "
            "data.labels names them"
        )
    return Sources(train, validation, classes, (*notes, *more))


def _load_validation(data: DataConfig, name: str, train: RecordList) -> RecordList:
    """By the training list's format: where each were read by its own, numbers could be other classes."""
    shared = data.format or _guess_format(train)
    names, subset = train.class_names or None, data.validation_subset
    try:
        found = _load(data, name, subset, names, shared)
    except DataError as error:
        if data.format is None:
            _refuse_other_format(data, name, shared, error)
        raise
    _check_numbering(data, shared, train, found)
    apart = _guess_format(found) if data.format is None else shared
    if apart == shared:
        return found
    note = f"read as {shared}, as the training clips are; by itself the list looks like {apart}"
    return replace(found, notes=(*found.notes, note))


def _guess_format(records: RecordList) -> str:
    """What a list looks like by itself; of several files all look alike, or they were not read."""
    path = Path(next(iter(records.sources or {})))
    return FOLDERS if path.is_dir() else infer_format(Annotation.load(path))


def _refuse_other_format(data: DataConfig, name: str, shared: str, error: DataError) -> None:
    """Say so where a validation list cannot be read only because it has another format."""
    try:
        apart = _guess_format(_load(data, name, data.validation_subset, None, None))
    except DataError:
        return
    raise DataError(
        error.subject,
        expected=f"a list in the format of data.train, {shared}",
        found=f"one that looks like {apart} ({error.found})",
        todo="write both lists in one format, or name the format of both with data.format",
    ) from error


def _check_numbering(data: DataConfig, format: str, train: RecordList, validation: RecordList) -> None:
    """Refuse lists of which one counts the classes from 0 and the other from 1, where they name them.

    Lines of plain lists do not, but often the folders that their clips lie in do.
    """
    entries, others = _read_entries(format, train), _read_entries(format, validation)
    first, second = _numbers_by_name(entries), _numbers_by_name(others)
    both = [name for name in train.class_names if name in first and name in second]
    odd = [name for name in both if not first[name] & second[name]]
    found = [f"{name} as {min(first[name])} and as {min(second[name])}" for name in odd]
    found = found or (_find_shift(entries, others) if format == "list" else [])
    if found:
        raise DataError(
            f"{data.train} and {data.validation}",
            expected="the same number for a class in both lists",
            found=f"{name_some(found)}, read as {format}",
            todo="number the classes alike, or name the right format with data.format",
        )


def _read_entries(format: str, records: RecordList) -> list[Entry]:
    """What the lists themselves say, before classes were agreed on."""
    files = [Path(path) for path in records.sources or {} if not Path(path).is_dir()]
    return [entry for path in files for entry in FORMATS[format](Annotation.load(path))]


def _numbers_by_name(entries: Sequence[Entry]) -> dict[str, set[int]]:
    """The numbers that a list itself gives to each text; one class may have several texts, as verbs have."""
    numbers: dict[str, set[int]] = {}
    for entry in entries:
        if entry.label is not None and entry.label_text:
            numbers.setdefault(entry.label_text, set()).add(entry.label)
    return numbers


def _find_shift(train: Sequence[Entry], validation: Sequence[Entry]) -> list[str]:
    """Folders whose number is further on in one list, by as much for all; none if they tell no classes.

    They are taken for classes where two or more are in both lists, each with one number in each list.
    """
    for depth in (0, -1):
        first, second = _numbers_by_folder(train, depth), _numbers_by_folder(validation, depth)
        both = [name for name in first if name in second]
        if len(both) < 2 or any(len(first[name]) > 1 or len(second[name]) > 1 for name in both):
            continue
        pairs = {name: (min(first[name]), min(second[name])) for name in both}
        shifts = {number - other for number, other in pairs.values()}
        if len(shifts) == 1 and shifts != {0}:
            return [f"folder {name} as {number} and as {other}" for name, (number, other) in pairs.items()]
    return []


def _numbers_by_folder(entries: Sequence[Entry], depth: int) -> dict[str, set[int]]:
    """The numbers that a plain list gives to the clips of each first (0) or last (-1) folder of its paths."""
    numbers: dict[str, set[int]] = {}
    for entry in entries:
        folders = [
            part for part in (*entry.files, *entry.sources)[0].replace("\\", "/").split("/")[:-1] if part
        ]
        if folders and entry.label is not None:
            numbers.setdefault(folders[depth], set()).add(entry.label)
    return numbers


def _load(
    data: DataConfig, name: str, subset: str | None, labels: tuple[str, ...] | None, format: str | None
) -> RecordList:
    root = Path(data.root)
    found = _load_listed(data, name, subset, labels, format)
    return found if data.flow is None else replace(found, records=point_at_flow(found, root / data.flow))


def _load_listed(
    data: DataConfig, name: str, subset: str | None, labels: tuple[str, ...] | None, format: str | None
) -> RecordList:
    root = Path(data.root)
    if (root / name).is_dir():
        return load_class_folders(root / name, labels)
    clips = data.clips if data.flow is None else data.flow  # colour clips need not be there
    return load_records(
        root / name,
        format=format,
        root=root / clips if clips is not None else None,
        labels=labels or (root / data.labels if data.labels is not None else None),
        label_order=data.label_order,
        subset=subset,
        within=root,
    )


def _count_classes(
    config: TrainConfig, train: RecordList, validation: RecordList | None
) -> tuple[int, list[str]]:
    """How many classes there are, and what to note of that."""
    if not _labels(train):
        raise DataError(
            config.data.train,
            expected="clips with labels",
            found="none",
            todo="name the training annotations",
        )
    wanted, named = config.model.num_classes, len(train.class_names)
    if not named:
        return _count_numbers(wanted, train, validation)
    if wanted not in (None, named):
        raise SpecError(
            "model.num_classes",
            expected=f"{named}, as in the training data",
            found=str(wanted),
            todo="correct it, or set it to none",
        )
    return named, []  # labels beyond the names are refused where the clips are read


def _count_numbers(
    wanted: int | None, train: RecordList, validation: RecordList | None
) -> tuple[int, list[str]]:
    """Without names, the highest number in either list says how many there are."""
    last = max([*train, *(validation or ())], key=_label)
    found = _label(last) + 1
    if found > MOST_CLASSES:
        raise DataError(
            "labels",
            expected=f"class numbers below {MOST_CLASSES}",
            found=f"clip {last.clip} with label {_label(last)}",
            todo="number the classes from 0",
        )
    if wanted is not None and wanted < found:
        raise SpecError(
            "model.num_classes",
            expected=f"at least {found}, as classes are numbered from 0",
            found=f"{wanted}, and clip {last.clip} with label {_label(last)}",
            todo="correct it, or the lists, or set it to none",
        )
    unseen = sorted(_labels(validation) - _labels(train)) if validation is not None else []
    note = f"validation clips: no training clip has label {name_some([str(label) for label in unseen])}"
    return wanted or found, [note] if unseen else []


def _labels(records: RecordList) -> set[int]:
    return {record.label for record in records if record.label is not None}


def _label(record: ClipRecord) -> int:
    return -1 if record.label is None else record.label


def _differences(wanted: WorldConfig, found: WorldConfig) -> str:
    pairs = {name: (value, getattr(found, name)) for name, value in vars(wanted).items()}
    return ", ".join(f"{name} {has!r} for {asked!r}" for name, (asked, has) in pairs.items() if asked != has)
