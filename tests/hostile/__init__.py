"""Attacks kept as tests: files that strangers could hand us, and a runner that counts what they do.

    python -m tests.hostile --list                      what there is
    python -m tests.hostile                             all of it, and the table in docs/security.md
    python -m tests.hostile --kind "checkpoints, zip"   one kind of input
    python -m tests.hostile --only "deep tuple"         cases whose names hold a text, with what they printed

A case (`cases.Case`) writes one input into an empty folder and says which command lines are given it. Every
case runs in a forked child with limits of time and memory (`children.py`); a child that dies, hangs, prints
a traceback, runs what a file asks for, or damages its input is counted (`runner.py`).

To add a kind: a module here with a function that takes a seed and yields cases, and its line in
`registry.KINDS`.
"""
