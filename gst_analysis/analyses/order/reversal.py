"""Classes that are each other's reversal: from their names, and from what they are taken for in reverse."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc

from gst_analysis.clips.entries import strip_template

Whole = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
_PAIRS = """
left/right leftward/rightward leftwards/rightwards up/down upward/downward upwards/downwards
upstairs/downstairs top/bottom clockwise/counterclockwise cw/ccw forward/backward forwards/backwards
in/out in/out-of into/out-of into/from onto/off onto/off-of on/off on/off-of
closer-to/away-from towards/away-from closer/apart closer/away towards/away toward/away away/in
approaching/moving-away-from moving-closer-to/moving-away-from moving-towards/moving-away-from
larger/smaller bigger/smaller
"""
_VERBS = """
open:opening/close:closing fold:folding/unfold:unfolding cover:covering/uncover:uncovering
wrap:wrapping/unwrap:unwrapping plug:plugging/unplug:unplugging lock:locking/unlock:unlocking
roll:rolling/unroll:unrolling tie:tying/untie:untying button:buttoning/unbutton:unbuttoning
buckle:buckling/unbuckle:unbuckling zip:zipping/unzip:unzipping stack:stacking/unstack:unstacking
load:loading/unload:unloading connect:connecting/disconnect:disconnecting
assemble:assembling/disassemble:disassembling attach:attaching/detach:detaching
enter:entering/leave:leaving enter:entering/exit:exiting insert:inserting/remove:removing
put:putting/take:taking pick:picking/put:putting push:pushing/pull:pulling stand:standing/sit:sitting
lift:lifting/lower:lowering raise:raising/lower:lowering rise:rising/fall:falling fill:filling/empty:emptying
grow:growing/shrink:shrinking expand:expanding/shrink:shrinking expand:expanding/contract:contracting
inflate:inflating/deflate:deflating increase:increasing/decrease:decreasing speed:speeding/slow:slowing
appear:appearing/vanish:vanishing appear:appearing/disappear:disappearing start:starting/stop:stopping
"""
"""As data sets write them: open, opens, opening, opened."""
_PAST = """
leave:left put:put take:took:taken stand:stood sit:sat rise:rose:risen fall:fell:fallen grow:grew:grown
shrink:shrank:shrunk speed:sped
"""
"""Verbs whose past is no -ed; last comes what it is after `being`, where that is another word."""
_MOST_WORDS = 6
"""Words of one name that are turned round in every combination."""


def _read_opposites() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for one, other in _list_pairs():
        found.setdefault(one, []).append(other)
        found.setdefault(other, []).append(one)
    return {word: tuple(others) for word, others in found.items()}


def _list_pairs() -> Iterator[tuple[str, str]]:
    for pair in _PAIRS.split():
        one, other = pair.replace("-", " ").split("/")
        yield one, other
    past = {verb: forms for verb, *forms in (line.split(":") for line in _PAST.split())}
    for pair in _VERBS.split():
        verbs = (verb.split(":") for verb in pair.split("/"))
        forms = [(plain, _add_s(plain), going, *_list_past(plain, going, past)) for plain, going in verbs]
        yield from dict.fromkeys(zip(*forms, strict=True))


def _add_s(verb: str) -> str:
    """push -> pushes, empty -> empties, open -> opens."""
    if verb.endswith(("sh", "ch", "x")):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if verb.endswith("ty") else f"{verb}s"


def _list_past(verb: str, going: str, irregular: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """What it was, and what it is being: took and taken, opened and opened."""
    found = irregular.get(verb) or [_add_ed(verb, going)]
    return found[0], found[-1]


def _add_ed(verb: str, going: str) -> str:
    """close -> closed, empty -> emptied, plug -> plugged: a letter is doubled where it is in plugging."""
    if verb.endswith("e"):
        return f"{verb}d"
    return f"{verb[:-1]}ied" if verb.endswith("ty") else f"{going[:-3]}ed"


OPPOSITES = _read_opposites()
"""Of each word, what it becomes when a film runs backwards."""
_SYMMETRIC = re.compile(r"\b(and back|back and forth)\b")
"""There and back is, in reverse, there and back."""
_PARTS = "hand|arm|elbow|shoulder|foot|leg|knee|hip|eye|ear|cheek|thumb"
_WORD = re.compile(
    rf"\b(?!(?:to the )?(?:left|right)[ -]?(?:{_PARTS}))"  # which hand it is does not change in reverse
    rf"((?:to the )?(?:{'|'.join(sorted(map(re.escape, OPPOSITES), key=len, reverse=True))}))\b"
)


def infer_reversals(class_names: Sequence[str]) -> dict[int, int]:
    """Class numbers whose names are each other's opposites in time, both ways round.

    As many words as possible are turned round: in reverse, picking something up is putting it down.

    Example:
        >>> infer_reversals(["Moving [something] up", "Holding [something]", "Moving [something] down"])
        {0: 2, 2: 0}
    """
    names = [_plain(name) for name in class_names]
    index = {name: number for number, name in enumerate(names)}
    if len(index) < len(names):
        return {}  # a name that two classes share names neither
    found = {number: _find_opposite(name, index) for number, name in enumerate(names)}
    return {a: b for a, b in found.items() if b is not None and b != a and found[b] == a}


def _find_opposite(name: str, index: Mapping[str, int]) -> int | None:
    """The class of the name with most of its words turned round, if there is just one."""
    by_count: dict[int, set[int]] = {}
    for turned, other in _turn_words(name):
        if other in index:
            by_count.setdefault(turned, set()).add(index[other])
    best = by_count[max(by_count)] if by_count else set()
    return next(iter(best)) if len(best) == 1 else None


def _turn_words(name: str) -> Iterator[tuple[int, str]]:
    """Every way to turn some words of a name round, and how many were; what came first comes last."""
    parts = _WORD.split(name)  # words that can be turned stand at odd places
    words = parts[1::2]
    if not 0 < len(words) <= _MOST_WORDS or _SYMMETRIC.search(name):
        return
    step = -1 if re.search(r"\bthen\b", name) else 1
    for chosen in itertools.product(*((word, *_list_opposites(word)) for word in words)):
        turned = sum(one != other for one, other in zip(words, chosen, strict=True))
        if turned:
            rest = [*chosen[::step], ""]
            yield turned, "".join(itertools.chain(*zip(parts[::2], rest, strict=True)))


def _list_opposites(word: str) -> list[str]:
    """What a word becomes in reverse, as often as it has opposites; `to the` stays before it."""
    before, after = ("to the ", word[7:]) if word.startswith("to the ") else ("", word)
    return [before + other for other in OPPOSITES[after]]


def _plain(name: str) -> str:
    """Lower case words: `ZoomIn`, `zoom_in` and `Zoom [in]` read alike."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace("_", " "))
    return re.sub(r"\b(counter[- ]|anti[- ]?)clockwise", "counterclockwise", strip_template(spaced).lower())


