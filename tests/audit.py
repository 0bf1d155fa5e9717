"""What pip-audit finds of the installed packages, in lines that are no more than it knows.

    python -m tests.audit build/audit/bin/pip-audit       as `make audit` calls it

By itself it ends well where it could look nothing up. Here that is 2, and a line that says what to do.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from typing import Any

OWN = "gst-analysis"
TODO = "run it where pypi.org and its lists can be reached, or look at the workflow's weekly run"


def judge(found: Mapping[str, Any]) -> tuple[int, list[str]]:
    """What to exit with and say: 1 where something is known of a package, 2 where most are unknown."""
    packages = [one for one in found["dependencies"] if one["name"] != OWN]
    unknown = [one for one in packages if "skip_reason" in one]
    seen = len(packages) - len(unknown)
    lines = [
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'none'}"
        for one in packages
        for flaw in one.get("vulns", ())
    ]
    if unknown:
        left = f"{len(unknown)} of {len(packages)} packages were not looked up"
        reason = unknown[0]["skip_reason"].partition(":")[0]  # behind it stands the package
        lines.append(f"{left} ({reason}): {TODO}")
    if len(lines) > bool(unknown):
        return 1, lines
    if len(unknown) > seen:
        return 2, lines
    return 0, [*lines, f"nothing is known against {seen} packages"]


def main(tool: str) -> int:
    """Run it on this environment."""
    where = sysconfig.get_path("purelib")
    line = [tool, "--path", where, "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    try:
        code, lines = judge(json.loads(done.stdout))
    except (ValueError, KeyError):
        last = (done.stderr.strip() or "nothing was said").splitlines()[-1]
        code, lines = 2, [f"pip-audit could not look anything up ({last}): {TODO}"]
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
