"""Table 1's formulas against the kernels that families build from, and against their own symbols."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from gst_analysis.analyses.cost.formulas import STH_READING, TABLE1, Formula, OperatorSizes, work_formulas
from gst_analysis.networks.families import FAMILIES

FORMULAS = {**TABLE1, "sth": STH_READING}


def evaluate(text: str, sizes: OperatorSizes) -> Fraction:
    """Read a formula as arithmetic on exact fractions."""
    names = {**vars(sizes), "α": sizes.alpha, "g": sizes.groups}
    python = re.sub(r"(?<![\w.])(\d+)", r"Fraction(\1)", text.replace("·", "*"))
    value = eval(python, {"Fraction": Fraction, "__builtins__": {}}, names)
    return Fraction(value)


@pytest.mark.parametrize("alpha", [Fraction(1, 2), Fraction(1, 4), Fraction(1, 8)])
@pytest.mark.parametrize(
    ("family", "c_in", "c_out"),
    [(family, 512, 512) for family in FORMULAS]
    # the paper's P3D has C_i in both kernels, though the second one reads C_o: equal widths only
    + [(family, 64, 128) for family in FORMULAS if family != "p3d"],
)
def test_formulas_count_the_kernels_we_build(family: str, c_in: int, c_out: int, alpha: Fraction) -> None:
    sizes = OperatorSizes(C_i=c_in, C_o=c_out, alpha=alpha)
    kernels = FAMILIES[family].kernels(c_in, c_out, alpha)
    assert FORMULAS[family].count(sizes) == sum(kernel.params for kernel in kernels)


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=lambda formula: formula.model)
def test_symbols_and_numbers_say_what_is_counted(formula: Formula) -> None:
    sizes = OperatorSizes(H=5, W=7, T=2, C_i=24, C_o=40, alpha=Fraction(1, 8), groups=4)
    count = formula.count(sizes)
    assert evaluate(formula.symbols, sizes) == count
    assert not re.search("[A-Zα]", formula.numbers(sizes))
    assert evaluate(formula.numbers(sizes), sizes) == count


def test_table_1_has_the_papers_six_lines_and_ours_is_called_ours() -> None:
    lines = work_formulas()
    papers = ["C2D", "C3D", "P3D", "C3D(groups=g)", "GST-Large", "GST"]
    assert [line.model for line in lines] == [*papers, "STH (our reading)"]
    by_hand = [9 * 4096, 27 * 4096, 12 * 4096, 27 * 2048, 1.5 * 9 * 4096, 1.5 * 9 * 2048, 7.5 * 4096]
    assert [line.params for line in lines] == by_hand


def test_a_count_that_is_no_whole_number_is_not_rounded() -> None:
    gst = work_formulas(OperatorSizes(C_i=1, C_o=1))[-2]
    assert gst.params == 6.75
