"""The documentation: written from the program where it can be, and a site that builds without a warning."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gst_analysis as gst
from docs import analyses_table, cli_reference, gallery, man_page, networks_table, tables_reference
from gst_analysis.analyses import list_analyses
from gst_analysis.cli import app
from gst_analysis.console.options import takes_options
from gst_analysis.reporting.walking import list_writers

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
READ = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES, *sorted((ROOT / "notebooks").glob("*.ipynb"))]
"""Everything that is written for readers."""
FENCES = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
DECLARED = dict(app.commands.import_all())
"""Every command as its module declares it."""

every_text = pytest.mark.parametrize("path", READ, ids=lambda path: path.stem)


def read_text(path: Path) -> str:
    """A page, or a notebook as the page that it would be."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(f"```python\n{words}\n```" if kind == "code" else words for kind, words in cells)


def list_inline(text: str) -> list[str]:
    """What stands between backticks within sentences."""
    return re.findall(r"`([^`\n]+)`", FENCES.sub("", text))


def list_shell_lines(text: str) -> Iterator[str]:
    """Lines of code that call the program, and such calls within sentences that leave nothing open."""
    usage = "".join(found.group(0) for found in FENCES.finditer(text) if found.group(1) == "text")
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip().startswith("gst-analyze ") and line not in usage:
            yield line.strip()
    yield from (code for code in list_inline(text) if re.match(r"gst-analyze [a-z-]+ [^…|\[]+$", code))


def parse(line: str) -> dict[str, Any]:
    """Give a line to the program's own parser and build its options, and go no further."""
    name, *words = shlex.split(line.partition(" > ")[0], comments=True)[1:]
    command, found = app.commands[name], DECLARED[name].callback
    assert found is not None
    heard: dict[str, Any] = {}

    @functools.wraps(inspect.unwrap(found))
    def listen(**values: Any) -> None:
        heard.update(values)

    takes_options(listen)(**command.make_context(name, words, resilient_parsing=False).params)
    return heard


def list_calls(text: str) -> Iterator[ast.Call]:
    """Calls of public functions, in blocks of Python and within sentences."""
    blocks = [found.group(2) for found in FENCES.finditer(text) if found.group(1) == "python"]
    for code in [*blocks, *(one for one in list_inline(text) if "gst." in one)]:
        try:
            tree = ast.parse(code)
        except SyntaxError:
            if code in blocks:
                raise
            continue  # a call that leaves its arguments open
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and re.fullmatch(r"gst(\.\w+)+", ast.unparse(node.func)):
                yield node


def test_the_command_line_page_is_what_the_program_says() -> None:
    written = cli_reference.PAGE.read_text(encoding="utf-8")
    assert written == cli_reference.build_page(), "run python -m docs.cli_reference"


def test_the_page_of_the_manual_is_what_the_program_says() -> None:
    written = man_page.PAGE.read_text(encoding="utf-8")
    assert written == man_page.build_page(), "run python -m docs.man_page"
    assert not re.search(
        r"^(?!\.(?:\\\"|TH|SH|SS|PP|TP|EX|EE|br|[BIR]+ ?))[.']", written, re.MULTILINE
    )  # roff


def test_the_page_of_analyses_is_what_the_list_says() -> None:
    written = analyses_table.PAGE.read_text(encoding="utf-8")
    assert written == analyses_table.build_page(), "run python -m docs.analyses_table"


def test_the_page_of_tables_is_what_the_schemas_say() -> None:
    written = tables_reference.PAGE.read_text(encoding="utf-8")
    assert written == tables_reference.build_page(), "run python -m docs.tables_reference"


def test_every_schema_of_the_code_is_on_the_page_of_tables() -> None:
    """By the source, not by what the page's writer finds."""
    code = [path.read_text(encoding="utf-8") for path in (ROOT / "gst_analysis").rglob("*.py")]
    declared = [name for text in code for name in re.findall(r'\bSchema\(\s*"(\w+)"', text)]
    page = tables_reference.PAGE.read_text(encoding="utf-8")
    assert len(declared) > 40
    assert sorted(declared) == sorted(re.findall(r"^### (\w+)$", page, re.MULTILINE))


