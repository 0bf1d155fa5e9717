"""Try the oldest or the newest releases of what we depend on, in an environment of their own.

    python -m tests.versions lowest            # every dependency at its lower bound in pyproject.toml
    python -m tests.versions newest            # what pip finds today
    python -m tests.versions lowest tests      # with all quick tests in place of a few

The environment is made in build/versions, takes some gigabytes, and is removed afterwards (`--keep` keeps
it). Needs what pip needs: a package index that can be reached. Exit code: that of the tests.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
FOLDER = REPOSITORY / "build" / "versions"
PROJECT = REPOSITORY / "pyproject.toml"
TOOLS = ("pytest", "hypothesis", "setuptools")
"""What is taken of the test extra: the rest checks style, pages and counters, and brings newer neighbours."""
FEW = (
    "tests/test_public_surface.py",
    "tests/checkpoints/test_loading.py",
    "tests/clips/test_decoding.py",
    "tests/cli/test_program.py",
    "tests/analyses/scales",
)
"""Import, `inspect`, `bn-hist` and every command's contract, decoding: a minute or two."""
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*>=\s*([0-9][0-9.a-z]*)")


def find_bounds(requirements: Iterable[str]) -> dict[str, str]:
    """The lower bound of each requirement, by name.

    Raises:
        ValueError: a requirement has no lower bound.
    """
    bounds = {}
    for text in requirements:
        match = _REQUIREMENT.match(text)
        if match is None:
            raise ValueError(f"{text}: expected NAME>=VERSION, found no lower bound; add one")
        bounds[match[1]] = match[2]
    return bounds


def plan_install(end: str) -> tuple[list[str], list[str]]:
    """What pip is asked for, and its constraints.

    Only our own dependencies are held at their lower bounds: what they need themselves is their matter, and
    the newest of it must do.
    """
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    test = project["optional-dependencies"]["test"]
    tools = [text for text in test if re.split(r"[>=<\[]", text)[0] in TOOLS]
    held = find_bounds(project["dependencies"]) if end == "lowest" else {}
    return ["--editable", str(REPOSITORY), *tools], [f"{name}=={bound}" for name, bound in held.items()]


def main() -> int:
    """Make the environment, run the tests, and remove it."""
    asked = _parse()
    folder = FOLDER / asked.end
    shutil.rmtree(folder, ignore_errors=True)
    try:
        python = _build(folder, *plan_install(asked.end))
        return _run_tests(python, asked.tests or list(FEW))
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _build(folder: Path, wanted: list[str], constraints: list[str]) -> str:
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    held = folder / "constraints.txt"
    held.write_text("\n".join(constraints) + "\n", encoding="utf-8")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    # Without a cache: the wheels of torch would lie on the disk a second time.
    subprocess.run([*pip, "install", "--quiet", "--no-cache-dir", "-c", str(held), *wanted], check=True)
    subprocess.run([*pip, "check"], check=True)
    subprocess.run([*pip, "list", "--format", "freeze", "--exclude-editable"], check=True)
    return python


def _run_tests(python: str, tests: list[str]) -> int:
    # Old releases warn of newer neighbours; what our own code does is the newest's run to tell.
    loud = ["-o", "filterwarnings=default", "-p", "no:cacheprovider", "-q"]
    words = [python, "-m", "pytest", *loud, "-m", "not slow and not gpu", *tests]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    return subprocess.run(words, cwd=REPOSITORY, env=env, check=False).returncode


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.versions", description=__doc__)
    parser.add_argument("end", choices=("lowest", "newest"), help="which end of the versions")
    parser.add_argument("tests", nargs="*", help="tests to run (default: a few, of a minute)")
    parser.add_argument("--keep", action="store_true", help="leave the environment in build/versions")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
