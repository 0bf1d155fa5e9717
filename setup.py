"""What pyproject.toml cannot say: the wheel carries the explorer and a few trained models.

Both lie at the repository's top, where they are worked on. In the wheel they go below gst_analysis/, as a
package called plainly `app` must not land among everybody's.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HOME = Path("gst_analysis", "explorer")
MODELS = ("temporal-gst-quarter", "static-gst-quarter", "state-change-gst-quarter")
"""Those that the explorer shows first, and one with a change of state to trace; 3 MB in all."""


def list_explorer() -> list[Path]:
    """The explorer's files and those of the models, as they lie in the repository."""
    app = [path for path in sorted(Path("app").rglob("*")) if path.suffix in {".py", ".svg", ".toml"}]
    endings = (".pth", ".json", ".profile.json")  # of the last not every model has one
    models = [Path("trained_models", f"{name}{ending}") for name in MODELS for ending in endings]
    models = [path for path in models if path.exists()]
    return [*app, *models, Path("trained_models", "README.md")]


class BuildWithExplorer(build_py):
    """The package, and the explorer within it."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # then the explorer is run from where it lies
            return
        for path in list_explorer():
            target = Path(self.build_lib) / HOME / path
            self.mkpath(str(target.parent))
            self.copy_file(str(path), str(target))

    def get_source_files(self) -> list[str]:
        """What belongs into an sdist, so that a wheel built from one is the same."""
        return [*super().get_source_files(), *map(str, list_explorer())]


setup(cmdclass={"build_py": BuildWithExplorer})