def count_taken(labels: Whole, predicted: Whole, classes: int) -> Whole:
    """(K, K): clips of each class by what they were taken for."""
    counts = np.bincount(labels * classes + predicted, minlength=classes**2)
    return np.asarray(counts.reshape(classes, classes), dtype=np.int64)


def chance_of_pairs(reverse: Whole) -> Reals:
    """(K, K): how likely at least so many of one class would be taken for the other, and the other way round,
    if clips in reverse were taken for classes by chance; times the number of pairs.

    NaN where one of the two has no clips.
    """
    classes = len(reverse)
    clips = reverse.sum(axis=1)
    one_way = bdtrc(reverse - 1.0, clips[:, None], 1 / classes)  # of at least so many
    one_way[clips == 0] = np.nan
    seen = int((clips > 0).sum())
    return np.asarray(np.minimum(1.0, np.maximum(one_way, one_way.T) * max(1, seen * (seen - 1) // 2)))


def is_more_in_reverse(
    labels: Whole, reverse: Whole, order: Whole, pair: tuple[int, int], level: float
) -> bool:
    """Whether clips of the first class are taken for the second in reverse more than in order (sign test)."""
    own = labels == pair[0]
    alone = int((own & (reverse == pair[1]) & (order != pair[1])).sum())
    lost = int((own & (reverse != pair[1]) & (order == pair[1])).sum())
    return bool(alone and bdtrc(alone - 1.0, alone + lost, 0.5) < level)
