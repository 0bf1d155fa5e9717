"""Table 1 of the paper as code: the parameters of each temporal operator, in symbols and in numbers.

Nothing enters but the sizes of one operator. The same counts follow from the kernels in families.py, by
another way; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from gst_analysis.analyses.cost.table import WorkedFormula


@dataclass(frozen=True)
class OperatorSizes:
    """The paper's symbols: kernel height, width and time, channels in and out, alpha, and groups."""

    H: int = 3
    W: int = 3
    T: int = 3
    C_i: int = 64
    C_o: int = 64
    alpha: Fraction = Fraction(1, 4)
    groups: int = 2


@dataclass(frozen=True)
class Formula:
    """One line of Table 1; `symbols` is for people, `count` for programs."""

    model: str
    symbols: str
    count: Callable[[OperatorSizes], Fraction]

    def numbers(self, sizes: OperatorSizes) -> str:
        """The symbols with their values put in."""
        values = {
            "H": sizes.H,
            "W": sizes.W,
            "T": sizes.T,
            "C_i": sizes.C_i,
            "C_o": sizes.C_o,
            "α": sizes.alpha,
            "g": sizes.groups,
        }
        return re.sub(r"C_i|C_o|[HWTgα]", lambda symbol: str(values[symbol[0]]), self.symbols)


def _c2d(s: OperatorSizes) -> Fraction:
    return Fraction(s.H * s.W * s.C_i * s.C_o)


def _c3d(s: OperatorSizes) -> Fraction:
    return s.T * _c2d(s)


def _p3d(s: OperatorSizes) -> Fraction:
    return Fraction((s.H * s.W + s.T) * s.C_i * s.C_o)


def _c3d_groups(s: OperatorSizes) -> Fraction:
    return _c3d(s) / s.groups


def _gst_large(s: OperatorSizes) -> Fraction:
    return (1 - s.alpha + s.alpha * s.T) * _c2d(s)


def _gst(s: OperatorSizes) -> Fraction:
    return _gst_large(s) / 2


def _sth(s: OperatorSizes) -> Fraction:
    return s.C_i * s.C_o * (s.H * s.W * (1 - s.alpha) + s.T * s.alpha)


TABLE1: Mapping[str, Formula] = {
    "c2d": Formula("C2D", "H·W·C_i·C_o", _c2d),
    "c3d": Formula("C3D", "T·H·W·C_i·C_o", _c3d),
    "p3d": Formula("P3D", "(H·W + T)·C_i·C_o", _p3d),
    "c3d-g2": Formula("C3D(groups=g)", "T·H·W/g·C_i·C_o", _c3d_groups),
    "gst-large": Formula("GST-Large", "(1 - α + α·T)·H·W·C_i·C_o", _gst_large),
    "gst": Formula("GST", "(1 - α + α·T)·H·W·C_i·C_o/2", _gst),
}
"""The six lines of Table 1, by our names of the families."""

STH_READING = Formula("STH (our reading)", "C_i·C_o·(H·W·(1 - α) + T·α)", _sth)
"""Not in the paper: our reading of STH's abstract, whose share p of temporally read channels is α here."""


def work_formulas(sizes: OperatorSizes | None = None) -> list[WorkedFormula]:
    """Table 1 and our reading of STH with numbers put in.

    Example:
        >>> work_formulas()[-2].numbers
        '(1 - 1/4 + 1/4·3)·3·3·64·64/2'
        >>> work_formulas()[-2].params
        27648
    """
    sizes = sizes or OperatorSizes()
    return [
        WorkedFormula(f.model, f.symbols, f.numbers(sizes), _plain(f.count(sizes)))
        for f in (*TABLE1.values(), STH_READING)
    ]


def _plain(count: Fraction) -> int | float:
    return int(count) if count.denominator == 1 else float(count)
