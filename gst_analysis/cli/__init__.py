"""The command line: arguments in, an analysis out. Nothing heavy is imported before a command runs.

Exit codes: 0 done, 1 a problem was found that the command was asked to find, 2 bad input (one line on
stderr), 70 an error that nobody foresaw (one line; its trace is kept in a file), 130 interrupted. With --json
stdout carries one JSON document and nothing else.
"""

from gst_analysis.cli.program import app, main, run

__all__ = ["app", "main", "run"]
