"""None of the attacks does anything: some of them in every run, all of them in the longer one."""

from __future__ import annotations

import pytest

from tests.hostile.cases import Kind, sample
from tests.hostile.registry import CHECKPOINTS, KINDS
from tests.hostile.runner import run_cases


def list_faults(kinds: tuple[Kind, ...], count: int) -> list[str]:
    verdicts = run_cases(sample(kinds, count), quiet=False)
    return [f"{v.fault}: {v.kind}: {v.case}: {v.detail}" for v in verdicts if v.fault]


def test_some_of_all_attacks_by_checkpoints_cards_and_recipes() -> None:
    kinds = tuple(
        kind for kind in KINDS if kind in CHECKPOINTS or kind.name in ("cards", "recipes: settings")
    )
    assert list_faults(kinds, 12) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_all_attacks(kind: Kind) -> None:
    assert list_faults((kind,), 10_000) == []


def test_attacks_have_names_of_their_own_and_are_enough() -> None:
    names = {kind.name: [case.name for case in kind.generate(0)] for kind in KINDS}
    assert {name: len(found) - len(set(found)) for name, found in names.items()} == dict.fromkeys(names, 0)
    assert sum(len(names[kind.name]) for kind in CHECKPOINTS) >= 800