def test_every_column_has_a_meaning_and_every_number_a_unit() -> None:
    page = tables_reference.PAGE.read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 600
    for name, kind, unit, meaning in ([*row[:3], " | ".join(row[3:])] for row in rows):
        assert meaning.strip(), name
        assert (unit != "–") == ("number" in kind), name


def test_the_page_of_networks_is_what_the_lists_say() -> None:
    written = networks_table.PAGE.read_text(encoding="utf-8")
    for part in (networks_table.write_prose(), networks_table.write_list()):
        assert part in written, "run python -m docs.networks_table"


def test_the_gallery_is_what_its_list_says_and_shows_every_analysis_with_figures() -> None:
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.build_page(), "run python -m docs.gallery"
    shown = {one.analysis for one in gallery.GALLERY}
    assert shown == {about.title for about in list_analyses()} - {"Dataset check", "Prediction"}
    pictures = {f"{name}.png" for one in gallery.GALLERY for name in one.figures}
    assert {path.name for path in gallery.IMAGES.iterdir()} == pictures, "run python -m docs.gallery FOLDER"
    assert sum(path.stat().st_size for path in gallery.IMAGES.iterdir()) < 1_500_000


@pytest.mark.slow
def test_the_page_of_networks_is_what_counting_and_probing_say() -> None:
    written = networks_table.PAGE.read_text(encoding="utf-8")
    assert written == networks_table.build_page(), "run python -m docs.networks_table"


def test_the_command_line_page_has_every_command_option_and_example() -> None:
    page = cli_reference.build_page()
    for name, info in DECLARED.items():
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert "Example: gst-analyze" in (info.epilog or "")
        assert (info.epilog or "").removeprefix("Example: ") in section
        assert "--json" in section


def test_the_command_line_page_names_options_as_the_program_takes_them() -> None:
    """By the parser itself, not by what the page's writer reads."""
    page = cli_reference.build_page()
    for name, command in app.commands.items():
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `--")]
        written = {word for row in rows for word in re.findall(r"--[a-z][a-z0-9-]*", row)}
        taken = {word for p in command.params for word in (*p.opts, *p.secondary_opts) if word[:2] == "--"}
        assert written == taken - {"--help"}, name


def test_a_changed_option_changes_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cli_reference.build_page()
    info = DECLARED["bn-hist"]
    assert info.callback is not None
    signature = inspect.signature(info.callback)
    changed = [
        one.replace(default="other") if one.name == "by" else one for one in signature.parameters.values()
    ]
    monkeypatch.setattr(info.callback, "__signature__", signature.replace(parameters=changed), raising=False)
    assert cli_reference.build_page() != before


def test_the_python_page_has_every_public_name() -> None:
    named = re.findall(r"^::: gst_analysis\.(\w+)$", (DOCS / "api.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(gst.__all__)


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == [page.name for page in PAGES], "add it to nav in mkdocs.yml"


HEADINGS = [
    "What it measures",
    "How to run it",
    "How to read it",
    "When it misleads",
    "What to read next to it",
]


def list_of_nav(section: str) -> list[str]:
    """Pages below one heading of the navigation."""
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    lines = navigation.partition(f"  - {section}:\n")[2].splitlines()
    return [line.split()[-1] for line in itertools.takewhile(lambda line: line.startswith("    "), lines)]


def test_every_page_of_an_analysis_has_the_same_five_headings() -> None:
    for name in list_of_nav("Analyses")[1:]:
        page = FENCES.sub("", (DOCS / name).read_text(encoding="utf-8"))
        assert re.findall(r"^## (.+)$", page, re.MULTILINE) == HEADINGS, name
        parts = re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]
        assert all(part.strip() for part in parts), name
        assert "](" in parts[-1], f"{name} names nothing to read next to it"


EXPLAINED = ("logit", "channel", "group", "block", "operator")
"""Words of the glossary that every page of an analysis leans on."""
NO_PROSE = re.compile(
    r"^```.*?^```$|^(?:\||#|    |!\[).*?$|`[^`\n]+`|\[[^\]]*\]\((?!glossary)[^)]*\)", re.MULTILINE | re.DOTALL
)
"""Code, tables, headings and links to elsewhere."""


