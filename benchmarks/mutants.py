"""Small changes of a module that its tests should notice: the list of them, in the order of the source.

What is changed: comparisons, arithmetic, `and` and `or`, `not`, conditions, whole and real numbers (one more,
one less), True and False, and what is returned (None instead). What is not: text, annotations, and anything
said in a refusal (below `raise`, or in the arguments of a call to an error).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

Node = ast.AST

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_UNTOUCHED = {"annotation", "returns", "decorator_list", "bases"}
_CONDITIONS = {(ast.If, "test"), (ast.IfExp, "test"), (ast.While, "test"), (ast.comprehension, "ifs")}


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, what stood there, and what stands there instead."""

    line: int
    function: str
    before: str
    after: str
    spot: tuple[Node, str, int | None]
    replacement: Node

    @property
    def change(self) -> str:
        return f"{self.before} -> {self.after}"

    def compile(self, tree: ast.Module, file: str) -> CodeType:
        """The whole module with this change; the tree is left as it was."""
        parent, name, at = self.spot
        held = getattr(parent, name)
        old = held if at is None else held[at]
        _put(self.spot, self.replacement)
        try:
            return compile(ast.fix_missing_locations(tree), file, "exec")
        finally:
            _put(self.spot, old)


def list_mutants(tree: ast.Module) -> list[Mutant]:
    """Every change of a module, in the order of its lines."""
    return sorted(_walk(tree, tree, ""), key=lambda mutant: mutant.line)


def _walk(node: Node, statement: Node, function: str) -> Iterator[Mutant]:
    for name, value in ast.iter_fields(node):
        if name in _UNTOUCHED:
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for at, child in children:
            if not isinstance(child, ast.AST) or _is_refusal(child):
                continue
            inner = child if isinstance(child, ast.stmt) else statement
            below = function
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                below = f"{function}.{child.name}".lstrip(".")
            for replacement in _variants(child, (type(node), name)):
                ast.copy_location(replacement, child)
                yield _describe(inner, below, (node, name, at), child, replacement)
            yield from _walk(child, inner, below)


def _variants(node: Node, place: tuple[type[Node], str]) -> Iterator[Node]:
    """What could stand in a node's place."""
    if isinstance(node, ast.Compare):
        for at, op in enumerate(node.ops):
            for other in _COMPARISONS[type(op)]:
                ops = [*node.ops[:at], other(), *node.ops[at + 1 :]]
                yield ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield ast.AugAssign(node.target, _ARITHMETIC[type(node.op)](), node.value)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub, ast.Invert)):
        yield node.operand
    elif isinstance(node, ast.Return) and node.value and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Constant):
        yield from _other_constants(node.value)
    # A comparison is negated above already.
    if (
        place in _CONDITIONS
        and isinstance(node, ast.expr)
        and not isinstance(node, (ast.Compare, ast.UnaryOp))
    ):
        yield ast.UnaryOp(ast.Not(), node)


def _other_constants(value: object) -> Iterator[Node]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1)
        yield ast.Constant(value - 1)


def _describe(
    statement: Node, function: str, spot: tuple[Node, str, int | None], old: Node, new: Node
) -> Mutant:
    """Say a change as code: the expression that changes; for a constant, what it stands in."""
    if isinstance(new, ast.Constant) and not isinstance(old, ast.Return):
        parent = spot[0]
        shown = parent if isinstance(parent, (ast.expr, ast.keyword, ast.arguments)) else statement
    else:
        shown = old
    before = ast.unparse(shown)
    _put(spot, new)
    after = ast.unparse(new if shown is old else shown)
    _put(spot, old)
    line = getattr(old, "lineno", getattr(statement, "lineno", 0))
    return Mutant(line, function, " ".join(before.split()), " ".join(after.split()), spot, new)


def _put(spot: tuple[Node, str, int | None], node: Node) -> None:
    parent, name, at = spot
    if at is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[at] = node


def _is_refusal(node: Node) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    name = getattr(called, "id", getattr(called, "attr", ""))
    return isinstance(node, ast.Raise) or name.endswith("Error")


def _is_none(node: Node) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
