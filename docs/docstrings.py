"""Docstrings as the site's API page reads them: our `Example:` is its section of examples."""

from __future__ import annotations

from typing import Any

import griffe


class ExampleSections(griffe.Extension):
    """Lets `Example:` be shown as code; the parser knows the plural alone."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the heading of an object's docstring."""
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
