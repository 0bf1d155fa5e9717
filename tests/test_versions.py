"""Every dependency has a lower bound that one script can try."""

from __future__ import annotations

import pytest

from tests import versions


def test_lower_bounds_are_those_of_the_project() -> None:
    wanted, held = versions.plan_install("lowest")
    assert "torch==2.11" in held
    assert len(held) == len({line.split("==")[0] for line in held}) >= 18
    assert {text.split(">=")[0] for text in wanted[2:]} == set(versions.TOOLS)
    assert versions.plan_install("newest")[1] == []


def test_a_dependency_without_a_bound_is_refused() -> None:
    assert versions.find_bounds(["a>=1.2,<3", "b[c]>=0.1.post1"]) == {"a": "1.2", "b": "0.1.post1"}
    with pytest.raises(ValueError, match="no lower bound"):
        versions.find_bounds(["a"])
