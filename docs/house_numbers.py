"""How the code is laid out, in numbers: what docs/architecture.md compares before and after.

python -m docs.house_numbers [FOLDER]       # the repository's root if none is named
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FEW = 40
"""Lines below which a file needs a reason."""


@dataclass(frozen=True)
class Numbers:
    """One state of the code in `gst_analysis` and `app`."""

    files: int
    lines: int
    naming_influence: int
    naming_influence_outside: int
    listing_a_name: int
    local_imports: int
    short_files: int
    longest_function: int
    comments_per_1000: float
    format_skips: int


def measure_house(root: Path) -> Numbers:
    """Read every code file of the package and the explorer."""
    files = {
        file: file.read_text()
        for top in ("gst_analysis", "app")
        for file in sorted((root / top).rglob("*.py"))
    }
    code = {file: text for file, text in files.items() if text.strip()}
    naming = [file for file, text in code.items() if "influence" in text.lower()]
    lines = sum(len(text.splitlines()) for text in code.values())
    trees = [ast.parse(text) for text in code.values()]
    return Numbers(
        files=len(code),
        lines=lines,
        naming_influence=len(naming),
        naming_influence_outside=sum("influence" not in file.parent.parts for file in naming),
        listing_a_name=len(list(list_listing(root))),
        local_imports=sum(len(list(list_local_imports(tree))) for tree in trees),
        short_files=sum(len(text.splitlines()) < FEW for file, text in code.items() if not _is_bare(text)),
        longest_function=max(length for tree in trees for length in list_lengths(tree)),
        comments_per_1000=1000 * sum(map(count_comments, code.values())) / lines,
        format_skips=sum(text.count("fmt: skip") for text in code.values()),
    )


def list_listing(root: Path) -> Iterator[Path]:
    """The files that list one public name for others to import, beside the one that defines it."""
    for file in sorted((root / "gst_analysis").rglob("__init__.py*")):
        if file.suffix in (".py", ".pyi"):
            text = file.read_text()
            if "frame_influence" in text and "def frame_influence" not in text:
                yield file


def _is_bare(text: str) -> bool:
    """Whether a file is a package's docstring and nothing else."""
    body = ast.parse(text).body
    return len(body) <= 1 and all(isinstance(node, ast.Expr) for node in body)


def list_local_imports(tree: ast.Module) -> Iterator[ast.AST]:
    """Imports inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for inner in ast.walk(node):
                if isinstance(inner, (ast.Import, ast.ImportFrom)):
                    yield inner


def list_lengths(tree: ast.Module) -> Iterator[int]:
    """Lines of every function, without its docstring."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            inside = (first.end_lineno or 0) - first.lineno + 1 if told else 0
            yield (node.end_lineno or 0) - node.lineno + 1 - inside


def count_comments(text: str) -> int:
    """Comments that say something to a reader: no directives of tools."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    said = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return sum(not any(word in comment for word in ("type:", "noqa", "fmt:")) for comment in said)


if __name__ == "__main__":
    found = measure_house(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
    for name, value in vars(found).items():
        print(f"{name:26} {value:.1f}" if isinstance(value, float) else f"{name:26} {value}")
