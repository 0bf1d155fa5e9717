"""The public names: one list, closed under what signatures name, documented, and shown by TAB."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gst_analysis as gst

HOME = Path(gst.__file__).parent
STUB = HOME / "__init__.pyi"
PUBLIC = Path(__file__).with_name("public_names.txt")
OURS = {
    node.name
    for file in HOME.rglob("*.py")
    for node in ast.parse(file.read_text()).body
    if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
} | {"Source", "AnyPath"}
"""Types that are ours: classes, and names for several types."""


def name_types(annotation: object) -> set[str]:
    """Our types that an annotation names."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return set(re.findall(r"\b[A-Z]\w+", str(text))) & OURS


def list_signatures(name: str) -> Iterator[tuple[str, object]]:
    """Everything that a public name shows with a type: parameters, what is returned, fields, properties."""
    value = inspect.unwrap(getattr(gst, name))
    if inspect.isfunction(value):
        yield from ((f"{name}({key})", kind) for key, kind in value.__annotations__.items())
        return
    for owner in getattr(value, "__mro__", ()):
        if not owner.__module__.startswith("gst_analysis"):
            continue
        for key, kind in vars(owner).get("__annotations__", {}).items():
            if not key.startswith("_") and "ClassVar" not in str(kind):
                yield f"{name}.{key}", kind
        for key, member in vars(owner).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if inspect.isfunction(function) and not key.startswith("_"):
                yield from ((f"{name}.{key}({p})", k) for p, k in function.__annotations__.items())


def test_the_public_names_are_those_that_were_agreed() -> None:
    """Adding or dropping one is a decision, not an accident: write it into the list beside this test."""
    assert sorted(gst.__all__) == PUBLIC.read_text().split()


def test_the_stub_is_the_one_list() -> None:
    tree = ast.parse(STUB.read_text())
    imported = {a.asname or a.name for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
    listed: list[str] = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    )
    assert sorted(imported) == sorted(listed) == sorted(gst.__all__)
    door = (HOME / "__init__.py").read_text()
    assert not [name for name in gst.__all__ if f'"{name}"' in door]


@pytest.mark.parametrize("name", [*gst.__all__, "__version__"])
def test_every_public_name_is_there_documented_and_offered_by_tab(name: str) -> None:
    value = getattr(gst, name)
    assert name in dir(gst)
    assert value.__doc__ or name in ("Source", "AnyPath")


@pytest.mark.parametrize("name", gst.__all__)
def test_every_type_that_a_public_signature_names_is_public(name: str) -> None:
    missing = {
        f"{where}: {kind}"
        for where, annotation in list_signatures(name)
        for kind in name_types(annotation)
        if kind not in gst.__all__
    }
    assert missing == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = gst.nothing  # type: ignore[attr-defined] # that is the point


@pytest.mark.parametrize(
    "code",
    [
        "import gst_analysis",
        "import gst_analysis; dir(gst_analysis)",
        "from gst_analysis.cli import run; run(['--help'])",
        "from gst_analysis.cli import run; run(['influence', '--help'])",
        "from gst_analysis.analyses import list_analyses; list_analyses()",
    ],
)
def test_the_doors_are_light(code: str) -> None:
    heavy = "{'torch', 'torchvision', 'pandas', 'matplotlib', 'plotly', 'scipy', 'av', 'streamlit'}"
    watch = f"import sys; {code}; sys.exit(' '.join(sorted({heavy} & set(sys.modules))) or 0)"
    done = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "opened"),
    [
        ([], set()),
        (["--help"], set()),
        (["--version"], set()),
        (["fly"], set()),
        (["influence", "--help"], {"gst_analysis.analyses.influence.command"}),
        (["cost", "gst-resnet50", "--json"], {"gst_analysis.analyses.cost.command"}),
        (["report", "--help"], {"gst_analysis.reporting.command"}),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_the_program_imports_one_module_of_commands_at_most_and_nothing_that_prints(
    words: list[str], opened: set[str]
) -> None:
    code = (
        "import sys; from gst_analysis.cli import app, run; run(sys.argv[1:]); "
        "held = set(app.commands.list_modules()) & set(sys.modules); "
        "print('imported:', *sorted(held | {'rich', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split()[1:] == sorted(opened)


def call(**given: Any) -> Any:
    return gst.frame_influence("net.pth", "clip.mp4", **given)


def test_a_keyword_that_there_is_not_is_a_sentence() -> None:
    with pytest.raises(gst.SpecError, match=r"frame_influence: expected some of .*limit.*; found limitt"):
        call(limitt=3)
    with pytest.raises(gst.SpecError, match="expected options of type InfluenceOptions; found dict"):
        call(options={})
    assert "limit" in inspect.signature(gst.frame_influence).parameters