def test_words_are_explained_where_a_page_first_uses_them() -> None:
    known = re.findall(r'<a id="(\w+)"></a>\1 \|', (DOCS / "glossary.md").read_text(encoding="utf-8"))
    assert sorted(known) == sorted(EXPLAINED)
    for name in list_of_nav("Analyses")[1:]:
        page = NO_PROSE.sub("", (DOCS / name).read_text(encoding="utf-8"))
        for word in EXPLAINED:
            first = re.search(rf"\[?\b{word}s?\b(\]\(glossary\.md#{word}\))?", page)
            assert first is None or first.group(1), f"{name}: link the first {word} to the glossary"


def test_every_analysis_has_a_page() -> None:
    told = "".join((DOCS / name).read_text(encoding="utf-8") for name in list_of_nav("Analyses")[1:])
    for about in list_analyses():
        assert f"gst-analyze {about.command} " in told, about.name
        assert about.run.__name__ in re.findall(r"gst(?:_analysis)?\.(\w+)\(", told), about.name


def test_what_was_measured_stands_on_pages_of_its_own() -> None:
    """Each is told by the page of its analysis, and leads back to it."""
    measured = [name for name in list_of_nav("Measured") if name.startswith("measured-")]
    assert measured
    for name in measured:
        analysis = name.removeprefix("measured-")
        assert f"]({name})" in (DOCS / analysis).read_text(encoding="utf-8")
        assert f"]({analysis})" in (DOCS / name).read_text(encoding="utf-8")


@every_text
def test_readers_are_shown_public_names_alone(path: Path) -> None:
    text = read_text(path)
    shown = set(re.findall(r"(?:from|import) gst_analysis\.([\w.]+)", text))
    assert shown <= {"callbacks"}  # a door of its own, for training loops alone
    named = re.findall(r"\bgst\.(\w+)|\bgst_analysis\.(\w+)\(|from gst_analysis import (\w+)", text)
    assert {name for names in named for name in names if name} - set(gst.__all__) == set()


@every_text
def test_calls_have_the_arguments_that_functions_take(path: Path) -> None:
    for call in list_calls(read_text(path)):
        function = functools.reduce(getattr, ast.unparse(call.func).split(".")[1:], gst)
        if any(isinstance(one, ast.Starred) for one in call.args):
            continue
        words = {word.arg: None for word in call.keywords if word.arg}
        try:
            inspect.signature(function).bind(*call.args, **words)  # type: ignore[arg-type] # it is called
        except TypeError as error:
            pytest.fail(f"{ast.unparse(call)}: {error}")


@every_text
def test_lines_of_the_shell_are_what_the_program_takes(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in list_shell_lines(read_text(path)):
        try:
            parse(line)
        except Exception as error:
            pytest.fail(f"{line}: {error!r}")
    assert list(tmp_path.iterdir()) == []


@every_text
def test_commands_and_flags_of_sentences_exist(path: Path) -> None:
    for code in list_inline(read_text(path)):
        name = re.match(
            r"gst-analyze ([a-z][a-z-]+)", code
        )  # an option of the program itself names no command
        if name:
            taken = {word for one in app.commands[name.group(1)].params for word in one.opts}
            assert set(re.findall(r"--[a-z][a-z-]*", code)) <= taken | {"--help"}, code


@every_text
def test_files_of_the_code_that_are_named_exist(path: Path) -> None:
    places = [ROOT, ROOT / "gst_analysis", ROOT / "gst_analysis" / "analyses"]
    named = re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|toml|css|js))`", read_text(path))
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_the_page_of_the_report_names_every_section() -> None:
    page = (DOCS / "report.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| (\w*) ?\|", page, re.MULTILINE)
    told = [(writer.words.title, writer.name) for writer in list_writers()]
    assert [row for row in rows if row in told[1:]] == told[1:]
    assert told[0][0] in dict(rows)


@pytest.mark.parametrize(
    "line",
    [
        "gst-analyze bn-hist ckpt.pth --by layer-of-old",
        "gst-analyze trace ckpt.pth clip.mp4 --formats docx",
        "gst-analyze ablate ckpt.pth --limit 3",
        "gst-analyze no-such-command",
    ],
)
def test_a_line_that_is_out_of_date_is_found(line: str) -> None:
    with pytest.raises(Exception, match=r"layer-of-old|docx|[Mm]issing|no-such-command"):
        parse(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
