"""Fuzz a reader, guided by which lines an input reaches.

    python -m tests.hostile.fuzz checkpoints --seconds 600

Seconds are the processor's, so that a busy machine tries no less. Needs atheris (`pip install -e '.[fuzz]'`,
Linux). The corpus begins with what the attacks' generators write, is kept in build/fuzz, and grows. An input
that is found out is written beside it, the run ends, and the exit code is not 0. `--once FILE` tries one.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "fuzz"
SECONDS_AN_INPUT, MEGABYTES = 20, 3_000
"""What an input may take; memory is that of the whole process, with torch in it."""


def main() -> int:
    """Fuzz one target, or try one input."""
    asked = _parse()
    if asked.once is None and importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install -e '.[fuzz]'", file=sys.stderr)
        return 2
    if asked.once is not None:
        from tests.hostile import fuzz_targets

        with tempfile.TemporaryDirectory() as folder:
            fuzz_targets.try_one(
                fuzz_targets.TARGETS[asked.target], Path(asked.once).read_bytes(), Path(folder)
            )
        return 0
    _fuzz(asked.target, asked.seconds, asked.seed)
    return 0


def _fuzz(name: str, seconds: int, seed: int) -> None:
    """Never comes back: the fuzzer ends the process."""
    import atheris  # here and below: it must be there before what it looks into is imported

    with atheris.instrument_imports(include=["gst_analysis"], enable_loader_override=False):
        from tests.hostile import fuzz_targets

        target = fuzz_targets.TARGETS[name]
        corpus, words = _lay_corpus(name, target)
        scratch = Path(tempfile.mkdtemp(prefix="gst-fuzz-", dir=_find_memory()))
        for path in sorted(corpus.iterdir())[:30]:  # doors open within, so that what they lead to is counted
            fuzz_targets.try_one(target, path.read_bytes(), scratch)
    fuzz_targets.watch()
    options = [
        f"-seed={seed}",
        f"-timeout={SECONDS_AN_INPUT}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={fuzz_targets.MOST_BYTES}",
        f"-dict={words}",
        f"-artifact_prefix={FOLDER / name}/found-",
        "-print_final_stats=1",
    ]
    end = time.process_time() + seconds

    def try_next(content: bytes) -> None:
        fuzz_targets.try_one(target, content, scratch)
        if time.process_time() > end:
            shutil.rmtree(scratch, ignore_errors=True)
            signal.raise_signal(signal.SIGUSR1)  # the fuzzer tells its numbers and ends

    atheris.Setup([sys.argv[0], *options, str(corpus)], try_next)
    try:
        atheris.Fuzz()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _lay_corpus(name: str, target: object) -> tuple[Path, Path]:
    from tests.hostile.fuzz_targets import Target

    assert isinstance(target, Target)
    corpus, words = FOLDER / name / "corpus", FOLDER / name / "words"
    corpus.mkdir(parents=True, exist_ok=True)
    for content in target.begin():
        (corpus / hashlib.sha256(content).hexdigest()[:20]).write_bytes(content)
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in target.words)
    words.write_text("".join(f'"{word}"\n' for word in escaped))
    return corpus, words


def _find_memory() -> str | None:
    """A disk in memory, where there is one: every input is written to a file."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__)
    parser.add_argument("target", choices=("checkpoints", "detective", "cards", "recipes", "annotations"))
    parser.add_argument(
        "--seconds", type=int, default=600, help="of the processor's time (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the mutations (default: %(default)s)")
    parser.add_argument("--once", metavar="FILE", help="an input to try, as one that was found")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
