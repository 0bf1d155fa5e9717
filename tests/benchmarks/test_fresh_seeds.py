"""Plain claims on a seed: each is checked, and one that does not hold is said."""

from __future__ import annotations

import pytest

from benchmarks import fresh_seeds


def test_what_does_not_hold_is_said_and_is_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fresh_seeds, "check_seed", lambda seed: {"a claim": ("what it is", seed != 2)})
    assert fresh_seeds.main(["1", "3"]) == 0
    assert fresh_seeds.main(["1", "2"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "| 2 | a claim | what it is | **does not hold** |"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_every_claim_holds(seed: int) -> None:
    assert {name for name, (_, holds) in fresh_seeds.check_seed(seed).items() if not holds} == set()
